/*
 * hookline/services/connection.h - connection/1: MQTT connections that begin in a plugin.
 *
 * For plugins that speak for clients of another protocol, such as HTTP or CoAP, or for another broker. The plugin is
 * the network client: it sends CONNECT and reads what comes. The broker treats the connection like any other:
 * conn.accept, log-in, rules, sessions, limits, acknowledgements and every hook, in the order of the packets.
 *
 *   hl_status status = connection->open(self, hl_str("tcp"), request_address, &descriptor);
 *   if (status == HL_OK) reactor->add(self, descriptor, HL_FD_READ, readable, client, &client->fd);
 */
#ifndef HOOKLINE_SERVICES_CONNECTION_H
#define HOOKLINE_SERVICES_CONNECTION_H

#include "../types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* connection/1 [any] */
typedef struct hl_connection_v1 {
    uint32_t struct_size;
    uint32_t flags;
    /* Opens a connection. *descriptor becomes the plugin's end of it: a stream socket that does not block; it is the
     * plugin's, which closes it to end the connection, and before it stops. listener: name in plugins.yaml of the
     * listener whose rules hold; empty: the first. address: what hooks and logs see in hl_client.address, such as the
     * address of who is spoken for; 1 to 255 bytes of UTF-8. HL_INVALID: no such address; HL_NOT_FOUND: no such
     * listener; HL_LIMIT: the broker has as many connections as it may; HL_UNAVAILABLE: nobody serves it any more. */
    hl_status (*open)(hl_self *self, hl_view listener, hl_view address, int32_t *descriptor);
} hl_connection_v1;

#ifdef __cplusplus
}
#endif

#endif
