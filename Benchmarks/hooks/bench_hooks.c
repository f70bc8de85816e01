/* The least a C plugin can do, so that what is measured is the broker's share. Built as plugins are built; the driver
 * opens it and calls the hooks by name. */
#include <hookline/plugin.h>

/* Allow everything and let nothing be kept. */
hl_verdict bench_allow_publish(void *state, hl_call *call, const hl_msg *msg) {
    (void)state; (void)call; (void)msg;
    return HL_ALLOW;
}

hl_verdict bench_allow_deliver(void *state, hl_call *call, const hl_delivery *delivery) {
    (void)state; (void)call; (void)delivery;
    return HL_ALLOW;
}

/* Allow everything and let the verdict be kept for the connection and topic. */
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

/* An event that never happens in the benchmark. */
void bench_ignore(void *state, hl_call *call, const hl_event *event) {
    (void)state; (void)call; (void)event;
}
