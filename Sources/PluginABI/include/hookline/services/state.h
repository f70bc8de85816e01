/*
 * hookline/services/state.h - state/1: what a generation hands over to the next one when its instance is replaced.
 *
 * Needs HL_HANDOVER in the flags of the plugin. The broker goes on serving:
 *
 *   new generation: create, prepare, start, which calls accept
 *   old generation: export (bulk) while it still serves       ->  new generation: import (bulk)
 *   the hook table is swapped: no call begins in the old generation any more
 *   old generation: export (delta): what has changed since    ->  new generation: import (delta)
 *   old generation: drain, stop, destroy
 */
#ifndef HOOKLINE_SERVICES_STATE_H
#define HOOKLINE_SERVICES_STATE_H

#include "../types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HL_STATE_BULK 1u  /* everything */
#define HL_STATE_DELTA 2u /* what has changed since the bulk export; the new generation serves already: merge it */

/* Where an export goes. Owner: host; valid until the export function returns. */
typedef struct hl_state_writer {
    uint32_t struct_size;
    uint32_t flags;
    uint32_t phase; /* HL_STATE_* */
    uint32_t reserved;
    void *host; /* the host's own */
    /* Appends one chunk (copied), 1 byte to 16 MiB. HL_LIMIT: more than 256 MiB in all; the hand-over fails. */
    hl_status (*write)(const struct hl_state_writer *writer, hl_view chunk);
} hl_state_writer;

/* What an import reads. Owner: host; valid until the import function returns. */
typedef struct hl_state_reader {
    uint32_t struct_size;
    uint32_t flags;
    uint32_t phase;  /* HL_STATE_* */
    uint32_t schema; /* as the old generation offered it */
    hl_view plugin;  /* id of the old generation's plugin */
    hl_view version; /* and its version */
    void *host;      /* the host's own */
    /* The next chunk as it was written, valid until the import function returns. HL_NOT_FOUND: no more. */
    hl_status (*read)(const struct hl_state_reader *reader, hl_view *chunk);
} hl_state_reader;

/* [control] HL_OK, or anything else: the new generation begins without state (cold). */
typedef hl_status (*hl_export_fn)(void *state, void *user, const hl_state_writer *writer);
/* [control] HL_OK; HL_NOT_FOUND: not understood, begin cold; HL_REFUSED (bulk only): the old generation stays. */
typedef hl_status (*hl_import_fn)(void *state, void *user, const hl_state_reader *reader);

/* state/1 [init] in start. */
typedef struct hl_state_v1 {
    uint32_t struct_size;
    uint32_t flags;
    /* This generation can give its state. schema: the plugin's own number for its form. */
    hl_status (*offer)(hl_self *self, uint32_t schema, hl_export_fn function, void *user);
    /* This generation takes what the one before it gives, if it gives any. */
    hl_status (*accept)(hl_self *self, hl_import_fn function, void *user);
} hl_state_v1;

#ifdef __cplusplus
}
#endif

#endif
