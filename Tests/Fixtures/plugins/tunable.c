/* Takes new settings while it runs: prepare checks and copies, commit puts into use, abort throws away. */
#include <hookline/plugin.h>

typedef struct { hl_self *self; int64_t level; } plugin;

static hl_status prepare(hl_self *self, const hl_config *config, void **prepared) {
    int64_t *level = (int64_t *)hl_alloc(self, sizeof *level);
    char text[64];
    *level = hl_config_integer(config, "level");
    *prepared = level;
    if (*level <= 10) return HL_OK;
    snprintf(text, sizeof text, "%d is above 10", (int)*level);
    return hl_refuse(config, "level", text);
}
static void use(hl_self *self, plugin *p, const hl_config *config) {
    p->level = *(int64_t *)config->prepared;
    hl_logf(self, HL_LOG_INFO, "test.tuned", "%d", (int)p->level);
}
static void commit(hl_self *self, void *state, const hl_config *config) { use(self, (plugin *)state, config); }
static void discard(hl_self *self, void *prepared) {
    hl_logf(self, HL_LOG_INFO, "test.aborted", "%d", (int)*(int64_t *)prepared);
}
static hl_status start(hl_self *self, const hl_config *config, void **state) {
    plugin *p = (plugin *)hl_alloc(self, sizeof *p);
    p->self = self;
    *state = p;
    if (!self->kv && !self->publish && self->log) hl_log(self, HL_LOG_INFO, "test.granted", "log only");
    use(self, p, config);
    return HL_OK;
}
static const hl_config_key keys[] = {{"level", HL_INTEGER, "0", "0 to 10"}, {0, 0, 0, 0}};
static const hl_life life = {sizeof(hl_life), 0, 0, prepare, commit, discard, start, 0, 0, 0, 0, 0, 0};
HL_PLUGIN_FULL("test.tunable", "1", HL_FREE | HL_MULTI_INSTANCE, keys, life, 0, 0, 0, 0, 0, 0, 0)
