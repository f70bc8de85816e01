/* What `hookline plugins describe` reads from the file: the same facts as MetricsPlugin.description. */
#include <hookline/plugin.h>

HL_PLUGIN_NOTE("org.hookline.metrics", "1.0.0", HL_FREE | HL_MULTI_INSTANCE | HL_RUNTIME_SWIFT, 0, 0)
