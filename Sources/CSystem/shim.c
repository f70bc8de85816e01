#define _GNU_SOURCE
#include "csystem.h"

#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int csystem_accept(int listener, struct sockaddr *address, unsigned int *address_length) {
    return accept4(listener, address, address_length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int csystem_peer_credentials(int socket, pid_t *pid, uid_t *uid, gid_t *gid) {
    struct ucred credentials;
    socklen_t length = sizeof credentials;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) return -1;
    *pid = credentials.pid;
    *uid = credentials.uid;
    *gid = credentials.gid;
    return 0;
}

int csystem_usable_processors(void) {
    cpu_set_t set;
    /* More than 1,024 processors do not fit a cpu_set_t (EINVAL): then all that are online count. */
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}

int csystem_signal_when_parent_ends(int signal) {
    return prctl(PR_SET_PDEATHSIG, (unsigned long)signal, 0UL, 0UL, 0UL);
}

void csystem_block_signals(void) {
    static const int open[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS, SIGURG};
    sigset_t set;
    sigfillset(&set);
    for (size_t index = 0; index < sizeof open / sizeof *open; index++) sigdelset(&set, open[index]);
    pthread_sigmask(SIG_SETMASK, &set, NULL);
}

void csystem_release_free_memory(void) {
    malloc_trim(0);
}

void csystem_name_thread(const char *name) {
    char cut[16];
    strncpy(cut, name, sizeof cut - 1);
    cut[sizeof cut - 1] = '\0';
    pthread_setname_np(pthread_self(), cut);
}

int csystem_watch_process(pid_t process) { return (int)syscall(SYS_pidfd_open, process, 0); }

struct wanted {
    uintptr_t address;
    csystem_span *spans;
    int count, found;
};

static int look_for_spans(struct dl_phdr_info *info, size_t size, void *context) {
    struct wanted *wanted = context;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    int is_here = 0;
    (void)size;
    for (int index = 0; index < info->dlpi_phnum; index++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[index];
        uintptr_t start = info->dlpi_addr + part->p_vaddr;
        if (part->p_type == PT_LOAD && wanted->address >= start && wanted->address - start < part->p_memsz) is_here = 1;
    }
    if (!is_here) return 0;
    for (int index = 0; index < info->dlpi_phnum && wanted->found < wanted->count; index++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[index];
        if (part->p_type != PT_LOAD) continue;
        uint32_t is_constant = !(part->p_flags & PF_W) && part->p_memsz == part->p_filesz;
        uintptr_t start = (info->dlpi_addr + part->p_vaddr) & ~(page - 1);
        uintptr_t end = (info->dlpi_addr + part->p_vaddr + part->p_memsz + page - 1) & ~(page - 1);
        wanted->spans[wanted->found++] = (csystem_span){start, end - start, is_constant};
    }
    return 1;
}

int csystem_image_spans(const void *address, csystem_span *spans, int count) {
    struct wanted wanted = {(uintptr_t)address, spans, count, 0};
    dl_iterate_phdr(look_for_spans, &wanted);
    return wanted.found;
}

void csystem_begin_writing(const char *path) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    sync_file_range(file, 0, 0, SYNC_FILE_RANGE_WRITE);
    close(file);
}
