#define _GNU_SOURCE
#include "ccontainment.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/*
 * Whose threads there are. The executable's own pthread_create stands before the one of the C library, for everything
 * that is linked into the process or loaded into it, so that a thread is booked on the plugin whose function its
 * creator is in, whether that is a step of its life, a hook, or a thread of the plugin's own. What is started by
 * clone(2) alone is not seen.
 */

typedef int (*create_fn)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

/* A sanitizer stands before the C library as well, and has to hear of every thread. */
extern int __interceptor_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *)
    __attribute__((weak));

/* The plugin whose thread it is; NULL: free. */
typedef _Atomic(const hl_self *) entry;

typedef struct birth {
    void *(*body)(void *);
    void *argument;
    const hl_self *plugin;
    entry *place; /* NULL: no room, the thread is not counted */
} birth;

enum { MAXIMUM_ENTRIES = 4096 };
static entry entries[MAXIMUM_ENTRIES];
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static int has_key;
/* The plugin whose thread this is. */
static _Thread_local const hl_self *family;
static _Thread_local int starts_for_host;
static _Thread_local int rounds;

static create_fn next_create(void) {
    static _Atomic(create_fn) known;
    create_fn found = atomic_load(&known);
    if (found) return found;
    found = __interceptor_pthread_create;
    if (!found) found = (create_fn)dlsym(RTLD_NEXT, "pthread_create");
    atomic_store(&known, found);
    return found;
}

/* A thread ends. Destructors of the plugin's own may still run: this one comes back until the last round of them but
 * one, which is ThreadSanitizer's. */
static void end(void *place) {
    if (++rounds < PTHREAD_DESTRUCTOR_ITERATIONS - 1 && pthread_setspecific(key, place) == 0) return;
    atomic_store((entry *)place, NULL);
}

static void make_key(void) { has_key = pthread_key_create(&key, end) == 0; }

static entry *book(const hl_self *plugin) {
    pthread_once(&once, make_key);
    for (int index = 0; has_key && index < MAXIMUM_ENTRIES; index++) {
        const hl_self *nobody = NULL;
        if (atomic_compare_exchange_strong(&entries[index], &nobody, plugin)) return &entries[index];
    }
    return NULL;
}

static void *begin(void *argument) {
    birth own = *(birth *)argument;
    free(argument);
    family = own.plugin;
    /* When that fails it counts for ever: its code stays, which is safe. */
    if (own.place) pthread_setspecific(key, own.place);
    return own.body(own.argument);
}

__attribute__((visibility("default"))) int pthread_create(
    pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *argument) {
    create_fn create = next_create();
    if (!create) return EAGAIN;
    const hl_self *plugin = starts_for_host ? NULL : hc_owner();
    if (!plugin && !starts_for_host) plugin = family;
    birth *own = plugin ? malloc(sizeof *own) : NULL;
    if (!own) return create(thread, attributes, body, argument);
    *own = (birth){body, argument, plugin, book(plugin)};
    entry *place = own->place;
    int code = create(thread, attributes, begin, own);
    if (code != 0) {
        if (place) atomic_store(place, NULL);
        free(own);
    }
    return code;
}

int hc_start_thread(pthread_t *thread, void *(*body)(void *), void *argument) {
    starts_for_host = 1;
    int code = pthread_create(thread, NULL, body, argument);
    starts_for_host = 0;
    return code;
}

int hc_threads(const hl_self *plugin) {
    int count = 0;
    for (int index = 0; index < MAXIMUM_ENTRIES; index++)
        if (atomic_load(&entries[index]) == plugin) count++;
    return count;
}
