/*
 * hookline/message.h - what hooks see: clients, messages, subscriptions, deliveries, events.
 *
 * All of it belongs to the host and is read-only. It is valid until the hook returns; when the hook answered
 * HL_PENDING, until hl_complete was called or on_cancel has let go of it. Passwords and AUTH data are wiped then.
 */
#ifndef HOOKLINE_MESSAGE_H
#define HOOKLINE_MESSAGE_H

#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HL_CLIENT_TLS 0x1u
#define HL_CLIENT_WEBSOCKET 0x2u
#define HL_CLIENT_ANONYMOUS 0x4u /* let in without credentials because the listener allows it */
#define HL_CLIENT_BRIDGE 0x8u

/* A connection and who is behind it. groups and account come from the plugin that answered auth.connect. */
typedef struct hl_client {
    uint32_t struct_size;
    uint32_t flags;      /* HL_CLIENT_* */
    uint64_t connection; /* never reused while the broker runs */
    hl_view client_id;   /* the effective one, also when the server assigned it */
    hl_view username;    /* the identity: may differ from what CONNECT said */
    hl_view address;     /* "10.0.0.7:51234", "[::1]:51234" or "unix" */
    hl_view listener;    /* its name in plugins.yaml */
    hl_view account;
    const hl_view *groups;
    uint32_t group_count;
    uint32_t protocol;    /* 4 = MQTT 3.1.1, 5 = MQTT 5.0 */
    hl_view certificate;  /* identity of the client certificate: common or alternative name, as the listener says, or
                             what tls.peer has set; empty without one */
    hl_view subject;      /* of that certificate: "CN=sensor-7,O=Example" as in RFC 4514; empty without one */
    hl_view fingerprint;  /* SHA-256 of that certificate in DER, 32 bytes; empty without one */
    hl_view certificate_der; /* the certificate itself, in hooks until the client has been let in (tls.peer,
                             auth.connect, auth.exchange of a log-in); empty later and without one */
    hl_view psk_identity; /* the name beside the pre-shared key it has proved to have; empty without one */
    hl_view mount_point;  /* what stands before all its topics and filters, and it does not see; empty without one */
} hl_client;

/* A network connection that was just accepted: nothing has been read from it. */
typedef struct hl_accept {
    uint32_t struct_size;
    uint32_t flags; /* HL_CLIENT_TLS, HL_CLIENT_WEBSOCKET */
    uint64_t connection;
    hl_view address;
    hl_view listener;
} hl_accept;

/* A TLS client that offers a pre-shared key. */
typedef struct hl_psk {
    uint32_t struct_size;
    uint32_t flags;
    hl_view identity; /* what the client calls itself; nobody has proved it yet */
    hl_view address;
    hl_view listener;
} hl_psk;

#define HL_PEER_VERIFIED 0x1u /* the certificate chains to an authority of the listener: always, others are refused */

/* The certificate of a TLS client, after the handshake and before CONNECT. */
typedef struct hl_peer {
    uint32_t struct_size;
    uint32_t flags; /* HL_PEER_* */
    const hl_client *client; /* without client id and user name */
    hl_view subject;         /* "CN=sensor-7,O=Example" as in RFC 4514 */
    hl_view common_name;
    hl_view certificate;     /* DER */
    hl_view fingerprint;     /* SHA-256 of it, 32 bytes */
} hl_peer;

#define HL_TRACE_SAMPLED 0x1u /* spans of this trace are kept */

/* The span a message is handled in, as W3C trace context has it. Frozen. */
typedef struct hl_trace_context {
    uint8_t trace_id[16];
    uint8_t span_id[8];
    uint32_t flags; /* HL_TRACE_* */
    uint32_t reserved;
} hl_trace_context;

#define HL_MSG_RETAIN 0x1u
#define HL_MSG_DUP 0x2u

/* A message. properties is the part of the MQTT 5 property block that is forwarded to subscribers, in wire form and
 * already checked: read it with hl_msg_property and hl_msg_user_property. */
typedef struct hl_msg {
    uint32_t struct_size;
    uint32_t flags; /* HL_MSG_* */
    hl_view topic;  /* alias resolved, valid */
    hl_view payload;
    hl_view properties;
    uint64_t id;       /* stable: the same in log, store, trace and on every hook */
    hl_time received;  /* monotonic; clock/1 turns it into wall time */
    hl_time expires;   /* monotonic; HL_NEVER without an expiry interval */
    uint32_t qos;
    uint32_t origin;   /* HL_ORIGIN_* */
    uint32_t packet_id; /* 0 at QoS 0 */
    uint32_t hops;      /* how many plugin publishes led to this message */
    const hl_client *publisher; /* NULL when origin is not a client, bridge or will */
    uint64_t instance; /* origin plugin: a number for the instance that published it; else 0 */
    const hl_trace_context *trace; /* NULL: nobody traces it; lives as long as the message */
} hl_msg;

#define HL_GRANTED_IDENTITY 0x1u /* username, groups and account count */

/* Who a client is so far, by the plugins before this one whose policy is all-must-allow. What a later one says about
 * the identity, or the mount point, takes the place of what was there; the earlier end of the credentials holds. */
typedef struct hl_granted {
    uint32_t struct_size;
    uint32_t flags;   /* HL_GRANTED_* */
    hl_view username; /* empty: as in CONNECT */
    hl_view account;
    const hl_view *groups;
    uint32_t group_count;
    uint32_t reserved;
    hl_time expires_at; /* monotonic; 0: no end */
    hl_view mount_point;
} hl_granted;

#define HL_CONNECT_CLEAN_START 0x01u
#define HL_CONNECT_HAS_USERNAME 0x02u
#define HL_CONNECT_HAS_PASSWORD 0x04u
#define HL_CONNECT_ASSIGNED_ID 0x08u /* the client sent an empty client id */

/* What a CONNECT packet asks for. */
typedef struct hl_connect {
    uint32_t struct_size;
    uint32_t flags; /* HL_CONNECT_* */
    const hl_client *client;
    hl_view client_id;
    hl_view username;
    hl_view password; /* secret */
    hl_view auth_method;
    hl_view auth_data; /* secret */
    hl_view properties; /* CONNECT properties in wire form, user properties among them; empty for 3.1.1 */
    const hl_msg *will; /* NULL without a will */
    uint32_t will_delay;      /* seconds */
    uint32_t keep_alive;      /* seconds */
    uint32_t session_expiry;  /* seconds; UINT32_MAX = never */
    uint32_t receive_max;
    uint32_t max_packet_size; /* 0 = no limit */
    uint32_t max_topic_alias;
    const hl_granted *granted; /* NULL: nobody has allowed it yet */
} hl_connect;

#define HL_EXCHANGE_AGAIN 0x1u /* re-authentication of a client that is online [MQTT-4.12.1-1] */

/* One step of an enhanced authentication (MQTT 5.0, section 4.12). */
typedef struct hl_exchange {
    uint32_t struct_size;
    uint32_t flags; /* HL_EXCHANGE_* */
    const hl_client *client; /* during a log-in its username is what CONNECT said: nobody has proved it yet */
    hl_view method;
    hl_view data; /* secret; what the client sent: empty when it sent none */
    hl_view memo; /* secret; what set_memo was given at the step before; empty at step 0 */
    uint32_t step; /* 0: CONNECT, or AUTH 0x19; then one more with every AUTH 0x18 */
    uint32_t reserved;
    const hl_connect *connect; /* step 0 of a log-in, else NULL */
    hl_view properties; /* user properties of the AUTH packet in wire form */
} hl_exchange;

#define HL_SESSION_CLEAN_START 0x1u
#define HL_SESSION_PRESENT 0x2u /* there is a session of this client id that is about to be continued */
#define HL_SESSION_TAKE_OVER 0x4u /* another connection uses the client id and is about to be ended */

/* A client that was let in, about to get its session. The numbers are what would hold without this hook. */
typedef struct hl_session {
    uint32_t struct_size;
    uint32_t flags; /* HL_SESSION_* */
    const hl_client *client;
    uint32_t session_expiry; /* seconds; UINT32_MAX = never */
    uint32_t receive_max;
    uint32_t keep_alive; /* seconds; 0 = none */
    uint32_t queued;     /* messages that wait in the session */
} hl_session;

#define HL_SUBSCRIBE_NO_LOCAL 0x1u
#define HL_SUBSCRIBE_RETAIN_AS_PUBLISHED 0x2u
#define HL_SUBSCRIBE_EXISTS 0x4u  /* the session has this subscription already */
#define HL_SUBSCRIBE_RECHECK 0x8u /* not a packet: a live subscription is looked at again, see client/1 */

/* One filter of a SUBSCRIBE packet. */
typedef struct hl_subscribe {
    uint32_t struct_size;
    uint32_t flags; /* HL_SUBSCRIBE_* */
    const hl_client *client;
    hl_view filter;      /* without the $share/{group}/ in front */
    hl_view share_group; /* empty when not shared */
    uint32_t qos;
    uint32_t retain_handling; /* 0, 1, 2 as in MQTT 5 */
    uint32_t subscription_id; /* 0 = none */
    uint32_t reserved;
    hl_view properties; /* user properties of the packet in wire form */
} hl_subscribe;

/* One receiver of a delivery. Arrays of it carry count and stride, so that it may grow. */
typedef struct hl_receiver {
    const hl_client *client;
    hl_view filter; /* the subscription that matched; empty when there are several or the host does not track it */
    uint32_t qos;   /* of this delivery */
    uint32_t flags;
} hl_receiver;

/* A retained message on its way to a subscription that has just been made. */
typedef struct hl_retained {
    uint32_t struct_size;
    uint32_t flags;
    const hl_client *client; /* who has subscribed */
    const hl_msg *msg;
    hl_view filter; /* of the subscription; empty when the host does not track it */
    uint32_t qos;   /* of this delivery */
    uint32_t reserved;
} hl_retained;

/* A message on its way to many. Bit i of the two arrays belongs to receiver i; the plugin sets bits, never clears.
 * What the hook returns holds for receivers with neither bit set. */
typedef struct hl_delivery {
    uint32_t struct_size;
    uint32_t flags;
    const hl_msg *msg;
    const hl_receiver *receivers;
    uint32_t receiver_count;
    uint32_t receiver_stride; /* bytes from one receiver to the next: use hl_delivery_receiver */
    uint64_t *deny;
    uint64_t *allow;
} hl_delivery;

/* Something that has happened. A copy: valid until the hook returns. */
typedef struct hl_event {
    uint32_t struct_size;
    uint32_t flags;       /* HL_EVENT_* */
    uint32_t hook;        /* HL_HOOK_NOTIFY_* */
    uint32_t reason_code; /* MQTT reason code where there is one */
    hl_time time;
    uint64_t lost; /* events dropped before this one because the queue of this instance was full */
    const hl_client *client; /* NULL when no client is concerned */
    const hl_msg *msg;       /* NULL unless the hook is about messages */
    hl_view topic;  /* topic or filter */
    hl_view reason; /* one word of the log's vocabulary: "keepalive_timeout", "queue_full" */
    uint64_t count; /* how many messages or receivers */
    uint32_t qos;
    uint32_t reserved;
} hl_event;

#define HL_EVENT_REPLAY 0x1u          /* a state that holds already, told to a plugin that has just started */
#define HL_EVENT_SESSION_PRESENT 0x2u /* connected: the session existed */
#define HL_EVENT_BY_BROKER 0x4u       /* disconnected: the broker ended it */
#define HL_EVENT_WILL 0x8u            /* disconnected: the will was or will be published */

/* MQTT 5 property identifiers (OASIS MQTT 5.0, table 2-4) that are of use to plugins. */
#define HL_PROPERTY_PAYLOAD_FORMAT 0x01u
#define HL_PROPERTY_MESSAGE_EXPIRY 0x02u
#define HL_PROPERTY_CONTENT_TYPE 0x03u
#define HL_PROPERTY_RESPONSE_TOPIC 0x08u
#define HL_PROPERTY_CORRELATION_DATA 0x09u
#define HL_PROPERTY_SUBSCRIPTION_ID 0x0Bu
#define HL_PROPERTY_SESSION_EXPIRY 0x11u
#define HL_PROPERTY_AUTH_METHOD 0x15u
#define HL_PROPERTY_AUTH_DATA 0x16u
#define HL_PROPERTY_REQUEST_PROBLEM_INFO 0x17u
#define HL_PROPERTY_WILL_DELAY 0x18u
#define HL_PROPERTY_REQUEST_RESPONSE_INFO 0x19u
#define HL_PROPERTY_RECEIVE_MAX 0x21u
#define HL_PROPERTY_TOPIC_ALIAS_MAX 0x22u
#define HL_PROPERTY_TOPIC_ALIAS 0x23u
#define HL_PROPERTY_USER 0x26u
#define HL_PROPERTY_MAX_PACKET_SIZE 0x27u

/* One property, taken apart. A number is in number, everything else in value; name is for user properties only. */
typedef struct hl_property {
    uint32_t id;
    uint32_t number;
    hl_view name;
    hl_view value;
} hl_property;

#ifdef __cplusplus
}
#endif

#endif
