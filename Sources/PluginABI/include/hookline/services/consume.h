/*
 * hookline/services/consume.h - consume/1: a subscriber inside the broker, without a connection.
 *
 *   static void keep(void *state, void *user, const hl_batch *batch) {
 *       uint32_t i;
 *       for (i = 0; i < batch->count; i++) append((history *)state, hl_batch_msg(batch, i));
 *   }
 *   ...
 *   hl_consume(self, hl_str("sensors/#"), keep, 0);
 */
#ifndef HOOKLINE_SERVICES_CONSUME_H
#define HOOKLINE_SERVICES_CONSUME_H

#include "../message.h"
#include "../types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Messages in the order in which they were accepted from each publisher. Owner: host; valid until the function
 * returns. Messages stand stride bytes apart: use hl_batch_msg. */
typedef struct hl_batch {
    uint32_t struct_size;
    uint32_t flags; /* HL_BATCH_* */
    const hl_msg *msgs;
    uint32_t count;
    uint32_t stride;
    uint64_t lost; /* messages dropped before these because the queue was full */
    hl_status status; /* retained/1: why it ended; else HL_OK */
    uint32_t reserved;
} hl_batch;

#define HL_BATCH_RETAINED 0x1u /* what the store held, not new messages */
#define HL_BATCH_LAST 0x2u     /* retained/1: nothing more will come */

/* [worker], never at the same time as itself for one consumer. */
typedef void (*hl_batch_fn)(void *state, void *user, const hl_batch *batch);

#define HL_CONSUME_RETAINED 0x1u       /* first the retained messages that match */
#define HL_CONSUME_OWN_PUBLISHES 0x2u  /* also what this instance published */

/* What happens to a message that finds the queue full; each loss is counted. */
#define HL_OVERFLOW_DROP_NEWEST 0u
#define HL_OVERFLOW_DROP_OLDEST 1u

/* Owner: plugin; copied. Zero means the default in brackets. */
typedef struct hl_consumer_options {
    uint32_t struct_size;
    uint32_t flags; /* HL_CONSUME_* */
    const hl_view *filters; /* topic filters, at least one */
    uint32_t filter_count;
    uint32_t overflow;    /* HL_OVERFLOW_* */
    uint32_t queue_limit; /* messages (8192); at most 1,000,000 */
    uint32_t batch_limit; /* messages per call (64) */
    uint64_t queue_bytes; /* payloads, topics and properties (64 MiB) */
    uint32_t origins;     /* bits 1 << HL_ORIGIN_* (all) */
    uint32_t qos_mask;    /* bits 1 << qos (all) */
} hl_consumer_options;

typedef uint64_t hl_consumer;

/* Numbers of a consumer since it was opened. Owner: plugin, on its stack; set struct_size. */
typedef struct hl_consumer_stats {
    uint32_t struct_size;
    uint32_t flags;
    uint64_t queued;
    uint64_t queued_bytes;
    uint64_t received;
    uint64_t lost;
} hl_consumer_stats;

/* consume/1 [any]. A consumer sees what was accepted after the acl and msg.in hooks, once per message, whoever else
 * receives it. It does not hold back acknowledgements: for that there is the hook msg.store. */
typedef struct hl_consume_v1 {
    uint32_t struct_size;
    uint32_t flags;
    /* Before start has returned, or at any time after. HL_INVALID: no filter, or one that is none. HL_LIMIT: more than
     * 64 consumers. Messages come when every event loop knows of it, a moment later. */
    hl_status (*open)(hl_self *self, const hl_consumer_options *options, hl_batch_fn function, void *user,
                      hl_consumer *out);
    /* Other filters; the queue is kept. */
    hl_status (*update)(hl_self *self, hl_consumer consumer, const hl_view *filters, uint32_t filter_count);
    /* paused 1: the function is not called, the queue fills. */
    hl_status (*pause)(hl_self *self, hl_consumer consumer, uint32_t paused);
    /* Once it has returned, the function does not begin any more (it may still be running). */
    hl_status (*close)(hl_self *self, hl_consumer consumer);
    hl_status (*stats)(hl_self *self, hl_consumer consumer, hl_consumer_stats *out);
} hl_consume_v1;

#ifdef __cplusplus
}
#endif

#endif
