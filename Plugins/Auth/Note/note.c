/* What `hookline plugins describe` reads from the file: the same facts as AuthPlugin.description. */
#include <hookline/plugin.h>

HL_PLUGIN_NOTE("org.hookline.auth", "1.0.0", HL_FREE | HL_MULTI_INSTANCE | HL_HANDOVER | HL_RUNTIME_SWIFT,
               HL_BIT(HL_HOOK_AUTH_CONNECT) | HL_BIT(HL_HOOK_AUTH_EXCHANGE), 0)
