/* What Swift's Glibc module lacks; each declaration says why it is here. */
#ifndef HOOKLINE_CSYSTEM_H
#define HOOKLINE_CSYSTEM_H
#include <stdint.h>
#include <sys/epoll.h>    /* not in the Glibc module map */
#include <sys/eventfd.h>  /* not in the Glibc module map */
#include <sys/signalfd.h> /* not in the Glibc module map */
#include <sys/types.h>

struct sockaddr;

/* accept4(2) with SOCK_NONBLOCK | SOCK_CLOEXEC. Needs _GNU_SOURCE, which Swift's importer does not define. Answers the
 * descriptor, or -1 with errno. */
int csystem_accept(int listener, struct sockaddr *address, unsigned int *address_length);

/* Credentials of the process at the other end of a Unix socket (SO_PEERCRED). struct ucred needs _GNU_SOURCE. Answers
 * 0, or -1 with errno. */
int csystem_peer_credentials(int socket, pid_t *pid, uid_t *uid, gid_t *gid);

/* Number of processors this process may run on, at least 1. The CPU_COUNT macro and cpu_set_t need _GNU_SOURCE. */
int csystem_usable_processors(void);

/* Asks the kernel to send `signal` to this process when its parent ends; for --exit-with-parent. prctl(2) is variadic,
 * which Swift cannot call. Answers 0, or -1 with errno. */
int csystem_signal_when_parent_ends(int signal);

/* Blocks every signal but those that tell of a crash, for one that is blocked kills without a word, and SIGURG, by
 * which a thread is asked where it is. A set of all signals but some is a job for C: several are macros. */
void csystem_block_signals(void);

/* Gives memory that is allocated and free back to the kernel (malloc_trim(3), of a header that is not in the Glibc
 * module map). Takes some milliseconds, in which threads that allocate may wait. */
void csystem_release_free_memory(void);

/* Names the calling thread for ps, top and debuggers; longer names are cut to 15 bytes. Needs _GNU_SOURCE. */
void csystem_name_thread(const char *name);

/* A descriptor that becomes readable when the process ends (pidfd_open(2), Linux 5.3), or -1 with errno. syscall(2) is
 * variadic. */
int csystem_watch_process(pid_t process);

/* Begins to write a file's pages to the disk, and does not wait for it: what is there need not stay in memory.
 * sync_file_range(2) needs _GNU_SOURCE. */
void csystem_begin_writing(const char *path);

/* A part of a shared object in memory, in whole pages. */
typedef struct csystem_span {
    uintptr_t start;
    uintptr_t length;
    uint32_t is_constant; /* 1: nobody may write to it; what is in it is what is in the file */
} csystem_span;

/* The parts of the shared object around `address`. dl_iterate_phdr(3) needs _GNU_SOURCE. Answers how many of at most
 * `count` it has filled in. */
int csystem_image_spans(const void *address, csystem_span *spans, int count);

#endif
