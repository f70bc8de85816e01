/* MQTT 3.1.1 and 5.0, as much as a load generator needs. */
#include "wire.h"

#include <stdlib.h>
#include <string.h>

uint8_t *bytes_room(bytes *b, size_t count) {
    if (b->begin == b->end) b->begin = b->end = 0;
    if (b->end + count > b->capacity) {
        memmove(b->data, b->data + b->begin, b->end - b->begin);
        b->end -= b->begin;
        b->begin = 0;
        if (b->end + count > b->capacity) {
            b->capacity = (b->end + count) * 2;
            b->data = realloc(b->data, b->capacity);
            if (!b->data) stop("out of memory");
        }
    }
    return b->data + b->end;
}

void bytes_put(bytes *b, const void *data, size_t count) {
    memcpy(bytes_room(b, count), data, count);
    b->end += count;
}

static void put_byte(bytes *b, int value) {
    uint8_t byte = (uint8_t)value;
    bytes_put(b, &byte, 1);
}

static void put_two(bytes *b, size_t value) {
    put_byte(b, (int)(value >> 8));
    put_byte(b, (int)(value & 0xFF));
}

static void put_length(bytes *b, size_t value) {
    do {
        put_byte(b, (int)(value % 128) | (value > 127 ? 0x80 : 0));
        value /= 128;
    } while (value);
}

static void put_text(bytes *b, const char *text) {
    put_two(b, strlen(text));
    bytes_put(b, text, strlen(text));
}

void put_connect(bytes *out, int version, const char *client_id, bool keep) {
    /* A large receive maximum, so that the broker's own limits decide what is in flight; the session's expiry. */
    const uint8_t properties[] = {8, 0x21, 0xFF, 0xFF, 0x11, 0, 0, keep ? 0xFF : 0, 0};
    put_byte(out, CONNECT << 4);
    put_length(out, 10 + (version == 5 ? sizeof properties : 0) + 2 + strlen(client_id));
    put_text(out, "MQTT");
    put_byte(out, version);
    put_byte(out, keep ? 0 : 2); /* clean start */
    put_two(out, 0);  /* no keep alive */
    if (version == 5) bytes_put(out, properties, sizeof properties);
    put_text(out, client_id);
}

void put_subscribe(bytes *out, int version, uint16_t id, const char *filter, int qos) {
    put_byte(out, SUBSCRIBE << 4 | 2);
    put_length(out, 2 + (version == 5) + 2 + strlen(filter) + 1);
    put_two(out, id);
    if (version == 5) put_byte(out, 0);
    put_text(out, filter);
    put_byte(out, qos);
}

void put_ack(bytes *out, int type, uint16_t id) {
    uint8_t packet[] = {(uint8_t)(type << 4 | (type == PUBREL ? 2 : 0)), 2, (uint8_t)(id >> 8), (uint8_t)id};
    bytes_put(out, packet, sizeof packet);
}

void make_template(publish_template *t, int version, const char *topic, int qos, size_t payload) {
    memset(t, 0, sizeof *t);
    bytes *b = &t->image;
    put_byte(b, PUBLISH << 4 | qos << 1);
    put_length(b, 2 + strlen(topic) + (qos ? 2 : 0) + (version == 5) + payload);
    put_text(b, topic);
    if (qos) {
        t->id_at = b->end;
        put_two(b, 0);
    }
    if (version == 5) put_byte(b, 0);
    t->stamp_at = b->end;
    memset(bytes_room(b, payload), 'x', payload);
    b->end += payload;
}

void put_publish(bytes *out, const publish_template *t, uint16_t id, const stamp *s) {
    size_t count = t->image.end;
    uint8_t *packet = bytes_room(out, count);
    memcpy(packet, t->image.data, count);
    if (t->id_at) {
        packet[t->id_at] = (uint8_t)(id >> 8);
        packet[t->id_at + 1] = (uint8_t)id;
    }
    memcpy(packet + t->stamp_at, s, sizeof *s);
    out->end += count;
}

static long read_length(const uint8_t *data, size_t count, size_t *value) {
    *value = 0;
    for (size_t i = 0; i < 4; i++) {
        if (i == count) return 0;
        *value |= (size_t)(data[i] & 0x7F) << (7 * i);
        if (!(data[i] & 0x80)) return (long)i + 1;
    }
    return -1;
}

long next_packet(const uint8_t *data, size_t count, packet *p) {
    if (count < 2) return 0;
    size_t length;
    long digits = read_length(data + 1, count - 1, &length);
    if (digits <= 0) return digits;
    size_t head = 1 + (size_t)digits;
    if (count < head + length) return 0;
    *p = (packet){data[0] >> 4, data[0] & 15, data + head, length};
    return (long)(head + length);
}

bool read_publish(int version, const packet *p, uint16_t *id, stamp *s) {
    if (p->length < 2) return false;
    size_t at = 2 + ((size_t)p->body[0] << 8 | p->body[1]);
    if (p->flags >> 1 & 3) {
        if (at + 2 > p->length) return false;
        *id = (uint16_t)(p->body[at] << 8 | p->body[at + 1]);
        at += 2;
    }
    if (version == 5) {
        size_t properties;
        long digits = at < p->length ? read_length(p->body + at, p->length - at, &properties) : -1;
        if (digits <= 0) return false;
        at += (size_t)digits + properties;
    }
    if (at + sizeof *s > p->length) return false;
    memcpy(s, p->body + at, sizeof *s);
    return true;
}
