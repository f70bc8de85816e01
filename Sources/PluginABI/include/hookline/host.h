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
#include "services/administration.h"
#include "services/clients.h"
#include "services/connection.h"
#include "services/consume.h"
#include "services/http.h"
#include "services/introspection.h"
#include "services/kv.h"
#include "services/log.h"
#include "services/message.h"
#include "services/metrics.h"
#include "services/provide.h"
#include "services/publish.h"
#include "services/retained.h"
#include "services/state.h"
#include "services/store.h"
#include "services/topic.h"
#include "services/trace.h"
#include "services/work.h"
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

/* The broker keeps nothing and takes no port of its configuration (--ephemeral): a plugin that listens does so on a
 * free port of 127.0.0.1 and tells it with http_server/1. */
#define HL_SELF_EPHEMERAL 0x1u

/* The plugin's end of the host. Owner: host; valid from create until destroy. */
struct hl_self {
    uint32_t struct_size;
    uint32_t flags;       /* HL_SELF_* */
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
    const hl_consume_v1 *consume;
    const hl_subs_v1 *subs;
    const hl_retained_v1 *retained;
    const hl_kv_v1 *kv;
    const hl_http_v1 *http;
    const hl_metrics_v1 *metrics;
    const hl_trace_v1 *trace;
    const hl_state_v1 *handover; /* state/1 */
    const hl_reactor_v1 *reactor;
    const hl_provide_v1 *provide;
    const hl_abi_v1 *abi;
    const hl_thread_check_v1 *thread_check;
    const hl_message_v1 *message;
    /* Only for plugins that list them as required or optional, and by get_service: http_server/1, administration/1,
     * connection/1. */
};

#ifdef __cplusplus
}
#endif

#endif
