/* Pends log-ins and answers from a thread of its own or from a worker, in the way `mode` says. */
#include <hookline/plugin.h>
#include <pthread.h>
#include <stdlib.h>

typedef struct { hl_self *self; hl_view mode; } plugin;
typedef struct { plugin *owner; hl_token token; const hl_connect *input; } attempt;

static void answer(attempt *a) {
    hl_self *self = a->owner->self;
    /* The input is still there, although the hook has returned. */
    hl_verdict verdict = hl_view_equal(a->input->password, "secret") ? HL_ALLOW : HL_DENY;
    hl_answer extra = {0};
    hl_status first, second;
    extra.struct_size = sizeof extra;
    extra.flags = HL_ANSWER_RULE | HL_ANSWER_IDENTITY;
    extra.rule = hl_str("pending.c");
    extra.username = hl_str("known");
    first = hl_complete_token(self, a->token, verdict, &extra);
    second = hl_complete_token(self, a->token, verdict, &extra);
    hl_logf(self, HL_LOG_INFO, "test.completed", "%u %u", first, second);
    free(a);
}
static void *answer_on_thread(void *argument) { answer((attempt *)argument); return 0; }
static void answer_on_worker(void *state, void *user) { (void)state; answer((attempt *)user); }
static void deferred(void *state, hl_call *call) {
    plugin *p = (plugin *)state;
    const hl_connect *c = hl_call_connect(call);
    hl_status status;
    call->api->set_rule(call, hl_str("deferred"));
    status = hl_complete(call, hl_view_equal(c->password, "secret") ? HL_ALLOW : HL_DENY);
    hl_logf(p->self, HL_LOG_INFO, "test.completed", "%u", status);
}
static hl_verdict log_in(void *state, hl_call *call, const hl_connect *connect) {
    plugin *p = (plugin *)state;
    attempt *a;
    if (hl_view_equal(p->mode, "defer")) return hl_defer(call, deferred);
    a = (attempt *)malloc(sizeof *a);
    a->owner = p;
    a->input = connect;
    a->token = hl_pend(call);
    if (!a->token) { free(a); return HL_ERROR; }
    if (hl_view_equal(p->mode, "thread")) {
        pthread_t thread;
        if (pthread_create(&thread, 0, answer_on_thread, a) != 0) return HL_ERROR;
        pthread_detach(thread);
    } else {
        /* "late": after the deadline or the client's end, when the test publishes the token back. */
        hl_after(p->self, hl_view_equal(p->mode, "late") ? HL_SECONDS(3600) : 0, answer_on_worker, a);
        hl_logf(p->self, HL_LOG_INFO, "test.token", "%llu", (unsigned long long)a->token);
    }
    return HL_PENDING;
}
static hl_status cancelled(void *state, hl_token token) {
    plugin *p = (plugin *)state;
    hl_status status = hl_complete_token(p->self, token, HL_ALLOW, 0);
    hl_logf(p->self, HL_LOG_INFO, "test.cancelled", "%u", status);
    return HL_OK;
}
static hl_status start(hl_self *self, const hl_config *config, void **state) {
    plugin *p = (plugin *)hl_alloc(self, sizeof *p);
    *state = p;
    p->self = self;
    p->mode = hl_config_text(config, "mode");
    return hl_on_auth_connect(self, log_in);
}
static const hl_config_key keys[] = {{"mode", HL_TEXT, "thread", "thread, worker, late or defer"}, {0, 0, 0, 0}};
static const hl_life life = {sizeof(hl_life), 0, 0, 0, 0, 0, start, 0, 0, cancelled, 0, 0, 0};
HL_PLUGIN_FULL("test.pending", "1.0.0", HL_FREE, keys, life, HL_BIT(HL_HOOK_AUTH_CONNECT), 0, "Test", "MIT", 0, 0, 0)
