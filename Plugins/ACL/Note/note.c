/* What `hookline plugins describe` and `hookline check` read from the file: the same facts as ACLPlugin.description. */
#include <hookline/plugin.h>

static const hl_config_key keys[] = {
    {"file", HL_PATH | HL_REQUIRED, 0, "the access rules; see docs/acl.md"},
    {"on_lost_permission", HL_TEXT, "unsubscribe",
     "what happens to a client that a change of the rules takes a subscription from: unsubscribe (silently) or "
     "disconnect (0x87)"},
    {"shadow", HL_PATH, 0, "rules to compare with: decisions that would change are logged"},
    {"stamp", HL_MAP, 0, "user properties that tell subscribers who sent a message: { client: sender, user: ... }"},
    {0, 0, 0, 0},
};

HL_PLUGIN_NOTE("org.hookline.acl", "1.0.0", HL_FREE | HL_MULTI_INSTANCE | HL_RUNTIME_SWIFT,
               HL_BIT(HL_HOOK_ACL_PUBLISH) | HL_BIT(HL_HOOK_ACL_SUBSCRIBE) | HL_BIT(HL_HOOK_ACL_DELIVER)
                   | HL_BIT(HL_HOOK_MSG_IN),
               0)
HL_PLUGIN_KEYS(keys)
