#include "bench_hooks.h"

hl_verdict bench_allow_publish(void *state, hl_call *call, const hl_msg *msg) {
    (void)state; (void)call; (void)msg;
    return HL_ALLOW;
}

hl_verdict bench_allow_deliver(void *state, hl_call *call, const hl_delivery *delivery) {
    (void)state; (void)call; (void)delivery;
    return HL_ALLOW;
}

hl_verdict bench_cached_publish(void *state, hl_call *call, const hl_msg *msg) {
    (void)state; (void)msg;
    call->api->set_cache(call, HL_CACHE_CLIENT_TOPIC, HL_NEVER);
    return HL_ALLOW;
}

hl_verdict bench_cached_deliver(void *state, hl_call *call, const hl_delivery *delivery) {
    (void)state; (void)delivery;
    call->api->set_cache(call, HL_CACHE_CLIENT_TOPIC, HL_NEVER);
    return HL_ALLOW;
}

void bench_ignore(void *state, hl_call *call, const hl_event *event) {
    (void)state; (void)call; (void)event;
}
