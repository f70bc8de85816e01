/*
 * hookline/services/metrics.h - metrics/1: counters, gauges and histograms; collect, for the plugin that exposes them.
 *
 *   h->seen = hl_metric_define(self, HL_COUNTER, "seen_total", "Messages that were seen.");       in start
 *   self->metrics->add(h->seen, 1);                                                       in a hook, without a lock
 */
#ifndef HOOKLINE_SERVICES_METRICS_H
#define HOOKLINE_SERVICES_METRICS_H

#include "log.h"
#include "trace.h"
#include "../types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HL_COUNTER 1u   /* only grows */
#define HL_GAUGE 2u
#define HL_HISTOGRAM 3u

/* Owner: plugin; copied. */
typedef struct hl_metric_spec {
    uint32_t struct_size;
    uint32_t flags;
    uint32_t kind;       /* HL_COUNTER, HL_GAUGE, HL_HISTOGRAM */
    uint32_t label_count; /* at most 8 */
    hl_view name;        /* [a-z][a-z0-9_]*, shown as hookline_plugin_{name} with the label instance */
    hl_view help;
    const hl_view *labels; /* names of labels, same letters */
    const double *bounds;  /* histogram: upper bounds, growing; NULL: 5 ms to 10 s in 11 steps */
    uint32_t bound_count;  /* at most 64 */
    uint32_t series_limit; /* 0: 1,000. What is beyond goes to one series with the label value "other" */
} hl_metric_spec;

/* A metric and one series of it. Owner: host; live until destroy. */
typedef struct hl_metric hl_metric;
typedef struct hl_series hl_series;

/* The span in which the latest value of a bucket was observed. Arrays of it carry count and stride. */
typedef struct hl_exemplar {
    uint32_t struct_size;
    uint32_t flags;
    uint32_t bucket; /* index into hl_sample.buckets */
    uint32_t reserved;
    double value;
    int64_t time; /* wall clock, nanoseconds since 1970 */
    uint8_t trace_id[16];
    uint8_t span_id[8];
} hl_exemplar;

/* One number on its way out. Owner: host; valid until the collector returns. Arrays carry count and stride. */
typedef struct hl_sample {
    uint32_t struct_size;
    uint32_t flags;
    uint32_t kind;
    uint32_t label_count;
    hl_view name; /* the whole name, "hookline_plugin_rules_matched" */
    hl_view help;
    const hl_field *labels;
    double value; /* histogram: the sum */
    uint64_t count; /* histogram: the number of observations */
    const double *bounds; /* histogram: upper bounds */
    const uint64_t *buckets; /* histogram: cumulated, one more than bounds (the last is +Inf) */
    uint32_t bound_count;
    uint32_t reserved;
    const hl_exemplar *exemplars; /* histogram: at most one for each bucket, exemplar_stride bytes apart */
    uint32_t exemplar_count;
    uint32_t exemplar_stride;
} hl_sample;

typedef struct hl_sample_list {
    uint32_t struct_size;
    uint32_t flags;
    const hl_sample *samples; /* stride bytes apart: use hl_sample_at; those of one name stand together */
    uint32_t count;
    uint32_t stride;
} hl_sample_list;

/* [worker] */
typedef void (*hl_collect_fn)(void *state, void *user, const hl_sample_list *list);

/* metrics/1 [any] */
typedef struct hl_metrics_v1 {
    uint32_t struct_size;
    uint32_t flags;
    /* The metric of this name; the same one again when it is there already. HL_CONFLICT: with another kind or other
     * labels. HL_LIMIT: more than 256. */
    hl_status (*define)(hl_self *self, const hl_metric_spec *spec, hl_metric **out);
    /* The series of these label values, as many as the metric has labels; keep it: a look-up takes a lock, changing a
     * number does not. NULL only without memory. */
    hl_series *(*series)(hl_metric *metric, const hl_view *values, uint32_t count);
    /* counter, gauge. A counter ignores what is not positive. */
    void (*add)(hl_series *series, double amount);
    /* gauge */
    void (*set)(hl_series *series, double value);
    /* histogram */
    void (*observe)(hl_series *series, double value);
    /* All metrics of all instances, and the broker's own. */
    hl_status (*collect)(hl_self *self, hl_collect_fn function, void *user);
    /* histogram: as observe, and the span, which must be open, becomes the exemplar of the bucket. 0: as observe. */
    void (*observe_in)(hl_self *self, hl_series *series, double value, hl_span span);
} hl_metrics_v1;

#ifdef __cplusplus
}
#endif

#endif
