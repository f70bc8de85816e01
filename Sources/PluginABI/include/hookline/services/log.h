/*
 * hookline/services/log.h - log/1: lines in the broker's log.
 */
#ifndef HOOKLINE_SERVICES_LOG_H
#define HOOKLINE_SERVICES_LOG_H

#include "../types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HL_LOG_ERROR 1u
#define HL_LOG_WARN 2u
#define HL_LOG_INFO 3u
#define HL_LOG_DEBUG 4u
#define HL_LOG_TRACE 5u

/* A key and a value of a log line, an HTTP header, a label. Owner: whoever gives it; copied. Frozen. */
typedef struct hl_field {
    hl_view key;
    hl_view value;
} hl_field;

/* log/1 [any] */
typedef struct hl_log_v1 {
    uint32_t struct_size;
    uint32_t flags;
    uint32_t (*enabled)(hl_self *self, uint32_t level);
    /* event: one word with dots, for machines ("geo.lookup_failed"); message: for people. All copied. */
    void (*write)(hl_self *self, uint32_t level, hl_view event, hl_view message, const hl_field *fields,
                  uint32_t field_count);
} hl_log_v1;

#ifdef __cplusplus
}
#endif

#endif
