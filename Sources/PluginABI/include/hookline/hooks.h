/*
 * hookline/hooks.h - the hooks: their ids, their types, the verdicts each of them has, and how to ask for them.
 *
 * The chain of a hook is the order of plugins.yaml. The host runs it: HL_DENY ends it at once and is final;
 * auth.connect ends with the first HL_ALLOW; the acl hooks need every plugin that does not abstain to allow. An entry
 * of plugins.yaml can have it the other way round for its plugin: `hooks: { auth.connect: { policy: all-must-allow } }`
 * (later plugins are asked as well, and see in hl_connect.granted who the client is so far), or first-decides for an
 * acl hook. When all abstain, the configured default holds: deny as soon as an auth or acl plugin is configured.
 */
#ifndef HOOKLINE_HOOKS_H
#define HOOKLINE_HOOKS_H

#include "call.h"
#include "message.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Ids, assigned once and for ever (registry.json is checked against this list). This version of the host calls all of
 * them; a host that does not call one answers HL_NOT_OFFERED (core->hook_status).
 */
#define HL_HOOK_CONN_ACCEPT 1u
#define HL_HOOK_TLS_PSK 2u
#define HL_HOOK_TLS_PEER 3u
#define HL_HOOK_AUTH_CONNECT 4u
#define HL_HOOK_AUTH_EXCHANGE 5u
#define HL_HOOK_SESSION_OPEN 6u
#define HL_HOOK_ACL_SUBSCRIBE 7u
#define HL_HOOK_ACL_PUBLISH 8u
#define HL_HOOK_ACL_DELIVER 9u
#define HL_HOOK_MSG_IN 10u
#define HL_HOOK_MSG_STORE 11u
#define HL_HOOK_MSG_ROUTE 12u
#define HL_HOOK_MSG_OUT 13u
#define HL_HOOK_WILL_PUBLISH 14u
#define HL_HOOK_RETAIN_SET 15u
#define HL_HOOK_RETAIN_GET 16u
#define HL_HOOK_NOTIFY_CONNECTED 64u
#define HL_HOOK_NOTIFY_DISCONNECTED 65u
#define HL_HOOK_NOTIFY_OFFLINE 66u
#define HL_HOOK_NOTIFY_EXPIRED 67u
#define HL_HOOK_NOTIFY_TAKEN_OVER 68u
#define HL_HOOK_NOTIFY_SUBSCRIBED 69u
#define HL_HOOK_NOTIFY_UNSUBSCRIBED 70u
#define HL_HOOK_NOTIFY_PUBLISHED 71u
#define HL_HOOK_NOTIFY_ACKED 72u
#define HL_HOOK_NOTIFY_DELIVERED 73u
#define HL_HOOK_NOTIFY_DROPPED 74u
#define HL_HOOK_NOTIFY_STATS 75u
#define HL_HOOK_ID_LIMIT 128u /* every id is below */

/* conn.accept [loop], never pends, 1 ms, on failure the listener's rule: refused unless it lets anybody in.
 * HL_ABSTAIN | HL_ALLOW (both: go on) | HL_DENY (close without a word) | HL_ERROR. Setters: rule.
 *
 *   static hl_verdict accept(void *state, hl_call *call, const hl_accept *a) {
 *       return banned((const blocklist *)state, a->address) ? HL_DENY : HL_ABSTAIN;
 *   }
 */
typedef hl_verdict (*hl_conn_accept_fn)(void *state, hl_call *call, const hl_accept *accept);

/* tls.psk [loop], never pends (the handshake cannot wait here), 1 ms, on failure deny.
 * HL_ABSTAIN | HL_ALLOW with set_data(the key, at most 256 bytes) | HL_DENY | HL_ERROR. Setters: rule, data. All
 * abstain: no such key. TLS listeners take keys as soon as a plugin has this hook, except those with client_auth:
 * require. Who has proved to have the key is in hl_client.psk_identity; auth.connect decides whether it gets in.
 *
 *   static hl_verdict key(void *state, hl_call *call, const hl_psk *psk) {
 *       hl_view key = find_key((const key_table *)state, psk->identity);
 *       return key.len && call->api->set_data(call, key) == HL_OK ? HL_ALLOW : HL_ABSTAIN;
 *   }
 */
typedef hl_verdict (*hl_tls_psk_fn)(void *state, hl_call *call, const hl_psk *psk);

/* tls.peer [loop], may pend, 5 s, on failure deny. HL_ABSTAIN | HL_ALLOW | HL_DENY (close) | HL_PENDING | HL_ERROR.
 * Setters: rule, identity: its user name becomes hl_client.certificate of this connection.
 *
 *   static hl_verdict peer(void *state, hl_call *call, const hl_peer *p) {
 *       if (revoked((const list *)state, p->fingerprint)) return HL_DENY;
 *       call->api->set_identity(call, p->common_name, 0, 0, hl_str(""));
 *       return HL_ALLOW;
 *   }
 */
typedef hl_verdict (*hl_tls_peer_fn)(void *state, hl_call *call, const hl_peer *peer);

/* auth.connect [loop], may pend, 5 s, on failure deny. HL_ABSTAIN | HL_ALLOW | HL_DENY | HL_PENDING | HL_ERROR.
 * Setters: reason, rule, identity, expires_at, mount_point, limit. Not called for a client that names an
 * Authentication Method.
 *
 *   static hl_verdict log_in(void *state, hl_call *call, const hl_connect *c) {
 *       return hl_view_equal(c->username, "alice") && hl_view_equal(c->password, "secret") ? HL_ALLOW : HL_ABSTAIN;
 *   }
 */
typedef hl_verdict (*hl_auth_connect_fn)(void *state, hl_call *call, const hl_connect *connect);

/* auth.exchange [loop], may pend, 10 s per step, on failure deny. HL_ABSTAIN (not my method) | HL_CONTINUE | HL_ALLOW |
 * HL_DENY | HL_PENDING | HL_ERROR. Setters: reason, rule, data, memo, identity, expires_at; at a log-in mount_point and
 * limit too.
 * The first plugin that does not abstain has the exchange: the later steps, and re-authentications, go to it alone. All
 * abstain: the client is refused with 0x8C. A re-authentication may change groups and account, not the user name.
 *
 *   static hl_verdict step(void *state, hl_call *call, const hl_exchange *x) {
 *       if (!hl_view_equal(x->method, "HELLO")) return HL_ABSTAIN;
 *       if (x->step == 0) {
 *           call->api->set_data(call, hl_str("who are you?"));
 *           return HL_CONTINUE;
 *       }
 *       return hl_view_equal(x->data, "a friend") ? HL_ALLOW : HL_DENY;
 *   }
 */
typedef hl_verdict (*hl_auth_exchange_fn)(void *state, hl_call *call, const hl_exchange *exchange);

/* session.open [loop], may pend, 2 s, on failure deny: every log-in comes through here, however it was made.
 * HL_ABSTAIN | HL_ALLOW (both: go on) | HL_DENY | HL_PENDING | HL_ERROR. Setters: reason, rule; with HL_ALLOW
 * set_limit.
 *
 *   static hl_verdict open(void *state, hl_call *call, const hl_session *s) {
 *       if (!hl_view_equal(s->client->account, "trial")) return HL_ABSTAIN;
 *       call->api->set_limit(call, HL_LIMIT_SESSION_EXPIRY, 3600);
 *       return HL_ALLOW;
 *   }
 */
typedef hl_verdict (*hl_session_open_fn)(void *state, hl_call *call, const hl_session *session);

/* acl.subscribe [loop], may pend, 2 s, on failure deny, once per filter.
 * HL_ABSTAIN | HL_ALLOW | HL_DENY | HL_PENDING | HL_ERROR. Setters: reason, rule, cache, qos, topic (the filter).
 *
 *   static hl_verdict may_subscribe(void *state, hl_call *call, const hl_subscribe *s) {
 *       return hl_view_equal(s->filter, "#") ? hl_deny(call, "no-firehose") : HL_ABSTAIN;
 *   }
 */
typedef hl_verdict (*hl_acl_subscribe_fn)(void *state, hl_call *call, const hl_subscribe *subscribe);

/* acl.publish [loop], may pend if asked for (HL_INTEREST_MAY_PEND), 1 s, on failure deny.
 * HL_ABSTAIN | HL_ALLOW | HL_DENY | HL_PENDING | HL_ERROR. Setters: reason, rule, cache, disconnect.
 * Also called for wills (origin) at CONNECT and again when they are published, for messages of bridges, and for the
 * topic that a message hook has put in the place of another.
 *
 *   static hl_verdict may_publish(void *state, hl_call *call, const hl_msg *m) {
 *       call->api->set_cache(call, HL_CACHE_CLIENT_TOPIC, HL_NEVER);
 *       return allowed((const rules *)state, m->publisher, m->topic) ? HL_ALLOW : HL_DENY;
 *   }
 */
typedef hl_verdict (*hl_acl_publish_fn)(void *state, hl_call *call, const hl_msg *msg);

/* acl.deliver [loop], never pends, 20 us per receiver, on failure deny.
 * HL_ABSTAIN | HL_ALLOW | HL_DENY | HL_ERROR, for the receivers whose bits are not set. Setters: rule, cache.
 *
 *   static hl_verdict may_receive(void *state, hl_call *call, const hl_delivery *d) {
 *       uint32_t i;
 *       for (i = 0; i < d->receiver_count; i++)
 *           if (!cleared((const rules *)state, hl_delivery_receiver(d, i)->client)) hl_delivery_deny(d, i);
 *       return HL_ALLOW;
 *   }
 */
typedef hl_verdict (*hl_acl_deliver_fn)(void *state, hl_call *call, const hl_delivery *delivery);

/* msg.in [loop], may pend if asked for, 1 s, on failure reject.
 * HL_ABSTAIN (go on) | HL_REPLACE (go on with the edits) | HL_DROP (acknowledge, do not deliver) |
 * HL_DENY (reject) | HL_PENDING | HL_ERROR. Setters: reason, rule, topic, payload, properties, retain, expiry,
 * disconnect. The QoS of an inbound message cannot change. Wills and messages of plugins and bridges come here too.
 *
 *   static hl_verdict stamp(void *state, hl_call *call, const hl_msg *m) {
 *       call->api->add_user_property(call, hl_str("from"), m->publisher ? m->publisher->client_id : hl_str(""));
 *       return HL_REPLACE;
 *   }
 */
typedef hl_verdict (*hl_msg_in_fn)(void *state, hl_call *call, const hl_msg *msg);

/* msg.store [worker], may pend and may block, 5 s, on failure no acknowledgement: a QoS 1 or 2 message of a client that
 * was accepted. PUBACK or PUBREC leaves when every plugin that does not abstain has answered HL_ALLOW (it is durable).
 * HL_ABSTAIN | HL_ALLOW | HL_DENY (it cannot be kept) | HL_PENDING (call->token is completed later) | HL_ERROR.
 * Setters: rule. After HL_DENY, HL_ERROR or the deadline the client gets no acknowledgement: its connection is closed,
 * and it sends the message again.
 *
 *   static hl_verdict keep(void *state, hl_call *call, const hl_msg *m) {
 *       return append((journal *)state, m->topic, m->payload) == 0 ? HL_ALLOW : HL_ERROR;
 *   }
 */
typedef hl_verdict (*hl_msg_store_fn)(void *state, hl_call *call, const hl_msg *msg);

/* msg.route [loop], never pends, 50 us, on failure go on: who gets it beside, or in spite of, the subscriptions.
 * HL_ABSTAIN (go on) | HL_ALLOW (go on, with the targets) | HL_DROP (to nobody) | HL_ERROR. Setters: rule, add_target,
 * remove_target. Who is added must still pass acl.deliver.
 *
 *   static hl_verdict route(void *state, hl_call *call, const hl_msg *m) {
 *       call->api->add_target(call, hl_str("auditor"), 1);
 *       return HL_ALLOW;
 *   }
 */
typedef hl_verdict (*hl_msg_route_fn)(void *state, hl_call *call, const hl_msg *msg);

/* msg.out [loop], never pends, 50 us per receiver, on failure go on: a message on its way to clients that are online,
 * after acl.deliver. HL_ABSTAIN (go on) | HL_REPLACE (with the edits) | HL_DROP (to none) | HL_ERROR; a bit set in deny
 * keeps that receiver from getting it. Setters: rule, select, topic, payload, properties, retain, expiry, qos.
 *
 *   static hl_verdict blur(void *state, hl_call *call, const hl_delivery *d) {
 *       uint32_t i;
 *       for (i = 0; i < d->receiver_count; i++)
 *           if (hl_delivery_receiver(d, i)->client->flags & HL_CLIENT_ANONYMOUS) {
 *               call->api->select(call, i);
 *               call->api->set_payload(call, hl_str("?"));
 *           }
 *       return HL_REPLACE;
 *   }
 */
typedef hl_verdict (*hl_msg_out_fn)(void *state, hl_call *call, const hl_delivery *delivery);

/* will.publish [loop], never pends, 1 ms, on failure reject: a will that is due, before acl.publish and msg.in see it.
 * HL_ABSTAIN | HL_REPLACE | HL_DENY (do not publish) | HL_ERROR. Setters: rule, topic, payload, properties, retain,
 * expiry.
 *
 *   static hl_verdict will(void *state, hl_call *call, const hl_msg *m) {
 *       return planned_restart((const plan *)state, m->publisher->client_id) ? HL_DENY : HL_ABSTAIN;
 *   }
 */
typedef hl_verdict (*hl_will_publish_fn)(void *state, hl_call *call, const hl_msg *msg);

/* retain.set [loop], never pends, 1 ms, on failure reject: a message about to become the retained one of its topic, or
 * to clear it (empty payload). HL_ABSTAIN | HL_REPLACE (keep this instead) | HL_DENY (keep what was there) | HL_ERROR.
 * The message is delivered all the same. Setters: rule, payload, properties, expiry.
 *
 *   static hl_verdict set(void *state, hl_call *call, const hl_msg *m) {
 *       call->api->set_expiry(call, 86400);
 *       return HL_REPLACE;
 *   }
 */
typedef hl_verdict (*hl_retain_set_fn)(void *state, hl_call *call, const hl_msg *msg);

/* retain.get [loop], never pends, 1 ms, on failure reject: a retained message about to be sent for a new subscription,
 * before acl.deliver. HL_ABSTAIN | HL_REPLACE | HL_DENY (not this one) | HL_ERROR. Setters: rule, payload, properties.
 *
 *   static hl_verdict get(void *state, hl_call *call, const hl_retained *r) {
 *       return r->client->flags & HL_CLIENT_ANONYMOUS ? HL_DENY : HL_ABSTAIN;
 *   }
 */
typedef hl_verdict (*hl_retain_get_fn)(void *state, hl_call *call, const hl_retained *retained);

/* notify.* [worker], one at a time per instance, in order. Slow ones lose events, counted in event->lost.
 *
 *   connected     client, SESSION_PRESENT                 disconnected  client, reason, reason_code, BY_BROKER, WILL
 *   offline       client: its session waits for it        expired       client: the session has ended of age
 *   taken_over    client: of the connection that ended    subscribed    client, topic (the filter), qos
 *   unsubscribed  client, topic (the filter)              published     client, msg, topic, qos: was accepted
 *   acked         client, topic, qos: a receiver has it   delivered     count, qos: sent by one event loop, per second
 *   dropped       client, topic, reason, count            stats         reason (a name), count: one event loop's gauges
 *                                                                       and counters, every ten seconds
 *
 *   static void gone(void *state, hl_call *call, const hl_event *e) {
 *       hl_logf(call->self, HL_LOG_INFO, "presence.gone", "%.*s", HL_S(e->client->client_id));
 *   }
 */
typedef void (*hl_notify_fn)(void *state, hl_call *call, const hl_event *event);

/* Any of the above, as register_hook takes it. */
typedef void (*hl_hook_fn)(void);

#define HL_INTEREST_MAY_PEND 0x1u     /* auth.connect and acl.subscribe may always pend */
#define HL_INTEREST_OWN_PUBLISHES 0x2u /* messages this instance published as well; acl hooks see them anyway */
#define HL_INTEREST_NO_PAYLOAD 0x4u    /* the payload is not looked at: copies of the input have an empty one */
#define HL_INTEREST_NO_PROPERTIES 0x8u /* the same for the properties */

/* Which calls are wanted: without a match there is no call. Owner: plugin; copied. Zero means "all" everywhere. */
typedef struct hl_interest {
    uint32_t struct_size;
    uint32_t flags; /* HL_INTEREST_* */
    const hl_view *filters; /* hooks about messages, acl.subscribe excepted: topic filters */
    uint32_t filter_count;
    uint32_t listener_count;
    const hl_view *listeners; /* names in plugins.yaml */
    uint32_t origins;  /* bits 1 << HL_ORIGIN_*; 0: all */
    uint32_t qos_mask; /* bits 1 << qos; 0: all */
    uint32_t sampling; /* one in so many; 0 and 1: every one (notify hooks only) */
    uint32_t reserved;
    int64_t deadline; /* nanoseconds; 0: the default of the hook */
} hl_interest;

/* Names one registration; 0 is none. */
typedef uint64_t hl_registration;

#ifdef __cplusplus
}
#endif

#endif
