/*
 * hookline/services/retained.h - retained/1: the retained messages.
 *
 * What is got comes on a worker, as for a consumer: batches whose messages are valid until the function returns.
 *
 *   self->retained->match(self, hl_str("config/#"), load, 0);          load sees HL_BATCH_LAST when that was all
 */
#ifndef HOOKLINE_SERVICES_RETAINED_H
#define HOOKLINE_SERVICES_RETAINED_H

#include "consume.h"
#include "publish.h"
#include "../types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* retained/1 [any] */
typedef struct hl_retained_v1 {
    uint32_t struct_size;
    uint32_t flags;
    /* The message of one topic: one batch with HL_BATCH_LAST, empty and HL_NOT_FOUND when there is none. */
    hl_status (*get)(hl_self *self, hl_view topic, hl_batch_fn function, void *user);
    /* All messages whose topic matches the filter, in batches of at most 64; the last has HL_BATCH_LAST and may be
     * empty. What is in the store from the first batch to the last comes exactly once. */
    hl_status (*match)(hl_self *self, hl_view filter, hl_batch_fn function, void *user);
    /* Publishes with HL_RETAIN: through the hooks, to subscribers, into the store. */
    hl_status (*set)(hl_self *self, const hl_publication *publication);
    /* Publishes an empty retained message: through the hooks, to subscribers, out of the store. */
    hl_status (*clear)(hl_self *self, hl_view topic);
    /* Messages and bytes in the store now. */
    uint64_t (*count)(hl_self *self);
    uint64_t (*bytes)(hl_self *self);
} hl_retained_v1;

#ifdef __cplusplus
}
#endif

#endif
