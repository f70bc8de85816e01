/* What `hookline plugins describe` and `hookline check` read from the file: the same facts as in AuthPlugin. */
#include <hookline/plugin.h>

static const hl_config_key keys[] = {
    {"sources", HL_LIST | HL_REQUIRED, 0,
     "where credentials are looked up, in this order: [ { password_file: PATH }, { jwt: ... } ]"},
    {"failures_allowed", HL_INTEGER, "10",
     "failed log-ins of an address or a user name before it has to wait; 0: no limit"},
    {"failure_delay", HL_DURATION, "1s", "the first wait; it doubles each time"},
    {"max_failure_delay", HL_DURATION, "5m", "the longest wait of an address"},
    {"hashing_threads", HL_INTEGER, 0,
     "passwords that are hashed at once; one for each CPU and four at most without it"},
    {0, 0, 0, 0},
};

HL_PLUGIN_NOTE("org.hookline.auth", "1.0.0", HL_FREE | HL_MULTI_INSTANCE | HL_HANDOVER | HL_RUNTIME_SWIFT,
               HL_BIT(HL_HOOK_AUTH_CONNECT) | HL_BIT(HL_HOOK_AUTH_EXCHANGE), 0)
HL_PLUGIN_KEYS(keys)
