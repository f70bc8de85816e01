/* An access rule that allows and counts: what it has counted is handed over from build to build. BUILD makes the bytes
 * of two builds differ. */
#include <hookline/plugin.h>
#include <stdatomic.h>
#include <string.h>

typedef struct { hl_self *self; atomic_ullong asked; uint64_t given, taken; } acl;

static hl_verdict on_publish(void *state, hl_call *call, const hl_msg *msg) {
    acl *a = state;
    (void)call; (void)msg;
    atomic_fetch_add_explicit(&a->asked, 1, memory_order_relaxed);
    return HL_ALLOW;
}

static hl_verdict on_subscribe(void *state, hl_call *call, const hl_subscribe *subscribe) {
    (void)state; (void)call; (void)subscribe;
    return HL_ALLOW;
}

/* Bulk: all so far; delta: what came since. */
static hl_status give(void *state, void *user, const hl_state_writer *writer) {
    acl *a = state;
    uint64_t all = atomic_load(&a->asked), part = writer->phase == HL_STATE_BULK ? all : all - a->given;
    (void)user;
    a->given = all;
    return writer->write(writer, hl_bytes(&part, sizeof part));
}

static hl_status take(void *state, void *user, const hl_state_reader *reader) {
    acl *a = state;
    hl_view chunk;
    uint64_t part;
    (void)user;
    if (reader->schema != 1) return HL_NOT_FOUND;
    while (reader->read(reader, &chunk) == HL_OK) {
        if (chunk.len != sizeof part) return HL_NOT_FOUND;
        memcpy(&part, chunk.ptr, sizeof part);
        atomic_fetch_add(&a->asked, part);
        a->taken += part;
    }
    return HL_OK;
}

static hl_status start(hl_self *self, const hl_config *config, void **state) {
    acl *a = *state = hl_alloc(self, sizeof *a);
    (void)config;
    a->self = self;
    self->handover->offer(self, 1, give, 0);
    self->handover->accept(self, take, 0);
    hl_on_acl_subscribe(self, on_subscribe);
    return hl_on_acl_publish(self, on_publish);
}

static void stop(hl_self *self, void *state) {
    acl *a = state;
    hl_logf(self, HL_LOG_INFO, "bench.counted", "%llu in build %d", (unsigned long long)atomic_load(&a->asked), BUILD);
}

static const hl_life life = {sizeof(hl_life), 0, 0, 0, 0, 0, start, 0, 0, 0, 0, stop, 0};
HL_PLUGIN_FULL("bench.acl", "1", HL_FREE | HL_HANDOVER, 0, life, HL_BIT(HL_HOOK_ACL_PUBLISH), 0, 0, 0, 0, 0, 0)
