/* Every service of the host, each function once at least. What is found is said in the log, one line per service, under
 * test.*; test.wrong is for what must not be. */
#ifndef EVERY_SERVICE_H
#define EVERY_SERVICE_H

#include "coverage.h"
#include <unistd.h>

typedef struct {
    hl_self *self; /* first: what hooks see of the state */
    hl_series *counter, *gauge, *histogram;
    int ends[2];
    hl_fd descriptor, inside_fd;
    hl_timer timer;
    hl_consumer consumer;
    hl_watch watch;
    hl_route route;
} everything;

static void say(hl_self *self, const char *event, const char *words) { hl_log(self, HL_LOG_INFO, event, words); }

/* ---- publish/1 and consume/1 ---- */

static void published(void *state, void *user, hl_status status, uint32_t reason) {
    everything *e = (everything *)state;
    hl_logf(e->self, HL_LOG_INFO, "test.published", "%s %u %u", (const char *)user, status, reason);
}

static hl_status publish(everything *e, const char *topic, const char *text, const char *as_client, const char *name) {
    hl_publication publication;
    memset(&publication, 0, sizeof publication);
    publication.struct_size = sizeof publication;
    publication.topic = hl_str(topic);
    publication.payload = hl_str(text);
    publication.qos = 1;
    publication.as_client = hl_str(as_client);
    publication.done = published;
    publication.user = (void *)(uintptr_t)name;
    return CALL(e->self, publish, publish)(e->self, &publication);
}

static void reported(void *state, void *user, const hl_publish_report *report) {
    everything *e = (everything *)state;
    hl_logf(e->self, HL_LOG_INFO, "test.reported", "%s %u %u %d: %u %u %u %u %u", (const char *)user, report->status,
            report->reason_code, report->id != 0, (unsigned)report->matched, (unsigned)report->sent,
            (unsigned)report->queued, (unsigned)report->denied, (unsigned)report->dropped);
}

/* ---- message/1 ---- */

static void look_at_kept(void *state, void *user) {
    everything *e = (everything *)state;
    const hl_msg *msg = (const hl_msg *)user;
    hl_logf(e->self, HL_LOG_INFO, "test.kept", "%.*s %.*s %.*s", HL_S(msg->topic), HL_S(msg->payload),
            HL_S(msg->publisher->client_id));
    if (CALL(e->self, message, release)(e->self, msg) != HL_OK
        || e->self->message->release(e->self, msg) != HL_NOT_FOUND)
        say(e->self, "test.wrong", "release");
}

static void keep(everything *e, const hl_msg *msg) {
    const hl_message_v1 *message = e->self->message;
    const hl_msg *kept = USE(message, message, retain)(e->self, msg);
    const hl_client *client = USE(message, message, retain_client)(e->self, msg->publisher);
    if (!kept || !client || kept == msg || message->retain(e->self, kept) != kept
        || USE(message, message, count)(e->self) != 2 || USE(message, message, bytes)(e->self) < 100
        || !hl_view_equal(client->client_id, "keeper")
        || USE(message, message, release_client)(e->self, client) != HL_OK
        || message->release(e->self, msg) != HL_NOT_FOUND || message->release(e->self, kept) != HL_OK)
        say(e->self, "test.wrong", "keep");
    else
        hl_submit(e->self, look_at_kept, (void *)(uintptr_t)kept);
}

static void ready(void *state, void *user) {
    everything *e = (everything *)state;
    (void)user;
    say(e->self, "test.ready", "room");
}

static void consumed(void *state, void *user, const hl_batch *batch) {
    everything *e = (everything *)state;
    uint32_t i;
    (void)user;
    for (i = 0; i < batch->count; i++) {
        const hl_msg *msg = hl_batch_msg(batch, i);
        hl_logf(e->self, HL_LOG_INFO, "test.consumed", "%.*s %.*s %s", HL_S(msg->topic), HL_S(msg->payload),
                batch->flags & HL_BATCH_RETAINED ? "retained" : "live");
    }
}

static void consume(everything *e) {
    hl_consumer_options options;
    hl_view filters[1];
    filters[0] = hl_str("every/#");
    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.flags = HL_CONSUME_RETAINED | HL_CONSUME_OWN_PUBLISHES;
    options.filters = filters;
    options.filter_count = 1;
    options.overflow = HL_OVERFLOW_DROP_OLDEST;
    options.queue_limit = 100;
    if (CALL(e->self, consume, open)(e->self, &options, consumed, 0, &e->consumer) != HL_OK)
        say(e->self, "test.wrong", "open");
    options.filter_count = 0;
    if (CALL(e->self, consume, open)(e->self, &options, consumed, 0, 0) != HL_INVALID)
        say(e->self, "test.wrong", "no filter");
}

/* ---- client/1, subs/1, retained/1 ---- */

static void sessions(void *state, void *user, const hl_session_list *list) {
    everything *e = (everything *)state;
    uint32_t i;
    hl_logf(e->self, HL_LOG_INFO, "test.sessions", "%s %u %u", (const char *)user, list->status, list->count);
    for (i = 0; i < list->count; i++) {
        const hl_session_info *session = hl_session_at(list, i);
        hl_logf(e->self, HL_LOG_INFO, "test.session", "%.*s %s %u", HL_S(session->client_id),
                session->flags & HL_SESSION_CONNECTED ? "online" : "offline", session->subscriptions);
    }
    if (list->next) CALL(e->self, client, list)(e->self, list->next, 10, sessions, user);
}

static void subscriptions(void *state, void *user, const hl_subscription_list *list) {
    everything *e = (everything *)state;
    uint32_t i;
    for (i = 0; i < list->count; i++) {
        const hl_subscription *subscription = hl_subscription_at(list, i);
        hl_logf(e->self, HL_LOG_INFO, "test.subscription", "%s %.*s %.*s %.*s %u", (const char *)user,
                HL_S(subscription->client_id), HL_S(subscription->filter), HL_S(subscription->share_group),
                subscription->qos);
    }
    if (list->next) CALL(e->self, subs, matching)(e->self, hl_str("every/thing"), list->next, 10, subscriptions, user);
}

static void done(void *state, void *user, hl_status status) {
    everything *e = (everything *)state;
    hl_logf(e->self, HL_LOG_INFO, "test.done", "%s %u", (const char *)user, status);
}

static void retained(void *state, void *user, const hl_batch *batch) {
    everything *e = (everything *)state;
    uint32_t i;
    for (i = 0; i < batch->count; i++)
        hl_logf(e->self, HL_LOG_INFO, "test.retained", "%s %.*s", (const char *)user,
                HL_S(hl_batch_msg(batch, i)->topic));
    if (batch->flags & HL_BATCH_LAST)
        hl_logf(e->self, HL_LOG_INFO, "test.retained_end", "%s %u", (const char *)user, batch->status);
}

/* ---- kv/1 ---- */

static void stored(void *state, void *user, hl_status status) {
    everything *e = (everything *)state;
    hl_logf(e->self, HL_LOG_INFO, "test.stored", "%s %u", (const char *)user, status);
}

static void keys_and_values(everything *e) {
    const hl_kv_v1 *kv = e->self->kv;
    uint64_t version = 0, other = 0, size = 0;
    char text[64];
    hl_status first = USE(kv, kv, get)(e->self, hl_str("starts"), text, sizeof text, &size, &version);
    uint32_t starts = first == HL_OK && size == 1 ? (uint32_t)(text[0] - '0') + 1 : 1;
    char digit = (char)('0' + starts % 10);
    uint64_t expected = first == HL_OK ? version : HL_KV_ABSENT;
    hl_status set = USE(kv, kv, set)(e->self, hl_str("starts"), hl_bytes(&digit, 1), expected, &other, stored,
                                     (void *)(uintptr_t)"starts");
    hl_status stale = USE(kv, kv, set)(e->self, hl_str("starts"), hl_bytes(&digit, 1), HL_KV_ABSENT, &version, 0, 0);
    USE(kv, kv, set)(e->self, hl_str("a/1"), hl_str("x"), HL_KV_ANY, 0, 0, 0);
    USE(kv, kv, set)(e->self, hl_str("a/2"), hl_str("y"), HL_KV_ANY, 0, 0, 0);
    USE(kv, kv, next)(e->self, hl_str("a/"), hl_str("a/1"), text, sizeof text, &size);
    hl_logf(e->self, HL_LOG_INFO, "test.kv", "%u %u %u %d %.*s %u", starts, set, stale, version == other, (int)size,
            text, USE(kv, kv, remove)(e->self, hl_str("gone"), HL_KV_ANY, 0, 0));
    hl_logf(e->self, HL_LOG_INFO, "test.kv_end", "%u %u", USE(kv, kv, flush)(e->self),
            USE(kv, kv, next)(e->self, hl_str("a/"), hl_str("a/2"), text, sizeof text, &size));
}

/* ---- http/1 and http_server/1 ---- */

static void answer_request(void *state, void *user, const hl_http_request *request) {
    everything *e = (everything *)state;
    hl_http_response response;
    (void)user;
    memset(&response, 0, sizeof response);
    response.struct_size = sizeof response;
    response.status = 200;
    response.body = request->body;
    hl_logf(e->self, HL_LOG_INFO, "test.request", "%.*s %.*s %.*s", HL_S(request->method), HL_S(request->path),
            HL_S(request->route));
    if (CALL(e->self, http, respond)(e->self, request->token, &response) != HL_OK
        || e->self->http->respond(e->self, request->token, &response) != HL_STALE)
        say(e->self, "test.wrong", "respond");
}

static void answered(void *state, void *user, const hl_http_response *response) {
    everything *e = (everything *)state;
    (void)user;
    hl_logf(e->self, HL_LOG_INFO, "test.response", "%u %.*s %.*s", response->status, HL_S(response->content_type),
            HL_S(response->body));
}

static void routes(everything *e) {
    const hl_http_server_v1 *server = (const hl_http_server_v1 *)hl_service(e->self, "http_server/1");
    hl_http_route route;
    hl_http_request request;
    memset(&route, 0, sizeof route);
    route.struct_size = sizeof route;
    route.methods = hl_str("GET,PUT");
    route.prefix = hl_str("/api/every");
    route.max_body = 16;
    if (CALL(e->self, http, add)(e->self, &route, answer_request, 0, &e->route) != HL_OK)
        say(e->self, "test.wrong", "route");
    if (!server) return;
    USE(server, http_server, announce)(e->self, hl_str("api"), hl_str("http://127.0.0.1:8080"));
    hl_logf(e->self, HL_LOG_INFO, "test.routes", "%u %u %u",
            USE(server, http_server, find)(e->self, hl_str("GET"), hl_str("/api/every/1"), &route),
            USE(server, http_server, find)(e->self, hl_str("DELETE"), hl_str("/api/every"), &route),
            USE(server, http_server, find)(e->self, hl_str("GET"), hl_str("/api/everything"), &route));
    memset(&request, 0, sizeof request);
    request.struct_size = sizeof request;
    request.method = hl_str("PUT");
    request.path = hl_str("/api/every/1");
    request.body = hl_str("body");
    USE(server, http_server, dispatch)(e->self, &request, answered, 0);
    request.body = hl_str("a body that is too long");
    USE(server, http_server, dispatch)(e->self, &request, answered, 0);
}

/* ---- metrics/1 and trace/1 ---- */

static void collected(void *state, void *user, const hl_sample_list *list) {
    everything *e = (everything *)state;
    uint32_t i;
    (void)user;
    for (i = 0; i < list->count; i++) {
        const hl_sample *sample = hl_sample_at(list, i);
        if (sample->name.len < 16 || memcmp(sample->name.ptr, "hookline_plugin_", 16)) continue;
        /* What the broker says of plugins has no instance. */
        if (!sample->label_count || sample->labels[0].key.ptr[0] != 'i') continue;
        hl_logf(e->self, HL_LOG_INFO, "test.sample", "%.*s %u %g %u %u", HL_S(sample->name), sample->label_count,
                sample->value, (unsigned)sample->count,
                sample->bound_count ? (unsigned)sample->buckets[sample->bound_count] : 0u);
        if (sample->exemplar_count)
            hl_logf(e->self, HL_LOG_INFO, "test.exemplar", "%u %u %g %02x", sample->exemplar_count,
                    sample->exemplars->bucket, sample->exemplars->value, sample->exemplars->trace_id[0]);
    }
}

static void metrics(everything *e) {
    const hl_metrics_v1 *metrics = e->self->metrics;
    hl_metric_spec spec;
    hl_metric *metric = 0;
    hl_view labels[1], values[1];
    e->counter = hl_metric_define(e->self, HL_COUNTER, "counted_total", "How often.");
    e->gauge = hl_metric_define(e->self, HL_GAUGE, "level", "How high.");
    USE(metrics, metrics, add)(e->counter, 2);
    USE(metrics, metrics, add)(e->counter, -1);
    USE(metrics, metrics, set)(e->gauge, 7.5);
    memset(&spec, 0, sizeof spec);
    spec.struct_size = sizeof spec;
    spec.kind = HL_HISTOGRAM;
    spec.name = hl_str("took_seconds");
    labels[0] = hl_str("what");
    spec.labels = labels;
    spec.label_count = 1;
    spec.series_limit = 1;
    if (USE(metrics, metrics, define)(e->self, &spec, &metric) != HL_OK) say(e->self, "test.wrong", "histogram");
    values[0] = hl_str("work");
    e->histogram = USE(metrics, metrics, series)(metric, values, 1);
    values[0] = hl_str("beyond the limit");
    USE(metrics, metrics, observe)(USE(metrics, metrics, series)(metric, values, 1), 3);
    USE(metrics, metrics, observe)(e->histogram, 0.25);
    USE(metrics, metrics, observe)(e->histogram, 100);
    spec.kind = HL_COUNTER;
    if (USE(metrics, metrics, define)(e->self, &spec, &metric) != HL_CONFLICT) say(e->self, "test.wrong", "other kind");
    USE(metrics, metrics, collect)(e->self, collected, 0);
}

static void exported(void *state, void *user, const hl_span_list *list) {
    everything *e = (everything *)state;
    uint32_t i;
    (void)user;
    for (i = 0; i < list->count; i++) {
        const hl_span_data *span = hl_span_at(list, i);
        hl_logf(e->self, HL_LOG_INFO, "test.span", "%.*s %02x %02x %u", HL_S(span->name), span->trace_id[0],
                span->parent_id[0], span->attribute_count);
    }
}

static void trace(everything *e) {
    const hl_trace_v1 *trace = e->self->trace;
    char text[HL_TRACEPARENT_SIZE];
    hl_trace_context context;
    hl_trace_options options;
    hl_metric *metric = 0;
    hl_metric_spec spec;
    hl_span none = USE(trace, trace, begin)(e->self, hl_str("nobody listens"), hl_str("")), span, child;
    USE(trace, trace, export_spans)(e->self, exported, 0);
    /* None but those that were begun, and sampled, elsewhere: what the broker does is not asked about. */
    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.ratio = 2;
    if (USE(trace, trace, configure)(e->self, &options) != HL_INVALID) say(e->self, "test.wrong", "ratio");
    options.ratio = 0;
    if (trace->configure(e->self, &options) != HL_OK) say(e->self, "test.wrong", "configure");
    span = USE(trace, trace, begin)(e->self, hl_str("outer"),
                                    hl_str("00-ab000000000000000000000000000001-cd00000000000001-01"));
    child = USE(trace, trace, child)(e->self, hl_str("inner"), span);
    USE(trace, trace, attribute)(e->self, child, hl_str("key"), hl_str("value"));
    hl_logf(e->self, HL_LOG_INFO, "test.trace", "%u %u %.35s", (unsigned)none,
            USE(trace, trace, traceparent)(e->self, span, text), text);
    memset(&spec, 0, sizeof spec);
    spec.struct_size = sizeof spec;
    spec.kind = HL_HISTOGRAM;
    spec.name = hl_str("traced_seconds");
    if (e->self->metrics->define(e->self, &spec, &metric) == HL_OK) {
        hl_series *series = e->self->metrics->series(metric, 0, 0);
        CALL(e->self, metrics, observe_in)(e->self, series, 0.3, span);
        e->self->metrics->observe_in(e->self, series, 20, 0);
    }
    memset(&context, 0, sizeof context);
    if (USE(trace, trace, begin_in)(e->self, hl_str("not sampled"), &context) != 0
        || trace->begin_in(e->self, hl_str("of nothing"), 0) != 0)
        say(e->self, "test.wrong", "begin_in");
    USE(trace, trace, end)(e->self, child, HL_OK);
    USE(trace, trace, end)(e->self, span, HL_OK);
}

/* ---- executor/1, timer/1, reactor/1 ---- */

static void worked(void *state, void *user) {
    everything *e = (everything *)state;
    hl_logf(e->self, HL_LOG_INFO, "test.worked", "%s %u", (const char *)user,
            CALL(e->self, thread_check, current)(e->self));
}

static void readable(void *state, void *user, int32_t descriptor, uint32_t events) {
    everything *e = (everything *)state;
    char byte = 0;
    (void)user;
    if (events & HL_FD_READ && read(descriptor, &byte, 1) == 1) {
        hl_logf(e->self, HL_LOG_INFO, "test.readable", "%c", byte);
        if (byte == 'b') CALL(e->self, reactor, remove)(e->self, e->descriptor);
        else if (write(e->ends[1], "b", 1) != 1) say(e->self, "test.wrong", "write");
    }
}

static void work(everything *e) {
    const hl_executor_v1 *executor = e->self->executor;
    hl_job job = 0;
    hl_timer never = 0;
    USE(executor, executor, submit)(e->self, worked, (void *)(uintptr_t)"submit");
    USE(executor, executor, run_on_loop)(e->self, 0, worked, (void *)(uintptr_t)"loop");
    USE(executor, executor, submit_job)(e->self, worked, (void *)(uintptr_t)"job", &job);
    if (USE(executor, executor, cancel)(e->self, job + 1000) != HL_NOT_FOUND) say(e->self, "test.wrong", "cancel");
    CALL(e->self, timer, start)(e->self, 0, 0, worked, (void *)(uintptr_t)"timer", &e->timer);
    CALL(e->self, timer, start)(e->self, HL_SECONDS(3600), 0, worked, (void *)(uintptr_t)"never", &never);
    if (CALL(e->self, timer, stop)(e->self, never) != HL_OK) say(e->self, "test.wrong", "timer");
    if (pipe(e->ends) != 0
        || CALL(e->self, reactor, add)(e->self, e->ends[0], HL_FD_READ, readable, 0, &e->descriptor) != HL_OK
        || CALL(e->self, reactor, update)(e->self, e->descriptor, HL_FD_READ) != HL_OK)
        say(e->self, "test.wrong", "reactor");
    if (write(e->ends[1], "a", 1) != 1) say(e->self, "test.wrong", "write");
}

/* ---- provide/1, abi/1, administration/1, thread_check/1, clock/1, random/1, topic/1 ---- */

typedef struct { int (*twice)(void *state, int value); } twice_table;
static int twice(void *state, int value) { (void)state; return 2 * value; }
static const twice_table provided = {twice};

static void administered(void *state, void *user, hl_status status, hl_view json) {
    everything *e = (everything *)state;
    (void)user;
    hl_logf(e->self, HL_LOG_INFO, "test.administration", "%u %d", status, json.len > 2);
}

static void small_ones(everything *e) {
    hl_self *self = e->self;
    const hl_administration_v1 *administration = (const hl_administration_v1 *)hl_service(self, "administration/1");
    hl_provided nobody;
    uint32_t services = 0;
    uint64_t chance[2] = {0, 0};
    while (CALL(self, abi, service)(self, services).len) services++;
    CALL(self, random, fill)(self, chance, sizeof chance);
    if (!CALL(self, abi, host_version)(self).len || !CALL(self, abi, granted)(self, hl_str("kv/1"))
        || CALL(self, abi, granted)(self, hl_str("nothing/1")))
        say(self, "test.wrong", "abi");
    hl_logf(self, HL_LOG_INFO, "test.abi", "%u.%u %.*s %u", CALL(self, abi, major)(self), CALL(self, abi, minor)(self),
            HL_S(CALL(self, abi, hook_name)(self, HL_HOOK_ACL_PUBLISH)), services >= 25);
    hl_logf(self, HL_LOG_INFO, "test.small", "%d %d %u %u", chance[0] != chance[1], CALL(self, clock, wall)(self) > 0,
            CALL(self, topic, covers)(self, hl_str("a/#"), hl_str("a/+/b")),
            CALL(self, provide, acquire)(self, hl_str("org.example.nobody/1"), &nobody));
    if (CALL(self, provide, acquire)(self, hl_str("org.example.twice/1"), &nobody) != HL_NOT_FOUND)
        say(self, "test.wrong", "own");
    if (administration && USE(administration, administration, status)(self, administered, 0) != HL_OK)
        say(self, "test.administration", "nobody");
    if (CALL(self, thread_check, expect)(self, HL_THREAD_LOOP, hl_str("small_ones")) != HL_NOT_ALLOWED)
        say(self, "test.wrong", "thread");
    if (CALL(self, thread_check, violations)(self) != 1) say(self, "test.wrong", "violations");
    if (!CALL(self, topic, matches)(self, hl_str("a/+"), hl_str("a/b"))
        || !CALL(self, topic, valid_topic)(self, hl_str("a/b")) || self->topic->valid_topic(self, hl_str("a/+"))
        || !CALL(self, topic, valid_filter)(self, hl_str("a/#")) || self->topic->valid_filter(self, hl_str("a#")))
        say(self, "test.wrong", "topic");
    if (CALL(self, clock, monotonic)(self) <= 0) say(self, "test.wrong", "clock");
}

/* ---- log/1 and core/1 ---- */

static void log_and_core(everything *e) {
    hl_self *self = e->self;
    hl_field field;
    field.key = hl_str("key");
    field.value = hl_str("value");
    if (!CALL(self, log, enabled)(self, HL_LOG_INFO)) say(self, "test.wrong", "level");
    CALL(self, log, write)(self, HL_LOG_INFO, hl_str("test.log"), hl_str("with a field"), &field, 1);
    if (!CALL(self, core, alloc)(self, 16)) say(self, "test.wrong", "alloc");
    if (CALL(self, core, get_service)(self, hl_str("kv/1")) != self->kv || hl_service(self, "nothing/1"))
        say(self, "test.wrong", "get_service");
    CALL(self, core, set_health)(self, HL_HEALTH_DEGRADED, hl_str("as the test wants it"));
    CALL(self, core, set_health)(self, HL_HEALTH_READY, hl_str(""));
}

/* ---- config/1 ---- */

#define READ(config, function) USE((config)->api, config, function)

/* Reads what stands in the configuration of the test, in every way there is. */
static void configuration(everything *e, const hl_config *config) {
    hl_node root = HL_ROOT, list = READ(config, child)(config, root, hl_str("list"));
    hl_node name = READ(config, child)(config, root, hl_str("name"));
    int64_t integer = 0, duration = 0;
    uint64_t size = 0;
    uint32_t boolean = 0;
    double number = 0;
    hl_view second = config->api->text(config, READ(config, item)(config, list, 1));
    READ(config, integer)(config, hl_config_find(config, "integer"), &integer);
    READ(config, duration)(config, hl_config_find(config, "duration"), &duration);
    READ(config, size)(config, hl_config_find(config, "size"), &size);
    READ(config, boolean)(config, hl_config_find(config, "boolean"), &boolean);
    READ(config, number)(config, hl_config_find(config, "number"), &number);
    hl_logf(e->self, HL_LOG_INFO, "test.config", "%.*s %d %d %u %u %g %u %u %.*s %.*s",
            HL_S(READ(config, text)(config, name)), (int)integer, (int)(duration / 1000000), (unsigned)size,
            boolean, number, READ(config, kind)(config, list), READ(config, count)(config, list), HL_S(second),
            HL_S(READ(config, key)(config, root, 0)));
    hl_logf(e->self, HL_LOG_INFO, "test.config_place", "%.*s %.*s %u", HL_S(READ(config, position)(config, name)),
            HL_S(READ(config, json)(config, list)),
            READ(config, path)(config, hl_config_find(config, "watched")).len > 0);
}

/* ---- watch/1 ---- */

static void changed(void *state, void *user) {
    everything *e = (everything *)state;
    (void)user;
    say(e->self, "test.watched", "changed");
}

static void watch(everything *e, const hl_config *config) {
    hl_view path = hl_config_path(config, "watched");
    if (path.len && CALL(e->self, watch, add)(e->self, path, changed, 0, &e->watch) != HL_OK)
        say(e->self, "test.wrong", "watch");
}

/* ---- state/1 ---- */

static hl_status export_state(void *state, void *user, const hl_state_writer *writer) {
    (void)state; (void)user;
    return writer->write(writer, writer->phase == HL_STATE_BULK ? hl_str("bulk") : hl_str("delta"));
}

static hl_status import_state(void *state, void *user, const hl_state_reader *reader) {
    everything *e = (everything *)state;
    hl_view chunk;
    (void)user;
    while (reader->read(reader, &chunk) == HL_OK)
        hl_logf(e->self, HL_LOG_INFO, "test.import", "%.*s %u %.*s", HL_S(chunk), reader->schema, HL_S(reader->plugin));
    return HL_OK;
}

#endif
