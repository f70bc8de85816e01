#include "cpostgres.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>

/* Of libpq-fe.h, frozen since PostgreSQL 7. */
enum { CONNECTION_OK = 0, PGRES_COMMAND_OK = 1, PGRES_TUPLES_OK = 2 };

static struct {
    void *(*connectdb)(const char *);
    int (*status)(const void *);
    char *(*message)(const void *);
    void (*finish)(void *);
    void *(*prepare)(void *, const char *, const char *, int, const unsigned int *);
    void *(*exec_prepared)(
        void *, const char *, int, const char *const *, const int *, const int *, int);
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
    *(void **)target = dlsym(library, name);
    return *(void **)target != NULL;
}

static void load(void) {
    void *library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
    api.loaded = library && find(library, "PQconnectdb", &api.connectdb) && find(library, "PQstatus", &api.status)
        && find(library, "PQerrorMessage", &api.message) && find(library, "PQfinish", &api.finish)
        && find(library, "PQprepare", &api.prepare) && find(library, "PQexecPrepared", &api.exec_prepared)
        && find(library, "PQresultStatus", &api.result_status) && find(library, "PQntuples", &api.ntuples)
        && find(library, "PQnfields", &api.nfields) && find(library, "PQgetisnull", &api.getisnull)
        && find(library, "PQgetvalue", &api.getvalue) && find(library, "PQclear", &api.clear);
}

int cpostgres_load(void) {
    pthread_once(&once, load);
    return api.loaded ? 0 : -1;
}

void *cpostgres_open(const char *settings) { return cpostgres_load() == 0 ? api.connectdb(settings) : NULL; }
int cpostgres_is_open(void *connection) { return api.status(connection) == CONNECTION_OK; }
const char *cpostgres_message(void *connection) { return api.message(connection); }
void cpostgres_close(void *connection) { api.finish(connection); }

int cpostgres_prepare(void *connection, const char *name, const char *query) {
    void *result = api.prepare(connection, name, query, 1, NULL);
    int done = api.result_status(result) == PGRES_COMMAND_OK;
    api.clear(result);
    return done;
}

void *cpostgres_look_up(void *connection, const char *name, const char *value) {
    void *result = api.exec_prepared(connection, name, 1, &value, NULL, NULL, 0);
    if (api.result_status(result) == PGRES_TUPLES_OK) return result;
    api.clear(result);
    return NULL;
}

int cpostgres_rows(void *result) { return api.ntuples(result); }
int cpostgres_columns(void *result) { return api.nfields(result); }

const char *cpostgres_field(void *result, int column) {
    return api.getisnull(result, 0, column) ? NULL : api.getvalue(result, 0, column);
}

void cpostgres_clear(void *result) { api.clear(result); }
