/* Load generator for MQTT brokers: closed loops with a bounded number of messages in flight, a fixed rate, and a burst
 * of connections. It checks every message and prints one line of JSON. Exit 1: a message was lost, doubled or came out
 * of order; 2: it could not run.
 *
 *   cc -O2 -o wireload *.c && ./wireload --mode pairs --port 1883 --pid $(pidof broker)
 */
#define _GNU_SOURCE
#include "wire.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum mode { PAIRS, FANIN, FANOUT, MATCH, RATE, CONNECTIONS };
static const char *const mode_names[] = {"pairs", "fanin", "fanout", "match", "rate", "connect"};

static struct {
    enum mode mode;
    const char *host, *prefix; /* of client ids and topics: generators with different ones do not meet */
    int port, version, qos, size, publishers, receivers, window, filters, connections, rate, pid, keep;
    double seconds, warm;
} o = {.host = "127.0.0.1", .prefix = "bench", .port = 1883, .version = 4, .size = 64, .publishers = 10,
       .receivers = 10, .window = 1000, .filters = 10000, .connections = 10000, .rate = 5000, .seconds = 3,
       .warm = 0.5};

typedef struct publisher {
    connection *connection;
    uint32_t sent, unacknowledged;
    uint64_t delivered;
    uint16_t id;
    bool listed;
    struct publisher *next;
} publisher;

static network net;
static connection *connections;
static publisher *publishers, *listed; /* listed: may be able to send */
static publish_template *templates;
static int ready, template_count;
static uint64_t fan, turn_time, sent, delivered, rate_start;
static bool sending, measuring;
static checks checked;
static histogram latency;

static void list(publisher *p) {
    if (p->listed) return;
    p->listed = true;
    p->next = listed;
    listed = p;
}

/* ---- what comes in ---- */

static void subscribe(connection *c) {
    char filter[64];
    int first = 0, count = 1;
    if (o.mode == MATCH) {
        first = (int)((int64_t)o.filters * c->index / o.receivers);
        count = (int)((int64_t)o.filters * (c->index + 1) / o.receivers) - first;
    }
    for (int i = 0; i < count; i++) {
        if (o.mode == MATCH) snprintf(filter, sizeof filter, "%.32s/%d/+/#", o.prefix, first + i);
        else if (o.mode == FANIN) snprintf(filter, sizeof filter, "%.32s/#", o.prefix);
        else snprintf(filter, sizeof filter, "%.32s/%d", o.prefix, o.mode == FANOUT ? 0 : c->index);
        put_subscribe(&c->out, o.version, (uint16_t)(i % 65535 + 1), filter, o.qos);
    }
    c->subscribes = count;
    connection_touch(&net, c);
}

static void deliver(connection *c, const packet *p) {
    uint16_t id = 0;
    stamp s;
    if (!read_publish(o.version, p, &id, &s)) stop("a message that is not ours");
    int stream = (int)s.publisher - c->first_publisher;
    if (stream < 0 || stream >= c->stream_count) stop("a message for somebody else");
    stream_check(&c->streams[stream], s.sequence, &checked);
    delivered++;
    publishers[s.publisher].delivered++;
    list(&publishers[s.publisher]);
    if (measuring) histogram_add(&latency, turn_time - s.sent);
    int qos = p->flags >> 1 & 3;
    if (qos) {
        put_ack(&c->out, qos == 1 ? PUBACK : PUBREC, id);
        connection_touch(&net, c);
    }
}

static void received(connection *c, const packet *p) {
    uint16_t id = p->length >= 2 ? (uint16_t)(p->body[0] << 8 | p->body[1]) : 0;
    switch (p->type) {
    case CONNACK:
        if (p->length < 2 || p->body[1]) stop("CONNACK with code %d", p->length < 2 ? -1 : p->body[1]);
        if (o.mode == CONNECTIONS) histogram_add(&latency, now() - c->opened);
        if (c->publisher >= 0) ready++;
        else subscribe(c);
        break;
    case SUBACK:
        if (p->length < 3 || p->body[p->length - 1] & 0x80) stop("a subscription was refused");
        if (--c->subscribes == 0) ready++;
        break;
    case PUBLISH: deliver(c, p); break;
    case PUBREC:
    case PUBREL:
        put_ack(&c->out, p->type + 1, id);
        connection_touch(&net, c);
        break;
    case PUBACK:
    case PUBCOMP:
        publishers[c->publisher].unacknowledged--;
        list(&publishers[c->publisher]);
        break;
    case DISCONNECT: stop("DISCONNECT with code %d", p->length ? p->body[0] : 0);
    default: stop("packet of type %d", p->type);
    }
}

/* ---- what goes out ---- */

static void publish(publisher *p, uint64_t time) {
    int index = (int)(p - publishers);
    int template = o.mode == MATCH ? (int)((p->sent * 7919u + (unsigned)index) % (unsigned)template_count)
                                   : index % template_count;
    if (++p->id == 0) p->id = 1;
    stamp s = {(uint32_t)index, p->sent++, time};
    put_publish(&p->connection->out, &templates[template], p->id, &s);
    connection_touch(&net, p->connection);
    p->unacknowledged += o.qos > 0;
    sent++;
}

static bool has_room(const publisher *p) {
    uint64_t open = p->sent - p->delivered / fan;
    return open < (uint64_t)o.window && p->unacknowledged < (uint32_t)o.window
        && p->connection->out.end - p->connection->out.begin < 256 * 1024;
}

static void pump(void) {
    while (listed) {
        publisher *p = listed;
        listed = p->next;
        p->listed = false;
        while (sending && o.mode != RATE && has_room(p)) publish(p, turn_time);
    }
    if (o.mode != RATE || !sending) return;
    /* A message is as old as its place in the timetable, however late this loop comes to it. */
    uint64_t due = (turn_time - rate_start) * (uint64_t)o.rate / 1000000000ull;
    while (sent < due) {
        publisher *p = &publishers[sent % (uint64_t)o.publishers];
        publish(p, rate_start + sent * 1000000000ull / (uint64_t)o.rate);
    }
}

static void turn(int timeout_ms) {
    turn_time = now();
    network_read(&net, timeout_ms);
    turn_time = now();
    pump();
    network_write(&net);
}

/* ---- runs ---- */

static void run_until(uint64_t end) {
    while (now() < end) turn(o.mode == RATE ? 0 : 10);
}

static void open_all(int count) {
    char name[64];
    connections = calloc((size_t)count, sizeof *connections);
    publishers = calloc((size_t)o.publishers, sizeof *publishers);
    if (!connections || !publishers) stop("out of memory");
    for (int i = 0; i < count; i++) {
        connection *c = &connections[i];
        bool receives = i < o.receivers;
        *c = (connection){.index = i, .publisher = receives ? -1 : i - o.receivers};
        if (receives) {
            c->first_publisher = o.mode == PAIRS || o.mode == RATE ? i : 0;
            c->stream_count = o.mode == PAIRS || o.mode == RATE ? 1 : o.publishers;
            c->streams = calloc((size_t)c->stream_count, sizeof(stream));
        } else publishers[c->publisher].connection = c;
        snprintf(name, sizeof name, "%.32s-%d", o.prefix, i);
        put_connect(&c->out, o.version, name, o.keep && receives);
        connection_open(&net, c, o.host, o.port);
        /* One after the other: this is not what is measured, and a short listen backlog must not matter. */
        for (int before = ready; ready == before;) turn(1000);
    }
}

static void make_templates(void) {
    char topic[64];
    template_count = o.mode == MATCH ? o.filters : o.mode == FANOUT ? 1 : o.publishers;
    templates = calloc((size_t)template_count, sizeof *templates);
    if (!templates) stop("out of memory");
    for (int i = 0; i < template_count; i++) {
        snprintf(topic, sizeof topic, o.mode == MATCH ? "%.32s/%d/a/b" : "%.32s/%d", o.prefix, i);
        make_template(&templates[i], o.version, topic, o.qos, (size_t)o.size);
    }
}

static int run_messages(void) {
    make_templates();
    open_all(o.receivers + o.publishers);
    fan = o.mode == FANOUT ? (uint64_t)o.receivers : 1;
    sending = true;
    rate_start = now();
    for (int i = 0; i < o.publishers; i++) list(&publishers[i]);
    run_until(now() + (uint64_t)(o.warm * 1e9));

    uint64_t cpu = process_cpu(o.pid), begin = now(), before = delivered;
    measuring = true;
    run_until(begin + (uint64_t)(o.seconds * 1e9));
    measuring = false;
    double seconds = (double)(now() - begin) / 1e9, used = (double)(process_cpu(o.pid) - cpu) / 1e9;
    uint64_t counted = delivered - before;

    sending = false;
    for (uint64_t last = delivered, since = now(); checked.distinct < sent * fan && now() - since < 3000000000ull;) {
        turn(10);
        if (delivered != last) last = delivered, since = now();
    }
    uint64_t lost = sent * fan - checked.distinct;
    printf("{\"mode\":\"%s\",\"qos\":%d,\"size\":%d,\"deliveries_per_second\":%.0f,\"cpu_seconds_per_million\":%.4f,"
           "\"cpu_share\":%.3f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,\"sent\":%llu,\"lost\":%llu,"
           "\"duplicated\":%llu,\"reordered\":%llu,\"resident_bytes\":%llu}\n",
           mode_names[o.mode], o.qos, o.size, (double)counted / seconds, counted ? used / (double)counted * 1e6 : 0,
           used / seconds, histogram_microseconds(&latency, .5), histogram_microseconds(&latency, .99),
           histogram_microseconds(&latency, .999), (unsigned long long)sent, (unsigned long long)lost,
           (unsigned long long)checked.duplicated, (unsigned long long)checked.reordered,
           (unsigned long long)process_memory(o.pid));
    return lost || checked.duplicated || checked.reordered || !counted;
}

/* Opens connections with `window` of them on the way at a time; each subscribes to one topic and stays. */
static int run_connections(void) {
    char name[64];
    connections = calloc((size_t)o.connections, sizeof *connections);
    if (!connections) stop("out of memory");
    uint64_t memory = process_memory(o.pid), cpu = process_cpu(o.pid), begin = now();
    for (int opened = 0; ready < o.connections;) {
        for (; opened < o.connections && opened - ready < o.window; opened++) {
            connections[opened] = (connection){.index = opened, .publisher = -1};
            snprintf(name, sizeof name, "%.32s-%d", o.prefix, opened);
            put_connect(&connections[opened].out, o.version, name, false);
            connection_open(&net, &connections[opened], o.host, o.port);
        }
        int before = ready;
        turn(10000);
        if (ready == before && now() - begin > 60000000000ull) stop("%d of %d connections", ready, o.connections);
    }
    double seconds = (double)(now() - begin) / 1e9, used = (double)(process_cpu(o.pid) - cpu);
    printf("{\"mode\":\"connect\",\"connections_per_second\":%.0f,\"cpu_us_per_connection\":%.2f,\"p50_us\":%.1f,"
           "\"p99_us\":%.1f,\"bytes_per_connection\":%.0f,\"lost\":0,\"duplicated\":0,\"reordered\":0}\n",
           o.connections / seconds, used / 1000 / o.connections, histogram_microseconds(&latency, .5),
           histogram_microseconds(&latency, .99),
           ((double)process_memory(o.pid) - (double)memory) / o.connections);
    return 0;
}

static void parse(int argc, char **argv) {
    static const struct option options[] = {
        {"mode", 1, 0, 'm'}, {"host", 1, 0, 'h'}, {"port", 1, 0, 'p'}, {"mqtt", 1, 0, 'V'}, {"qos", 1, 0, 'q'},
        {"size", 1, 0, 's'}, {"publishers", 1, 0, 'P'}, {"receivers", 1, 0, 'R'}, {"window", 1, 0, 'w'},
        {"filters", 1, 0, 'f'}, {"connections", 1, 0, 'c'}, {"rate", 1, 0, 'r'}, {"pid", 1, 0, 'i'},
        {"seconds", 1, 0, 'd'}, {"warm", 1, 0, 'W'}, {"keep", 0, 0, 'k'}, {"prefix", 1, 0, 'n'},
        {0, 0, 0, 0}};
    for (int option; (option = getopt_long(argc, argv, "", options, 0)) != -1;) {
        int value = optarg ? atoi(optarg) : 0;
        switch (option) {
        case 'm':
            for (o.mode = PAIRS; o.mode <= CONNECTIONS && strcmp(optarg, mode_names[o.mode]);) o.mode++;
            if (o.mode > CONNECTIONS) stop("unknown mode '%s'", optarg);
            break;
        case 'h': o.host = optarg; break;
        case 'p': o.port = value; break;
        case 'n': o.prefix = optarg; break;
        case 'V': o.version = value == 5 ? 5 : 4; break;
        case 'q': o.qos = value; break;
        case 's': o.size = value; break;
        case 'P': o.publishers = value; break;
        case 'R': o.receivers = value; break;
        case 'w': o.window = value; break;
        case 'f': o.filters = value; break;
        case 'c': o.connections = value; break;
        case 'r': o.rate = value; break;
        case 'i': o.pid = value; break;
        case 'd': o.seconds = atof(optarg); break;
        case 'W': o.warm = atof(optarg); break;
        case 'k': o.keep = 1; break; /* sessions of receivers are kept: their messages are durable */
        default: stop("usage: see the long options at the end of load.c");
        }
    }
    if (!o.pid) stop("--pid of the broker is needed: its CPU time is what is measured");
    if (o.mode == FANIN) o.receivers = 1;
    if (o.mode == FANOUT) o.publishers = 1;
    if (o.mode == PAIRS || o.mode == RATE) o.receivers = o.publishers;
    if (o.size < (int)sizeof(stamp)) o.size = sizeof(stamp);
    if (o.publishers < 1 || o.receivers < 1 || o.window < 1 || o.window > 60000 || o.rate < 1 || o.qos > 2)
        stop("an option is out of range");
}

int main(int argc, char **argv) {
    parse(argc, argv);
    network_open(&net);
    net.received = received;
    return o.mode == CONNECTIONS ? run_connections() : run_messages();
}
