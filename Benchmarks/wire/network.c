/* Non-blocking connections on one epoll loop; all output of a turn leaves in one write for each connection. */
#define _GNU_SOURCE
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE = 256 * 1024, EVENTS = 512 };

void network_open(network *n) {
    n->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (n->epoll < 0) stop("epoll_create1: %s", strerror(errno));
}

void connection_open(network *n, connection *c, const char *host, int port) {
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) stop("socket: %s", strerror(errno));
    int on = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) stop("'%s' is not an IPv4 address", host);
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS)
        stop("connect to %s:%d: %s", host, port, strerror(errno));
    c->opened = now();
    c->blocked = true;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
    if (epoll_ctl(n->epoll, EPOLL_CTL_ADD, c->fd, &event)) stop("epoll_ctl: %s", strerror(errno));
}

void connection_touch(network *n, connection *c) {
    if (c->dirty) return;
    c->dirty = true;
    c->next_dirty = n->dirty;
    n->dirty = c;
}

void connection_close(connection *c) {
    close(c->fd);
    c->fd = -1;
}

static void watch_output(network *n, connection *c, bool wanted) {
    if (c->blocked == wanted) return;
    c->blocked = wanted;
    struct epoll_event event = {.events = EPOLLIN | (wanted ? EPOLLOUT : 0), .data.ptr = c};
    if (epoll_ctl(n->epoll, EPOLL_CTL_MOD, c->fd, &event)) stop("epoll_ctl: %s", strerror(errno));
}

static void write_out(network *n, connection *c) {
    bytes *out = &c->out;
    while (out->begin < out->end) {
        ssize_t count = send(c->fd, out->data + out->begin, out->end - out->begin, MSG_NOSIGNAL);
        if (count < 0) {
            if (errno == EAGAIN || errno == ENOTCONN) return watch_output(n, c, true);
            stop("the broker closed a connection: %s", strerror(errno));
        }
        out->begin += (size_t)count;
    }
    watch_output(n, c, false);
}

static void read_in(network *n, connection *c) {
    ssize_t count = recv(c->fd, bytes_room(&c->in, READ_SIZE), READ_SIZE, 0);
    if (count < 0 && errno == EAGAIN) return;
    if (count < 0) stop("recv: %s", strerror(errno));
    if (count == 0) stop("the broker closed a connection");
    c->in.end += (size_t)count;
    packet p;
    long used;
    while ((used = next_packet(c->in.data + c->in.begin, c->in.end - c->in.begin, &p)) > 0) {
        n->received(c, &p);
        c->in.begin += (size_t)used;
    }
    if (used < 0) stop("the broker sent what is no MQTT packet");
}

void network_read(network *n, int timeout_ms) {
    struct epoll_event events[EVENTS];
    int count = epoll_wait(n->epoll, events, EVENTS, timeout_ms);
    for (int i = 0; i < count; i++) {
        connection *c = events[i].data.ptr;
        if (c->fd < 0) continue;
        if (events[i].events & EPOLLERR) stop("cannot connect to the broker");
        if (events[i].events & EPOLLOUT) {
            watch_output(n, c, false);
            connection_touch(n, c);
        }
        if (events[i].events & (EPOLLIN | EPOLLHUP)) read_in(n, c);
    }
}

void network_write(network *n) {
    while (n->dirty) {
        connection *c = n->dirty;
        n->dirty = c->next_dirty;
        c->dirty = false;
        if (c->fd >= 0 && !c->blocked) write_out(n, c);
    }
}
