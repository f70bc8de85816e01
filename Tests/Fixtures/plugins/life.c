/* Logs every step of its life; fails where `fail` says. */
#include <hookline/plugin.h>

typedef struct { hl_self *self; hl_view fail; } plugin;

static void say(hl_self *self, const char *step) { hl_log(self, HL_LOG_INFO, "test.step", step); }

static hl_verdict never(void *state, hl_call *call, const hl_msg *msg) {
    (void)state; (void)call; (void)msg;
    return HL_DENY;
}
static hl_status create(hl_self *self, void **state) {
    plugin *p = (plugin *)hl_alloc(self, sizeof *p);
    p->self = self;
    *state = p;
    say(self, "create");
    return HL_OK;
}
static hl_status prepare(hl_self *self, const hl_config *config, void **prepared) {
    say(self, "prepare");
    *prepared = self;
    if (hl_view_equal(hl_config_text(config, "fail"), "prepare")) {
        hl_refuse(config, "fail", "prepare was told to fail");
        return hl_refuse(config, "number", "this one as well");
    }
    return HL_OK;
}
static hl_status start(hl_self *self, const hl_config *config, void **state) {
    hl_view fail = hl_config_text(config, "fail");
    (void)state;
    say(self, config->prepared == self ? "start prepared" : "start");
    hl_on_msg_in(self, hl_config_text(config, "filter"), never);
    if (hl_view_equal(fail, "start")) return hl_fail(self, "no route to database");
    if (hl_view_equal(fail, "silent")) return HL_FAILED;
    if (hl_view_equal(fail, "hook")) hl_on_msg_in(self, hl_str("a/#/b"), never);
    if (hl_view_equal(fail, "unknown")) hl_on(self, 99, (hl_hook_fn)never, 0);
    if (self->core->hook_status(self, HL_HOOK_MSG_OUT) == HL_OK) say(self, "msg.out is offered");
    return HL_OK;
}
static hl_status start_shard(hl_self *self, void *state, uint32_t shard, void **shard_state) {
    (void)state;
    *shard_state = hl_alloc(self, 1);
    hl_logf(self, HL_LOG_INFO, "test.step", "start_shard %u", shard);
    return HL_OK;
}
static void stop_shard(hl_self *self, void *state, uint32_t shard, void *shard_state) {
    (void)state; (void)shard_state;
    hl_logf(self, HL_LOG_INFO, "test.step", "stop_shard %u", shard);
}
static void drain(hl_self *self, void *state, hl_time deadline) { (void)state; (void)deadline; say(self, "drain"); }
static void stop(hl_self *self, void *state) { (void)state; say(self, "stop"); }
static void destroy(hl_self *self, void *state) { say(self, state ? "destroy" : "destroy nothing"); }

static const hl_config_key keys[] = {
    {"fail", HL_TEXT, "", "where to fail"},
    {"filter", HL_FILTER, "life/#", "a filter"},
    {"number", HL_INTEGER, "7", "a number"},
    {0, 0, 0, 0}};
static const hl_life life = {
    sizeof(hl_life), 0, create, prepare, 0, 0, start, start_shard, stop_shard, 0, drain, stop, destroy};
HL_PLUGIN_FULL("test.life", VERSION, HL_PER_SHARD, keys, life, HL_BIT(HL_HOOK_MSG_IN), 0, 0, 0, 0, 0, 0)
