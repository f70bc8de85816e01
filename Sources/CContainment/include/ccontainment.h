/*
 * Who is to blame: which plugin a thread is in, readable by another thread and by a signal handler.
 *
 * In C because a signal handler must run nothing of a language runtime: no allocation, no lock, no lazy start. Threads
 * that run code of plugins join; each then has a slot that says which plugin it is in. The watchdog reads the slots of
 * all threads; the crash handler reads the one of the thread that crashed and leaves what it finds in a mapped file,
 * which outlives the process.
 */
#ifndef CCONTAINMENT_H
#define CCONTAINMENT_H

#include <hookline/entry.h>
#include <hookline/plugin.h>
#include <pthread.h>
#include <stdint.h>

/* What the file holds after a crash in a plugin; all zero otherwise. */
typedef struct hc_blame {
    uint64_t magic; /* hc_blame_magic, written last */
    uint32_t signal;
    uint32_t hook;       /* HL_HOOK_*; 0: see step */
    uint32_t generation; /* of the plugin's instance */
    uint32_t hung;       /* 1: the watchdog ended the process because the call did not return */
    int64_t time;        /* nanoseconds, wall clock */
    uint64_t token;
    uint64_t address; /* that could not be touched */
    char plugin[64];  /* id of the instance, ended by NUL */
    char step[40];    /* "start", "work", ...; empty in a hook */
} hc_blame;
static const uint64_t hc_blame_magic = UINT64_C(0x31656d616c624c48);

/* Where a thread is, as another thread sees it: a guess that was true a moment ago. */
typedef struct hc_place {
    const hl_self *plugin; /* NULL: in no plugin. An address to compare, never to follow */
    const char *step;      /* constant text; NULL in a hook */
    uint32_t hook;
    uint32_t loop;   /* 1: an event loop, which nothing else can stand in for */
    int64_t since;   /* when the step began, or the turn of the loop in which the hook was called; monotonic ns */
    uint64_t serial; /* another number is another step; the same hook may have the same one again */
    int32_t thread;  /* of the kernel */
} hc_place;

enum { HC_MAXIMUM_THREADS = 256, HC_MAXIMUM_FRAMES = 48 };

/* The calling thread may run plugins from now on. cell: where the event loop keeps the call it is in, or NULL. A thread
 * joins once; what is over HC_MAXIMUM_THREADS is not watched. */
void hc_join(hl_call *const *cell);
/* The calling thread ends. */
void hc_part(void);

/* The calling thread enters a step of a plugin, and is back from it. Steps nest: hand what enter answers to leave. */
typedef struct hc_outer {
    const hl_self *plugin;
    const char *step;
    int64_t since;
} hc_outer;
hc_outer hc_enter(const hl_self *plugin, const char *step);
void hc_leave(hc_outer outer);

/* The plugin the calling thread is in; NULL: in none. */
const hl_self *hc_owner(void);
/* Threads that a plugin's code has started and that have not ended. [any thread] */
int hc_threads(const hl_self *plugin);
/* pthread_create for the host's own threads: they are nobody's, whoever's call made the host start one. */
int hc_start_thread(pthread_t *thread, void *(*body)(void *), void *argument);

/* Reads slot 0 ... HC_MAXIMUM_THREADS - 1; 0 when no thread has it. [any thread] */
int hc_look(int slot, hc_place *place);

/* The return addresses on the stack of a thread that hc_look has told of; 0 when it does not answer within
 * `milliseconds`. One caller at a time. */
int hc_stack(int32_t thread, void **frames, int count, int milliseconds);
/* A line for people about one of them: file, symbol, offset. Answers its length. */
int hc_describe(void *frame, char *text, int size);

/* From now on a crash leaves a record in `place`, which must stay mapped; NULL: nowhere. Handlers that were there run
 * afterwards. */
void hc_install(hc_blame *place);
/* Ends the process with SIGABRT, and says that the plugin at `place` is why. */
_Noreturn void hc_abort(const hc_place *place, const char *plugin, uint32_t generation);

/* Plugins that stand in for one that was quarantined: `closed` refuses whatever it is asked for, `open` asks for
 * nothing. */
const hl_plugin_desc *hc_quarantine_closed(const hl_host_probe *probe);
const hl_plugin_desc *hc_quarantine_open(const hl_host_probe *probe);

#endif
