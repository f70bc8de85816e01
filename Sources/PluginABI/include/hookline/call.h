/*
 * hookline/call.h - the call a hook is in: how to say more than a verdict, and how to answer later.
 */
#ifndef HOOKLINE_CALL_H
#define HOOKLINE_CALL_H

#include "message.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How far the host may reuse an ALLOW or DENY of acl.publish, acl.subscribe and acl.deliver without asking again. The
 * cache is the host's and is emptied when any plugin is swapped or client/1 revokes. */
#define HL_CACHE_NONE 0u          /* never: the default */
#define HL_CACHE_CLIENT_TOPIC 1u  /* this connection and this topic */
#define HL_CACHE_CLIENT_FILTER 2u /* acl.subscribe: this connection and this filter; elsewhere as ..._TOPIC */
#define HL_CACHE_CLIENT 3u        /* this connection, every topic */

/* Which fields of an answer are set. */
#define HL_ANSWER_REASON 0x0001u
#define HL_ANSWER_RULE 0x0002u
#define HL_ANSWER_CACHE 0x0004u
#define HL_ANSWER_IDENTITY 0x0008u
#define HL_ANSWER_QOS 0x0010u
#define HL_ANSWER_TOPIC 0x0020u
#define HL_ANSWER_PAYLOAD 0x0040u
#define HL_ANSWER_PROPERTIES 0x0080u
#define HL_ANSWER_RETAIN 0x0100u
#define HL_ANSWER_EXPIRY 0x0200u
#define HL_ANSWER_DISCONNECT 0x0400u
#define HL_ANSWER_DATA 0x0800u
#define HL_ANSWER_MEMO 0x1000u
#define HL_ANSWER_EXPIRES_AT 0x2000u
#define HL_ANSWER_SESSION_EXPIRY 0x4000u
#define HL_ANSWER_RECEIVE_MAX 0x8000u
#define HL_ANSWER_KEEP_ALIVE 0x10000u
#define HL_ANSWER_TARGETS 0x20000u /* add_target, remove_target */
#define HL_ANSWER_MOUNT_POINT 0x40000u

/* What set_limit lowers. A value above what is in force changes nothing. */
#define HL_LIMIT_SESSION_EXPIRY 1u /* seconds */
#define HL_LIMIT_RECEIVE_MAX 2u    /* messages under way to the client, 1 to 65,535 */
#define HL_LIMIT_KEEP_ALIVE 3u     /* seconds, 1 to 65,535; MQTT 5.0 clients only, who are told in CONNACK */

/* For select: the edits that follow hold for every receiver. */
#define HL_ALL_RECEIVERS 0xffffffffu

/* Everything a hook can say beside its verdict, in one struct: what the setters below fill, and what goes with
 * a completion. Owner: plugin, on its stack; the host copies during the call. */
typedef struct hl_answer {
    uint32_t struct_size;
    uint32_t flags; /* HL_ANSWER_*: the fields that count */
    uint32_t reason_code;
    uint32_t qos;
    uint32_t cache_scope;
    uint32_t retain;
    int64_t cache_ttl; /* nanoseconds; HL_NEVER until revoked */
    hl_view rule;
    hl_view username;
    hl_view account;
    const hl_view *groups;
    uint32_t group_count;
    uint32_t expiry; /* seconds; UINT32_MAX = never */
    hl_view topic;   /* acl.subscribe: the filter */
    hl_view payload;
    hl_view properties; /* wire form, replaces the whole forwardable block */
    hl_view data;       /* auth.exchange: Authentication Data for the client */
    hl_view memo;       /* auth.exchange: what the next step of this exchange shall be given back */
    hl_time expires_at; /* auth.connect, auth.exchange: monotonic; the connection ends then */
    uint32_t session_expiry; /* as set_limit: seconds */
    uint32_t receive_max;    /* as set_limit */
    uint32_t keep_alive;     /* as set_limit: seconds */
    uint32_t reserved;
    hl_view mount_point; /* as set_mount_point */
} hl_answer;

/* Runs on a worker and may block; must end in hl_complete, or hand call->token to whoever will call complete. call is
 * valid until the function returns, its input until the completion. */
typedef void (*hl_deferred_fn)(void *state, hl_call *call);

/* The table of a call. Setters: [hook], and in a deferred function before its hl_complete; they copy. They answer
 * HL_NOT_ALLOWED when the hook has no use for them. */
typedef struct hl_call_v1 {
    uint32_t struct_size;
    uint32_t flags;
    /* [hook] Promises a later answer; the hook must then return HL_PENDING. 0 when the call may not pend or too many
     * are pending: answer at once. Completing is allowed before the hook has returned. */
    hl_token (*pend)(hl_call *call);
    /* [hook], [worker] Completes the call it is given (pended or deferred) with what the setters said. */
    hl_status (*complete)(hl_call *call, hl_verdict verdict);
    /* MQTT reason code of a refusal; a sensible one is chosen without it. */
    hl_status (*set_reason)(hl_call *call, uint32_t reason_code);
    /* Which rule decided ("acl.yaml:9"): for log and explain, never for the client. */
    hl_status (*set_rule)(hl_call *call, hl_view rule);
    /* acl hooks: see HL_CACHE_*. */
    hl_status (*set_cache)(hl_call *call, uint32_t scope, int64_t ttl_ns);
    /* auth.connect and auth.exchange with HL_ALLOW: who this is. Empty username: as in CONNECT. */
    hl_status (*set_identity)(hl_call *call, hl_view username, const hl_view *groups, uint32_t group_count,
                              hl_view account);
    /* acl.subscribe with HL_ALLOW: grant less than asked. msg.out with HL_REPLACE: send at a lower QoS. */
    hl_status (*set_qos)(hl_call *call, uint32_t qos);
    /* Messages with HL_REPLACE; acl.subscribe with HL_ALLOW (the filter). Checked and authorised again by the host. */
    hl_status (*set_topic)(hl_call *call, hl_view topic);
    /* Messages with HL_REPLACE. */
    hl_status (*set_payload)(hl_call *call, hl_view payload);
    hl_status (*set_properties)(hl_call *call, hl_view properties);
    hl_status (*add_user_property)(hl_call *call, hl_view name, hl_view value);
    hl_status (*set_retain)(hl_call *call, uint32_t retain);
    hl_status (*set_expiry)(hl_call *call, uint32_t seconds);
    /* acl.publish and msg.in with HL_DENY: close the connection too. */
    hl_status (*set_disconnect)(hl_call *call);
    /* Memory that the host frees after the verdict; NULL when there is none. Not zeroed. */
    void *(*alloc)(hl_call *call, uint64_t size);
    /* auth.exchange with HL_CONTINUE or HL_ALLOW: Authentication Data for the client, at most 65,535 bytes. */
    hl_status (*set_data)(hl_call *call, hl_view data);
    /* auth.exchange with HL_CONTINUE: bytes the host gives back with the next step of the exchange, at most 65,535. It
     * keeps them as a secret, and forgets them when the exchange or the connection ends: no table, no clean-up. */
    hl_status (*set_memo)(hl_call *call, hl_view memo);
    /* auth.connect and auth.exchange with HL_ALLOW: when the credentials end (monotonic; clock/1 turns wall time into
     * it). The client is sent DISCONNECT 0xA0 then, unless it has authenticated again. Without it there is no end. */
    hl_status (*set_expires_at)(hl_call *call, hl_time when);
    /* auth.connect, auth.exchange (log-in) and session.open with HL_ALLOW: lowers one HL_LIMIT_*. */
    hl_status (*set_limit)(hl_call *call, uint32_t limit, uint32_t value);
    /* msg.route: the session of this client gets the message at this QoS at most, subscribed or not. At most 256. */
    hl_status (*add_target)(hl_call *call, hl_view client_id, uint32_t qos);
    /* msg.route: the session of this client does not get the message, whatever it has subscribed to. At most 256. */
    hl_status (*remove_target)(hl_call *call, hl_view client_id);
    /* msg.out: which receiver the edits that follow are for: an index of the batch, or HL_ALL_RECEIVERS, which is also
     * what holds before the first select. An edit for one receiver begins with the edits for all made before it. */
    hl_status (*select)(hl_call *call, uint32_t receiver);
    /* auth.connect and auth.exchange (log-in) with HL_ALLOW: puts these bytes before every topic and filter of the
     * client, and takes them away from what it is sent: its tree begins there and it sees nothing else. Hooks, other
     * clients and the log see the whole topic. In the place of the listener's mount_point; at most 1,024 bytes, no
     * wildcard, does not begin with '$'. It ends with '/' unless names are to be prefixed. */
    hl_status (*set_mount_point)(hl_call *call, hl_view mount_point);
    /* Messages with HL_REPLACE, as edited so far: takes remove bytes out of the payload at offset, and puts insert
     * there. HL_INVALID: beyond its end. */
    hl_status (*splice_payload)(hl_call *call, uint64_t offset, uint64_t remove, hl_view insert);
    /* Messages with HL_REPLACE, as edited so far: sets one property that is forwarded and is no user property, in the
     * place of the one that was there. HL_INVALID: not such a property, or not such a value. */
    hl_status (*set_property)(hl_call *call, const hl_property *property);
    /* ... removes every property of this id. HL_NOT_FOUND: there is none. */
    hl_status (*remove_property)(hl_call *call, uint32_t id);
    /* ... puts a user property before the one at index among the user properties, or at the end. */
    hl_status (*insert_user_property)(hl_call *call, uint32_t index, hl_view name, hl_view value);
    /* ... removes every user property of this name. HL_NOT_FOUND: there is none. */
    hl_status (*remove_user_property)(hl_call *call, hl_view name);
} hl_call_v1;

#define HL_CALL_MAY_PEND 0x1u
#define HL_CALL_DEFERRED 0x2u /* this is the call a deferred function was given */

/* One call of one hook. Owner: host; valid until the hook (or the deferred function) returns. */
struct hl_call {
    uint32_t struct_size;
    uint32_t flags; /* HL_CALL_* */
    uint32_t hook;
    uint32_t shard;     /* index of the event loop, 0 ..< self->shard_count */
    hl_time now;        /* monotonic */
    hl_time deadline;   /* monotonic: the time by which an answer is wanted */
    hl_self *self;
    const void *input;  /* the struct of the hook: hl_connect, hl_msg, ... */
    hl_token token;     /* 0 until it pends */
    const hl_call_v1 *api;
    void *host;         /* the host's own */
};

#ifdef __cplusplus
}
#endif

#endif
