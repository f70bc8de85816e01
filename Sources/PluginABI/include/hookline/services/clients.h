/*
 * hookline/services/clients.h - client/1 and subs/1: who is connected, and what they subscribe to.
 *
 * Questions are answered by the event loops: the function given is called once, on a worker [worker], unless the
 * instance stops before that. What it is given belongs to the host and is valid until it returns.
 */
#ifndef HOOKLINE_SERVICES_CLIENTS_H
#define HOOKLINE_SERVICES_CLIENTS_H

#include "../message.h"
#include "../types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HL_SESSION_CONNECTED 0x1u
#define HL_SESSION_PERSISTENT 0x2u /* outlives its connection */

/* A session. Arrays of it carry count and stride, so that it may grow. */
typedef struct hl_session_info {
    uint32_t struct_size;
    uint32_t flags;    /* HL_SESSION_* */
    hl_view client_id;
    const hl_client *client; /* NULL while it is not connected */
    hl_time connected_at;    /* monotonic; 0 while it is not connected */
    uint32_t keep_alive;     /* seconds; 0 = none */
    uint32_t session_expiry; /* seconds; UINT32_MAX = never */
    uint32_t subscriptions;
    uint32_t inflight;       /* QoS 1 and 2 messages under way to it */
    uint64_t queued;         /* messages that wait for it */
    uint32_t protocol;       /* 4 = MQTT 3.1.1, 5 = MQTT 5.0 */
    uint32_t shard;          /* its event loop */
} hl_session_info;

/* The answer to a question about sessions. */
typedef struct hl_session_list {
    uint32_t struct_size;
    uint32_t flags;
    hl_status status; /* HL_OK; get: HL_NOT_FOUND */
    uint32_t count;
    const hl_session_info *sessions; /* stride bytes apart: use hl_session_at */
    uint32_t stride;
    uint32_t reserved;
    uint64_t next; /* the cursor of the next page; 0: this was the last */
} hl_session_list;

typedef void (*hl_session_list_fn)(void *state, void *user, const hl_session_list *list);

/* done of a change: HL_OK or HL_NOT_FOUND. */
typedef void (*hl_done_fn)(void *state, void *user, hl_status status);

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
    /* The session of a client id, online or not. */
    hl_status (*get)(hl_self *self, hl_view client_id, hl_session_list_fn function, void *user);
    /* A page of all sessions: cursor 0 begins, then what next said; limit 1 to 1,000. A session that lives from the
     * first page to the last is told exactly once. */
    hl_status (*list)(hl_self *self, uint64_t cursor, uint32_t limit, hl_session_list_fn function, void *user);
    /* Disconnects the client, if it is connected, and ends its session with everything in it. done may be NULL. */
    hl_status (*end_session)(hl_self *self, hl_view client_id, uint32_t reason_code, hl_done_fn done, void *user);
    /* Who is behind a connection from now on; forgets its cached verdicts. done may be NULL. */
    hl_status (*set_identity)(hl_self *self, uint64_t connection, hl_view username, const hl_view *groups,
                              uint32_t group_count, hl_view account, hl_done_fn done, void *user);
} hl_client_v1;

/* A subscription. Arrays of it carry count and stride. */
typedef struct hl_subscription {
    uint32_t struct_size;
    uint32_t flags; /* HL_SUBSCRIBE_NO_LOCAL, HL_SUBSCRIBE_RETAIN_AS_PUBLISHED */
    hl_view client_id;
    hl_view filter;      /* without the $share/{group}/ in front */
    hl_view share_group; /* empty when not shared */
    uint32_t qos;
    uint32_t retain_handling;
    uint32_t subscription_id; /* 0 = none */
    uint32_t reserved;
} hl_subscription;

typedef struct hl_subscription_list {
    uint32_t struct_size;
    uint32_t flags;
    hl_status status; /* HL_OK; of_client: HL_NOT_FOUND */
    uint32_t count;
    const hl_subscription *subscriptions; /* stride bytes apart: use hl_subscription_at */
    uint32_t stride;
    uint32_t reserved;
    uint64_t next; /* the cursor of the next page; 0: this was the last */
} hl_subscription_list;

typedef void (*hl_subscription_list_fn)(void *state, void *user, const hl_subscription_list *list);

/* subs/1 [any] */
typedef struct hl_subs_v1 {
    uint32_t struct_size;
    uint32_t flags;
    /* All subscriptions of one client. */
    hl_status (*of_client)(hl_self *self, hl_view client_id, hl_subscription_list_fn function, void *user);
    /* A page of the subscriptions of all sessions: pages are made of whole sessions, at least one, at most limit (1 to
     * 1,000) of them. cursor as in client/1. */
    hl_status (*list)(hl_self *self, uint64_t cursor, uint32_t limit, hl_subscription_list_fn function, void *user);
    /* As list, only those whose filter matches this topic name. */
    hl_status (*matching)(hl_self *self, hl_view topic, uint64_t cursor, uint32_t limit,
                          hl_subscription_list_fn function, void *user);
} hl_subs_v1;

#ifdef __cplusplus
}
#endif

#endif
