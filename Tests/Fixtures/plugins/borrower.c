/* Uses org.example.answer/1 of provider.c when a message asks for it, and holds it as long as it is told to. */
#include <hookline/plugin.h>

typedef struct { int (*answer)(void *state, int question); } answer_table;

typedef struct {
    hl_self *self;
    hl_provided held;
} borrower;

static void tell(borrower *b) {
    if (!b->held.ticket) {
        hl_log(b->self, HL_LOG_INFO, "test.answer", "nobody");
        return;
    }
    hl_logf(b->self, HL_LOG_INFO, "test.answer", "%d",
            ((const answer_table *)b->held.table)->answer(b->held.state, 6));
}

static hl_verdict asked(void *state, hl_call *call, const hl_msg *msg) {
    borrower *b = (borrower *)state;
    (void)call;
    if (hl_view_equal(msg->payload, "acquire")) {
        b->self->provide->acquire(b->self, hl_str("org.example.answer/1"), &b->held);
        tell(b);
    } else if (hl_view_equal(msg->payload, "answer")) {
        tell(b);
    } else {
        b->self->provide->release(b->self, &b->held);
        b->self->provide->release(b->self, &b->held);
        tell(b);
    }
    return HL_ABSTAIN;
}

static hl_status start(hl_self *self, const hl_config *config, void **state) {
    borrower *b = (borrower *)hl_alloc(self, sizeof *b);
    (void)config;
    if (!b) return HL_NO_MEMORY;
    b->self = self;
    *state = b;
    return hl_on_msg_in(self, hl_str("ask"), asked);
}

HL_PLUGIN("test.borrower", "1", HL_FREE, 0, start)
