/* What `hookline plugins describe` and `hookline check` read from the file: the same facts as
 * TracesPlugin.description. */
#include <hookline/plugin.h>

static const hl_config_key keys[] = {
    {"endpoint", HL_TEXT, "http://localhost:4318",
     "the collector's address for OTLP over HTTP; /v1/traces is added"},
    {"ratio", HL_NUMBER, "0.1",
     "share of the traces that begin at the broker, 0 to 1; one that a client began is recorded when the sampled flag "
     "of its traceparent says so"},
    {"correlation_field", HL_TEXT, 0,
     "name of the JSON member that holds a correlation id in payloads of MQTT 3.1.1 clients"},
    {"authorization", HL_SECRET, 0, "value of the Authorization header, such as 'Bearer ...'"},
    {"headers", HL_MAP, 0, "more headers for the collector: { X-Tenant: blue }"},
    {"ca", HL_PATH, 0, "PEM file with the authorities to trust; without it those of the system"},
    {"timeout", HL_DURATION, "10s", "how long the collector may take to answer"},
    {"interval", HL_DURATION, "1s", "how long a span waits for others, at most"},
    {"attributes", HL_MAP, 0, "attributes of the resource: { deployment.environment.name: production }"},
    {0, 0, 0, 0},
};

HL_PLUGIN_NOTE("org.hookline.traces", "1.0.0", HL_FREE | HL_MULTI_INSTANCE | HL_RUNTIME_SWIFT, 0, 0)
HL_PLUGIN_KEYS(keys)
