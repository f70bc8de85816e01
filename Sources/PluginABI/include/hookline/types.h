/*
 * hookline/types.h - words that every other header uses: views, verdicts, statuses, times.
 *
 * Rules of the whole interface (the reasons are in docs/plugins.md):
 *  - only fixed-width integers, double, pointers and hl_view cross the line; a truth value is a uint32_t, 0 or 1;
 *  - every struct starts with struct_size and flags; read a field only if it ends within struct_size (HL_HAS);
 *  - a table only ever grows at its end; an entry never changes its meaning;
 *  - every function says on which thread it may be called:
 *      [init]     inside create or start          [control]  one at a time per instance, outside hooks
 *      [hook]     inside a hook call only         [loop]     an event loop: must not block
 *      [worker]   a worker thread: may block      [any]      any thread, any time between create and destroy
 *  - every pointer says who owns it and how long it lives. What a plugin gives to a function is looked at, and copied,
 *    during that call; what a plugin is given is valid until it returns; both unless it says otherwise beside it.
 *    A pointer called `state` or `user` is the plugin's own: the host never looks behind it, and hands it back.
 */
#ifndef HOOKLINE_TYPES_H
#define HOOKLINE_TYPES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of these headers. The host loads every plugin of the same major whose minor is not newer than its own. */
#define HL_ABI_MAJOR 1u
#define HL_ABI_MINOR 0u

/* What the plugin asks of its host, as major * 10000 + minor. Set it before including a header to keep a plugin
 * loadable by older hosts: what is newer than the target is hidden, so a rebuild never claims more than it uses. */
#ifndef HL_TARGET
#define HL_TARGET 10000
#endif
#if HL_TARGET / 10000 != 1
#error "HL_TARGET names another major version; these headers are for 1 (10000 to 19999)"
#endif
#if HL_TARGET % 10000 > 0
#error "HL_TARGET is newer than these headers (1.0); install newer hookline headers or lower it"
#endif
#define HL_TARGET_MINOR ((uint32_t)(HL_TARGET % 10000))

/* Bytes of somebody else: not NUL-terminated, may contain NUL. ptr may be NULL when len is 0. Frozen for ever. */
typedef struct hl_view {
    const uint8_t *ptr;
    uint64_t len;
} hl_view;

/* Nanoseconds. A point in time is on the host's monotonic clock unless its name says "wall" (since 1970, UTC). */
typedef int64_t hl_time;
#define HL_NEVER 0x7fffffffffffffff

/* Names one call that was answered HL_PENDING, for ever: never reused, never a pointer, never 0. */
typedef uint64_t hl_token;

/* What a function of the host, or a life-cycle function of a plugin, has to say. */
typedef uint32_t hl_status;
#define HL_OK 0u
#define HL_FAILED 1u       /* see the log */
#define HL_INVALID 2u      /* an argument breaks a rule of the interface */
#define HL_NO_MEMORY 3u
#define HL_UNAVAILABLE 4u  /* the service is absent or was not granted */
#define HL_NOT_OFFERED 5u  /* a known hook that this host does not call (yet): the plugin would never hear of it */
#define HL_UNKNOWN 6u      /* an id that is in no registry this host knows */
#define HL_BUSY 7u         /* a bounded queue is full; nothing was done */
#define HL_STALE 8u        /* the token was completed before, or was never given out */
#define HL_EXPIRED 9u      /* the deadline of the token has passed; the failure verdict was used */
#define HL_CANCELLED 10u   /* the client of the token went away */
#define HL_NOT_ALLOWED 11u /* wrong thread, wrong phase of life, or a setter that this hook does not have */
#define HL_REFUSED 12u     /* the plugin does not accept this configuration */
#define HL_NOT_FOUND 13u
#define HL_CONFLICT 14u    /* somebody else has it, or it is not as expected */
#define HL_LIMIT 15u       /* a bound is reached; see the function */
#define HL_NO_SPACE 16u    /* the disk or a quota is full */
#define HL_IO_ERROR 17u    /* the disk failed */
#define HL_DAMAGED 18u     /* what is stored contradicts itself */

/* What a hook answers. Which verdicts a hook has stands beside it in hooks.h; any other one counts as HL_ERROR. */
typedef uint32_t hl_verdict;
#define HL_ABSTAIN 0u /* no opinion: the next plugin decides */
#define HL_ALLOW 1u
#define HL_DENY 2u    /* final at every stage: nothing later in the chain can turn it over */
#define HL_PENDING 3u /* hl_complete will bring the verdict; only after hl_pend or hl_defer */
#define HL_ERROR 4u   /* the hook failed: the failure verdict of the hook is used and counted */
#define HL_REPLACE 5u /* messages: go on with the edits made through the call */
#define HL_DROP 6u    /* messages: acknowledge, but do not deliver */
#define HL_CONTINUE 7u /* auth.exchange: send the data of the call to the client and wait for its next AUTH */

/* Where a message comes from; also a bit (1 << origin) in hl_interest.origins. */
#define HL_ORIGIN_CLIENT 0u
#define HL_ORIGIN_BRIDGE 1u
#define HL_ORIGIN_PLUGIN 2u
#define HL_ORIGIN_WILL 3u
#define HL_ORIGIN_RETAINED 4u
#define HL_ORIGIN_REPLAY 5u

/* True if the struct behind the pointer is long enough to have the field (see struct_size). */
#define HL_HAS(pointer, type, field) \
    ((pointer)->struct_size >= (uint32_t)(offsetof(type, field) + sizeof(((type *)0)->field)))

typedef struct hl_self hl_self;
typedef struct hl_call hl_call;
typedef struct hl_config hl_config;

#ifdef __cplusplus
}
#endif

#endif
