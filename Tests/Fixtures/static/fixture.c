#include "static_fixture.h"

static hl_verdict log_in(void *state, hl_call *call, const hl_connect *connect) {
    (void)state; (void)call;
    return hl_view_equal(connect->username, "guest") ? HL_DENY : HL_ALLOW;
}
static hl_status start(hl_self *self, const hl_config *config, void **state) {
    (void)state;
    hl_logf(self, HL_LOG_INFO, "test.static", "%.*s", HL_S(hl_config_text(config, "word")));
    return hl_on_auth_connect(self, log_in);
}
static const hl_config_key keys[] = {{"word", HL_TEXT, "linked in", "a word"}, {0, 0, 0, 0}};
HL_PLUGIN("test.static", "1", HL_FREE | HL_MULTI_INSTANCE, keys, start)
