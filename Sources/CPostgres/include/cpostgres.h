/* libpq as Swift sees it: the few functions a look-up needs, loaded when the first connection is made, so a broker
 * without such a source does not carry the library. All of them return at once: the caller waits for the socket, for as
 * long as it likes. Nothing here decides anything. */
#ifndef CPOSTGRES_H
#define CPOSTGRES_H

/* 0 when the library is there; any thread, any number of times. */
int cpostgres_load(void);
/* A connection that begins; NULL without library or memory. One thread at a time. */
void *cpostgres_start(const char *settings);
/* What it waits for: CPOSTGRES_READ or CPOSTGRES_WRITE of its socket, or nothing more. */
enum { CPOSTGRES_FAILED = 0, CPOSTGRES_READ = 1, CPOSTGRES_WRITE = 2, CPOSTGRES_OPEN = 3 };
int cpostgres_connect_poll(void *connection);
int cpostgres_has_failed(void *connection);
/* -1 without one. */
int cpostgres_socket(void *connection);
const char *cpostgres_message(void *connection);
void cpostgres_close(void *connection);
/* 1: sent. */
int cpostgres_send_prepare(void *connection, const char *name, const char *query);
int cpostgres_send_look_up(void *connection, const char *name, const char *value);
/* Reads what has come. 1: done. */
int cpostgres_consume(void *connection);
/* 1: cpostgres_result would wait. */
int cpostgres_is_busy(void *connection);
/* The next result, to be cleared; NULL when there is none any more. */
void *cpostgres_result(void *connection);
int cpostgres_is_good(void *result);
int cpostgres_rows(void *result);
int cpostgres_columns(void *result);
/* Text of a field of the first row, borrowed from the result; NULL for a null. */
const char *cpostgres_field(void *result, int column);
void cpostgres_clear(void *result);

#endif
