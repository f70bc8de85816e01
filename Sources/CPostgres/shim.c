#include "cpostgres.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>

/* Of libpq-fe.h, frozen since PostgreSQL 7. */
enum { CONNECTION_OK = 0, PGRES_COMMAND_OK = 1, PGRES_TUPLES_OK = 2 };

static struct {
    void *(*start)(const char *);
    int (*connect_poll)(void *);
    int (*status)(const void *);
    int (*socket)(const void *);
    char *(*message)(const void *);
    void (*finish)(void *);
    int (*send_prepare)(void *, const char *, const char *, int, const unsigned int *);
    int (*send_prepared)(void *, const char *, int, const char *const *, const int *, const int *, int);
    int (*consume)(void *);
    int (*is_busy)(void *);
    void *(*result)(void *);
    int (*result_status)(const void *);
    int (*ntuples)(const void *);
    int (*nfields)(const void *);
    int (*getisnull)(const void *, int, int);
    char *(*getvalue)(const void *, int, int);
    void (*clear)(void *);
    int loaded;
} api;

static pthread_once_t once = PTHREAD_ONCE_INIT;

static int find(void *library, const char *name, void *target) {
    /* POSIX lets a function pointer be taken from dlsym this way only. */
    *(void **)target = dlsym(library, name);
    return *(void **)target != NULL;
}

static void load(void) {
    void *library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
    api.loaded = library && find(library, "PQconnectStart", &api.start)
        && find(library, "PQconnectPoll", &api.connect_poll) && find(library, "PQstatus", &api.status)
        && find(library, "PQsocket", &api.socket) && find(library, "PQerrorMessage", &api.message)
        && find(library, "PQfinish", &api.finish) && find(library, "PQsendPrepare", &api.send_prepare)
        && find(library, "PQsendQueryPrepared", &api.send_prepared)
        && find(library, "PQconsumeInput", &api.consume) && find(library, "PQisBusy", &api.is_busy)
        && find(library, "PQgetResult", &api.result) && find(library, "PQresultStatus", &api.result_status)
        && find(library, "PQntuples", &api.ntuples) && find(library, "PQnfields", &api.nfields)
        && find(library, "PQgetisnull", &api.getisnull) && find(library, "PQgetvalue", &api.getvalue)
        && find(library, "PQclear", &api.clear);
}

int cpostgres_load(void) {
    pthread_once(&once, load);
    return api.loaded ? 0 : -1;
}

void *cpostgres_start(const char *settings) { return cpostgres_load() == 0 ? api.start(settings) : NULL; }
int cpostgres_connect_poll(void *connection) { return api.connect_poll(connection); }
int cpostgres_has_failed(void *connection) { return api.status(connection) != CONNECTION_OK; }
int cpostgres_socket(void *connection) { return api.socket(connection); }
const char *cpostgres_message(void *connection) { return api.message(connection); }
void cpostgres_close(void *connection) { api.finish(connection); }

int cpostgres_send_prepare(void *connection, const char *name, const char *query) {
    return api.send_prepare(connection, name, query, 1, NULL);
}

int cpostgres_send_look_up(void *connection, const char *name, const char *value) {
    return api.send_prepared(connection, name, 1, &value, NULL, NULL, 0);
}

int cpostgres_consume(void *connection) { return api.consume(connection); }
int cpostgres_is_busy(void *connection) { return api.is_busy(connection); }
void *cpostgres_result(void *connection) { return api.result(connection); }

int cpostgres_is_good(void *result) {
    int status = api.result_status(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

int cpostgres_rows(void *result) { return api.ntuples(result); }
int cpostgres_columns(void *result) { return api.nfields(result); }

const char *cpostgres_field(void *result, int column) {
    return api.getisnull(result, 0, column) ? NULL : api.getvalue(result, 0, column);
}

void cpostgres_clear(void *result) { api.clear(result); }
