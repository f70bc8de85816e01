/* libpq as Swift sees it: the few functions a look-up needs, loaded when the first connection is made, so a broker
 * without such a source does not carry the library. Nothing here decides anything. */
#ifndef CPOSTGRES_H
#define CPOSTGRES_H

/* 0 when the library is there; any thread, any number of times. */
int cpostgres_load(void);
/* A connection, opened (blocks) or failed: see cpostgres_is_open; NULL without memory. One thread at a time. */
void *cpostgres_open(const char *settings);
int cpostgres_is_open(void *connection);
const char *cpostgres_message(void *connection);
void cpostgres_close(void *connection);
/* Blocks. 1: done. */
int cpostgres_prepare(void *connection, const char *name, const char *query);
/* Blocks. A result with rows, to be cleared; NULL when it failed. */
void *cpostgres_look_up(void *connection, const char *name, const char *value);
int cpostgres_rows(void *result);
int cpostgres_columns(void *result);
/* Text of a field of the first row, borrowed from the result; NULL for a null. */
const char *cpostgres_field(void *result, int column);
void cpostgres_clear(void *result);

#endif
