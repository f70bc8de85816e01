/*
 * hookline/services/provide.h - provide/1: services that plugins offer to each other.
 */
#ifndef HOOKLINE_SERVICES_PROVIDE_H
#define HOOKLINE_SERVICES_PROVIDE_H

#include "../types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A service in use. Owner: plugin, on its stack; frozen. */
typedef struct hl_provided {
    const void *table; /* the provider's, of the type that its name/REV stands for */
    void *state;       /* what its functions want first */
    uint64_t ticket;   /* 0: not acquired */
} hl_provided;

/* provide/1 */
typedef struct hl_provide_v1 {
    uint32_t struct_size;
    uint32_t flags;
    /* [init] Offers a table under a name like "org.acme.geo/1". Its functions are [any] and must not call back into
     * who calls them. table lives as long as the instance. HL_CONFLICT: another instance offers that name. */
    hl_status (*offer)(hl_self *self, hl_view name, const void *table, void *state);
    /* [any] Takes a service into use for a short time: while it is held, its generation is not stopped. Acquire it
     * again for each piece of work, so that a reloaded provider is found: the newest generation that has started.
     * HL_NOT_FOUND: nobody offers it now; that can be so at any time. Not for a service of one's own. */
    hl_status (*acquire)(hl_self *self, hl_view name, hl_provided *out);
    /* [any] Gives it back, once; after that table and state must not be used. What is still held when this instance has
     * stopped is given back by the host. */
    void (*release)(hl_self *self, hl_provided *provided);
} hl_provide_v1;

#ifdef __cplusplus
}
#endif

#endif
