/*
 * hookline/services/work.h - executor/1, timer/1, watch/1 and reactor/1: threads that a plugin need not have.
 *
 * All functions given here run on a worker, may block, and are called with the shared state of the instance. What has
 * not begun when the instance stops never begins. out may be NULL for work that is never cancelled.
 *
 *   static void tick(void *state, void *user) { sweep((cache *)state); }
 *   ...
 *   self->timer->start(self, HL_SECONDS(60), HL_SECONDS(60), tick, 0, 0);
 *   self->watch->add(self, hl_config_path(config, "rules"), read_rules, 0, 0);
 *   self->reactor->add(self, socket, HL_FD_READ, readable, connection, &connection->registration);
 */
#ifndef HOOKLINE_SERVICES_WORK_H
#define HOOKLINE_SERVICES_WORK_H

#include "../call.h"
#include "../types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A piece of work, a timer or a file change: state is the instance's, user what was given. */
typedef void (*hl_work_fn)(void *state, void *user);

/* Names one piece of work; 0 is none. */
typedef uint64_t hl_job;

/* executor/1 */
typedef struct hl_executor_v1 {
    uint32_t struct_size;
    uint32_t flags;
    /* [hook] Pends the call and runs function on a worker. Returns HL_PENDING, or HL_ERROR when the call may not
     * pend or the queue is full: return it from the hook. */
    hl_verdict (*defer)(hl_call *call, hl_deferred_fn function);
    /* [any] Runs function on a worker. HL_BUSY when the queue is full. Work that has not begun at stop is dropped. */
    hl_status (*submit)(hl_self *self, hl_work_fn function, void *user);
    /* [any] As submit, with a name to cancel it by. */
    hl_status (*submit_job)(hl_self *self, hl_work_fn function, void *user, hl_job *out);
    /* [any] HL_OK: it will not run. HL_NOT_FOUND: it has begun, has ended or never was. */
    hl_status (*cancel)(hl_self *self, hl_job job);
    /* [any] Runs function on an event loop [loop], in one of its next turns; it must not block. HL_INVALID: no such
     * loop. HL_PER_SHARD: state is that of the loop. */
    hl_status (*run_on_loop)(hl_self *self, uint32_t shard, hl_work_fn function, void *user);
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

typedef uint64_t hl_watch;

/* watch/1 [any]; the function runs on a worker when the file may have changed: read it and compare. */
typedef struct hl_watch_v1 {
    uint32_t struct_size;
    uint32_t flags;
    hl_status (*add)(hl_self *self, hl_view path, hl_work_fn function, void *user, hl_watch *out);
    hl_status (*remove)(hl_self *self, hl_watch watch);
} hl_watch_v1;

/* What a descriptor is waited for, and what it is ready for. */
#define HL_FD_READ 0x1u
#define HL_FD_WRITE 0x2u
#define HL_FD_ERROR 0x4u /* error or hang-up: reported whether waited for or not */

typedef uint64_t hl_fd;

/* ready: HL_FD_*. */
typedef void (*hl_fd_fn)(void *state, void *user, int32_t descriptor, uint32_t ready);

/* reactor/1 [any]: descriptors of the plugin, level triggered. The function runs on a worker, never at the same time
 * as itself for one registration; the descriptor is looked at again when it has returned. */
typedef struct hl_reactor_v1 {
    uint32_t struct_size;
    uint32_t flags;
    /* descriptor stays the plugin's: remove it before it is closed. HL_INVALID: it cannot be waited for. */
    hl_status (*add)(hl_self *self, int32_t descriptor, uint32_t events, hl_fd_fn function, void *user, hl_fd *out);
    hl_status (*update)(hl_self *self, hl_fd registration, uint32_t events);
    /* Once it has returned, the function does not begin any more (it may still be running). */
    hl_status (*remove)(hl_self *self, hl_fd registration);
} hl_reactor_v1;

#ifdef __cplusplus
}
#endif

#endif
