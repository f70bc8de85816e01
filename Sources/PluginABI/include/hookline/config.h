/*
 * hookline/config.h - the settings of an instance: declared by the plugin, checked and completed by the host.
 *
 * The host refuses unknown keys and wrong types with file, line and column before any code of the plugin runs, and
 * puts in the defaults. What a plugin reads is therefore always of its declared type. Nested values (HL_LIST, HL_MAP)
 * are a tree of nodes.
 */
#ifndef HOOKLINE_CONFIG_H
#define HOOKLINE_CONFIG_H

#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Types of a key. In brackets: what the host makes of it. */
#define HL_TEXT 1u
#define HL_BOOLEAN 2u
#define HL_INTEGER 3u
#define HL_NUMBER 4u
#define HL_DURATION 5u /* 500ms, 5m (nanoseconds) */
#define HL_SIZE 6u     /* 256KiB (bytes) */
#define HL_PATH 7u     /* relative to plugins.yaml (absolute) */
#define HL_TOPIC 8u    /* a valid topic name */
#define HL_FILTER 9u   /* a valid topic filter */
#define HL_SECRET 10u  /* text that is masked everywhere; NAME_file names a file with it */
#define HL_LIST 11u
#define HL_MAP 12u
#define HL_ANY 13u
#define HL_TYPE_MASK 0x00ffu
#define HL_REQUIRED 0x0100u /* or-ed to a type: no default, must be given */

/* One setting. Owner: plugin, static const. A list of them ends with {0, 0, 0, 0}. */
typedef struct hl_config_key {
    const char *name;
    uint64_t type;
    const char *default_text; /* as it would be typed; NULL: none (empty, 0, false) */
    const char *help;
} hl_config_key;

/* A node of the tree: a number that is valid as long as its hl_config. Frozen. */
typedef uint32_t hl_node;
#define HL_ROOT 0u
#define HL_NO_NODE 0xffffffffu /* every function below takes it and answers "nothing" */

#define HL_KIND_NONE 0u
#define HL_KIND_SCALAR 1u
#define HL_KIND_LIST 2u
#define HL_KIND_MAP 3u

/* config/1. All functions: [any]; views live as long as the instance. */
typedef struct hl_config_v1 {
    uint32_t struct_size;
    uint32_t flags;
    hl_node (*child)(const hl_config *config, hl_node map, hl_view key); /* HL_NO_NODE when absent */
    hl_node (*item)(const hl_config *config, hl_node list_or_map, uint32_t index);
    uint32_t (*count)(const hl_config *config, hl_node list_or_map);
    hl_view (*key)(const hl_config *config, hl_node map, uint32_t index);
    uint32_t (*kind)(const hl_config *config, hl_node node);
    hl_view (*text)(const hl_config *config, hl_node scalar);
    /* These read a scalar as the type and leave *out alone when it is none: HL_INVALID; absent: HL_NOT_FOUND. */
    hl_status (*integer)(const hl_config *config, hl_node scalar, int64_t *out);
    hl_status (*number)(const hl_config *config, hl_node scalar, double *out);
    hl_status (*boolean)(const hl_config *config, hl_node scalar, uint32_t *out);
    hl_status (*duration)(const hl_config *config, hl_node scalar, int64_t *nanoseconds);
    hl_status (*size)(const hl_config *config, hl_node scalar, uint64_t *bytes);
    /* A path, made absolute against the folder of plugins.yaml. */
    hl_view (*path)(const hl_config *config, hl_node scalar);
    /* "plugins.yaml:24:17", for messages of the plugin's own. */
    hl_view (*position)(const hl_config *config, hl_node node);
    /* The whole subtree as JSON, secrets included: do not log it. */
    hl_view (*json)(const hl_config *config, hl_node node);
    /* [init] and in prepare: says why a configuration is not accepted; call it for every fault, then return
     * HL_REFUSED. The host prints position, instance and message (copied). */
    void (*refuse)(const hl_config *config, hl_node node, hl_view message);
} hl_config_v1;

/* The settings of one instance. Owner: host; lives until destroy. */
struct hl_config {
    uint32_t struct_size;
    uint32_t flags;
    const hl_config_v1 *api;
    hl_self *self;
    void *prepared; /* what prepare made of this configuration; NULL without prepare */
    void *host;     /* the host's own */
};

#ifdef __cplusplus
}
#endif

#endif
