/*
 * hookline/services/introspection.h - abi/1: what this host is; thread_check/1: on which kind of thread one stands.
 */
#ifndef HOOKLINE_SERVICES_INTROSPECTION_H
#define HOOKLINE_SERVICES_INTROSPECTION_H

#include "../types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* abi/1 [any] */
typedef struct hl_abi_v1 {
    uint32_t struct_size;
    uint32_t flags;
    uint32_t (*major)(hl_self *self);
    uint32_t (*minor)(hl_self *self);
    /* "0.3.0"; valid for ever. */
    hl_view (*host_version)(hl_self *self);
    /* Name of the service with this index, "kv/1", whether granted or not; empty beyond the last. Valid for ever. */
    hl_view (*service)(hl_self *self, uint32_t index);
    /* 1 when this instance may use the service. */
    uint32_t (*granted)(hl_self *self, hl_view service);
    /* "acl.publish"; empty for an id that is in no registry. Valid for ever. */
    hl_view (*hook_name)(hl_self *self, uint32_t hook);
} hl_abi_v1;

/* Kinds of threads, as the tags of the headers name them. */
#define HL_THREAD_OTHER 0x0u /* not the host's: a thread of a plugin */
#define HL_THREAD_LOOP 0x1u
#define HL_THREAD_WORKER 0x2u
#define HL_THREAD_CONTROL 0x4u

/* thread_check/1 [any] */
typedef struct hl_thread_check_v1 {
    uint32_t struct_size;
    uint32_t flags;
    /* HL_THREAD_* of the calling thread. */
    uint32_t (*current)(hl_self *self);
    /* HL_OK when the calling thread is one of these kinds. Else HL_NOT_ALLOWED: counted, and logged with what was
     * expected the first time; a broker in test mode ends with that message instead. */
    hl_status (*expect)(hl_self *self, uint32_t kinds, hl_view what);
    /* Violations of this instance so far. */
    uint64_t (*violations)(hl_self *self);
} hl_thread_check_v1;

#ifdef __cplusplus
}
#endif

#endif
