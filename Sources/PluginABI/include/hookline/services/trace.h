/*
 * hookline/services/trace.h - trace/1: spans with W3C trace context.
 *
 *   hl_span span = self->trace->begin_in(self, hl_str("geo.lookup"), msg->trace);      0, and free, without one
 *   ...
 *   self->trace->end(self, span, HL_OK);
 */
#ifndef HOOKLINE_SERVICES_TRACE_H
#define HOOKLINE_SERVICES_TRACE_H

#include "log.h"
#include "../message.h"
#include "../types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Names a span that has begun; 0 is none, and every function takes it and does nothing. */
typedef uint64_t hl_span;

#define HL_TRACEPARENT_SIZE 55u

/* A span that has ended. Owner: host; valid until the exporter returns. Arrays carry count and stride. */
typedef struct hl_span_data {
    uint32_t struct_size;
    uint32_t flags;
    uint8_t trace_id[16];
    uint8_t span_id[8];
    uint8_t parent_id[8]; /* all zero: none */
    hl_view instance;     /* who began it */
    hl_view name;
    int64_t began; /* wall clock, nanoseconds since 1970 */
    int64_t ended;
    const hl_field *attributes;
    uint32_t attribute_count;
    hl_status status;
} hl_span_data;

typedef struct hl_span_list {
    uint32_t struct_size;
    uint32_t flags;
    const hl_span_data *spans; /* stride bytes apart: use hl_span_at */
    uint32_t count;
    uint32_t stride;
    uint64_t lost; /* spans dropped before these because the queue (8,192) was full */
} hl_span_list;

/* [worker], one at a time */
typedef void (*hl_export_spans_fn)(void *state, void *user, const hl_span_list *list);

/* trace/1 [any] */
typedef struct hl_trace_v1 {
    uint32_t struct_size;
    uint32_t flags;
    /* Begins a span. traceparent: the W3C header or user property of that name; empty or not valid: a new trace. 0
     * when nobody exports spans or too many are open: tracing then costs nothing. */
    hl_span (*begin)(hl_self *self, hl_view name, hl_view traceparent);
    /* Begins a child of a span. */
    hl_span (*child)(hl_self *self, hl_view name, hl_span parent);
    void (*attribute)(hl_self *self, hl_span span, hl_view key, hl_view value);
    /* Writes HL_TRACEPARENT_SIZE bytes (no NUL) to memory of the plugin, to be passed on; HL_NOT_FOUND for 0 and spans
     * that have ended. */
    hl_status (*traceparent)(hl_self *self, hl_span span, void *text);
    void (*end)(hl_self *self, hl_span span, hl_status status);
    /* This instance takes spans from now on, in batches, until it stops; one function per instance. */
    hl_status (*export_spans)(hl_self *self, hl_export_spans_fn function, void *user);
    /* Begins a span in a context, such as that of a message (hl_msg.trace); NULL, or a context that is not sampled: 0.
     *
     *   hl_span span = self->trace->begin_in(self, hl_str("geo.lookup"), msg->trace);
     */
    hl_span (*begin_in)(hl_self *self, hl_view name, const hl_trace_context *context);
} hl_trace_v1;

#ifdef __cplusplus
}
#endif

#endif
