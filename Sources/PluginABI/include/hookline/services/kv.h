/*
 * hookline/services/kv.h - kv/1: keys and values of one instance, in order, that outlive generations and restarts.
 *
 * Reading is from memory and never waits. A change is seen by readers at once; it survives a crash when done has been
 * called with HL_OK (or flush has returned). An ephemeral broker (hookline --ephemeral) keeps them in memory only.
 *
 *   uint64_t count = 0, version = HL_KV_ABSENT;
 *   do {
 *       if (kv->get(self, hl_str("starts"), &count, sizeof count, 0, &version) == HL_NOT_FOUND) version = HL_KV_ABSENT;
 *       count++;
 *   } while (kv->set(self, hl_str("starts"), hl_bytes(&count, sizeof count), version, 0, 0, 0) == HL_CONFLICT);
 */
#ifndef HOOKLINE_SERVICES_KV_H
#define HOOKLINE_SERVICES_KV_H

#include "../types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HL_KV_ANY 0xffffffffffffffffu /* expected version: whatever is there */
#define HL_KV_ABSENT 0u               /* expected version: nothing is there */

/* done of a change [worker]: HL_OK: it is durable; HL_FAILED: the disk refused it (it is still seen until the end of
 * the process; see the log). */
typedef void (*hl_kv_done_fn)(void *state, void *user, hl_status status);

/* kv/1 [any] unless a function says otherwise. Keys: 1 to 512 bytes. Values: up to 1 MiB. All values of an instance:
 * up to 256 MiB, else HL_LIMIT. Instances with the same id in plugins.yaml, one after the other, share their keys. */
typedef struct hl_kv_v1 {
    uint32_t struct_size;
    uint32_t flags;
    /* Copies at most capacity bytes to value (NULL: none); *size becomes the whole size, *version the version, never
     * 0; both may be NULL. HL_OK also when the value was cut; HL_NOT_FOUND. */
    hl_status (*get)(hl_self *self, hl_view key, void *value, uint64_t capacity, uint64_t *size, uint64_t *version);
    /* Compare and set: HL_CONFLICT when the version is not the expected one. *version (may be NULL) becomes the new
     * one, or with HL_CONFLICT the one that is there (0: none). done may be NULL; it is called only after HL_OK. */
    hl_status (*set)(hl_self *self, hl_view key, hl_view value, uint64_t expected, uint64_t *version,
                     hl_kv_done_fn done, void *user);
    hl_status (*remove)(hl_self *self, hl_view key, uint64_t expected, hl_kv_done_fn done, void *user);
    /* The first key that begins with prefix and is greater than after (empty: the very first). Copies at most capacity
     * bytes to key; *size becomes the whole size. HL_NOT_FOUND: there is none. */
    hl_status (*next)(hl_self *self, hl_view prefix, hl_view after, void *key, uint64_t capacity, uint64_t *size);
    /* Keys, and bytes of keys and values. */
    uint64_t (*count)(hl_self *self);
    uint64_t (*bytes)(hl_self *self);
    /* [worker], [control], [init] Waits until everything before it is durable. */
    hl_status (*flush)(hl_self *self);
} hl_kv_v1;

#ifdef __cplusplus
}
#endif

#endif
