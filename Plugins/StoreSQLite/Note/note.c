/* What `hookline plugins describe` and `hookline check` read from the file: the same facts as
 * StoreSQLitePlugin.description. */
#include <hookline/plugin.h>

static const hl_config_key keys[] = {
    {"cache", HL_SIZE, "32MiB", "pages of the database that are kept in memory"},
    {"mmap", HL_SIZE, "0",
     "how much of the database is read through mapped memory; a failing disk then ends the broker"},
    {"log_size", HL_SIZE, "32MiB", "size of the write-ahead log at which it is worked into the database"},
    {"page_size", HL_SIZE, "16KiB", "page of a new database: a power of two from 4KiB to 64KiB"},
    {0, 0, 0, 0},
};

HL_PLUGIN_NOTE("org.hookline.store-sqlite", "1.0.0", HL_FREE | HL_RUNTIME_SWIFT, 0, 0)
HL_PLUGIN_KEYS(keys)
