/* Asks for every hook there is, writes down that it was called, and leaves everything as it is. With -DREFUSE=HOOK that
 * one hook answers HL_DENY instead. */
#include <hookline/plugin.h>

#ifndef REFUSE
#define REFUSE 0
#endif

static hl_verdict note(hl_call *call, hl_verdict otherwise) {
    hl_logf(call->self, HL_LOG_INFO, "test.hook", "%u", call->hook);
    return call->hook == REFUSE ? HL_DENY : otherwise;
}

static hl_verdict on_accept(void *s, hl_call *c, const hl_accept *a) { (void)s; (void)a; return note(c, HL_ABSTAIN); }
static hl_verdict on_psk(void *s, hl_call *c, const hl_psk *p) {
    (void)s;
    if (!hl_view_equal(p->identity, "sensor") || c->api->set_data(c, hl_str("key")) != HL_OK) return HL_ABSTAIN;
    return note(c, HL_ALLOW);
}
static hl_verdict on_peer(void *s, hl_call *c, const hl_peer *p) {
    (void)s;
    c->api->set_identity(c, p->common_name, 0, 0, hl_str(""));
    return note(c, HL_ALLOW);
}
static hl_verdict on_connect(void *s, hl_call *c, const hl_connect *x) { (void)s; (void)x; return note(c, HL_ALLOW); }
static hl_verdict on_exchange(void *s, hl_call *c, const hl_exchange *x) {
    (void)s;
    if (x->step > 0) return note(c, hl_view_equal(x->memo, "one step") ? HL_ALLOW : HL_DENY);
    c->api->set_data(c, hl_str("challenge"));
    c->api->set_memo(c, hl_str("one step"));
    return note(c, HL_CONTINUE);
}
static hl_verdict on_session(void *s, hl_call *c, const hl_session *x) {
    (void)s; (void)x;
    c->api->set_limit(c, HL_LIMIT_RECEIVE_MAX, 7);
    return note(c, HL_ALLOW);
}
static hl_verdict on_subscribe(void *s, hl_call *c, const hl_subscribe *x) {
    (void)s; (void)x;
    return note(c, HL_ALLOW);
}
static hl_verdict on_publish(void *s, hl_call *c, const hl_msg *m) { (void)s; (void)m; return note(c, HL_ALLOW); }
static hl_verdict on_deliver(void *s, hl_call *c, const hl_delivery *d) { (void)s; (void)d; return note(c, HL_ALLOW); }
static hl_verdict on_in(void *s, hl_call *c, const hl_msg *m) { (void)s; (void)m; return note(c, HL_ABSTAIN); }
static hl_verdict on_store(void *s, hl_call *c, const hl_msg *m) { (void)s; (void)m; return note(c, HL_ALLOW); }
static hl_verdict on_route(void *s, hl_call *c, const hl_msg *m) {
    (void)s; (void)m;
    c->api->add_target(c, hl_str("auditor"), 1);
    c->api->remove_target(c, hl_str("muted"));
    return note(c, HL_ALLOW);
}
static hl_verdict on_out(void *s, hl_call *c, const hl_delivery *d) {
    (void)s; (void)d;
    if (c->api->select(c, d->receiver_count) != HL_INVALID) return HL_ERROR;
    if (c->api->select(c, 0) != HL_OK) return HL_ERROR;
    c->api->set_payload(c, hl_str("edited"));
    return note(c, HL_REPLACE);
}
static hl_verdict on_will(void *s, hl_call *c, const hl_msg *m) { (void)s; (void)m; return note(c, HL_ABSTAIN); }
static hl_verdict on_set(void *s, hl_call *c, const hl_msg *m) { (void)s; (void)m; return note(c, HL_ABSTAIN); }
static hl_verdict on_get(void *s, hl_call *c, const hl_retained *r) { (void)s; (void)r; return note(c, HL_ABSTAIN); }
static void on_event(void *s, hl_call *c, const hl_event *e) { (void)s; (void)e; note(c, HL_ABSTAIN); }

static hl_status start(hl_self *self, const hl_config *config, void **state) {
    uint32_t hook;
    (void)config; (void)state;
    hl_on_conn_accept(self, on_accept);
    hl_on_tls_psk(self, on_psk);
    hl_on_tls_peer(self, on_peer);
    hl_on_auth_connect(self, on_connect);
    hl_on_auth_exchange(self, on_exchange);
    hl_on_session_open(self, on_session);
    hl_on_acl_subscribe(self, on_subscribe);
    hl_on_acl_publish(self, on_publish);
    hl_on_acl_deliver(self, on_deliver);
    hl_on_msg_in(self, hl_str(""), on_in);
    hl_on_msg_store(self, on_store);
    hl_on_msg_route(self, on_route);
    hl_on_msg_out(self, on_out);
    hl_on_will_publish(self, on_will);
    hl_on_retain_set(self, on_set);
    hl_on_retain_get(self, on_get);
    for (hook = HL_HOOK_NOTIFY_CONNECTED; hook <= HL_HOOK_NOTIFY_STATS; hook++)
        if (hl_on_notify(self, hook, on_event) != HL_OK) return HL_FAILED;
    return HL_OK;
}
HL_PLUGIN("test.hooks", "1.0.0", HL_FREE, 0, start)
