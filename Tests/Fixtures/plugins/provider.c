/* Offers org.example.answer/1 to other plugins, a new answer with each generation. */
#include <hookline/plugin.h>

typedef struct { int (*answer)(void *state, int question); } answer_table;

typedef struct {
    hl_self *self;
    int factor;
} provider;

static int answer(void *state, int question) { return question * ((const provider *)state)->factor; }
static const answer_table table = {answer};

static hl_status start(hl_self *self, const hl_config *config, void **state) {
    provider *p = (provider *)hl_alloc(self, sizeof *p);
    hl_status status;
    (void)config;
    if (!p) return HL_NO_MEMORY;
    p->self = self;
    p->factor = (int)self->generation * 7;
    *state = p;
    status = self->provide->offer(self, hl_str("org.example.answer/1"), &table, p);
    if (status == HL_CONFLICT) return hl_fail(self, "somebody else offers org.example.answer/1");
    return status;
}

static void stop(hl_self *self, void *state) {
    ((provider *)state)->factor = -1;
    hl_log(self, HL_LOG_INFO, "test.provider_stopped", "");
}

HL_PLUGIN_WITH_STOP("test.provider", "1", HL_FREE | HL_MULTI_INSTANCE, 0, start, stop)
