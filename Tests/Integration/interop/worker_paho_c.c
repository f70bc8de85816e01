// Paho C (the synchronous MQTTClient) as a client under test; the lines are those of lines.py.
#include <MQTTClient.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static MQTTClient client;
static bool v5;

// The value of a field of the line, decoded in place of its hexadecimal digits; NULL when the line has none.
static char *field(char *line, const char *name, size_t *count)
{
    static char *buffers[16];
    static unsigned next;
    char key[32];
    size_t length = (size_t)snprintf(key, sizeof key, " %s=", name);
    const char *start = strstr(line, key);
    if (start == NULL) return NULL;
    start += length;
    size_t digits = strcspn(start, " \n");
    char **buffer = &buffers[next++ % 16];
    free(*buffer);
    *buffer = malloc(digits / 2 + 1);
    if (*buffer == NULL) exit(1);
    for (size_t index = 0; index < digits / 2; index++) {
        char pair[3] = {start[index * 2], start[index * 2 + 1], 0};
        (*buffer)[index] = (char)strtoul(pair, NULL, 16);
    }
    (*buffer)[digits / 2] = 0;
    if (count != NULL) *count = digits / 2;
    return *buffer;
}

static int number(char *line, const char *name, int standard)
{
    char *text = field(line, name, NULL);
    return text == NULL ? standard : atoi(text);
}

static void hex(const char *name, const void *bytes, size_t count)
{
    printf(" %s=", name);
    for (size_t index = 0; index < count; index++) printf("%02x", ((const unsigned char *)bytes)[index]);
}

static void hex_number(const char *name, long value)
{
    char text[32];
    hex(name, text, (size_t)snprintf(text, sizeof text, "%ld", value));
}

static void finish(void)
{
    putchar('\n');
    fflush(stdout);
}

static void say(const char *word, int code)
{
    fputs(word, stdout);
    hex_number("code", code);
    finish();
}

static void fail(const char *what, int code)
{
    fprintf(stderr, "%s failed: %d\n", what, code);
    exit(1);
}

static void hex_property(MQTTProperties *properties, enum MQTTPropertyCodes id, const char *name)
{
    if (!MQTTProperties_hasProperty(properties, id)) return;
    MQTTProperty *property = MQTTProperties_getProperty(properties, id);
    MQTTLenString first = property->value.data, second = property->value.value;
    if (id == MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL) {
        hex_number(name, (long)property->value.integer4);
    } else if (id == MQTTPROPERTY_CODE_USER_PROPERTY) {
        char pair[256];
        int count = snprintf(pair, sizeof pair, "%.*s=%.*s", first.len, first.data, second.len, second.data);
        hex(name, pair, (size_t)count);
    } else {
        hex(name, first.data, (size_t)first.len);
    }
}

static int arrived(void *context, char *topic, int length, MQTTClient_message *message)
{
    (void)context;
    fputs("message", stdout);
    hex("topic", topic, length > 0 ? (size_t)length : strlen(topic));
    hex("payload", message->payload, (size_t)message->payloadlen);
    hex_number("qos", message->qos);
    hex_number("retain", message->retained);
    hex_property(&message->properties, MQTTPROPERTY_CODE_RESPONSE_TOPIC, "response");
    hex_property(&message->properties, MQTTPROPERTY_CODE_CORRELATION_DATA, "correlation");
    hex_property(&message->properties, MQTTPROPERTY_CODE_CONTENT_TYPE, "content");
    hex_property(&message->properties, MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL, "expiry");
    hex_property(&message->properties, MQTTPROPERTY_CODE_USER_PROPERTY, "user");
    finish();
    MQTTClient_freeMessage(&message);
    MQTTClient_free(topic);
    return 1;
}

static void connect_client(char *line)
{
    const char *transport = field(line, "transport", NULL);
    const char *scheme = strcmp(transport, "tls") == 0 ? "ssl" : transport;
    bool web = strncmp(transport, "ws", 2) == 0;
    char uri[128];
    snprintf(
        uri, sizeof uri, "%s://%s:%d%s", scheme, field(line, "host", NULL), number(line, "port", 1883),
        web ? "/mqtt" : "");
    v5 = number(line, "version", 4) == 5;
    MQTTClient_createOptions create = MQTTClient_createOptions_initializer;
    create.MQTTVersion = v5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1;
    int code = MQTTClient_createWithOptions(
        &client, uri, field(line, "id", NULL), MQTTCLIENT_PERSISTENCE_NONE, NULL, &create);
    if (code != MQTTCLIENT_SUCCESS) fail("create", code);
    MQTTClient_setCallbacks(client, NULL, NULL, arrived, NULL);

    MQTTClient_connectOptions plain = MQTTClient_connectOptions_initializer;
    MQTTClient_connectOptions modern = MQTTClient_connectOptions_initializer5;
    MQTTClient_connectOptions *options = v5 ? &modern : &plain;
    int clean = number(line, "clean", 1);
    if (v5) {
        options->cleanstart = clean;
    } else {
        options->cleansession = clean;
    }
    options->MQTTVersion = create.MQTTVersion;
    MQTTClient_SSLOptions trust = MQTTClient_SSLOptions_initializer;
    trust.trustStore = field(line, "ca", NULL);
    if (strcmp(transport, "tls") == 0 || strcmp(transport, "wss") == 0) options->ssl = &trust;
    MQTTClient_willOptions will = MQTTClient_willOptions_initializer;
    size_t count = 0;
    if ((will.topicName = field(line, "willtopic", NULL)) != NULL) {
        will.payload.data = field(line, "willpayload", &count);
        will.payload.len = (int)count;
        will.qos = number(line, "willqos", 0);
        options->will = &will;
    }
    if (v5) {
        MQTTProperties properties = MQTTProperties_initializer;
        MQTTProperty expiry = {.identifier = MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL};
        expiry.value.integer4 = (unsigned)number(line, "expiry", 0);
        MQTTProperties_add(&properties, &expiry);
        MQTTResponse response = MQTTClient_connect5(client, options, &properties, NULL);
        code = (int)response.reasonCode;
        MQTTResponse_free(response);
        MQTTProperties_free(&properties);
    } else {
        code = MQTTClient_connect(client, options);
    }
    if (code != 0) fail("connect", code);
    fputs("connected", stdout);
    // Version 1.3.12 of the library does not tell it for 5.0.
    if (!v5) hex_number("present", options->returned.sessionPresent);
    hex_number("code", code);
    finish();
}

static void add_text(MQTTProperties *properties, char *line, const char *name, enum MQTTPropertyCodes id)
{
    size_t count = 0;
    char *text = field(line, name, &count);
    if (text == NULL) return;
    MQTTProperty property = {.identifier = id};
    property.value.data.data = text;
    property.value.data.len = (int)count;
    if (id == MQTTPROPERTY_CODE_USER_PROPERTY) {
        char *split = strchr(text, '=');
        if (split == NULL) return;
        property.value.data.len = (int)(split - text);
        property.value.value.data = split + 1;
        property.value.value.len = (int)strlen(split + 1);
    }
    MQTTProperties_add(properties, &property);
}

static void publish(char *line)
{
    size_t count = 0;
    MQTTClient_message message = MQTTClient_message_initializer;
    message.payload = field(line, "payload", &count);
    message.payloadlen = (int)count;
    message.qos = number(line, "qos", 0);
    message.retained = number(line, "retain", 0);
    MQTTClient_deliveryToken token = 0;
    int code;
    if (v5) {
        message.struct_version = 1;
        add_text(&message.properties, line, "response", MQTTPROPERTY_CODE_RESPONSE_TOPIC);
        add_text(&message.properties, line, "correlation", MQTTPROPERTY_CODE_CORRELATION_DATA);
        add_text(&message.properties, line, "content", MQTTPROPERTY_CODE_CONTENT_TYPE);
        add_text(&message.properties, line, "user", MQTTPROPERTY_CODE_USER_PROPERTY);
        MQTTProperty property = {.identifier = MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL};
        property.value.integer4 = (unsigned)number(line, "expiry", 0);
        if (property.value.integer4 != 0) MQTTProperties_add(&message.properties, &property);
        MQTTProperty alias = {.identifier = MQTTPROPERTY_CODE_TOPIC_ALIAS};
        alias.value.integer2 = (unsigned short)number(line, "alias", 0);
        if (alias.value.integer2 != 0) MQTTProperties_add(&message.properties, &alias);
        MQTTResponse response = MQTTClient_publishMessage5(client, field(line, "topic", NULL), &message, &token);
        code = (int)response.reasonCode;
        MQTTResponse_free(response);
        MQTTProperties_free(&message.properties);
    } else {
        code = MQTTClient_publishMessage(client, field(line, "topic", NULL), &message, &token);
    }
    if (code != 0) fail("publish", code);
    if (message.qos > 0 && (code = MQTTClient_waitForCompletion(client, token, 10000)) != 0) fail("delivery", code);
    say("published", 0);
}

static void subscribe(char *line)
{
    int code, qos = number(line, "qos", 0);
    if (v5) {
        MQTTSubscribe_options options = MQTTSubscribe_options_initializer;
        MQTTResponse response = MQTTClient_subscribe5(client, field(line, "filter", NULL), qos, &options, NULL);
        code = (int)response.reasonCode;
        MQTTResponse_free(response);
    } else {
        code = MQTTClient_subscribe(client, field(line, "filter", NULL), qos);
        if (code == MQTTCLIENT_SUCCESS) code = qos;
    }
    say("subscribed", code);
}

int main(void)
{
    char *line = NULL;
    size_t capacity = 0;
    while (getline(&line, &capacity, stdin) > 0) {
        if (strncmp(line, "connect", 7) == 0) {
            connect_client(line);
        } else if (strncmp(line, "subscribe", 9) == 0) {
            subscribe(line);
        } else if (strncmp(line, "publish", 7) == 0) {
            publish(line);
        } else if (strncmp(line, "unsubscribe", 11) == 0) {
            MQTTClient_unsubscribe(client, field(line, "filter", NULL));
            say("unsubscribed", 0);
        } else if (strncmp(line, "disconnect", 10) == 0) {
            if (v5) {
                MQTTClient_disconnect5(client, 1000, MQTTREASONCODE_SUCCESS, NULL);
            } else {
                MQTTClient_disconnect(client, 1000);
            }
            MQTTClient_destroy(&client);
            say("disconnected", 0);
        }
    }
    free(line);
    return 0;
}
