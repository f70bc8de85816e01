/*
 * hookline/services/publish.h - publish/1: messages of a plugin.
 */
#ifndef HOOKLINE_SERVICES_PUBLISH_H
#define HOOKLINE_SERVICES_PUBLISH_H

#include "../call.h"
#include "../types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HL_RETAIN 0x1u          /* as retained message */
#define HL_TO_OWN_HOOKS 0x2u    /* hooks and consumers of this instance see it too */

/* What became of a publication. status: HL_OK: it passed the hooks and was routed: it is in the sessions of its
 * receivers, and in the store of retained messages if it is one. That is not waiting for a disk: whoever needs to know
 * that a message is durable publishes it at QoS 1 over a connection. HL_NOT_FOUND: as_client is not connected;
 * HL_NOT_ALLOWED: refused, see reason_code (an MQTT reason code, as a PUBACK would carry it; 0x10 with HL_OK: nobody
 * subscribes). Runs on a worker [worker], once, unless the instance stops before that. */
typedef void (*hl_published_fn)(void *state, void *user, hl_status status, uint32_t reason_code);

/* What became of a publication at its receivers; a shared group is one. Owner: host; valid until the function returns.
 * matched = sent + queued + denied + dropped. */
typedef struct hl_publish_report {
    uint32_t struct_size;
    uint32_t flags;
    hl_status status;     /* as hl_published_fn; HL_IO_ERROR: handed out, but the store could not keep it */
    uint32_t reason_code; /* as hl_published_fn */
    uint64_t id;          /* hl_msg.id of the message; 0 when it was not let in */
    uint64_t matched;     /* receivers it was meant for */
    uint64_t sent;        /* to clients that are online */
    uint64_t queued;      /* in sessions that are offline or have enough under way, and groups without a free member */
    uint64_t denied;      /* acl.deliver kept it from them */
    uint64_t dropped;     /* a bound or a rule kept it from them: notify.dropped and the log say which */
    hl_view rule;         /* HL_NOT_ALLOWED: the rule that refused it, such as "acl.yaml:9": not for everybody's eyes */
} hl_publish_report;

/* Runs on a worker [worker], once, unless the instance stops before that: when every event loop has handed the message
 * out and, with a store, when what it must keep of the message is durable. What it says may be passed on as an
 * acknowledgement.
 *
 *   static void told(void *state, void *user, const hl_publish_report *r) {
 *       answer((request *)user, r->status == HL_OK ? 200 : 403, r->matched, r->sent, r->queued, r->denied);
 *   }
 */
typedef void (*hl_report_fn)(void *state, void *user, const hl_publish_report *report);

/* What publish/1 takes. Owner: plugin; everything is copied. */
typedef struct hl_publication {
    uint32_t struct_size;
    uint32_t flags; /* HL_RETAIN, HL_TO_OWN_HOOKS */
    hl_view topic;
    hl_view payload;
    hl_view properties; /* wire form, see properties.h */
    uint32_t qos;
    uint32_t expiry; /* seconds; 0 = never */
    hl_call *cause;  /* [hook] the call this answers: its hops are counted on; NULL otherwise */
    hl_view as_client; /* client id of a connected client: published in its name, with its rights; empty: as broker */
    hl_published_fn done; /* NULL: nobody wants to know */
    void *user;           /* of done and report */
    hl_report_fn report;  /* NULL: nobody wants to know the numbers. Called after done, if both are given, which then
                             waits for the numbers as well */
} hl_publication;

/* publish/1 [any] Queued; runs through the hooks and the routing like every message. HL_BUSY: too many publications
 * of this instance are under way (4,096), or the queue is full; nothing was taken. HL_INVALID: not a topic, or too
 * large. A chain of more than 8 publishes caused by publishes is dropped and logged. */
typedef struct hl_publish_v1 {
    uint32_t struct_size;
    uint32_t flags;
    hl_status (*publish)(hl_self *self, const hl_publication *publication);
    /* Back-pressure: runs function once on a worker when at most half of the publications are under way, perhaps at
     * once. Call it after HL_BUSY, and publish on from there. */
    hl_status (*when_ready)(hl_self *self, void (*function)(void *state, void *user), void *user);
    /* Publications under way. */
    uint32_t (*under_way)(hl_self *self);
} hl_publish_v1;

#ifdef __cplusplus
}
#endif

#endif
