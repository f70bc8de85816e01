#define _GNU_SOURCE
#include "ccontainment.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* ThreadSanitizer is told to look away where one thread looks at what another one does: the reader compares and logs,
 * and lives with a torn view. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define LOOKS_ASIDE __attribute__((no_sanitize("thread")))
#endif
#endif
#ifndef LOOKS_ASIDE
#define LOOKS_ASIDE
#endif

typedef struct slot {
    _Atomic(int32_t) thread; /* 0: free */
    hl_call *const *cell;
    _Atomic(const hl_self *) plugin;
    _Atomic(const char *) step;
    _Atomic(int64_t) since;
    _Atomic(uint64_t) serial;
    void *stack; /* of its signal handlers */
} slot;

enum { HANDLER_STACK = 64 * 1024 };
/* Harmless when nobody handles it, of no use to anybody else here, and not blocked (csystem_block_signals). */
#define STACK_SIGNAL SIGURG

static slot slots[HC_MAXIMUM_THREADS];
static _Thread_local slot *own;
static hc_blame *blame;
static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS};
enum { CRASHES = sizeof crashes / sizeof *crashes };
static struct sigaction before[CRASHES];

static int64_t now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

void hc_join(hl_call *const *cell) {
    if (own) {
        if (cell) own->cell = cell;
        return;
    }
    int32_t thread = (int32_t)syscall(SYS_gettid);
    for (int index = 0; index < HC_MAXIMUM_THREADS; index++) {
        int32_t nobody = 0;
        if (!atomic_compare_exchange_strong(&slots[index].thread, &nobody, thread)) continue;
        slots[index].cell = cell;
        own = &slots[index];
        break;
    }
    /* An overflowing stack has no room for the handler that tells of it. */
    stack_t stack = {.ss_size = HANDLER_STACK};
    stack.ss_sp = mmap(NULL, HANDLER_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack.ss_sp == MAP_FAILED) return;
    sigaltstack(&stack, NULL);
    if (own) own->stack = stack.ss_sp;
}

void hc_part(void) {
    stack_t none = {.ss_flags = SS_DISABLE};
    sigaltstack(&none, NULL);
    if (!own) return;
    if (own->stack) munmap(own->stack, HANDLER_STACK);
    own->stack = NULL;
    own->cell = NULL;
    atomic_store(&own->plugin, NULL);
    atomic_store(&own->thread, 0);
    own = NULL;
}

hc_outer hc_enter(const hl_self *plugin, const char *step) {
    hc_outer outer = {NULL, NULL, 0};
    if (!own) return outer;
    outer.plugin = atomic_load_explicit(&own->plugin, memory_order_relaxed);
    outer.step = atomic_load_explicit(&own->step, memory_order_relaxed);
    outer.since = atomic_load_explicit(&own->since, memory_order_relaxed);
    atomic_store_explicit(&own->since, now(CLOCK_MONOTONIC), memory_order_relaxed);
    atomic_store_explicit(&own->step, step, memory_order_relaxed);
    atomic_fetch_add_explicit(&own->serial, 1, memory_order_relaxed);
    atomic_store_explicit(&own->plugin, plugin, memory_order_release);
    return outer;
}

void hc_leave(hc_outer outer) {
    if (!own) return;
    atomic_store_explicit(&own->plugin, outer.plugin, memory_order_release);
    atomic_store_explicit(&own->step, outer.step, memory_order_relaxed);
    atomic_store_explicit(&own->since, outer.since, memory_order_relaxed);
    atomic_fetch_add_explicit(&own->serial, 1, memory_order_relaxed);
}

/* Where a thread is. Hooks come first: a step (work on a worker) may run one. */
LOOKS_ASIDE static int look(slot *s, hc_place *place) {
    hl_call *const *cell = s->cell;
    const hl_call *call = cell ? *(hl_call *const volatile *)cell : NULL;
    memset(place, 0, sizeof *place);
    place->thread = atomic_load(&s->thread);
    place->loop = cell != NULL;
    place->serial = atomic_load_explicit(&s->serial, memory_order_relaxed);
    if (call && *(const void *const volatile *)&call->input) {
        place->plugin = *(hl_self *const volatile *)&call->self;
        place->hook = *(const volatile uint32_t *)&call->hook;
        place->since = *(const volatile int64_t *)&call->now;
        return 1;
    }
    place->plugin = atomic_load_explicit(&s->plugin, memory_order_acquire);
    place->step = atomic_load_explicit(&s->step, memory_order_relaxed);
    place->since = atomic_load_explicit(&s->since, memory_order_relaxed);
    return 1;
}

const hl_self *hc_owner(void) {
    hc_place place;
    return own && look(own, &place) ? place.plugin : NULL;
}

int hc_look(int index, hc_place *place) {
    if (index < 0 || index >= HC_MAXIMUM_THREADS || !atomic_load(&slots[index].thread)) return 0;
    return look(&slots[index], place);
}

/* ---- Stacks ---- */

static struct {
    _Atomic(int32_t) wanted; /* thread; 0: nobody is asked */
    _Atomic(int) count;      /* -1: not answered yet */
    void *frames[HC_MAXIMUM_FRAMES];
    sem_t answered; /* may be posted from a signal handler */
} question;

static void tell_stack(int number) {
    (void)number;
    int error = errno;
    int32_t thread = (int32_t)syscall(SYS_gettid);
    if (atomic_compare_exchange_strong(&question.wanted, &thread, 0)) {
        atomic_store(&question.count, backtrace(question.frames, HC_MAXIMUM_FRAMES));
        sem_post(&question.answered);
    }
    errno = error;
}

int hc_stack(int32_t thread, void **frames, int count, int milliseconds) {
    int64_t deadline = now(CLOCK_MONOTONIC) + (int64_t)milliseconds * 1000000;
    struct timespec until = {deadline / 1000000000, deadline % 1000000000};
    /* An answer that came too late for the last question. */
    while (sem_trywait(&question.answered) == 0) {}
    atomic_store(&question.count, -1);
    atomic_store(&question.wanted, thread);
    if (syscall(SYS_tgkill, getpid(), thread, STACK_SIGNAL) != 0) return 0;
    int found = -1;
    while (found < 0) {
        if (sem_clockwait(&question.answered, CLOCK_MONOTONIC, &until) != 0 && errno != EINTR) break;
        found = atomic_load(&question.count);
    }
    atomic_store(&question.wanted, 0);
    if (found < 0) return 0;
    if (found > count) found = count;
    memcpy(frames, question.frames, (size_t)found * sizeof *frames);
    return found;
}

int hc_describe(void *frame, char *text, int size) {
    Dl_info info;
    if (!dladdr(frame, &info) || !info.dli_fname) return snprintf(text, (size_t)size, "%p", frame);
    const char *file = strrchr(info.dli_fname, '/');
    file = file ? file + 1 : info.dli_fname;
    unsigned long offset = (unsigned long)((char *)frame - (char *)(info.dli_sname ? info.dli_saddr : info.dli_fbase));
    return snprintf(text, (size_t)size, "%s %s+0x%lx", file, info.dli_sname ? info.dli_sname : "", offset);
}

/* ---- Crashes ---- */

static void copy(char *to, size_t size, const uint8_t *from, uint64_t length) {
    size_t index = 0;
    for (; index + 1 < size && index < length && from[index]; index++) to[index] = (char)from[index];
    to[index] = 0;
}

static void record(const hc_place *place, const uint8_t *name, uint64_t length, uint32_t generation, int signal,
                   uint64_t address, uint64_t token, uint32_t hung) {
    if (!blame || blame->magic == hc_blame_magic) return;
    blame->signal = (uint32_t)signal;
    blame->hook = place->step ? 0 : place->hook;
    blame->generation = generation;
    blame->hung = hung;
    blame->time = now(CLOCK_REALTIME);
    blame->token = token;
    blame->address = address;
    copy(blame->plugin, sizeof blame->plugin, name, length);
    copy(blame->step, sizeof blame->step, (const uint8_t *)(place->step ? place->step : ""), sizeof blame->step);
    atomic_thread_fence(memory_order_release);
    blame->magic = hc_blame_magic;
}

static void crashed(int number, siginfo_t *info, void *context) {
    hc_place place;
    (void)context;
    if (own && look(own, &place) && place.plugin) {
        /* Our own thread is in it: it is alive. */
        const hl_self *plugin = place.plugin;
        const hl_call *call = own->cell ? *own->cell : NULL;
        record(&place, plugin->name.ptr, plugin->name.len, plugin->generation, number,
               (uint64_t)(uintptr_t)info->si_addr, place.step || !call ? 0 : call->token, 0);
    }
    /* As if we had never been there: the fault happens again, or the signal is sent again. */
    for (int index = 0; index < CRASHES; index++)
        if (crashes[index] == number) sigaction(number, &before[index], NULL);
    if (info->si_code <= 0 || number == SIGABRT) raise(number);
}

void hc_install(hc_blame *place) {
    static int is_installed;
    void *warm[4];
    blame = place;
    if (is_installed) return;
    is_installed = 1;
    sem_init(&question.answered, 0, 0);
    /* Its first call loads a library, which no signal handler may do. */
    backtrace(warm, 4);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = tell_stack;
    action.sa_flags = SA_RESTART;
    sigaction(STACK_SIGNAL, &action, NULL);
    memset(&action, 0, sizeof action);
    action.sa_sigaction = crashed;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    for (int index = 0; index < CRASHES; index++) sigaction(crashes[index], &action, &before[index]);
}

void hc_abort(const hc_place *place, const char *plugin, uint32_t generation) {
    record(place, (const uint8_t *)plugin, strlen(plugin), generation, SIGABRT, 0, 0, 1);
    abort();
}
