/* What `hookline plugins describe` and `hookline check` read from the file: the same facts as
 * MetricsPlugin.description. */
#include <hookline/plugin.h>

static const hl_config_key keys[] = {
    {"bind", HL_TEXT, 0,
     "address of a port of its own for /metrics, such as localhost:9883; without it the http plugin serves /metrics"},
    {"sys_interval", HL_DURATION, "10s", "how often $SYS/broker/... is published; 0s: never"},
    {"otlp_endpoint", HL_TEXT, 0,
     "URL of an OpenTelemetry collector that takes OTLP over HTTP, such as http://localhost:4318"},
    {"otlp_interval", HL_DURATION, "60s", "how often metrics are sent there; 1s to 1h"},
    {"otlp_timeout", HL_DURATION, "10s", "time for one request to it; 100ms to 5m"},
    {"otlp_ca", HL_PATH, 0, "certificates to trust for it; without it those of the system"},
    {"otlp_token", HL_SECRET, 0, "token to send to it as 'Authorization: Bearer'"},
    {"otlp_headers", HL_MAP, 0, "other headers to send to it; no secrets: they are shown"},
    {"otlp_resource", HL_MAP, 0, "attributes of this broker, such as { deployment.environment: production }"},
    {0, 0, 0, 0},
};

HL_PLUGIN_NOTE("org.hookline.metrics", "1.0.0", HL_FREE | HL_MULTI_INSTANCE | HL_RUNTIME_SWIFT | HL_HANDOVER, 0, 0)
HL_PLUGIN_KEYS(keys)
