/* The two sides of wrong_passwords.py: somebody who tries passwords, and clients who want to be left alone.
 *
 * usage: load flood PORT SECONDS RATE   log-ins a second as "alice" with ever new passwords, from 127.0.0.2
 *        load trips PORT SECONDS        round trips of clients that have logged in; the 99th percentile
 *
 * MQTT 5.0. Prints one line of JSON. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS = 8, MAX_OPEN = 8192, MAX_TRIPS = 4000000, PERIOD_NS = 1000000 };

static int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void die(const char *what) {
    perror(what);
    exit(2);
}

static void sleep_until(int64_t when) {
    struct timespec time = {when / 1000000000, when % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR) {}
}

static int connect_from(const char *address, int port, int flags) {
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    if (descriptor < 0) die("socket");
    int one = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    /* Without a port of its own until it connects, or the flood runs out of them. */
    setsockopt(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    /* No TIME_WAIT: it would fill the table within a minute. */
    struct linger linger = {1, 0};
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, address, &from.sin_addr);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(descriptor, (struct sockaddr *)&from, sizeof from) != 0) die("bind");
    if (connect(descriptor, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS) die("connect");
    return descriptor;
}

static size_t put_text(unsigned char *place, const char *text) {
    size_t count = strlen(text);
    place[0] = (unsigned char)(count >> 8);
    place[1] = (unsigned char)count;
    memcpy(place + 2, text, count);
    return count + 2;
}

static size_t put_connect(unsigned char *packet, const char *client, const char *user, const char *password) {
    static const unsigned char head[] = {0, 4, 'M', 'Q', 'T', 'T', 5, 0xC2, 0, 60, 0};
    size_t count = 2;
    memcpy(packet + count, head, sizeof head);
    count += sizeof head;
    count += put_text(packet + count, client);
    count += put_text(packet + count, user);
    count += put_text(packet + count, password);
    packet[0] = 0x10;
    packet[1] = (unsigned char)(count - 2); /* below 128: all texts are short */
    return count;
}

static void flood(int port, double seconds, double rate) {
    int poller = epoll_create1(EPOLL_CLOEXEC);
    if (poller < 0) die("epoll_create1");
    long codes[256] = {0}, sent = 0, answered = 0, broken = 0, open = 0;
    int64_t start = now_ns(), end = start + (int64_t)(seconds * 1e9);
    while (now_ns() < end || (open > 0 && now_ns() < end + 6000000000LL)) {
        int64_t now = now_ns();
        while (now < end && sent < (long)((double)(now - start) / 1e9 * rate) && open < MAX_OPEN) {
            int descriptor = connect_from("127.0.0.2", port, SOCK_NONBLOCK);
            struct epoll_event event = {.events = EPOLLOUT, .data.fd = descriptor};
            if (epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event) != 0) die("epoll_ctl");
            sent++;
            open++;
        }
        struct epoll_event events[256];
        int count = epoll_wait(poller, events, 256, 1);
        for (int index = 0; index < count; index++) {
            int descriptor = events[index].data.fd;
            unsigned char bytes[256];
            if (events[index].events & EPOLLOUT) {
                char name[32], password[32];
                snprintf(name, sizeof name, "flood-%d", descriptor);
                snprintf(password, sizeof password, "guess-%ld-%d", sent, descriptor);
                size_t size = put_connect(bytes, name, "alice", password);
                struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
                if (write(descriptor, bytes, size) == (ssize_t)size
                    && epoll_ctl(poller, EPOLL_CTL_MOD, descriptor, &event) == 0)
                    continue;
                broken++;
            } else {
                ssize_t got = read(descriptor, bytes, sizeof bytes);
                if (got >= 4 && bytes[0] == 0x20) {
                    codes[bytes[3]]++;
                    answered++;
                } else {
                    broken++;
                }
            }
            close(descriptor);
            open--;
        }
    }
    printf("{\"sent\": %ld, \"answered\": %ld, \"broken\": %ld, \"codes\": {", sent, answered, broken);
    const char *comma = "";
    for (int code = 0; code < 256; code++) {
        if (codes[code]) printf("%s\"%d\": %ld", comma, code, codes[code]), comma = ", ";
    }
    printf("}}\n");
}

static void read_exactly(int descriptor, unsigned char *bytes, size_t count) {
    while (count > 0) {
        ssize_t got = read(descriptor, bytes, count);
        if (got <= 0) die("a client was disconnected");
        bytes += got;
        count -= (size_t)got;
    }
}

/* Packets of fewer than 128 bytes. */
static size_t read_packet(int descriptor, unsigned char *packet) {
    read_exactly(descriptor, packet, 2);
    read_exactly(descriptor, packet + 2, packet[1]);
    return packet[1] + 2u;
}

static int by_value(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static void trips(int port, double seconds) {
    int descriptors[CLIENTS];
    unsigned char packet[256], answer[256];
    for (int index = 0; index < CLIENTS; index++) {
        char name[32];
        snprintf(name, sizeof name, "quiet-%d", index);
        descriptors[index] = connect_from("127.0.0.1", port, 0);
        size_t size = put_connect(packet, name, "bob", "builder");
        if (write(descriptors[index], packet, size) != (ssize_t)size) die("write");
        read_packet(descriptors[index], answer);
        if (answer[0] != 0x20 || answer[3] != 0) die("a right password was refused");
        /* SUBSCRIBE to its own name, QoS 0. */
        size = 5;
        memcpy(packet, "\x82\0\0\1\0", 5);
        size += put_text(packet + size, name);
        packet[size++] = 0;
        packet[1] = (unsigned char)(size - 2);
        if (write(descriptors[index], packet, size) != (ssize_t)size) die("write");
        read_packet(descriptors[index], answer);
    }
    int64_t *times = malloc(MAX_TRIPS * sizeof *times);
    if (!times) die("malloc");
    size_t count = 0;
    int64_t next = now_ns(), end = next + (int64_t)(seconds * 1e9);
    /* A steady rate: what a slow answer keeps from being sent counts from when it was due. */
    for (; next < end && count < MAX_TRIPS; next += PERIOD_NS) {
        int index = (int)(count % CLIENTS);
        char name[32];
        snprintf(name, sizeof name, "quiet-%d", index);
        size_t size = 2 + put_text(packet + 2, name);
        memcpy(packet + size, "\0hello", 6);
        size += 6;
        packet[0] = 0x30;
        packet[1] = (unsigned char)(size - 2);
        sleep_until(next);
        int64_t begin = now_ns();
        if (write(descriptors[index], packet, size) != (ssize_t)size) die("write");
        read_packet(descriptors[index], answer);
        int64_t done = now_ns();
        /* The sleep ends some microseconds late; only a whole period is the broker's fault. */
        times[count++] = begin - next < PERIOD_NS ? done - begin : done - next;
    }
    qsort(times, count, sizeof *times, by_value);
    printf("{\"trips\": %zu, \"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f}\n", count,
           (double)times[count / 2] / 1e3, (double)times[count * 99 / 100] / 1e3, (double)times[count - 1] / 1e3);
}

int main(int count, char **arguments) {
    if (count == 5 && strcmp(arguments[1], "flood") == 0) {
        flood(atoi(arguments[2]), atof(arguments[3]), atof(arguments[4]));
    } else if (count == 4 && strcmp(arguments[1], "trips") == 0) {
        trips(atoi(arguments[2]), atof(arguments[3]));
    } else {
        fprintf(stderr, "usage: load flood PORT SECONDS RATE | load trips PORT SECONDS\n");
        return 2;
    }
    return 0;
}
