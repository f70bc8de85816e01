/*
 * hookline/entry.h - how host and plugin meet: one exported function, one description, the steps of a plugin's life.
 *
 *   entry -> create -> prepare -> start -> [prepare(new) -> commit | abort]* -> drain -> stop -> destroy
 *
 * Only start is mandatory. The shared object is never unmapped while the broker runs.
 */
#ifndef HOOKLINE_ENTRY_H
#define HOOKLINE_ENTRY_H

#include "config.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the host tells before anything else. Owner: host; valid during the entry call. */
typedef struct hl_host_probe {
    uint32_t struct_size;
    uint32_t flags;
    uint32_t abi_major;
    uint32_t abi_minor;
    const char *host_name;    /* "hookline-host" */
    const char *host_version; /* "0.3.0" */
    const char *target;       /* "x86_64-linux-gnu" */
    /* Tables that need no instance, by "name/REV"; NULL when there is none of that name. [init] In 1.0 there is none at
     * all: every service belongs to an instance, and an entry that may do no I/O has no use for one. */
    const void *(*get_service)(const struct hl_host_probe *probe, hl_view name);
} hl_host_probe;

/* Flags of a description. An unknown bit of the lower half is a reason to refuse, one of the upper half to log. */
#define HL_FREE 0x00000001u      /* hooks may run on all event loops at once, over one shared state */
#define HL_PER_SHARD 0x00000002u /* hooks use the state of their own event loop, given by start_shard: no locks */
#define HL_SERIAL 0x00000004u    /* one call at a time per instance: control and notify hooks only */
#define HL_BLOCKING 0x00000008u  /* deciding hooks may block: the host calls them on a worker, as pending ones */
#define HL_NEEDS_PROCESS_ISOLATION 0x00000010u
#define HL_CRITICAL_FLAGS 0x0000ffffu
#define HL_MULTI_INSTANCE 0x00010000u /* may be configured more than once in one broker */
#define HL_HANDOVER 0x00020000u       /* can give its state to the next generation */
#define HL_DETERMINISTIC 0x00040000u  /* time and entropy come from clock/1 and random/1 alone: fit for replay */
#define HL_RUNTIME_SWIFT 0x00080000u
#define HL_RUNTIME_GO 0x00100000u
#define HL_RUNTIME_OTHER 0x00200000u

/* What start, and the steps before and after it, look like. state: one pointer per instance, the plugin's own. Hooks on
 * an event loop get the state of start_shard instead where there is one; everything else gets the shared one. */
typedef hl_status (*hl_create_fn)(hl_self *self, void **state);
typedef hl_status (*hl_prepare_fn)(hl_self *self, const hl_config *config, void **prepared);
typedef void (*hl_commit_fn)(hl_self *self, void *state, const hl_config *config);
typedef void (*hl_abort_fn)(hl_self *self, void *prepared);
typedef hl_status (*hl_start_fn)(hl_self *self, const hl_config *config, void **state);
typedef hl_status (*hl_start_shard_fn)(hl_self *self, void *state, uint32_t shard, void **shard_state);
typedef void (*hl_stop_shard_fn)(hl_self *self, void *state, uint32_t shard, void *shard_state);
typedef hl_status (*hl_cancel_fn)(void *state, hl_token token);
typedef void (*hl_drain_fn)(hl_self *self, void *state, hl_time deadline);
typedef void (*hl_stop_fn)(hl_self *self, void *state);
typedef void (*hl_destroy_fn)(hl_self *self, void *state);

/* The steps of life. Owner: plugin, static const. Every entry but start may be NULL. */
typedef struct hl_life {
    uint32_t struct_size;
    uint32_t flags;
    /* [init] Makes the instance. No I/O, no threads, no hooks. */
    hl_create_fn create;
    /* [worker] Reads and checks a configuration off-line, without any effect; faults go to hl_refuse, all of them.
     * Runs before start and before every commit; what it leaves in *prepared is config->prepared there.
     * NULL: a new setting makes a new instance. */
    hl_prepare_fn prepare;
    /* [control & started] Takes a prepared configuration into use. Fast, cannot fail. */
    hl_commit_fn commit;
    /* [control] Throws away what prepare made, because another plugin refused. */
    hl_abort_fn abort;
    /* [init] Registers hooks, opens files, sets timers. On any status but HL_OK the host takes back everything
     * registered so far and calls destroy. */
    hl_start_fn start;
    /* [init] HL_PER_SHARD: once per event loop, after start. [control] for its counterpart, before stop. */
    hl_start_shard_fn start_shard;
    hl_stop_shard_fn stop_shard;
    /* [loop] Nobody waits for this token any more (the client left, or the deadline passed): stop the work.
     * HL_OK: the plugin has let go of the call, its input is wiped and freed now. HL_BUSY: it still looks at the input
     * and will call hl_complete, which answers HL_CANCELLED or HL_EXPIRED. NULL: as HL_BUSY. */
    hl_cancel_fn on_cancel;
    /* [control] No new hook calls come; finish what is pending before the deadline. */
    hl_drain_fn drain;
    /* [control] No call runs any more. End all threads of your own. */
    hl_stop_fn stop;
    /* [control] Last call, also after a failed create or start. What hl_alloc gave is freed by the host afterwards. */
    hl_destroy_fn destroy;
} hl_life;

/* The description of a plugin. Owner: plugin, static const, valid for ever; the host never writes to it. */
typedef struct hl_plugin_desc {
    uint32_t struct_size;
    uint32_t flags;              /* threading class and HL_* flags above */
    uint32_t abi_major;          /* HL_ABI_MAJOR */
    uint32_t abi_minor_required; /* HL_TARGET_MINOR */
    const char *id;              /* reverse DNS: "org.example.hello" */
    const char *version;
    const char *vendor;  /* this and the next two may be NULL */
    const char *licence; /* SPDX */
    const char *url;
    /* Services by "name/REV", ended by NULL. A required service is never NULL once create runs.
     * required_services == NULL: every service that hl_self has a field for. */
    const char *const *required_services;
    const char *const *optional_services;
    /* The hooks start will ask for, for `hookline plugins describe`: bit n of the first is hook id n, bit n of the
     * second hook id 64 + n. Both 0: not declared. */
    uint64_t hooks;
    uint64_t notify_hooks;
    /* Settings, ended by a key whose name is NULL; config_key_stride is sizeof(hl_config_key). May be NULL: none. */
    const hl_config_key *config_keys;
    uint32_t config_key_stride;
    uint32_t reserved;
    const hl_life *life;
} hl_plugin_desc;

/* The one function a plugin exports, named after the major version so that one file can serve two majors.
 * No allocation, no I/O, no threads: it returns a constant, or NULL to refuse this host. */
typedef const hl_plugin_desc *(*hl_plugin_entry_fn)(const hl_host_probe *probe);
#define HL_PLUGIN_ENTRY_NAME "hl_plugin_entry_v1"

/* The ELF note .note.hookline: the same facts, read from the file without running it. Note and description must
 * agree. Little endian, 4-byte aligned, name "Hookline". */
#define HL_NOTE_SECTION ".note.hookline"
#define HL_NOTE_NAME "Hookline"
#define HL_NOTE_TYPE 1u
typedef struct hl_note {
    uint32_t name_size; /* 9 */
    uint32_t desc_size; /* from note_version to the end */
    uint32_t type;      /* HL_NOTE_TYPE */
    char name[12];
    uint32_t note_version; /* 1 */
    uint32_t abi_major;
    uint32_t abi_minor_required;
    uint32_t flags;
    uint32_t hook_bits[4]; /* bit n % 32 of word n / 32 = hook id n; all zero: not declared */
    char id[96];
    char version[32];
} hl_note;

/* The section hookline_keys: one hl_key_table, so that tools know a plugin's settings without running it. It must
 * agree with hl_plugin_desc.config_keys. */
#define HL_KEYS_SECTION "hookline_keys"
typedef struct hl_key_table {
    uint32_t struct_size;
    uint32_t key_stride;
    const hl_config_key *keys; /* ends with {0, 0, 0, 0}; NULL: no settings */
} hl_key_table;

#ifdef __cplusplus
}
#endif

#endif
