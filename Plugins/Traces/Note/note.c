/* What `hookline plugins describe` reads from the file: the same facts as TracesPlugin.description. */
#include <hookline/plugin.h>

HL_PLUGIN_NOTE("org.hookline.traces", "1.0.0", HL_FREE | HL_RUNTIME_SWIFT, 0, 0)
