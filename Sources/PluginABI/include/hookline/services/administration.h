/*
 * hookline/services/administration.h - administration/1: what an operator can ask of the broker.
 */
#ifndef HOOKLINE_SERVICES_ADMINISTRATION_H
#define HOOKLINE_SERVICES_ADMINISTRATION_H

#include "../types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* [worker] json: valid until it returns; with a status other than HL_OK the reason as plain text. */
typedef void (*hl_json_fn)(void *state, void *user, hl_status status, hl_view json);

/* administration/1 [any] */
typedef struct hl_administration_v1 {
    uint32_t struct_size;
    uint32_t flags;
    /* What `hookline status --json` shows. */
    hl_status (*status)(hl_self *self, hl_json_fn function, void *user);
    /* Reads plugins.yaml again, as `hookline reload [NAME]` does; empty: everything. HL_REFUSED: nothing was changed,
     * and why. A plugin may reload itself: function then belongs to the old generation and is not called. */
    hl_status (*reload)(hl_self *self, hl_view instance, hl_json_fn function, void *user);
    /* Any command of the control socket, by its name there (docs/administration.md): "ready", "clients", "reload" and
     * so on, and what later brokers add. argument: a JSON object of parameters, {"limit":100}; or the NAME that the
     * command takes; empty: none. json: what the control socket answers, without "ok". Given to function with a reason:
     * HL_INVALID (a parameter), HL_NOT_FOUND (no such client, topic, plugin), HL_REFUSED (nothing was changed, one line
     * a reason), HL_NOT_ALLOWED, HL_UNAVAILABLE (the broker starts, stops or does not answer).
     * Returns HL_NOT_FOUND, and function is not called: this broker has no such command. */
    hl_status (*command)(hl_self *self, hl_view name, hl_view argument, hl_json_fn function, void *user);
} hl_administration_v1;

#ifdef __cplusplus
}
#endif

#endif
