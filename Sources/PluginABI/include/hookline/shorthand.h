/*
 * hookline/shorthand.h - short names for the tables. Nothing here is part of the binary interface: it is compiled into
 * the plugin. Thread tags are those of the table entry behind each name.
 */
#ifndef HOOKLINE_SHORTHAND_H
#define HOOKLINE_SHORTHAND_H

#include "config.h"
#include "host.h"
#include "properties.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- views ---- */

/* For "%.*s" of printf. */
#define HL_S(v) (int)(v).len, (const char *)(v).ptr
#define HL_MILLISECONDS(n) ((int64_t)(n) * 1000000)
#define HL_SECONDS(n) ((int64_t)(n) * 1000000000)

static inline hl_view hl_bytes(const void *bytes, uint64_t size) {
    hl_view v;
    v.ptr = (const uint8_t *)bytes;
    v.len = size;
    return v;
}

static inline hl_view hl_str(const char *text) { return hl_bytes(text, text ? strlen(text) : 0); }

static inline int hl_view_same(hl_view a, hl_view b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline int hl_view_equal(hl_view v, const char *text) { return hl_view_same(v, hl_str(text)); }

/* ---- memory ---- */

static inline void *hl_alloc(hl_self *self, uint64_t size) { return self->core->alloc(self, size); }

/* A NUL-terminated copy that lives as long as the instance; NULL without memory. */
static inline char *hl_view_dup(hl_self *self, hl_view v) {
    char *copy = (char *)self->core->alloc(self, v.len + 1);
    if (copy && v.len) memcpy(copy, v.ptr, v.len);
    return copy;
}

/* ---- settings, by the name of a declared key ---- */

static inline hl_node hl_config_find(const hl_config *config, const char *key) {
    return config->api->child(config, HL_ROOT, hl_str(key));
}

static inline hl_view hl_config_text(const hl_config *config, const char *key) {
    return config->api->text(config, hl_config_find(config, key));
}

static inline hl_view hl_config_path(const hl_config *config, const char *key) {
    return config->api->path(config, hl_config_find(config, key));
}

static inline int64_t hl_config_integer(const hl_config *config, const char *key) {
    int64_t value = 0;
    config->api->integer(config, hl_config_find(config, key), &value);
    return value;
}

static inline double hl_config_number(const hl_config *config, const char *key) {
    double value = 0;
    config->api->number(config, hl_config_find(config, key), &value);
    return value;
}

static inline uint32_t hl_config_boolean(const hl_config *config, const char *key) {
    uint32_t value = 0;
    config->api->boolean(config, hl_config_find(config, key), &value);
    return value;
}

/* Nanoseconds. */
static inline int64_t hl_config_duration(const hl_config *config, const char *key) {
    int64_t value = 0;
    config->api->duration(config, hl_config_find(config, key), &value);
    return value;
}

/* Bytes. */
static inline uint64_t hl_config_size(const hl_config *config, const char *key) {
    uint64_t value = 0;
    config->api->size(config, hl_config_find(config, key), &value);
    return value;
}

/* Refuses the value of a key; return the result from prepare or start. */
static inline hl_status hl_refuse(const hl_config *config, const char *key, const char *message) {
    config->api->refuse(config, hl_config_find(config, key), hl_str(message));
    return HL_REFUSED;
}

/* Says why start fails; return the result. */
static inline hl_status hl_fail(hl_self *self, const char *message) {
    self->core->fail(self, hl_str(message));
    return HL_FAILED;
}

/* ---- hooks ---- */

static inline hl_interest hl_interest_all(void) {
    hl_interest interest;
    memset(&interest, 0, sizeof interest);
    interest.struct_size = sizeof interest;
    return interest;
}

static inline hl_status hl_on(hl_self *self, uint32_t hook, hl_hook_fn function, const hl_interest *interest) {
    return self->core->register_hook(self, hook, function, interest, 0);
}

static inline hl_status hl_on_auth_connect(hl_self *self, hl_auth_connect_fn function) {
    return hl_on(self, HL_HOOK_AUTH_CONNECT, (hl_hook_fn)function, 0);
}

static inline hl_status hl_on_auth_exchange(hl_self *self, hl_auth_exchange_fn function) {
    return hl_on(self, HL_HOOK_AUTH_EXCHANGE, (hl_hook_fn)function, 0);
}

static inline hl_status hl_on_acl_subscribe(hl_self *self, hl_acl_subscribe_fn function) {
    return hl_on(self, HL_HOOK_ACL_SUBSCRIBE, (hl_hook_fn)function, 0);
}

static inline hl_status hl_on_acl_publish(hl_self *self, hl_acl_publish_fn function) {
    return hl_on(self, HL_HOOK_ACL_PUBLISH, (hl_hook_fn)function, 0);
}

static inline hl_status hl_on_acl_deliver(hl_self *self, hl_acl_deliver_fn function) {
    return hl_on(self, HL_HOOK_ACL_DELIVER, (hl_hook_fn)function, 0);
}

/* Messages whose topic matches the filter; an empty filter means all. */
static inline hl_status hl_on_msg_in(hl_self *self, hl_view filter, hl_msg_in_fn function) {
    hl_interest interest = hl_interest_all();
    if (filter.len) {
        interest.filters = &filter;
        interest.filter_count = 1;
    }
    return hl_on(self, HL_HOOK_MSG_IN, (hl_hook_fn)function, &interest);
}

static inline hl_status hl_on_conn_accept(hl_self *self, hl_conn_accept_fn function) {
    return hl_on(self, HL_HOOK_CONN_ACCEPT, (hl_hook_fn)function, 0);
}

static inline hl_status hl_on_tls_psk(hl_self *self, hl_tls_psk_fn function) {
    return hl_on(self, HL_HOOK_TLS_PSK, (hl_hook_fn)function, 0);
}

static inline hl_status hl_on_tls_peer(hl_self *self, hl_tls_peer_fn function) {
    return hl_on(self, HL_HOOK_TLS_PEER, (hl_hook_fn)function, 0);
}

static inline hl_status hl_on_session_open(hl_self *self, hl_session_open_fn function) {
    return hl_on(self, HL_HOOK_SESSION_OPEN, (hl_hook_fn)function, 0);
}

static inline hl_status hl_on_msg_store(hl_self *self, hl_msg_store_fn function) {
    return hl_on(self, HL_HOOK_MSG_STORE, (hl_hook_fn)function, 0);
}

static inline hl_status hl_on_msg_route(hl_self *self, hl_msg_route_fn function) {
    return hl_on(self, HL_HOOK_MSG_ROUTE, (hl_hook_fn)function, 0);
}

static inline hl_status hl_on_msg_out(hl_self *self, hl_msg_out_fn function) {
    return hl_on(self, HL_HOOK_MSG_OUT, (hl_hook_fn)function, 0);
}

static inline hl_status hl_on_will_publish(hl_self *self, hl_will_publish_fn function) {
    return hl_on(self, HL_HOOK_WILL_PUBLISH, (hl_hook_fn)function, 0);
}

static inline hl_status hl_on_retain_set(hl_self *self, hl_retain_set_fn function) {
    return hl_on(self, HL_HOOK_RETAIN_SET, (hl_hook_fn)function, 0);
}

static inline hl_status hl_on_retain_get(hl_self *self, hl_retain_get_fn function) {
    return hl_on(self, HL_HOOK_RETAIN_GET, (hl_hook_fn)function, 0);
}

/* hook: HL_HOOK_NOTIFY_*. */
static inline hl_status hl_on_notify(hl_self *self, uint32_t hook, hl_notify_fn function) {
    return hl_on(self, hook, (hl_hook_fn)function, 0);
}

/* ---- the call ---- */

static inline const hl_connect *hl_call_connect(const hl_call *call) { return (const hl_connect *)call->input; }
static inline const hl_exchange *hl_call_exchange(const hl_call *call) { return (const hl_exchange *)call->input; }
static inline const hl_subscribe *hl_call_subscribe(const hl_call *call) { return (const hl_subscribe *)call->input; }
static inline const hl_msg *hl_call_msg(const hl_call *call) { return (const hl_msg *)call->input; }

static inline hl_token hl_pend(hl_call *call) { return call->api->pend(call); }

/* Return its result from the hook: HL_PENDING, or HL_ERROR without an executor. */
static inline hl_verdict hl_defer(hl_call *call, hl_deferred_fn function) {
    return call->self->executor ? call->self->executor->defer(call, function) : HL_ERROR;
}

static inline hl_status hl_complete(hl_call *call, hl_verdict verdict) { return call->api->complete(call, verdict); }

static inline hl_status hl_complete_token(hl_self *self, hl_token token, hl_verdict verdict, const hl_answer *answer) {
    return self->core->complete(self, token, verdict, answer);
}

/* HL_DENY with the rule that decided, for the log. */
static inline hl_verdict hl_deny(hl_call *call, const char *rule) {
    call->api->set_rule(call, hl_str(rule));
    return HL_DENY;
}

static inline const hl_receiver *hl_delivery_receiver(const hl_delivery *delivery, uint32_t index) {
    const uint8_t *base = (const uint8_t *)delivery->receivers;
    return (const hl_receiver *)(const void *)(base + (uint64_t)index * delivery->receiver_stride);
}

static inline void hl_delivery_deny(const hl_delivery *delivery, uint32_t index) {
    delivery->deny[index / 64] |= (uint64_t)1 << (index % 64);
}

static inline void hl_delivery_allow(const hl_delivery *delivery, uint32_t index) {
    delivery->allow[index / 64] |= (uint64_t)1 << (index % 64);
}

/* ---- messages ---- */

/* Takes the next level off the front of a topic or filter; 0 when there is none. An empty level is one.
 *
 *   hl_view rest = msg->topic, level;
 *   while (hl_topic_next_level(&rest, &level)) ...
 */
static inline int hl_topic_next_level(hl_view *rest, hl_view *level) {
    uint64_t end = 0;
    if (!rest->ptr) return 0;
    while (end < rest->len && rest->ptr[end] != '/') end++;
    level->ptr = rest->ptr;
    level->len = end;
    if (end < rest->len) {
        rest->ptr += end + 1;
        rest->len -= end + 1;
    } else {
        rest->ptr = 0;
        rest->len = 0;
    }
    return 1;
}

/* A message as one to publish: a clone, to be changed and given to publish/1. Its views are those of msg. now: of the
 * call, for what is left of its time; a message that has none left expires a second later. */
static inline hl_publication hl_publication_like(const hl_msg *msg, hl_time now) {
    hl_publication publication;
    memset(&publication, 0, sizeof publication);
    publication.struct_size = sizeof publication;
    publication.flags = msg->flags & HL_MSG_RETAIN ? HL_RETAIN : 0;
    publication.topic = msg->topic;
    publication.payload = msg->payload;
    publication.properties = msg->properties;
    publication.qos = msg->qos;
    if (msg->expires != HL_NEVER)
        publication.expiry = msg->expires <= now ? 1 : (uint32_t)((msg->expires - now + 999999999) / 1000000000);
    return publication;
}

/* ---- services ---- */

/* flags: 0, HL_RETAIN, HL_TO_OWN_HOOKS. Everything is copied. */
static inline hl_status hl_publish(hl_self *self, hl_view topic, const void *payload, uint64_t size, uint32_t qos,
                                   uint32_t flags) {
    hl_publication publication;
    if (!self->publish) return HL_UNAVAILABLE;
    memset(&publication, 0, sizeof publication);
    publication.struct_size = sizeof publication;
    publication.flags = flags;
    publication.topic = topic;
    publication.payload = hl_bytes(payload, size);
    publication.qos = qos;
    return self->publish->publish(self, &publication);
}

static inline const hl_msg *hl_batch_msg(const hl_batch *batch, uint32_t index) {
    return (const hl_msg *)(const void *)((const uint8_t *)batch->msgs + (uint64_t)index * batch->stride);
}

static inline const hl_session_info *hl_session_at(const hl_session_list *list, uint32_t index) {
    return (const hl_session_info *)(const void *)((const uint8_t *)list->sessions + (uint64_t)index * list->stride);
}

static inline const hl_subscription *hl_subscription_at(const hl_subscription_list *list, uint32_t index) {
    const uint8_t *base = (const uint8_t *)list->subscriptions;
    return (const hl_subscription *)(const void *)(base + (uint64_t)index * list->stride);
}

static inline const hl_sample *hl_sample_at(const hl_sample_list *list, uint32_t index) {
    return (const hl_sample *)(const void *)((const uint8_t *)list->samples + (uint64_t)index * list->stride);
}

static inline const hl_span_data *hl_span_at(const hl_span_list *list, uint32_t index) {
    return (const hl_span_data *)(const void *)((const uint8_t *)list->spans + (uint64_t)index * list->stride);
}

/* Messages whose topic matches the filter, in batches on a worker, with the default bounds. */
static inline hl_status hl_consume(hl_self *self, hl_view filter, hl_batch_fn function, void *user) {
    hl_consumer_options options;
    if (!self->consume) return HL_UNAVAILABLE;
    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.filters = &filter;
    options.filter_count = 1;
    return self->consume->open(self, &options, function, user, 0);
}

/* The series without labels of a metric; NULL when there is none. */
static inline hl_series *hl_metric_define(hl_self *self, uint32_t kind, const char *name, const char *help) {
    hl_metric_spec spec;
    hl_metric *metric = 0;
    if (!self->metrics) return 0;
    memset(&spec, 0, sizeof spec);
    spec.struct_size = sizeof spec;
    spec.kind = kind;
    spec.name = hl_str(name);
    spec.help = hl_str(help);
    if (self->metrics->define(self, &spec, &metric) != HL_OK) return 0;
    return self->metrics->series(metric, 0, 0);
}

/* A service by "name/REV", to be cast to its table; NULL when absent or not granted. */
static inline const void *hl_service(hl_self *self, const char *name) {
    return self->core->get_service(self, hl_str(name));
}

static inline void hl_log(hl_self *self, uint32_t level, const char *event, const char *message) {
    if (self->log) self->log->write(self, level, hl_str(event), hl_str(message), 0, 0);
}

/* Formats on the plugin's side of the line, at most 1023 bytes, and only if the level is on. */
#if defined(__GNUC__)
__attribute__((format(printf, 4, 5)))
#endif
static inline void hl_logf(hl_self *self, uint32_t level, const char *event, const char *format, ...) {
    char text[1024];
    va_list arguments;
    int size;
    if (!self->log || !self->log->enabled(self, level)) return;
    va_start(arguments, format);
    size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (size < 0) return;
    if (size > (int)sizeof text - 1) size = (int)sizeof text - 1;
    self->log->write(self, level, hl_str(event), hl_bytes(text, (uint64_t)size), 0, 0);
}

static inline hl_status hl_submit(hl_self *self, hl_work_fn function, void *user) {
    return self->executor ? self->executor->submit(self, function, user) : HL_UNAVAILABLE;
}

static inline hl_status hl_every(hl_self *self, int64_t period_ns, hl_work_fn function, void *user) {
    return self->timer ? self->timer->start(self, period_ns, period_ns, function, user, 0) : HL_UNAVAILABLE;
}

static inline hl_status hl_after(hl_self *self, int64_t delay_ns, hl_work_fn function, void *user) {
    return self->timer ? self->timer->start(self, delay_ns, 0, function, user, 0) : HL_UNAVAILABLE;
}

static inline hl_status hl_watch_file(hl_self *self, hl_view path, hl_work_fn function, void *user) {
    return self->watch ? self->watch->add(self, path, function, user, 0) : HL_UNAVAILABLE;
}

#ifdef __cplusplus
}
#endif

#endif
