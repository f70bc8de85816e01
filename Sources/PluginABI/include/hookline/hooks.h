/*
 * hookline/hooks.h - the hooks: their ids, their types, the verdicts each of them has, and how to ask for them.
 *
 * The chain of a hook is the order of plugins.yaml. The host runs it: HL_DENY ends it at once and is final;
 * auth.connect ends with the first HL_ALLOW; the acl hooks need every plugin that does not abstain to allow. When all
 * abstain, the configured default holds: deny as soon as an auth or acl plugin is configured.
 */
#ifndef HOOKLINE_HOOKS_H
#define HOOKLINE_HOOKS_H

#include "call.h"
#include "message.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Ids, assigned once and for ever (registry.json is checked against this list). "offered" = this version of the host
 * calls it; asking for any other one of them answers HL_NOT_OFFERED.
 */
#define HL_HOOK_CONN_ACCEPT 1u
#define HL_HOOK_TLS_PSK 2u
#define HL_HOOK_TLS_PEER 3u
#define HL_HOOK_AUTH_CONNECT 4u  /* offered */
#define HL_HOOK_AUTH_EXCHANGE 5u /* offered */
#define HL_HOOK_SESSION_OPEN 6u
#define HL_HOOK_ACL_SUBSCRIBE 7u /* offered */
#define HL_HOOK_ACL_PUBLISH 8u   /* offered */
#define HL_HOOK_ACL_DELIVER 9u   /* offered */
#define HL_HOOK_MSG_IN 10u       /* offered */
#define HL_HOOK_MSG_STORE 11u
#define HL_HOOK_MSG_ROUTE 12u
#define HL_HOOK_MSG_OUT 13u
#define HL_HOOK_WILL_PUBLISH 14u
#define HL_HOOK_RETAIN_SET 15u
#define HL_HOOK_RETAIN_GET 16u
#define HL_HOOK_NOTIFY_CONNECTED 64u    /* offered */
#define HL_HOOK_NOTIFY_DISCONNECTED 65u /* offered */
#define HL_HOOK_NOTIFY_OFFLINE 66u
#define HL_HOOK_NOTIFY_EXPIRED 67u
#define HL_HOOK_NOTIFY_TAKEN_OVER 68u
#define HL_HOOK_NOTIFY_SUBSCRIBED 69u   /* offered */
#define HL_HOOK_NOTIFY_UNSUBSCRIBED 70u /* offered */
#define HL_HOOK_NOTIFY_PUBLISHED 71u    /* offered */
#define HL_HOOK_NOTIFY_ACKED 72u
#define HL_HOOK_NOTIFY_DELIVERED 73u    /* offered: counts */
#define HL_HOOK_NOTIFY_DROPPED 74u      /* offered: counts, by reason */
#define HL_HOOK_NOTIFY_STATS 75u
#define HL_HOOK_ID_LIMIT 128u /* every id is below */

/* auth.connect [loop], may pend, 5 s, on failure deny. HL_ABSTAIN | HL_ALLOW | HL_DENY | HL_PENDING | HL_ERROR.
 * Setters: reason, rule, identity, expires_at. Not called for a client that names an Authentication Method.
 *
 *   static hl_verdict log_in(void *state, hl_call *call, const hl_connect *c) {
 *       return hl_view_equal(c->username, "alice") && hl_view_equal(c->password, "secret") ? HL_ALLOW : HL_ABSTAIN;
 *   }
 */
typedef hl_verdict (*hl_auth_connect_fn)(void *state, hl_call *call, const hl_connect *connect);

/* auth.exchange [loop], may pend, 10 s per step, on failure deny. HL_ABSTAIN (not my method) | HL_CONTINUE | HL_ALLOW |
 * HL_DENY | HL_PENDING | HL_ERROR. Setters: reason, rule, data, memo, identity, expires_at.
 * The first plugin that does not abstain has the exchange: the later steps, and re-authentications, go to it alone. All
 * abstain: the client is refused with 0x8C. A re-authentication may change groups and account, not the user name.
 *
 *   static hl_verdict step(void *state, hl_call *call, const hl_exchange *x) {
 *       if (!hl_view_equal(x->method, "HELLO")) return HL_ABSTAIN;
 *       if (x->step == 0) {
 *           call->api->set_data(call, hl_str("who are you?"));
 *           return HL_CONTINUE;
 *       }
 *       return hl_view_equal(x->data, "a friend") ? HL_ALLOW : HL_DENY;
 *   }
 */
typedef hl_verdict (*hl_auth_exchange_fn)(void *state, hl_call *call, const hl_exchange *exchange);

/* acl.subscribe [loop], may pend, 2 s, on failure deny, once per filter.
 * HL_ABSTAIN | HL_ALLOW | HL_DENY | HL_PENDING | HL_ERROR. Setters: reason, rule, cache, qos, topic (the filter). */
typedef hl_verdict (*hl_acl_subscribe_fn)(void *state, hl_call *call, const hl_subscribe *subscribe);

/* acl.publish [loop], may pend if asked for (HL_INTEREST_MAY_PEND), 1 s, on failure deny.
 * HL_ABSTAIN | HL_ALLOW | HL_DENY | HL_PENDING | HL_ERROR. Setters: reason, rule, cache, disconnect.
 * Also called for wills (origin) at CONNECT and again when they are published. */
typedef hl_verdict (*hl_acl_publish_fn)(void *state, hl_call *call, const hl_msg *msg);

/* acl.deliver [loop], never pends, 20 us per receiver, on failure deny.
 * HL_ABSTAIN | HL_ALLOW | HL_DENY | HL_ERROR, for the receivers whose bits are not set. Setters: rule, cache. */
typedef hl_verdict (*hl_acl_deliver_fn)(void *state, hl_call *call, const hl_delivery *delivery);

/* msg.in [loop], may pend if asked for, 1 s, on failure reject.
 * HL_ABSTAIN (go on) | HL_REPLACE (go on with the edits) | HL_DROP (acknowledge, do not deliver) |
 * HL_DENY (reject) | HL_PENDING | HL_ERROR. Setters: reason, rule, topic, payload, properties, retain, expiry,
 * disconnect. The QoS of an inbound message cannot change. */
typedef hl_verdict (*hl_msg_in_fn)(void *state, hl_call *call, const hl_msg *msg);

/* notify.* [worker], one at a time per instance, in order. Slow ones lose events, counted in event->lost. */
typedef void (*hl_notify_fn)(void *state, hl_call *call, const hl_event *event);

/* Any of the above, as register_hook takes it. */
typedef void (*hl_hook_fn)(void);

#define HL_INTEREST_MAY_PEND 0x1u     /* auth.connect and acl.subscribe may always pend */
#define HL_INTEREST_OWN_PUBLISHES 0x2u /* messages this instance published as well */
#define HL_INTEREST_NO_PAYLOAD 0x4u    /* the payload is not looked at */
#define HL_INTEREST_NO_PROPERTIES 0x8u

/* Which calls are wanted: without a match there is no call. Owner: plugin; copied. Zero means "all" everywhere. */
typedef struct hl_interest {
    uint32_t struct_size;
    uint32_t flags; /* HL_INTEREST_* */
    const hl_view *filters; /* msg.in, acl.publish, acl.deliver, notify.published: topic filters */
    uint32_t filter_count;
    uint32_t listener_count;
    const hl_view *listeners; /* names in plugins.yaml */
    uint32_t origins;  /* bits 1 << HL_ORIGIN_*; 0: all */
    uint32_t qos_mask; /* bits 1 << qos; 0: all */
    uint32_t sampling; /* one in so many; 0 and 1: every one (notify hooks only) */
    uint32_t reserved;
    int64_t deadline; /* nanoseconds; 0: the default of the hook */
} hl_interest;

/* Names one registration; 0 is none. */
typedef uint64_t hl_registration;

#ifdef __cplusplus
}
#endif

#endif
