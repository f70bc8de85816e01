/* Decides about publishes of clients whose identifier begins with "slow" after two seconds, in the way it is built:
 * -DBLOCKING sleeps in the hook, without it the call pends and a timer answers. Everybody else is allowed at once. */
#include <hookline/plugin.h>
#include <string.h>
#include <time.h>

typedef struct { hl_self *self; } plugin;

static int is_slow(const hl_msg *msg) {
    hl_view id = msg->publisher->client_id;
    return id.len >= 4 && memcmp(id.ptr, "slow", 4) == 0;
}

#if defined(BLOCKING)
#define THREADING (HL_FREE | HL_BLOCKING)
static hl_verdict may_publish(void *state, hl_call *call, const hl_msg *msg) {
    struct timespec pause = {2, 0};
    (void)state; (void)call;
    if (is_slow(msg)) nanosleep(&pause, 0);
    return HL_ALLOW;
}
#else
#define THREADING HL_FREE
static void answer(void *state, void *user) {
    hl_complete_token(((plugin *)state)->self, (hl_token)(uintptr_t)user, HL_ALLOW, 0);
}
static hl_verdict may_publish(void *state, hl_call *call, const hl_msg *msg) {
    hl_token token;
    if (!is_slow(msg)) return HL_ALLOW;
    token = hl_pend(call);
    if (!token) return HL_ERROR;
    hl_after(((plugin *)state)->self, HL_SECONDS(2), answer, (void *)(uintptr_t)token);
    return HL_PENDING;
}
#endif

static hl_status start(hl_self *self, const hl_config *config, void **state) {
    plugin *p = (plugin *)hl_alloc(self, sizeof *p);
    hl_interest interest = hl_interest_all();
    (void)config;
    *state = p;
    p->self = self;
    interest.flags = HL_INTEREST_MAY_PEND;
    interest.deadline = HL_SECONDS(10);
    return hl_on(self, HL_HOOK_ACL_PUBLISH, (hl_hook_fn)may_publish, &interest);
}
HL_PLUGIN("bench.slow", "1.0.0", THREADING, 0, start)
