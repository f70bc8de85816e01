/* Throws when somebody publishes under bad/: stopped by the guard, or by nobody when its setting is "raw". */
#include <hookline/guard.hpp>
#include <stdexcept>

static hl_verdict on_message(void *, hl_call *, const hl_msg *msg) {
    if (msg->payload.len == 3) throw 3;
    throw std::runtime_error("no route to the database");
}

static hl_status start(hl_self *self, const hl_config *config, void **) {
    if (hl_view_equal(hl_config_text(config, "act"), "start")) throw std::runtime_error("no licence");
    bool is_raw = hl_view_equal(hl_config_text(config, "act"), "raw");
    return hl_on_msg_in(self, hl_str("bad/#"), is_raw ? on_message : hookline::guarded<on_message>);
}

static const hl_config_key keys[] = {{"act", HL_TEXT, "guarded", "what it does wrong"}, {0, 0, 0, 0}};
static const hl_life life = {
    sizeof(hl_life), 0, 0, 0, 0, 0, hookline::guarded<start, HL_FAILED>, 0, 0, 0, 0, 0, 0};
HL_PLUGIN_FULL("test.throws", "1", HL_FREE, keys, life, HL_BIT(HL_HOOK_MSG_IN), 0, 0, 0, 0, 0, 0)
