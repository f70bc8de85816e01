/* Uses the services and logs what they say. */
#include <hookline/plugin.h>

typedef struct { hl_self *self; hl_timer timer; uint32_t ticks; } plugin;

static void ticked(void *state, void *user) {
    plugin *p = (plugin *)state;
    (void)user;
    if (++p->ticks == 3) hl_log(p->self, HL_LOG_INFO, "test.timer", "three ticks");
}
static void worked(void *state, void *user) {
    plugin *p = (plugin *)state;
    hl_log(p->self, HL_LOG_INFO, "test.worker", user == (void *)p ? "right" : "wrong");
}
static void file_changed(void *state, void *user) {
    plugin *p = (plugin *)state;
    (void)user;
    hl_log(p->self, HL_LOG_INFO, "test.watch", "changed");
}
static void happened(void *state, hl_call *call, const hl_event *event) {
    plugin *p = (plugin *)state;
    hl_field field;
    field.key = hl_str("client");
    field.value = event->client->client_id;
    (void)call;
    p->self->log->write(p->self, HL_LOG_INFO, hl_str("test.event"), event->reason, &field, 1);
}
static hl_verdict republish(void *state, hl_call *call, const hl_msg *msg) {
    plugin *p = (plugin *)state;
    hl_view value = hl_msg_user_property(msg, "colour");
    hl_property expiry;
    (void)call;
    hl_logf(p->self, HL_LOG_INFO, "test.msg", "%.*s %.*s %u", HL_S(msg->topic), HL_S(value),
            hl_msg_property(msg, HL_PROPERTY_MESSAGE_EXPIRY, &expiry) ? expiry.number : 0);
    hl_logf(p->self, HL_LOG_INFO, "test.publish", "%u", hl_publish(p->self, hl_str("out"), "hi", 2, 1, HL_RETAIN));
    return HL_ABSTAIN;
}
static void list(const hl_config *config) {
    const hl_config_v1 *api = config->api;
    hl_node items = hl_config_find(config, "items");
    uint32_t index, count = api->count(config, items);
    for (index = 0; index < count; index++) {
        hl_node item = api->item(config, items, index), name = api->child(config, item, hl_str("name"));
        int64_t nanoseconds = -1;
        api->duration(config, api->child(config, item, hl_str("ttl")), &nanoseconds);
        hl_logf(config->self, HL_LOG_INFO, "test.item", "%.*s %lld %.*s", HL_S(api->text(config, name)),
                (long long)nanoseconds, HL_S(api->position(config, item)));
    }
    hl_logf(config->self, HL_LOG_INFO, "test.json", "%.*s", HL_S(api->json(config, items)));
}
static hl_status start(hl_self *self, const hl_config *config, void **state) {
    plugin *p = (plugin *)hl_alloc(self, sizeof *p);
    const hl_topic_v1 *topic = (const hl_topic_v1 *)self->core->get_service(self, hl_str("topic/1"));
    uint64_t random[2] = {0, 0};
    *state = p;
    p->self = self;
    self->timer->start(self, 0, HL_MILLISECONDS(1), ticked, 0, &p->timer);
    hl_submit(self, worked, p);
    hl_watch_file(self, hl_config_path(config, "file"), file_changed, 0);
    hl_on_notify(self, HL_HOOK_NOTIFY_CONNECTED, happened);
    hl_on_msg_in(self, hl_str("in/#"), republish);
    self->random->fill(self, random, sizeof random);
    hl_logf(self, HL_LOG_INFO, "test.self", "%.*s %u %u", HL_S(self->name), self->generation, self->shard_count);
    hl_logf(self, HL_LOG_INFO, "test.values", "%lld %u %.1f %llu %lld", (long long)hl_config_integer(config, "integer"),
            hl_config_boolean(config, "boolean"), hl_config_number(config, "number"),
            (unsigned long long)hl_config_size(config, "size"), (long long)hl_config_duration(config, "duration"));
    hl_logf(self, HL_LOG_INFO, "test.topics", "%u%u%u%u%u%u", topic->matches(self, hl_str("a/+"), hl_str("a/b")),
            topic->valid_topic(self, hl_str("a/+")), topic->valid_filter(self, hl_str("a/#/b")),
            topic->covers(self, hl_str("a/#"), hl_str("a/+/c")), topic->covers(self, hl_str("a/+"), hl_str("a/#")),
            topic->covers(self, hl_str("#"), hl_str("$SYS/#")));
    hl_logf(self, HL_LOG_INFO, "test.misc", "%d %d %d", random[0] != random[1],
            self->core->get_service(self, hl_str("flux/1")) == 0,
            self->clock->wall(self) > INT64_C(1500000000) * 1000000000);
    hl_logf(self, HL_LOG_DEBUG, "test.debug", "not written");
    self->core->set_health(self, HL_HEALTH_DEGRADED, hl_str("half of it"));
    self->client->recheck(self, 0);
    self->client->kick_client_id(self, hl_str("dev-1"), 0x98);
    list(config);
    return HL_OK;
}
static const hl_config_key keys[] = {
    {"file", HL_PATH | HL_REQUIRED, 0, "a file to watch"}, {"items", HL_LIST, "[]", "things"},
    {"integer", HL_INTEGER, "42", "i"}, {"boolean", HL_BOOLEAN, "true", "b"}, {"number", HL_NUMBER, "2.5", "n"},
    {"size", HL_SIZE, "4KiB", "s"}, {"duration", HL_DURATION, "5m", "d"}, {0, 0, 0, 0}};
HL_PLUGIN("test.services", "1.0.0", HL_FREE, keys, start)
