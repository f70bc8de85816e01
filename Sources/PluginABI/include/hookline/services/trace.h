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

/* What a span is, as in OpenTelemetry: flags of hl_span_data. */
#define HL_SPAN_INTERNAL 0u
#define HL_SPAN_SERVER 1u   /* something was taken from a client */
#define HL_SPAN_CLIENT 2u   /* somebody else was asked */
#define HL_SPAN_PRODUCER 3u /* a message was handed on */
#define HL_SPAN_CONSUMER 4u
#define HL_SPAN_KIND 0x7u   /* the bits of flags that say it */

/* A span that has ended. Owner: host; valid until the exporter returns. Arrays carry count and stride. */
typedef struct hl_span_data {
    uint32_t struct_size;
    uint32_t flags; /* HL_SPAN_KIND */
    uint8_t trace_id[16];
    uint8_t span_id[8];
    uint8_t parent_id[8]; /* all zero: none */
    hl_view instance;     /* who began it; empty: the broker */
    hl_view name;
    int64_t began; /* wall clock, nanoseconds since 1970 */
    int64_t ended;
    const hl_field *attributes;
    uint32_t attribute_count;
    hl_status status;
    hl_view trace_state; /* W3C tracestate as it came with the message; empty without one */
} hl_span_data;

/* Which traces an exporter wants. Owner: plugin; copied. */
typedef struct hl_trace_options {
    uint32_t struct_size;
    uint32_t flags;
    double ratio; /* 0 to 1: share of the traces that begin here. One that began elsewhere is recorded when the sampled
                     flag of its traceparent says so, and never without it */
    hl_view correlation_field; /* name of the JSON member that holds a correlation id in payloads of 3.1.1 clients;
                                  empty: payloads are not looked at */
} hl_trace_options;

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
     * when nobody exports spans, when too many are open, and when the trace is not recorded: tracing then costs
     * nothing, and the traceparent that came is to be passed on as it is. */
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
    /* Which traces this instance wants while it exports spans; all of them until it says so. Of several instances the
     * last one is heard. HL_INVALID: a ratio outside of 0 to 1, a name of more than 128 bytes. */
    hl_status (*configure)(hl_self *self, const hl_trace_options *options);
} hl_trace_v1;

#ifdef __cplusplus
}
#endif

#endif
