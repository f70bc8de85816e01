/*
 * hookline/services/http.h - http/1: routes of a plugin; http_server/1: for the plugin that serves them.
 *
 * Whoever is registered for a path is found by the longest prefix of whole segments: "/api/v1/twins" has
 * "/api/v1/twins/7", not "/api/v1/twinset". The server checks who asks before it dispatches.
 *
 *   static void answer(void *state, void *user, const hl_http_request *request) {
 *       hl_self *self = ((plugin *)state)->self;
 *       hl_http_response response = {sizeof response, 0, 200, 0, 0, {0, 0}, {0, 0}};
 *       response.body = hl_str("{\"up\":true}");
 *       self->http->respond(self, request->token, &response);
 *   }
 */
#ifndef HOOKLINE_SERVICES_HTTP_H
#define HOOKLINE_SERVICES_HTTP_H

#include "log.h"
#include "../types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HL_HTTP_ANONYMOUS 0x1u /* also for people who did not say who they are */

/* A request. Owner: host; valid until it was answered. */
typedef struct hl_http_request {
    uint32_t struct_size;
    uint32_t flags;
    hl_token token; /* what respond takes; never 0 */
    hl_view method; /* upper case */
    hl_view path;   /* decoded, begins with '/' */
    hl_view query;  /* as it was sent, without '?' */
    hl_view route;  /* the prefix that matched */
    hl_view identity; /* who asks; empty: unknown */
    const hl_field *headers; /* names in lower case */
    uint32_t header_count;
    uint32_t reserved;
    hl_view body;
} hl_http_request;

/* An answer. Owner: plugin; copied. */
typedef struct hl_http_response {
    uint32_t struct_size;
    uint32_t flags;
    uint32_t status; /* 200 to 599 */
    uint32_t header_count;
    const hl_field *headers;
    hl_view content_type; /* empty: application/json */
    hl_view body;
} hl_http_response;

/* [worker]; must lead to respond. Several may run at once. */
typedef void (*hl_http_fn)(void *state, void *user, const hl_http_request *request);

/* Owner: plugin; copied. */
typedef struct hl_http_route {
    uint32_t struct_size;
    uint32_t flags;    /* HL_HTTP_* */
    hl_view methods;   /* "GET,PUT"; empty: all */
    hl_view prefix;    /* begins with '/', does not end with one unless it is "/" */
    uint64_t max_body; /* bytes; 0: 1 MiB. More is answered with 413 before the handler runs */
    int64_t timeout;   /* nanoseconds; 0: 30 s. Later the server is told 504 and respond answers HL_EXPIRED */
} hl_http_route;

typedef uint64_t hl_route;

/* http/1 [any] */
typedef struct hl_http_v1 {
    uint32_t struct_size;
    uint32_t flags;
    /* HL_CONFLICT: another instance has the prefix with one of the methods. */
    hl_status (*add)(hl_self *self, const hl_http_route *route, hl_http_fn function, void *user, hl_route *out);
    hl_status (*remove)(hl_self *self, hl_route route);
    /* Exactly once: HL_OK, HL_STALE or HL_EXPIRED. */
    hl_status (*respond)(hl_self *self, hl_token token, const hl_http_response *response);
} hl_http_v1;

/* [worker] The answer to a dispatched request. Owner: host; valid until it returns. */
typedef void (*hl_http_response_fn)(void *state, void *user, const hl_http_response *response);

/* http_server/1 [any] */
typedef struct hl_http_server_v1 {
    uint32_t struct_size;
    uint32_t flags;
    /* The route of a method and path, before the body is read. HL_NOT_FOUND (404), HL_NOT_ALLOWED (405: the path
     * has a route, the method has none). Sets flags, max_body and timeout of *out. */
    hl_status (*find)(hl_self *self, hl_view method, hl_view path, hl_http_route *out);
    /* Copies the request (token and route are not looked at) and calls the handler on a worker; function is called
     * exactly once after HL_OK: with the answer, with 413, or with 503 and 504 when there was none. HL_NOT_FOUND and
     * HL_NOT_ALLOWED as in find; HL_BUSY: too many are open. */
    hl_status (*dispatch)(hl_self *self, const hl_http_request *request, hl_http_response_fn function, void *user);
    /* From start on: where this instance can be reached, as the ports file and `hookline plugins list` say. name: one
     * word, "api"; url: "http://127.0.0.1:8080". Of one name the latest counts. */
    hl_status (*announce)(hl_self *self, hl_view name, hl_view url);
} hl_http_server_v1;

#ifdef __cplusplus
}
#endif

#endif
