/*
 * hookline/host.h - what the host does for a plugin: the services, each a table with a revision of its own.
 *
 * hl_self has a field for each standard service; others come by name through core->get_service. A service that is
 * absent or not granted is NULL; one that the description requires is never NULL. No service calls back into the same
 * instance on the same stack. All tables belong to the host and live until destroy.
 */
#ifndef HOOKLINE_HOST_H
#define HOOKLINE_HOST_H

#include "hooks.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HL_HEALTH_READY 0u
#define HL_HEALTH_STARTING 1u
#define HL_HEALTH_DEGRADED 2u
#define HL_HEALTH_FAILED 3u

/* core/1: always there. */
typedef struct hl_core_v1 {
    uint32_t struct_size;
    uint32_t flags;
    /* [any] Zeroed memory of the instance: freed by the host after destroy. Not for per-call data. */
    void *(*alloc)(hl_self *self, uint64_t size);
    /* [init] Asks for a hook. interest may be NULL: everything. out may be NULL. */
    hl_status (*register_hook)(hl_self *self, uint32_t hook, hl_hook_fn function, const hl_interest *interest,
                               hl_registration *out);
    /* [any & started] Replaces the interest, or ends the registration (interest == NULL). Takes effect when every
     * event loop has taken the new hook table, a moment later. */
    hl_status (*update_interest)(hl_self *self, hl_registration registration, const hl_interest *interest);
    /* [any] HL_OK, HL_NOT_OFFERED or HL_UNKNOWN for a hook id. */
    hl_status (*hook_status)(hl_self *self, uint32_t hook);
    /* [any] A table by "name/REV"; NULL when absent or not granted. */
    const void *(*get_service)(hl_self *self, hl_view name);
    /* [any] Answers a pended call, exactly once: HL_OK, HL_STALE, HL_EXPIRED or HL_CANCELLED. answer may be NULL. */
    hl_status (*complete)(hl_self *self, hl_token token, hl_verdict verdict, const hl_answer *answer);
    /* [any] What `status` and /ready say about this instance (copied). */
    void (*set_health)(hl_self *self, uint32_t health, hl_view text);
    /* [init] Why create, start or start_shard is about to fail (copied). */
    void (*fail)(hl_self *self, hl_view message);
} hl_core_v1;

#define HL_LOG_ERROR 1u
#define HL_LOG_WARN 2u
#define HL_LOG_INFO 3u
#define HL_LOG_DEBUG 4u
#define HL_LOG_TRACE 5u

/* A key and a value of a log line. Frozen. */
typedef struct hl_field {
    hl_view key;
    hl_view value;
} hl_field;

/* log/1 [any] */
typedef struct hl_log_v1 {
    uint32_t struct_size;
    uint32_t flags;
    uint32_t (*enabled)(hl_self *self, uint32_t level);
    /* event: one word with dots, for machines ("geo.lookup_failed"); message: for people. All copied. */
    void (*write)(hl_self *self, uint32_t level, hl_view event, hl_view message, const hl_field *fields,
                  uint32_t field_count);
} hl_log_v1;

#define HL_RETAIN 0x1u          /* as retained message */
#define HL_TO_OWN_HOOKS 0x2u    /* hooks of this instance see it too */

/* What publish/1 takes. Owner: plugin; everything is copied. */
typedef struct hl_publication {
    uint32_t struct_size;
    uint32_t flags; /* HL_RETAIN, HL_TO_OWN_HOOKS */
    hl_view topic;
    hl_view payload;
    hl_view properties; /* wire form */
    uint32_t qos;
    uint32_t expiry; /* seconds; 0 = never */
    hl_call *cause;  /* [hook] the call this answers: its hops are counted on; NULL otherwise */
} hl_publication;

/* publish/1 [any] Queued; runs through the hooks and the routing like every message. HL_BUSY: the queue is full.
 * HL_INVALID: not a topic, or too large. A chain of more than 8 publishes caused by publishes is dropped and logged. */
typedef struct hl_publish_v1 {
    uint32_t struct_size;
    uint32_t flags;
    hl_status (*publish)(hl_self *self, const hl_publication *publication);
} hl_publish_v1;

/* A piece of work, a timer or a file change: state is the instance's, user what was given. */
typedef void (*hl_work_fn)(void *state, void *user);

/* executor/1 */
typedef struct hl_executor_v1 {
    uint32_t struct_size;
    uint32_t flags;
    /* [hook] Pends the call and runs function on a worker. Returns HL_PENDING, or HL_ERROR when the call may not
     * pend or the queue is full: return it from the hook. */
    hl_verdict (*defer)(hl_call *call, hl_deferred_fn function);
    /* [any] Runs function on a worker. HL_BUSY when the queue is full. Work that has not begun at stop is dropped. */
    hl_status (*submit)(hl_self *self, hl_work_fn function, void *user);
} hl_executor_v1;

typedef uint64_t hl_timer;

/* timer/1 [any]; the function runs on a worker, never at the same time as itself. */
typedef struct hl_timer_v1 {
    uint32_t struct_size;
    uint32_t flags;
    /* period_ns 0: once. */
    hl_status (*start)(hl_self *self, int64_t delay_ns, int64_t period_ns, hl_work_fn function, void *user,
                       hl_timer *out);
    /* Once it has returned, the function does not begin any more (it may still be running). */
    hl_status (*stop)(hl_self *self, hl_timer timer);
} hl_timer_v1;

/* clock/1 [any] */
typedef struct hl_clock_v1 {
    uint32_t struct_size;
    uint32_t flags;
    hl_time (*monotonic)(hl_self *self);
    int64_t (*wall)(hl_self *self); /* nanoseconds since 1970, UTC */
} hl_clock_v1;

/* random/1 [any] Fit for secrets. */
typedef struct hl_random_v1 {
    uint32_t struct_size;
    uint32_t flags;
    void (*fill)(hl_self *self, void *bytes, uint64_t size);
} hl_random_v1;

typedef uint64_t hl_watch;

/* watch/1 [any]; the function runs on a worker when the file may have changed: read it and compare. */
typedef struct hl_watch_v1 {
    uint32_t struct_size;
    uint32_t flags;
    hl_status (*add)(hl_self *self, hl_view path, hl_work_fn function, void *user, hl_watch *out);
    hl_status (*remove)(hl_self *self, hl_watch watch);
} hl_watch_v1;

/* client/1 [any]; takes effect at the next turn of the event loop concerned. connection 0: all of them. */
typedef struct hl_client_v1 {
    uint32_t struct_size;
    uint32_t flags;
    /* Forgets cached verdicts. */
    hl_status (*revoke)(hl_self *self, uint64_t connection);
    /* revoke, and asks acl.subscribe about each live subscription again (HL_SUBSCRIBE_RECHECK): those denied end. */
    hl_status (*recheck)(hl_self *self, uint64_t connection);
    /* Disconnects with an MQTT reason code; not for connection 0. */
    hl_status (*kick)(hl_self *self, uint64_t connection, uint32_t reason_code);
    hl_status (*kick_client_id)(hl_self *self, hl_view client_id, uint32_t reason_code);
} hl_client_v1;

/* topic/1 [any]; results are 0 or 1. */
typedef struct hl_topic_v1 {
    uint32_t struct_size;
    uint32_t flags;
    uint32_t (*matches)(hl_self *self, hl_view filter, hl_view topic);
    uint32_t (*valid_topic)(hl_self *self, hl_view topic);
    uint32_t (*valid_filter)(hl_self *self, hl_view filter);
    uint32_t (*covers)(hl_self *self, hl_view wider, hl_view narrower); /* every topic of narrower is in wider */
} hl_topic_v1;

/* The plugin's end of the host. Owner: host; valid from create until destroy. */
struct hl_self {
    uint32_t struct_size;
    uint32_t flags;
    hl_view name;         /* the id of the instance in plugins.yaml */
    uint32_t generation;  /* counts loads of this instance, from 1 */
    uint32_t shard_count; /* event loops */
    void *host;           /* the host's own */
    const hl_core_v1 *core;
    const hl_log_v1 *log;
    const hl_publish_v1 *publish;
    const hl_executor_v1 *executor;
    const hl_timer_v1 *timer;
    const hl_clock_v1 *clock;
    const hl_random_v1 *random;
    const hl_watch_v1 *watch;
    const hl_client_v1 *client;
    const hl_topic_v1 *topic;
};

#ifdef __cplusplus
}
#endif

#endif
