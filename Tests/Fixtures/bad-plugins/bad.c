/* Misbehaves in the way its setting `act` names, when somebody publishes under bad/. */
#include <hookline/plugin.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

typedef struct { hl_self *self; hl_view act, kept; hl_token late; int hangs; } bad;

static int does(const bad *b, const char *act) { return hl_view_equal(b->act, act); }

static void *idle(void *nothing) {
    for (;;) pause();
    return nothing;
}

static void tick(void *state, void *user) { (void)state; (void)user; }

static void spin(long milliseconds) {
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    /* The watchdog asks by a signal where it is. */
    while (nanosleep(&time, &time)) {}
}

static hl_verdict on_message(void *state, hl_call *call, const hl_msg *msg) {
    bad *b = state;
    volatile int *nowhere = 0;
    (void)msg;
    pthread_t thread;
    if (does(b, "garbage")) return 77;
    if (does(b, "threads-in-hook")) return pthread_create(&thread, 0, idle, 0) ? HL_ERROR : HL_ABSTAIN;
    if (does(b, "error")) return HL_ERROR;
    if (does(b, "traps")) return (hl_verdict)*nowhere;
    if (does(b, "hangs") && !__atomic_fetch_add(&b->hangs, 1, __ATOMIC_RELAXED)) spin(400);
    if (does(b, "hangs-for-ever")) for (;;) spin(1000);
    if (does(b, "twice") || does(b, "late")) {
        hl_token token = hl_pend(call);
        if (!token) return HL_ERROR;
        if (does(b, "twice")) {
            hl_complete_token(b->self, token, HL_ABSTAIN, 0);
            hl_complete_token(b->self, token, HL_DENY, 0);
        }
        b->late = token;
        return HL_PENDING;
    }
    if (does(b, "keeps")) {
        /* The view of an earlier message, looked at when it is long gone. */
        if (b->kept.len && b->kept.ptr[b->kept.len - 1] == 0xFF) return HL_DENY;
        b->kept = msg->payload;
    }
    if (does(b, "leaks")) return malloc(1 << 20) ? HL_ABSTAIN : HL_ERROR;
    return HL_ABSTAIN;
}

/* Whose call was given up is told, and answers all the same. */
static hl_status on_cancel(void *state, hl_token token) {
    bad *b = state;
    hl_complete_token(b->self, token, HL_ABSTAIN, 0);
    return HL_OK;
}

static hl_verdict on_connect(void *state, hl_call *call, const hl_connect *connect) {
    (void)state; (void)call; (void)connect;
    return HL_ALLOW;
}

static hl_status start(hl_self *self, const hl_config *config, void **state) {
    bad *b = *state = hl_alloc(self, sizeof *b);
    static const char *const filters[] = {"bad/#"};
    hl_view filter = hl_str(filters[0]);
    hl_interest interest = hl_interest_all();
    pthread_t thread;
    b->self = self;
    b->act = hl_config_text(config, "act");
    interest.filters = &filter;
    interest.filter_count = 1;
    interest.deadline = 50000000;
    if (does(b, "twice") || does(b, "late")) interest.flags |= HL_INTEREST_MAY_PEND;
    if (does(b, "threads")) pthread_create(&thread, 0, idle, 0);
    if (does(b, "timers")) for (int i = 0; i < 5000; i++) hl_every(self, INT64_C(3600000000000), tick, 0);
    hl_on_auth_connect(self, on_connect);
    if (does(b, "nothing")) return hl_on_msg_in(self, hl_str("#"), on_message);
    return hl_on(self, HL_HOOK_MSG_IN, (hl_hook_fn)on_message, &interest);
}

static const hl_config_key keys[] = {{"act", HL_TEXT, "nothing", "what it does wrong"}, {0, 0, 0, 0}};
static const hl_life life = {sizeof(hl_life), 0, 0, 0, 0, 0, start, 0, 0, on_cancel, 0, 0, 0};
HL_PLUGIN_FULL(
    "test.bad", "1", HL_FREE, keys, life, HL_BIT(HL_HOOK_MSG_IN) | HL_BIT(HL_HOOK_AUTH_CONNECT), 0, 0, 0, 0, 0, 0)
