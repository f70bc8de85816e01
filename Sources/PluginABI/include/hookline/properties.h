/*
 * hookline/properties.h - reading the MQTT 5 properties of a message or a CONNECT, in place.
 */
#ifndef HOOKLINE_PROPERTIES_H
#define HOOKLINE_PROPERTIES_H

#include "message.h"

#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Big-endian number of size bytes at the front of *rest; 0 when there are fewer. */
static inline int hl_property_take_number(hl_view *rest, uint32_t size, uint32_t *out) {
    uint32_t i;
    if (rest->len < size) return 0;
    *out = 0;
    for (i = 0; i < size; i++) *out = (*out << 8) | rest->ptr[i];
    rest->ptr += size;
    rest->len -= size;
    return 1;
}

/* Length-prefixed bytes at the front of *rest. */
static inline int hl_property_take_bytes(hl_view *rest, hl_view *out) {
    uint32_t size = 0;
    if (!hl_property_take_number(rest, 2, &size) || rest->len < size) return 0;
    out->ptr = rest->ptr;
    out->len = size;
    rest->ptr += size;
    rest->len -= size;
    return 1;
}

/* Variable byte integer at the front of *rest. */
static inline int hl_property_take_varint(hl_view *rest, uint32_t *out) {
    uint32_t shift;
    *out = 0;
    for (shift = 0; shift < 28 && rest->len > 0; shift += 7) {
        uint8_t byte = rest->ptr[0];
        rest->ptr += 1;
        rest->len -= 1;
        *out |= (uint32_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) return 1;
    }
    return 0;
}

/* Takes the next property off *rest, in the order of the packet, duplicates included. 0 at the end. */
static inline int hl_property_next(hl_view *rest, hl_property *out) {
    memset(out, 0, sizeof *out);
    if (rest->len == 0 || !hl_property_take_varint(rest, &out->id)) return 0;
    switch (out->id) {
    case 0x01: case 0x17: case 0x19: case 0x24: case 0x25: case 0x28: case 0x29: case 0x2A:
        return hl_property_take_number(rest, 1, &out->number);
    case 0x13: case 0x21: case 0x22: case 0x23:
        return hl_property_take_number(rest, 2, &out->number);
    case 0x02: case 0x11: case 0x18: case 0x27:
        return hl_property_take_number(rest, 4, &out->number);
    case 0x0B:
        return hl_property_take_varint(rest, &out->number);
    case 0x26:
        return hl_property_take_bytes(rest, &out->name) && hl_property_take_bytes(rest, &out->value);
    default:
        return hl_property_take_bytes(rest, &out->value);
    }
}

/* The first property with this id; 0 when there is none. */
static inline int hl_property_find(hl_view properties, uint32_t id, hl_property *out) {
    while (hl_property_next(&properties, out))
        if (out->id == id) return 1;
    return 0;
}

static inline int hl_msg_property(const hl_msg *msg, uint32_t id, hl_property *out) {
    return hl_property_find(msg->properties, id, out);
}

/* The value of the first user property with this name; an empty view with ptr NULL when there is none. */
static inline hl_view hl_msg_user_property(const hl_msg *msg, const char *name) {
    hl_view rest = msg->properties, none = {0, 0};
    hl_property property;
    uint64_t size = strlen(name);
    while (hl_property_next(&rest, &property))
        if (property.id == HL_PROPERTY_USER && property.name.len == size && !memcmp(property.name.ptr, name, size))
            return property.value;
    return none;
}

#ifdef __cplusplus
}
#endif

#endif
