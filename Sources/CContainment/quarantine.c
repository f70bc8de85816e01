#include "ccontainment.h"

/* The stand-ins are ordinary plugins, linked in: nothing else in the broker has to know of them. */

static hl_verdict refuse_connect(void *state, hl_call *call, const hl_connect *connect) {
    (void)state; (void)connect;
    call->api->set_rule(call, hl_str("quarantine"));
    return HL_DENY;
}

static hl_verdict refuse_exchange(void *state, hl_call *call, const hl_exchange *exchange) {
    (void)state; (void)exchange;
    call->api->set_rule(call, hl_str("quarantine"));
    return HL_DENY;
}

static hl_verdict refuse_publish(void *state, hl_call *call, const hl_msg *msg) {
    (void)state; (void)msg;
    call->api->set_rule(call, hl_str("quarantine"));
    return HL_DENY;
}

static hl_verdict refuse_subscribe(void *state, hl_call *call, const hl_subscribe *subscribe) {
    (void)state; (void)subscribe;
    call->api->set_rule(call, hl_str("quarantine"));
    return HL_DENY;
}

static hl_verdict refuse_deliver(void *state, hl_call *call, const hl_delivery *delivery) {
    (void)state; (void)call; (void)delivery;
    return HL_DENY;
}

static hl_status start_closed(hl_self *self, const hl_config *config, void **state) {
    (void)config; (void)state;
    self->core->set_health(self, HL_HEALTH_FAILED, hl_str("quarantined: it refuses everything"));
    hl_on_auth_connect(self, refuse_connect);
    hl_on_auth_exchange(self, refuse_exchange);
    hl_on_acl_publish(self, refuse_publish);
    hl_on_acl_subscribe(self, refuse_subscribe);
    hl_on_acl_deliver(self, refuse_deliver);
    return HL_OK;
}

static hl_status start_open(hl_self *self, const hl_config *config, void **state) {
    (void)config; (void)state;
    self->core->set_health(self, HL_HEALTH_FAILED, hl_str("quarantined: it is left out"));
    return HL_OK;
}

static const hl_life life_closed = {sizeof(hl_life), 0, 0, 0, 0, 0, start_closed, 0, 0, 0, 0, 0, 0};
static const hl_life life_open = {sizeof(hl_life), 0, 0, 0, 0, 0, start_open, 0, 0, 0, 0, 0, 0};

#define STAND_IN(life) \
    {sizeof(hl_plugin_desc), HL_FREE | HL_MULTI_INSTANCE, HL_ABI_MAJOR, 0, "hookline.quarantine", "1", 0, 0, 0, 0, 0, \
     0, 0, 0, sizeof(hl_config_key), 0, &life}
static const hl_plugin_desc closed = STAND_IN(life_closed);
static const hl_plugin_desc open_ = STAND_IN(life_open);

const hl_plugin_desc *hc_quarantine_closed(const hl_host_probe *probe) {
    (void)probe;
    return &closed;
}

const hl_plugin_desc *hc_quarantine_open(const hl_host_probe *probe) {
    (void)probe;
    return &open_;
}
