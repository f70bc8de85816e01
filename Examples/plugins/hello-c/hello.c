/* gcc -shared -fPIC -O2 -o hello.so hello.c $(pkg-config --cflags hookline) */
#include <hookline/plugin.h>
#include <stdatomic.h>
#include <stdio.h>

typedef struct { hl_self *self; hl_view reply; atomic_ullong seen; } hello;
int directory_allows(hl_view user, hl_view password);           /* yours; may take seconds */

static hl_verdict count(void *state, hl_call *call, const hl_msg *msg) {
    hello *h = state; char text[24]; (void)call; (void)msg;
    int n = snprintf(text, sizeof text, "%llu", atomic_fetch_add(&h->seen, 1) + 1);
    hl_publish(h->self, h->reply, text, n, 0, HL_RETAIN);       /* copied; queued; does not come back to us */
    return HL_ABSTAIN;
}
static void ask(void *state, hl_call *call) {                   /* [worker] may block */
    const hl_connect *c = hl_call_connect(call); (void)state;   /* input lives until hl_complete */
    hl_complete(call, directory_allows(c->username, c->password) ? HL_ALLOW : HL_DENY);
}
static hl_verdict log_in(void *state, hl_call *call, const hl_connect *c) {
    (void)state; return c->username.len ? hl_defer(call, ask) : HL_ABSTAIN;   /* = HL_PENDING */
}
static hl_status start(hl_self *self, const hl_config *cfg, void **state) {
    hello *h = *state = hl_alloc(self, sizeof *h);              /* zeroed; the host frees it after stop */
    h->self = self;
    h->reply = hl_config_text(cfg, "reply");                    /* lives as long as this instance */
    hl_on_msg_in(self, hl_config_text(cfg, "filter"), count);
    hl_on_auth_connect(self, log_in);
    return HL_OK;
}
static const hl_config_key keys[] = {{"filter", HL_FILTER, "hello/#", "what to count"},
    {"reply", HL_TOPIC, "hello/count", "where the count goes"}, {0, 0, 0, 0}};
HL_PLUGIN("org.example.hello", "1.0.0", HL_FREE, keys, start)
