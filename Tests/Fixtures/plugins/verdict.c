/* Answers every deciding hook with the verdict it is built with: -DVERDICT=HL_DENY. */
#include <hookline/plugin.h>

static hl_verdict on_connect(void *state, hl_call *call, const hl_connect *connect) {
    (void)state; (void)connect;
    call->api->set_rule(call, hl_str("verdict.c"));
    return VERDICT;
}
static hl_verdict on_subscribe(void *state, hl_call *call, const hl_subscribe *subscribe) {
    (void)state; (void)call; (void)subscribe;
    return VERDICT;
}
static hl_verdict on_publish(void *state, hl_call *call, const hl_msg *msg) {
    (void)state; (void)call; (void)msg;
    return VERDICT;
}
static hl_verdict on_deliver(void *state, hl_call *call, const hl_delivery *delivery) {
    (void)state; (void)call;
    hl_delivery_deny(delivery, 0);
    return VERDICT;
}
static hl_status start(hl_self *self, const hl_config *config, void **state) {
    (void)config; (void)state;
    hl_on_auth_connect(self, on_connect);
    hl_on_acl_subscribe(self, on_subscribe);
    hl_on_acl_publish(self, on_publish);
    hl_on_acl_deliver(self, on_deliver);
    return HL_OK;
}
HL_PLUGIN("test.verdict", "1.0.0", HL_FREE | HL_MULTI_INSTANCE, 0, start)
