/* What `hookline plugins describe` and `hookline check` read from the file: the same facts as
 * HTTPPlugin.description. */
#include <hookline/plugin.h>

static const hl_config_key keys[] = {
    {"bind", HL_TEXT, "localhost:8080", "where the API listens: localhost:8080, 0.0.0.0:8080"},
    {"health_bind", HL_TEXT, "localhost:8081",
     "where /health and /ready are answered, too, without log-in; empty: nowhere else"},
    {"cert", HL_PATH, 0, "certificate chain (PEM): the API speaks TLS"},
    {"key", HL_PATH, 0, "its private key (PEM)"},
    {"tokens", HL_PATH, "api-tokens", "tokens made by 'hookline token create'"},
    {"require_login", HL_BOOLEAN, 0, "also on loopback; off loopback log-in is always required"},
    {"anonymous_role", HL_TEXT, "operate",
     "what may be done without log-in, where none is required: operate, read or none"},
    {"operators", HL_LIST, 0, "MQTT users, or group:NAME, that may look at and change everything"},
    {"readers", HL_LIST, 0, "MQTT users, or group:NAME, that may look at everything"},
    {"mqtt_listener", HL_TEXT, 0, "listener whose rules hold for /publish and /subscribe; the first"},
    {"hosts", HL_LIST, 0, "names of this server in the header Host, beside addresses and localhost"},
    {"origins", HL_LIST, 0, "other sites whose pages may use the API: https://example.org"},
    {"max_body", HL_SIZE, "1MiB", "longest body of a request"},
    {"max_header", HL_SIZE, "16KiB", "longest header of a request, all fields"},
    {"max_connections", HL_INTEGER, "4096", "HTTP connections at once"},
    {"max_subscribers", HL_INTEGER, "2000", "readers of /subscribe at once"},
    {"timeout", HL_DURATION, "30s", "longest time for a request, and for an idle connection"},
    {"heartbeat", HL_DURATION, "15s", "silence of /subscribe after which a comment is sent"},
    {"slow_subscriber_timeout", HL_DURATION, "10s", "how long a reader of /subscribe may take nothing"},
    {"subscriber_queue", HL_SIZE, "256KiB", "what may wait for a reader of /subscribe"},
    {"resume_buffer", HL_SIZE, "64KiB", "what is kept for Last-Event-ID"},
    {"resume_time", HL_DURATION, "15s", "how long /subscribe waits for a reader to come back"},
    {0, 0, 0, 0},
};

HL_PLUGIN_NOTE("org.hookline.http", "1.0.0", HL_FREE | HL_MULTI_INSTANCE | HL_RUNTIME_SWIFT, 0, 0)
HL_PLUGIN_KEYS(keys)
