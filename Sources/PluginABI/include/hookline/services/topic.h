/*
 * hookline/services/topic.h - topic/1, clock/1 and random/1.
 *
 *   if (self->topic->covers(self, allowed_filter, subscribe->filter)) return HL_ALLOW;
 *   expires_at = call->now + (token_ends_wall - self->clock->wall(self));      wall time on the monotonic clock
 */
#ifndef HOOKLINE_SERVICES_TOPIC_H
#define HOOKLINE_SERVICES_TOPIC_H

#include "../types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* topic/1 [any]; results are 0 or 1. */
typedef struct hl_topic_v1 {
    uint32_t struct_size;
    uint32_t flags;
    uint32_t (*matches)(hl_self *self, hl_view filter, hl_view topic);
    uint32_t (*valid_topic)(hl_self *self, hl_view topic);
    uint32_t (*valid_filter)(hl_self *self, hl_view filter);
    uint32_t (*covers)(hl_self *self, hl_view wider, hl_view narrower); /* every topic of narrower is in wider */
} hl_topic_v1;

/* clock/1 [any] */
typedef struct hl_clock_v1 {
    uint32_t struct_size;
    uint32_t flags;
    hl_time (*monotonic)(hl_self *self);
    int64_t (*wall)(hl_self *self); /* nanoseconds since 1970, UTC */
} hl_clock_v1;

/* random/1 [any] Fit for secrets. bytes: memory of the plugin. */
typedef struct hl_random_v1 {
    uint32_t struct_size;
    uint32_t flags;
    void (*fill)(hl_self *self, void *bytes, uint64_t size);
} hl_random_v1;

#ifdef __cplusplus
}
#endif

#endif
