/*
 * hookline/plugin.h - everything a plugin needs. docs/plugins.md is the guide; the headers are the reference:
 *
 *   types.h    views, verdicts, statuses, thread tags      hooks.h    hook ids, types, verdicts, interest
 *   entry.h    the entry, the description, life            message.h  clients, messages, events
 *   config.h   settings                                    host.h     services of the host
 *   call.h     the call a hook is in                       services/  one header for each kind of service
 *                                                         shorthand.h, properties.h  short names for all of it
 *                                                         declare.h  HL_PLUGIN
 *
 * The tables are C89 with <stdint.h>; the short names need C99 or C++11 (define HL_NO_SHORTHAND to do without).
 */
#ifndef HOOKLINE_PLUGIN_H
#define HOOKLINE_PLUGIN_H

#include "types.h"

#include "call.h"
#include "config.h"
#include "entry.h"
#include "hooks.h"
#include "host.h"
#include "message.h"

#if !defined(HL_NO_SHORTHAND)
#if (defined(__STDC_VERSION__) && __STDC_VERSION__ >= 199901L) || (defined(__cplusplus) && __cplusplus >= 201103L)
#include "declare.h"
#include "shorthand.h"
#endif
#endif

#endif
