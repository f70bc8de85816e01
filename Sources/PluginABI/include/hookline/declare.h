/*
 * hookline/declare.h - HL_PLUGIN: entry, description and ELF note from one line, written once per shared object at the
 * end of a file, without a semicolon.
 */
#ifndef HOOKLINE_DECLARE_H
#define HOOKLINE_DECLARE_H

#include "entry.h"

#ifdef __cplusplus
#define HL_EXTERN_C extern "C"
#else
#define HL_EXTERN_C extern
#endif

#if defined(__GNUC__)
#define HL_EXPORT __attribute__((visibility("default")))
#define HL_IN_NOTE_SECTION __attribute__((section(HL_NOTE_SECTION), used, aligned(4)))
#define HL_IN_KEYS_SECTION __attribute__((section(HL_KEYS_SECTION), used))
#else
#define HL_EXPORT
#define HL_IN_NOTE_SECTION
#define HL_IN_KEYS_SECTION
#endif

/* The entry: one name for shared objects; with -DHL_STATIC_PLUGIN=name one of its own for a plugin that is linked into
 * its host and configured as `builtin:name`. */
#if defined(HL_STATIC_PLUGIN)
#define HL_JOIN_(a, b) a##b
#define HL_JOIN(a, b) HL_JOIN_(a, b)
#define HL_ENTRY HL_JOIN(hl_plugin_entry_v1_, HL_STATIC_PLUGIN)
#else
#define HL_ENTRY hl_plugin_entry_v1
#endif

/* A hook id as a bit of hl_plugin_desc.hooks or .notify_hooks. */
#define HL_BIT(hook) ((uint64_t)1 << ((hook) % 64u))

/* The note alone, for plugins whose entry is written in another language. */
#define HL_PLUGIN_NOTE(id_, version_, flags_, hooks_, notify_hooks_)                                                  \
    HL_IN_NOTE_SECTION static const hl_note hl_plugin_note_ = {                                                       \
        9, (uint32_t)(sizeof(hl_note) - offsetof(hl_note, note_version)), HL_NOTE_TYPE, HL_NOTE_NAME, 1,              \
        HL_ABI_MAJOR, HL_TARGET_MINOR, (flags_),                                                                      \
        {(uint32_t)((uint64_t)(hooks_) & 0xffffffffu), (uint32_t)((uint64_t)(hooks_) >> 32),                          \
         (uint32_t)((uint64_t)(notify_hooks_) & 0xffffffffu), (uint32_t)((uint64_t)(notify_hooks_) >> 32)},           \
        id_, version_};

/* The settings alone, beside HL_PLUGIN_NOTE: keys is an array of hl_config_key or 0. */
#define HL_PLUGIN_KEYS(keys_)                                                                                         \
    HL_IN_KEYS_SECTION static const hl_key_table hl_plugin_keys_ = {sizeof(hl_key_table), sizeof(hl_config_key),      \
                                                                    keys_};                                           \
    HL_KEEP_KEYS

/* The Swift package manager drops what nobody refers to (--gc-sections), but no notes: one that refers to the table
 * keeps it. Elsewhere `used` is enough, and gcc's assembler would warn of a note with an address in it. */
#if defined(__clang__)
#define HL_KEEP_KEYS                                                                                                  \
    __attribute__((section(HL_NOTE_SECTION ".keys"), used, aligned(8))) static const struct {                         \
        uint32_t name_size, description_size, type;                                                                   \
        char name[12];                                                                                                \
        const hl_key_table *table;                                                                                    \
    } hl_plugin_keys_note_ = {9, sizeof(void *), HL_NOTE_TYPE + 1, HL_NOTE_NAME, &hl_plugin_keys_};
#else
#define HL_KEEP_KEYS
#endif

/* Everything can be said: life is an hl_life, required and optional are lists of services or 0. */
#define HL_PLUGIN_FULL(id_, version_, flags_, keys_, life_, hooks_, notify_hooks_, vendor_, licence_, url_, required_, \
                       optional_)                                                                                     \
    HL_PLUGIN_NOTE(id_, version_, flags_, hooks_, notify_hooks_)                                                      \
    HL_PLUGIN_KEYS(keys_)                                                                                              \
    static const hl_plugin_desc hl_plugin_desc_ = {                                                                   \
        sizeof(hl_plugin_desc), (flags_), HL_ABI_MAJOR, HL_TARGET_MINOR, id_, version_, vendor_, licence_, url_,      \
        required_, optional_, (hooks_), (notify_hooks_), keys_, sizeof(hl_config_key), 0, &(life_)};                  \
    HL_EXTERN_C HL_EXPORT const hl_plugin_desc *HL_ENTRY(const hl_host_probe *probe);                                 \
    const hl_plugin_desc *HL_ENTRY(const hl_host_probe *probe) {                                                      \
        return probe->abi_major == HL_ABI_MAJOR ? &hl_plugin_desc_ : 0;                                               \
    }

/* The usual plugin: keys is an array of hl_config_key or 0. */
#define HL_PLUGIN(id_, version_, flags_, keys_, start_)                                                               \
    static const hl_life hl_plugin_life_ = {sizeof(hl_life), 0, 0, 0, 0, 0, start_, 0, 0, 0, 0, 0, 0};                 \
    HL_PLUGIN_FULL(id_, version_, flags_, keys_, hl_plugin_life_, 0, 0, 0, 0, 0, 0, 0)

/* With a stop function, for plugins that hold something of their own. */
#define HL_PLUGIN_WITH_STOP(id_, version_, flags_, keys_, start_, stop_)                                              \
    static const hl_life hl_plugin_life_ = {sizeof(hl_life), 0, 0, 0, 0, 0, start_, 0, 0, 0, 0, stop_, 0};             \
    HL_PLUGIN_FULL(id_, version_, flags_, keys_, hl_plugin_life_, 0, 0, 0, 0, 0, 0, 0)

#endif
