/* Every hook of hooks.h, and every function of the table of a call. Clients and topics of other names than those below
 * pass untouched:
 *
 *   client id "refused"         auth.connect refuses it             user "late"     is answered later, from a worker
 *   user "tenant"               sees tenants/7/ as its whole tree
 *   method "STEP"               auth.exchange, two steps            PSK "sensor"    has the key "sixteen bytes..."
 *   filter "pended/#"           answered later, with less QoS       "deferred/#"    answered on a worker
 *   filter "rewritten"          becomes "every/rewritten"           topic "forbidden" ends the connection
 *   topic "edit/..."            changed by msg.in and msg.out       topic "swallowed" msg.route: to nobody
 */
#ifndef EVERY_HOOK_H
#define EVERY_HOOK_H

#include "coverage.h"

/* Functions of the table of the call at hand. */
#define ON(call, function) USE((call)->api, call, function)

/* What holds for every call there is; says what does not. */
static void check_call(const hl_call *call, uint32_t hook, const void *input) {
    covered_hook(call->self, hook);
    if (call->hook != hook || !input || call->input != input || !call->self || !call->api || call->now <= 0
        || call->shard >= call->self->shard_count || call->deadline < call->now)
        hl_logf(call->self, HL_LOG_INFO, "test.wrong", "the call of hook %u", hook);
    if (*(const uint32_t *)input == 0) hl_logf(call->self, HL_LOG_INFO, "test.wrong", "struct_size of %u", hook);
}

static void check_client(const hl_call *call, const hl_client *client) {
    if (!client || !HL_HAS(client, hl_client, mount_point) || !client->connection || !client->address.len
        || !client->listener.len)
        hl_logf(call->self, HL_LOG_INFO, "test.wrong", "the client of hook %u", call->hook);
}

static void check_message(const hl_call *call, const hl_msg *msg) {
    if (!msg->topic.len || !msg->received || (msg->origin == HL_ORIGIN_CLIENT && !msg->publisher))
        hl_logf(call->self, HL_LOG_INFO, "test.wrong", "the message of hook %u", call->hook);
}

static int begins(hl_view text, const char *start) {
    return text.len >= strlen(start) && memcmp(text.ptr, start, strlen(start)) == 0;
}

/* ---- who comes in ---- */

static hl_verdict on_conn_accept(void *state, hl_call *call, const hl_accept *accept) {
    (void)state;
    check_call(call, HL_HOOK_CONN_ACCEPT, accept);
    ON(call, set_rule)(call, hl_str("everything.accept"));
    return accept->address.len && accept->listener.len ? HL_ALLOW : HL_DENY;
}

static hl_verdict on_tls_psk(void *state, hl_call *call, const hl_psk *psk) {
    (void)state;
    check_call(call, HL_HOOK_TLS_PSK, psk);
    if (!hl_view_equal(psk->identity, "sensor")) return HL_ABSTAIN;
    return ON(call, set_data)(call, hl_str("sixteen bytes...")) == HL_OK ? HL_ALLOW : HL_ERROR;
}

static hl_verdict on_tls_peer(void *state, hl_call *call, const hl_peer *peer) {
    (void)state;
    check_call(call, HL_HOOK_TLS_PEER, peer);
    check_client(call, peer->client);
    hl_logf(call->self, HL_LOG_INFO, "test.peer", "%.*s %.*s %u %u %u", HL_S(peer->subject), HL_S(peer->common_name),
            (unsigned)peer->fingerprint.len, peer->certificate.len > 300, peer->flags & HL_PEER_VERIFIED);
    ON(call, set_identity)(call, hl_str("named by tls.peer"), 0, 0, hl_str(""));
    return HL_ALLOW;
}

static void answer_late(void *state, hl_call *call) {
    (void)state;
    ON(call, set_expires_at)(call, call->now + HL_SECONDS(3600));
    if (ON(call, complete)(call, HL_ALLOW) != HL_OK) hl_log(call->self, HL_LOG_INFO, "test.wrong", "complete");
}

static hl_verdict on_auth_connect(void *state, hl_call *call, const hl_connect *connect) {
    hl_view groups[2];
    (void)state;
    check_call(call, HL_HOOK_AUTH_CONNECT, connect);
    check_client(call, connect->client);
    if (connect->client->psk_identity.len)
        hl_logf(call->self, HL_LOG_INFO, "test.psk", "%.*s", HL_S(connect->client->psk_identity));
    if (connect->client->fingerprint.len)
        hl_logf(call->self, HL_LOG_INFO, "test.certificate", "%.*s %u", HL_S(connect->client->certificate),
                connect->client->certificate_der.len > 300);
    if (hl_view_equal(connect->client_id, "refused")) {
        ON(call, set_reason)(call, 0x9c);
        return hl_deny(call, "everything.refused");
    }
    if (hl_view_equal(connect->client_id, "inside"))
        hl_logf(call->self, HL_LOG_INFO, "test.inside", "%.*s %.*s", HL_S(connect->client->address),
                HL_S(connect->client->listener));
    if (hl_view_equal(connect->username, "late")) return CALL(call->self, executor, defer)(call, answer_late);
    if (connect->granted) hl_log(call->self, HL_LOG_INFO, "test.wrong", "granted by nobody");
    if (hl_view_equal(connect->username, "tenant")) {
        if (ON(call, set_mount_point)(call, hl_str("tenants/7/")) != HL_OK
            || call->api->set_mount_point(call, hl_str("a/+/")) != HL_INVALID
            || call->api->set_limit(call, HL_LIMIT_SESSION_EXPIRY, 60) != HL_OK)
            return HL_ERROR;
        return HL_ALLOW;
    }
    if (!connect->username.len) return HL_ALLOW;
    groups[0] = hl_str("first");
    groups[1] = hl_str("second");
    ON(call, set_identity)(call, connect->username, groups, 2, hl_str("acme"));
    return HL_ALLOW;
}

static hl_verdict on_auth_exchange(void *state, hl_call *call, const hl_exchange *exchange) {
    (void)state;
    check_call(call, HL_HOOK_AUTH_EXCHANGE, exchange);
    check_client(call, exchange->client);
    if (!hl_view_equal(exchange->method, "STEP")) return HL_ABSTAIN;
    if (exchange->step == 0) {
        ON(call, set_data)(call, hl_str("who are you?"));
        ON(call, set_memo)(call, hl_str("asked"));
        return HL_CONTINUE;
    }
    return hl_view_equal(exchange->memo, "asked") && hl_view_equal(exchange->data, "a friend") ? HL_ALLOW : HL_DENY;
}

static hl_verdict on_session_open(void *state, hl_call *call, const hl_session *session) {
    (void)state;
    check_call(call, HL_HOOK_SESSION_OPEN, session);
    check_client(call, session->client);
    ON(call, set_limit)(call, HL_LIMIT_RECEIVE_MAX, 1000);
    return HL_ALLOW;
}

/* ---- what it may do ---- */

/* user: the token. */
static void answer_pended(void *state, void *user) {
    hl_self *self = *(hl_self **)state;
    hl_token *token = (hl_token *)user;
    hl_answer answer;
    memset(&answer, 0, sizeof answer);
    answer.struct_size = sizeof answer;
    answer.flags = HL_ANSWER_QOS;
    answer.qos = 0;
    if (CALL(self, core, complete)(self, *token, HL_ALLOW, &answer) != HL_OK)
        hl_log(self, HL_LOG_INFO, "test.wrong", "complete by token");
    if (CALL(self, core, complete)(self, *token, HL_ALLOW, &answer) != HL_STALE)
        hl_log(self, HL_LOG_INFO, "test.wrong", "completed twice");
}

static void answer_deferred(void *state, hl_call *call) {
    (void)state;
    ON(call, complete)(call, HL_ALLOW);
}

static hl_verdict on_acl_subscribe(void *state, hl_call *call, const hl_subscribe *subscribe) {
    check_call(call, HL_HOOK_ACL_SUBSCRIBE, subscribe);
    check_client(call, subscribe->client);
    if (hl_view_equal(subscribe->filter, "pended/#")) {
        hl_token *token = (hl_token *)hl_alloc(call->self, sizeof *token);
        (void)state;
        if (!token) return HL_ERROR;
        *token = ON(call, pend)(call);
        if (!*token || CALL(call->self, executor, submit)(call->self, answer_pended, token) != HL_OK) return HL_ERROR;
        return HL_PENDING;
    }
    if (hl_view_equal(subscribe->filter, "deferred/#")) return hl_defer(call, answer_deferred);
    if (hl_view_equal(subscribe->filter, "rewritten")) {
        ON(call, set_topic)(call, hl_str("every/rewritten"));
        ON(call, set_qos)(call, 0);
    }
    return HL_ALLOW;
}

static hl_verdict on_acl_publish(void *state, hl_call *call, const hl_msg *msg) {
    (void)state;
    check_call(call, HL_HOOK_ACL_PUBLISH, msg);
    check_message(call, msg);
    if (hl_view_equal(msg->topic, "forbidden")) {
        ON(call, set_disconnect)(call);
        return HL_DENY;
    }
    ON(call, set_cache)(call, HL_CACHE_CLIENT_TOPIC, HL_NEVER);
    return HL_ALLOW;
}

static hl_verdict on_acl_deliver(void *state, hl_call *call, const hl_delivery *delivery) {
    uint32_t index;
    (void)state;
    check_call(call, HL_HOOK_ACL_DELIVER, delivery);
    for (index = 0; index < delivery->receiver_count; index++)
        check_client(call, hl_delivery_receiver(delivery, index)->client);
    return HL_ALLOW;
}

/* ---- messages ---- */

/* Edits of a part of the message, which leave it as it was but for what they say. */
static void edit_parts(hl_call *call) {
    hl_property property;
    memset(&property, 0, sizeof property);
    property.id = HL_PROPERTY_CONTENT_TYPE;
    property.value = hl_str("text/plain");
    if (ON(call, set_property)(call, &property) != HL_OK) hl_log(call->self, HL_LOG_INFO, "test.wrong", "set_property");
    property.id = HL_PROPERTY_TOPIC_ALIAS;
    if (call->api->set_property(call, &property) != HL_INVALID
        || call->api->set_properties(call, hl_str("no properties")) != HL_INVALID
        || ON(call, remove_property)(call, HL_PROPERTY_CONTENT_TYPE) != HL_OK
        || call->api->remove_property(call, HL_PROPERTY_CONTENT_TYPE) != HL_NOT_FOUND
        || ON(call, insert_user_property)(call, 0, hl_str("first"), hl_str("of two")) != HL_OK
        || ON(call, remove_user_property)(call, hl_str("first")) != HL_OK
        || call->api->remove_user_property(call, hl_str("first")) != HL_NOT_FOUND
        || ON(call, splice_payload)(call, 2, 2, hl_str("--")) != HL_OK
        || call->api->splice_payload(call, 7, 0, hl_str("")) != HL_INVALID)
        hl_log(call->self, HL_LOG_INFO, "test.wrong", "edits of parts");
}

static hl_verdict edit(hl_call *call) {
    void *scratch = ON(call, alloc)(call, 6);
    if (!scratch) return HL_ERROR;
    memcpy(scratch, "edited", 6);
    ON(call, set_topic)(call, hl_str("edited/in"));
    ON(call, set_payload)(call, hl_bytes(scratch, 6));
    ON(call, set_properties)(call, hl_str(""));
    ON(call, add_user_property)(call, hl_str("by"), hl_str("everything"));
    edit_parts(call);
    ON(call, set_retain)(call, 0);
    ON(call, set_expiry)(call, 60);
    return HL_REPLACE;
}

static hl_verdict on_msg_store(void *state, hl_call *call, const hl_msg *msg) {
    (void)state;
    check_call(call, HL_HOOK_MSG_STORE, msg);
    check_message(call, msg);
    if (call->self->thread_check->current(call->self) != HL_THREAD_WORKER)
        hl_log(call->self, HL_LOG_INFO, "test.wrong", "msg.store is not on a worker");
    return HL_ALLOW;
}

static hl_verdict on_msg_route(void *state, hl_call *call, const hl_msg *msg) {
    (void)state;
    check_call(call, HL_HOOK_MSG_ROUTE, msg);
    check_message(call, msg);
    if (hl_view_equal(msg->topic, "swallowed")) return HL_DROP;
    ON(call, add_target)(call, hl_str("auditor"), 1);
    ON(call, remove_target)(call, hl_str("muted"));
    return HL_ALLOW;
}

static hl_verdict on_msg_out(void *state, hl_call *call, const hl_delivery *delivery) {
    (void)state;
    check_call(call, HL_HOOK_MSG_OUT, delivery);
    if (!begins(delivery->msg->topic, "edited/")) return HL_ABSTAIN;
    if (ON(call, select)(call, delivery->receiver_count) != HL_INVALID || ON(call, select)(call, 0) != HL_OK)
        return HL_ERROR;
    ON(call, set_topic)(call, hl_str("edited/out"));
    return HL_REPLACE;
}

static hl_verdict on_will_publish(void *state, hl_call *call, const hl_msg *msg) {
    (void)state;
    check_call(call, HL_HOOK_WILL_PUBLISH, msg);
    check_message(call, msg);
    return msg->origin == HL_ORIGIN_WILL && msg->publisher ? HL_ABSTAIN : HL_ERROR;
}

static hl_verdict on_retain_set(void *state, hl_call *call, const hl_msg *msg) {
    (void)state;
    check_call(call, HL_HOOK_RETAIN_SET, msg);
    check_message(call, msg);
    return HL_ABSTAIN;
}

static hl_verdict on_retain_get(void *state, hl_call *call, const hl_retained *retained) {
    (void)state;
    check_call(call, HL_HOOK_RETAIN_GET, retained);
    check_client(call, retained->client);
    check_message(call, retained->msg);
    return HL_ABSTAIN;
}

/* ---- what has happened ---- */

static void on_notify(void *state, hl_call *call, const hl_event *event) {
    (void)state;
    covered_hook(call->self, event->hook);
    if (call->hook != event->hook || !HL_HAS(event, hl_event, reserved) || !event->time)
        hl_logf(call->self, HL_LOG_INFO, "test.wrong", "the event %u", event->hook);
    if (event->hook == HL_HOOK_NOTIFY_PUBLISHED && !event->msg)
        hl_log(call->self, HL_LOG_INFO, "test.wrong", "notify.published without a message");
}

static void on_nothing(void *state, hl_call *call, const hl_event *event) {
    (void)state;
    (void)event;
    hl_log(call->self, HL_LOG_INFO, "test.wrong", "called without interest");
}

/* Asks for all hooks but msg.in, which is the test's way to ask for something. */
static void register_every_hook(hl_self *self) {
    static const struct { uint32_t hook; hl_hook_fn function; } hooks[] = {
        {HL_HOOK_CONN_ACCEPT, (hl_hook_fn)on_conn_accept}, {HL_HOOK_TLS_PSK, (hl_hook_fn)on_tls_psk},
        {HL_HOOK_TLS_PEER, (hl_hook_fn)on_tls_peer}, {HL_HOOK_AUTH_CONNECT, (hl_hook_fn)on_auth_connect},
        {HL_HOOK_AUTH_EXCHANGE, (hl_hook_fn)on_auth_exchange}, {HL_HOOK_SESSION_OPEN, (hl_hook_fn)on_session_open},
        {HL_HOOK_ACL_SUBSCRIBE, (hl_hook_fn)on_acl_subscribe}, {HL_HOOK_ACL_PUBLISH, (hl_hook_fn)on_acl_publish},
        {HL_HOOK_ACL_DELIVER, (hl_hook_fn)on_acl_deliver}, {HL_HOOK_MSG_STORE, (hl_hook_fn)on_msg_store},
        {HL_HOOK_MSG_ROUTE, (hl_hook_fn)on_msg_route}, {HL_HOOK_MSG_OUT, (hl_hook_fn)on_msg_out},
        {HL_HOOK_WILL_PUBLISH, (hl_hook_fn)on_will_publish}, {HL_HOOK_RETAIN_SET, (hl_hook_fn)on_retain_set},
        {HL_HOOK_RETAIN_GET, (hl_hook_fn)on_retain_get}};
    hl_view nowhere = hl_str("nothing/is/here");
    hl_interest interest = hl_interest_all();
    hl_registration none = 0;
    uint32_t index;
    for (index = 0; index < sizeof hooks / sizeof *hooks; index++)
        if (CALL(self, core, register_hook)(self, hooks[index].hook, hooks[index].function, 0, 0) != HL_OK)
            hl_logf(self, HL_LOG_INFO, "test.wrong", "hook %u is not offered", hooks[index].hook);
    for (index = HL_HOOK_NOTIFY_CONNECTED; index <= HL_HOOK_NOTIFY_STATS; index++) hl_on_notify(self, index, on_notify);
    interest.filters = &nowhere;
    interest.filter_count = 1;
    self->core->register_hook(self, HL_HOOK_NOTIFY_PUBLISHED, (hl_hook_fn)on_nothing, &interest, &none);
    if (CALL(self, core, update_interest)(self, none, &interest) != HL_OK
        || self->core->update_interest(self, none, 0) != HL_OK
        || self->core->update_interest(self, none, 0) != HL_NOT_FOUND)
        hl_log(self, HL_LOG_INFO, "test.wrong", "update_interest");
    if (CALL(self, core, hook_status)(self, HL_HOOK_MSG_OUT) != HL_OK
        || self->core->hook_status(self, 63) != HL_UNKNOWN)
        hl_log(self, HL_LOG_INFO, "test.wrong", "hook_status");
}

#endif
