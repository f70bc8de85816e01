/* Descriptions that must be refused, one for each BROKEN_*. */
#include <hookline/plugin.h>

static hl_status start(hl_self *self, const hl_config *config, void **state) {
    (void)self; (void)config; (void)state;
    return HL_OK;
}
static const hl_life life = {sizeof(hl_life), 0, 0, 0, 0, 0, start, 0, 0, 0, 0, 0, 0};
#if defined(BROKEN_LIFE)
static const hl_life none = {sizeof(hl_life), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
#endif
#if defined(BROKEN_SERVICE)
static const char *const services[] = {"log/1", "flux/1", 0};
#endif

HL_EXPORT const hl_plugin_desc *hl_plugin_entry_v1(const hl_host_probe *probe);
const hl_plugin_desc *hl_plugin_entry_v1(const hl_host_probe *probe) {
    static hl_plugin_desc desc;
    (void)probe;
    desc.struct_size = sizeof desc;
    desc.flags = HL_FREE;
    desc.abi_major = HL_ABI_MAJOR;
    desc.id = "test.broken";
    desc.version = "1.0.0";
    desc.life = &life;
#if defined(BROKEN_SIZE)
    desc.struct_size = 40;
#elif defined(BROKEN_MAJOR)
    desc.abi_major = 2;
#elif defined(BROKEN_MINOR)
    desc.abi_minor_required = 6;
#elif defined(BROKEN_FLAGS)
    desc.flags |= 0x8000;
#elif defined(BROKEN_THREADING)
    desc.flags = HL_FREE | HL_PER_SHARD;
#elif defined(BROKEN_LIFE)
    desc.life = &none;
#elif defined(BROKEN_SERVICE)
    desc.required_services = services;
#elif defined(BROKEN_REFUSES)
    return 0;
#elif defined(BROKEN_IGNORABLE)
    desc.flags |= 0x40000000;
#elif defined(BROKEN_LARGER)
    desc.struct_size = sizeof desc + 64;
#endif
    return &desc;
}
