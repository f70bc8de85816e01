/* What `hookline plugins describe` and `hookline check` read from the file: the same facts as
 * StoreRocksDBPlugin.description. */
#include <hookline/plugin.h>

static const hl_config_key keys[] = {
    {"write_buffer", HL_SIZE, "64MiB", "what is collected in memory, beside the log, before it becomes a file"},
    {0, 0, 0, 0},
};

HL_PLUGIN_NOTE("org.hookline.store-rocksdb", "1.0.0", HL_FREE | HL_RUNTIME_SWIFT, 0, 0)
HL_PLUGIN_KEYS(keys)
