/*
 * The plugin of the hook benchmark: the least a C plugin can do, so that what is measured is the broker's share.
 */
#ifndef BENCH_HOOKS_H
#define BENCH_HOOKS_H

#include <hookline/plugin.h>

/* Allows everything and lets nothing be kept. */
hl_verdict bench_allow_publish(void *state, hl_call *call, const hl_msg *msg);
hl_verdict bench_allow_deliver(void *state, hl_call *call, const hl_delivery *delivery);

/* Allows everything and lets the verdict be kept for the connection and topic. */
hl_verdict bench_cached_publish(void *state, hl_call *call, const hl_msg *msg);
hl_verdict bench_cached_deliver(void *state, hl_call *call, const hl_delivery *delivery);

/* An event that never happens in the benchmark. */
void bench_ignore(void *state, hl_call *call, const hl_event *event);

#endif
