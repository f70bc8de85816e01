/* Uses every hook and every service of the host, and says in its log what it has used (coverage.h): the test of the
 * whole interface. Also built with -std=c99 -Wpedantic, and loaded by brokers with sanitizers. */
#include "every_hook.h"
#include "every_service.h"

/* ---- what the test asks for, by messages ---- */

/* org.example.answer/1, which the plugin of provider.c offers. */
typedef struct { int (*answer)(void *state, int question); } answer_table;

static void borrow(everything *e) {
    hl_provided provided;
    if (CALL(e->self, provide, acquire)(e->self, hl_str("org.example.answer/1"), &provided) != HL_OK) {
        say(e->self, "test.borrowed", "nobody");
        return;
    }
    hl_logf(e->self, HL_LOG_INFO, "test.borrowed", "%d",
            ((const answer_table *)provided.table)->answer(provided.state, 6));
    CALL(e->self, provide, release)(e->self, &provided);
}

static void verdicts(everything *e, const hl_msg *msg) {
    uint64_t connection = msg->publisher ? msg->publisher->connection : 0;
    hl_logf(e->self, HL_LOG_INFO, "test.verdicts", "%u %u", CALL(e->self, client, revoke)(e->self, connection),
            CALL(e->self, client, recheck)(e->self, connection));
}

static void stop_consuming(everything *e) {
    hl_consumer_stats stats;
    hl_view filter = hl_str("every/one/more");
    memset(&stats, 0, sizeof stats);
    stats.struct_size = sizeof stats;
    if (CALL(e->self, consume, update)(e->self, e->consumer, &filter, 1) != HL_OK)
        say(e->self, "test.wrong", "other filters");
    CALL(e->self, consume, pause)(e->self, e->consumer, 1);
    CALL(e->self, consume, stats)(e->self, e->consumer, &stats);
    hl_logf(e->self, HL_LOG_INFO, "test.stats", "%u %u", stats.received > 0, (unsigned)stats.lost);
    CALL(e->self, consume, close)(e->self, e->consumer);
}

/* What must have worked by the time the test asks for it. */
static void numbers(everything *e) {
    hl_self *self = e->self;
    hl_logf(self, HL_LOG_INFO, "test.numbers", "%u %u %u %u", CALL(self, kv, count)(self) >= 3,
            CALL(self, kv, bytes)(self) > 0, (unsigned)CALL(self, retained, bytes)(self) > 0,
            CALL(self, publish, under_way)(self) <= 4096);
    CALL(self, core, fail)(self, hl_str("too late to fail"));
    if (CALL(self, http, remove)(self, e->route) != HL_OK) say(self, "test.wrong", "no route");
    if (e->watch && CALL(self, watch, remove)(self, e->watch) != HL_OK) say(self, "test.wrong", "no watch");
}

static void reload(everything *e) {
    const hl_administration_v1 *administration = (const hl_administration_v1 *)hl_service(e->self, "administration/1");
    if (!administration) return;
    USE(administration, administration, reload)(e->self, hl_str(""), administered, 0);
    USE(administration, administration, command)(e->self, hl_str("health"), hl_str(""), administered, 0);
    if (administration->command(e->self, hl_str("nothing"), hl_str(""), administered, 0) != HL_NOT_FOUND)
        say(e->self, "test.wrong", "command");
}

/* connection/1: sends CONNECT as an MQTT client does, and waits for the first bytes of the answer. */
static void heard(void *state, void *user, int32_t descriptor, uint32_t events) {
    everything *e = (everything *)state;
    uint8_t answer[4];
    (void)user;
    if (!(events & HL_FD_READ) || read(descriptor, answer, sizeof answer) != (ssize_t)sizeof answer) return;
    hl_logf(e->self, HL_LOG_INFO, "test.connack", "%x %x", (unsigned)answer[0], (unsigned)answer[3]);
    e->self->reactor->remove(e->self, e->inside_fd);
    close(descriptor);
}

static void speak_for_somebody(everything *e) {
    static const uint8_t packet[] = {0x10, 18, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 60,
                                     0, 6, 'i', 'n', 's', 'i', 'd', 'e'};
    const hl_connection_v1 *connection = (const hl_connection_v1 *)hl_service(e->self, "connection/1");
    int32_t descriptor = -1;
    if (!connection) return;
    if (connection->open(e->self, hl_str("no such listener"), hl_str("192.0.2.7:1"), &descriptor) != HL_NOT_FOUND
        || connection->open(e->self, hl_str(""), hl_str(""), &descriptor) != HL_INVALID
        || USE(connection, connection, open)(e->self, hl_str("tcp"), hl_str("192.0.2.7:1"), &descriptor) != HL_OK
        || e->self->reactor->add(e->self, descriptor, HL_FD_READ, heard, 0, &e->inside_fd) != HL_OK
        || write(descriptor, packet, sizeof packet) != (ssize_t)sizeof packet)
        say(e->self, "test.wrong", "connection");
}

static void clone_message(everything *e, hl_call *call, const hl_msg *msg) {
    hl_publication clone = hl_publication_like(msg, call->now);
    hl_view rest = msg->topic, level = {0, 0};
    uint32_t levels = 0;
    while (hl_topic_next_level(&rest, &level)) levels++;
    if (levels != 2 || !hl_view_equal(level, "me")) say(e->self, "test.wrong", "levels");
    clone.topic = hl_str("cloned");
    clone.cause = call;
    if (CALL(e->self, publish, publish)(e->self, &clone) != HL_OK) say(e->self, "test.wrong", "clone");
}

static void publish_and_count(everything *e) {
    hl_publication publication;
    memset(&publication, 0, sizeof publication);
    publication.struct_size = sizeof publication;
    publication.topic = hl_str("counted");
    publication.qos = 1;
    publication.user = (void *)(uintptr_t)"counted";
    publication.report = reported;
    CALL(e->self, publish, publish)(e->self, &publication);
    publication.properties = hl_str("no properties");
    if (e->self->publish->publish(e->self, &publication) != HL_INVALID) say(e->self, "test.wrong", "properties");
}

static void retain(everything *e) {
    hl_publication publication;
    memset(&publication, 0, sizeof publication);
    publication.struct_size = sizeof publication;
    publication.topic = hl_str("every/kept");
    publication.payload = hl_str("kept");
    CALL(e->self, retained, set)(e->self, &publication);
}

static hl_verdict asked(void *state, hl_call *call, const hl_msg *msg) {
    everything *e = (everything *)state;
    check_call(call, HL_HOOK_MSG_IN, msg);
    check_message(call, msg);
    if (begins(msg->topic, "edit/")) return edit(call);
    if (hl_view_equal(msg->topic, "clone/me")) {
        clone_message(e, call, msg);
        return HL_ABSTAIN;
    }
    if (!hl_view_equal(msg->topic, "ask")) return HL_ABSTAIN;
    if (hl_view_equal(msg->payload, "publish")) {
        publish(e, "every/thing", "plain", "", "plain");
        publish(e, "every/named", "named", "dev-1", "named");
        publish(e, "every/lost", "lost", "nobody", "lost");
        if (publish(e, "every/+", "", "", "") != HL_INVALID) say(e->self, "test.wrong", "topic");
        CALL(e->self, publish, when_ready)(e->self, ready, 0);
    } else if (hl_view_equal(msg->payload, "count")) {
        publish_and_count(e);
    } else if (hl_view_equal(msg->payload, "keep")) {
        keep(e, msg);
    } else if (hl_view_equal(msg->payload, "sessions")) {
        CALL(e->self, client, get)(e->self, hl_str("dev-1"), sessions, (void *)(uintptr_t)"get");
        CALL(e->self, client, get)(e->self, hl_str("nobody"), sessions, (void *)(uintptr_t)"nobody");
        CALL(e->self, client, list)(e->self, 0, 1, sessions, (void *)(uintptr_t)"list");
    } else if (hl_view_equal(msg->payload, "subscriptions")) {
        CALL(e->self, subs, of_client)(e->self, hl_str("dev-1"), subscriptions, (void *)(uintptr_t)"client");
        CALL(e->self, subs, matching)(e->self, hl_str("every/thing"), 0, 10, subscriptions,
                                      (void *)(uintptr_t)"matching");
    } else if (hl_view_equal(msg->payload, "identity")) {
        CALL(e->self, client, set_identity)(e->self, msg->publisher->connection, hl_str("ann"), 0, 0,
                                            hl_str("acme"), done, (void *)(uintptr_t)"identity");
    } else if (hl_view_equal(msg->payload, "end")) {
        CALL(e->self, client, end_session)(e->self, hl_str("dev-1"), 0x98, done, (void *)(uintptr_t)"end");
    } else if (hl_view_equal(msg->payload, "retained")) {
        retain(e);
    } else if (hl_view_equal(msg->payload, "look")) {
        CALL(e->self, retained, get)(e->self, hl_str("every/kept"), retained, (void *)(uintptr_t)"get");
        CALL(e->self, retained, match)(e->self, hl_str("every/#"), retained, (void *)(uintptr_t)"match");
        hl_logf(e->self, HL_LOG_INFO, "test.retained_count", "%u", (unsigned)CALL(e->self, retained, count)(e->self));
    } else if (hl_view_equal(msg->payload, "clear")) {
        CALL(e->self, retained, clear)(e->self, hl_str("every/kept"));
    } else if (hl_view_equal(msg->payload, "stop consuming")) {
        stop_consuming(e);
    } else if (hl_view_equal(msg->payload, "all subscriptions")) {
        CALL(e->self, subs, list)(e->self, 0, 10, subscriptions, (void *)(uintptr_t)"list");
    } else if (hl_view_equal(msg->payload, "verdicts")) {
        verdicts(e, msg);
    } else if (hl_view_equal(msg->payload, "kick")) {
        CALL(e->self, client, kick_client_id)(e->self, hl_str("dev-2"), 0x98);
        CALL(e->self, client, kick)(e->self, msg->publisher->connection, 0x98);
    } else if (hl_view_equal(msg->payload, "borrow")) {
        borrow(e);
    } else if (hl_view_equal(msg->payload, "reload")) {
        reload(e);
    } else if (hl_view_equal(msg->payload, "connect")) {
        speak_for_somebody(e);
    } else if (hl_view_equal(msg->payload, "numbers")) {
        numbers(e);
    } else if (hl_view_equal(msg->payload, "report")) {
        report_coverage(e->self);
    }
    return HL_ABSTAIN;
}

static hl_status prepare(hl_self *self, const hl_config *config, void **prepared) {
    hl_node refused = hl_config_find(config, "refuse");
    (void)self;
    *prepared = 0;
    if (!hl_config_boolean(config, "refuse")) return HL_OK;
    READ(config, refuse)(config, refused, hl_str("as it was told to"));
    return HL_REFUSED;
}

static void commit(hl_self *self, void *state, const hl_config *config) {
    (void)state;
    hl_logf(self, HL_LOG_INFO, "test.commit", "%.*s", HL_S(hl_config_text(config, "name")));
}

static hl_status cancelled(void *state, hl_token token) {
    (void)state;
    (void)token;
    return HL_BUSY;
}

static hl_status start(hl_self *self, const hl_config *config, void **state) {
    everything *e = (everything *)hl_alloc(self, sizeof *e);
    if (!e) return HL_NO_MEMORY;
    e->self = self;
    *state = e;
    USE(self->handover, state, offer)(self, 3, export_state, 0);
    USE(self->handover, state, accept)(self, import_state, 0);
    CALL(self, provide, offer)(self, hl_str("org.example.twice/1"), &provided, e);
    hl_on_msg_in(self, hl_str("#"), asked);
    register_every_hook(self);
    log_and_core(e);
    configuration(e, config);
    watch(e, config);
    consume(e);
    keys_and_values(e);
    routes(e);
    trace(e);
    metrics(e);
    work(e);
    small_ones(e);
    return HL_OK;
}

static void stop(hl_self *self, void *state) {
    everything *e = (everything *)state;
    (void)self;
    close(e->ends[0]);
    close(e->ends[1]);
}

static const char *const required[] = {
    "log/1", "publish/1", "consume/1", "client/1", "subs/1", "retained/1", "kv/1", "http/1", "metrics/1", "trace/1",
    "state/1", "executor/1", "timer/1", "watch/1", "reactor/1", "topic/1", "clock/1", "random/1", "provide/1", "abi/1",
    "thread_check/1", "message/1", 0};
static const char *const optional[] = {"http_server/1", "administration/1", "connection/1", 0};
static const hl_config_key keys[] = {
    {"name", HL_TEXT, "nobody", "Any text."},
    {"integer", HL_INTEGER, "1", "A number."},
    {"number", HL_NUMBER, "0.5", "Another one."},
    {"boolean", HL_BOOLEAN, "false", "Yes or no."},
    {"duration", HL_DURATION, "1s", "How long."},
    {"size", HL_SIZE, "1KiB", "How much."},
    {"list", HL_LIST, 0, "Several things."},
    {"watched", HL_PATH, 0, "A file to look at."},
    {"refuse", HL_BOOLEAN, "false", "Whether these settings are not accepted."},
    {0, 0, 0, 0}};
static const hl_life life = {sizeof(hl_life), 0, 0, prepare, commit, 0, start, 0, 0, cancelled, 0, stop, 0};
HL_PLUGIN_FULL("test.everything", "1", HL_FREE | HL_HANDOVER, keys, life, 0, 0, 0, 0, 0, required, optional)
