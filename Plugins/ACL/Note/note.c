/* What `hookline plugins describe` reads from the file: the same facts as ACLPlugin.description. */
#include <hookline/plugin.h>

HL_PLUGIN_NOTE("org.hookline.acl", "1.0.0", HL_FREE | HL_MULTI_INSTANCE | HL_RUNTIME_SWIFT,
               HL_BIT(HL_HOOK_ACL_PUBLISH) | HL_BIT(HL_HOOK_ACL_SUBSCRIBE) | HL_BIT(HL_HOOK_ACL_DELIVER)
                   | HL_BIT(HL_HOOK_MSG_IN),
               0)
