/* The load generator's parts. One thread, one epoll loop: what it measures is the broker, so it stays small. */
#ifndef HOOKLINE_BENCH_WIRE_H
#define HOOKLINE_BENCH_WIRE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- packets.c: MQTT bytes ---- */

/* A growing array; what stands before `begin` is consumed. */
typedef struct {
    uint8_t *data;
    size_t begin, end, capacity;
} bytes;

uint8_t *bytes_room(bytes *b, size_t count); /* where the next `count` bytes go; the caller moves `end` */
void bytes_put(bytes *b, const void *data, size_t count);

enum { CONNECT = 1, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBSCRIBE, SUBACK, DISCONNECT = 14 };

typedef struct {
    uint8_t type, flags;
    const uint8_t *body;
    size_t length;
} packet;

/* What every payload begins with, so that a receiver can tell which message it is. */
typedef struct {
    uint32_t publisher, sequence;
    uint64_t sent; /* nanoseconds, CLOCK_MONOTONIC */
} stamp;

/* A PUBLISH that is built once and patched for each message. */
typedef struct {
    bytes image;
    size_t id_at, stamp_at; /* id_at is 0 at QoS 0 */
} publish_template;

/* keep: the session outlives the connection. */
void put_connect(bytes *out, int version, const char *client_id, bool keep);
void put_subscribe(bytes *out, int version, uint16_t id, const char *filter, int qos);
void put_ack(bytes *out, int type, uint16_t id);
void make_template(publish_template *t, int version, const char *topic, int qos, size_t payload);
void put_publish(bytes *out, const publish_template *t, uint16_t id, const stamp *s);
/* Bytes of the next packet; 0: not all of it is here; -1: no packet. */
long next_packet(const uint8_t *data, size_t count, packet *p);
/* False: not a message of this generator. */
bool read_publish(int version, const packet *p, uint16_t *id, stamp *s);

/* ---- network.c: connections ---- */

typedef struct connection {
    int fd;
    bool dirty, blocked;   /* has output in the list of this turn; waits for EPOLLOUT */
    int index;
    int subscribes;    /* SUBACKs still to come */
    int publisher;     /* index, or -1: a receiver */
    uint64_t opened;   /* nanoseconds */
    bytes in, out;
    struct stream *streams; /* receiver: one for each publisher it can hear, beginning with `first_publisher` */
    int first_publisher, stream_count;
    struct connection *next_dirty;
} connection;

typedef struct {
    int epoll;
    connection *dirty;
    void (*received)(connection *c, const packet *p);
} network;

void network_open(network *n);
void connection_open(network *n, connection *c, const char *host, int port);
void connection_touch(network *n, connection *c); /* has output: network_write sends it */
void connection_close(connection *c);
void network_read(network *n, int timeout_ms); /* takes what is there to `received` */
void network_write(network *n);                /* one write for each connection that has output */

/* ---- measure.c: checks and figures ---- */

/* The order of one publisher's messages as one receiver sees them. */
typedef struct stream {
    uint32_t highest; /* sequence + 1; 0: nothing yet */
    uint64_t seen;    /* bit n: highest - 1 - n has come */
} stream;

typedef struct {
    uint64_t distinct, duplicated, reordered;
} checks;

void stream_check(stream *s, uint32_t sequence, checks *c);

enum { HISTOGRAM_BUCKETS = 64 * 32 };
typedef struct {
    uint64_t count, bucket[HISTOGRAM_BUCKETS];
} histogram;

void histogram_add(histogram *h, uint64_t nanoseconds);
double histogram_microseconds(const histogram *h, double quantile);

uint64_t now(void);                   /* nanoseconds, CLOCK_MONOTONIC */
uint64_t process_cpu(int pid);        /* nanoseconds of all its threads */
uint64_t process_memory(int pid);     /* resident bytes */
_Noreturn void stop(const char *format, ...);
#endif
