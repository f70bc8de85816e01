/* The entry of a plugin that is linked into the test (HL_STATIC_PLUGIN=fixture), configured as builtin:fixture. */
#ifndef STATIC_FIXTURE_H
#define STATIC_FIXTURE_H

#include <hookline/plugin.h>

const hl_plugin_desc *hl_plugin_entry_v1_fixture(const hl_host_probe *probe);

#endif
