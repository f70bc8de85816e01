/*
 * The power fails: what a process has written and not flushed may be there or not, sector by sector.
 *
 * Between the process and the C library, for the files of one folder: before a sector is written for the first time
 * since the last flush of its file, its old content is kept. At the flush that was asked for, each file gets a state
 * that the disk might have had: all of the writes since its last flush undone, or those after some moment, or any of
 * them, sector by sector. Then the process is killed, whatever its threads are doing.
 *
 * The model: sectors of 512 bytes are written wholly or not at all; a flush of a file covers its content and length;
 * making, renaming and removing a file is durable at once, as journalling file systems do it in order. Memory-mapped
 * writes are not seen (SQLite uses them only for its index of the log, which is made anew after a crash).
 */
#define _GNU_SOURCE
#include "include/power_loss.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <unistd.h>

enum { SECTOR = 512, DESCRIPTORS = 65536 };

/* A sector that was written since the last flush. */
struct undo {
    uint64_t sector;
    uint64_t order; /* of its first write, over all files */
    unsigned char old[SECTOR];
};

/* A file, by its inode: several descriptors and names may lead to it. */
struct file {
    struct file *next;
    dev_t device;
    ino_t inode;
    int own; /* a descriptor of ours. Never closed: that would end the process's locks on the file */
    off_t durable_size;
    struct undo *undos;
    size_t undo_count, undo_room;
    uint64_t *dirty; /* a bit for each sector that is in undos */
    size_t dirty_words;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct file *files;
static struct file *by_descriptor[DESCRIPTORS];
static unsigned char is_directory[DESCRIPTORS];
static char folder[PATH_MAX], full_mark[PATH_MAX + 8], broken_mark[PATH_MAX + 8];
static size_t folder_length;
static uint64_t crash_at, syncs, writes, random_state;

static int (*real_open)(const char *, int, ...);
static int (*real_openat)(int, const char *, int, ...);
static int (*real_close)(int);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_ftruncate)(int, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_fallocate)(int, int, off_t, off_t);
static int (*real_statvfs)(const char *, struct statvfs *);

static void find_functions(void) {
    *(void **)&real_open = dlsym(RTLD_NEXT, "open64");
    *(void **)&real_openat = dlsym(RTLD_NEXT, "openat64");
    *(void **)&real_close = dlsym(RTLD_NEXT, "close");
    *(void **)&real_write = dlsym(RTLD_NEXT, "write");
    *(void **)&real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    *(void **)&real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
    *(void **)&real_fsync = dlsym(RTLD_NEXT, "fsync");
    *(void **)&real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    *(void **)&real_fallocate = dlsym(RTLD_NEXT, "fallocate64");
    *(void **)&real_statvfs = dlsym(RTLD_NEXT, "statvfs");
}

__attribute__((constructor)) static void begin(void) {
    find_functions();
    const char *path = getenv("HOOKLINE_POWER_FOLDER"), *at = getenv("HOOKLINE_POWER_SYNC");
    const char *seed = getenv("HOOKLINE_POWER_SEED");
    if (!path || strlen(path) >= sizeof folder - 2) return;
    strcpy(folder, path);
    folder_length = strlen(folder);
    snprintf(full_mark, sizeof full_mark, "%s.full", folder);
    snprintf(broken_mark, sizeof broken_mark, "%s.broken", folder);
    crash_at = at ? strtoull(at, NULL, 10) : 0;
    random_state = (seed ? strtoull(seed, NULL, 10) : 0) * 0x9e3779b97f4a7c15u + 0x2545f4914f6cdd1du;
}

static uint64_t next_random(void) {
    random_state += 0x9e3779b97f4a7c15u;
    uint64_t mixed = random_state;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

static int is_watched(const char *path) {
    size_t length = strlen(path);
    if (!folder_length || length <= folder_length || strncmp(path, folder, folder_length) != 0) return 0;
    if (path[folder_length] != '/') return 0;
    return !(length > 4 && strcmp(path + length - 4, "-shm") == 0);
}

/* With the lock held. */
static struct file *file_of(int descriptor) {
    return descriptor >= 0 && descriptor < DESCRIPTORS ? by_descriptor[descriptor] : NULL;
}

static void opened(int descriptor, const char *path) {
    struct stat status;
    if (descriptor < 0 || descriptor >= DESCRIPTORS || !folder_length) return;
    if (fstat(descriptor, &status) != 0) return;
    if (S_ISDIR(status.st_mode)) {
        is_directory[descriptor] = strncmp(path, folder, folder_length) == 0;
        return;
    }
    if (!S_ISREG(status.st_mode) || !is_watched(path)) return;
    pthread_mutex_lock(&mutex);
    struct file *file = files;
    while (file && (file->device != status.st_dev || file->inode != status.st_ino)) file = file->next;
    if (!file && (file = calloc(1, sizeof *file))) {
        file->own = real_open(path, O_RDWR | O_CLOEXEC);
        file->device = status.st_dev;
        file->inode = status.st_ino;
        file->durable_size = status.st_size;
        file->next = files;
        files = file;
    }
    by_descriptor[descriptor] = file;
    pthread_mutex_unlock(&mutex);
}

/* Keeps what stands where something is about to be written. With the lock held. */
static void keep(struct file *file, off_t offset, size_t count) {
    if (count == 0) return;
    uint64_t order = ++writes;
    for (uint64_t sector = offset / SECTOR; sector <= (offset + count - 1) / SECTOR; sector++) {
        size_t word = sector / 64;
        if (word >= file->dirty_words) {
            size_t words = (word + 1) * 2;
            file->dirty = realloc(file->dirty, words * sizeof *file->dirty);
            memset(file->dirty + file->dirty_words, 0, (words - file->dirty_words) * sizeof *file->dirty);
            file->dirty_words = words;
        }
        if (file->dirty[word] & (1ull << (sector % 64))) continue;
        file->dirty[word] |= 1ull << (sector % 64);
        if (file->undo_count == file->undo_room) {
            file->undo_room = file->undo_room ? file->undo_room * 2 : 64;
            file->undos = realloc(file->undos, file->undo_room * sizeof *file->undos);
        }
        struct undo *undo = &file->undos[file->undo_count++];
        undo->sector = sector;
        undo->order = order;
        memset(undo->old, 0, SECTOR);
        ssize_t got = pread(file->own, undo->old, SECTOR, (off_t)(sector * SECTOR));
        (void)got;
    }
}

static void flushed(struct file *file, int descriptor) {
    struct stat status;
    for (size_t index = 0; index < file->undo_count; index++) {
        uint64_t sector = file->undos[index].sector;
        file->dirty[sector / 64] &= ~(1ull << (sector % 64));
    }
    file->undo_count = 0;
    if (fstat(descriptor, &status) == 0) file->durable_size = status.st_size;
}

/* Gives a file one of the states that the disk might have had. */
static void lose(struct file *file) {
    struct stat status;
    int descriptor = file->own;
    if (fstat(descriptor, &status) != 0) return;
    uint64_t how = next_random() % 4, moment = writes ? next_random() % (writes + 1) : 0;
    for (size_t index = 0; index < file->undo_count; index++) {
        struct undo *undo = &file->undos[index];
        int is_lost = how == 0 ? 1 : how == 1 ? undo->order > moment : how == 2 ? next_random() % 2 : 0;
        if (is_lost && (off_t)(undo->sector * SECTOR) < status.st_size) {
            size_t count = SECTOR;
            if ((off_t)(undo->sector * SECTOR + count) > status.st_size)
                count = (size_t)(status.st_size - (off_t)(undo->sector * SECTOR));
            ssize_t put = real_pwrite(descriptor, undo->old, count, (off_t)(undo->sector * SECTOR));
            (void)put;
        }
    }
    /* The length belongs to what was not flushed, too. */
    if (how == 0 && status.st_size > file->durable_size && real_ftruncate(descriptor, file->durable_size) != 0) return;
}

/* A flush is asked for. True: it may go on. */
static int sync_point(void) {
    if (crash_at == 0 || ++syncs != crash_at) return 1;
    return 0;
}

static void cut_power(void) {
    for (struct file *file = files; file; file = file->next) lose(file);
    kill(getpid(), HOOKLINE_POWER_SIGNAL);
    for (;;) pause();
}

static int flush_file(int descriptor, int (*real)(int)) {
    int is_folder = descriptor >= 0 && descriptor < DESCRIPTORS && is_directory[descriptor];
    pthread_mutex_lock(&mutex);
    struct file *file = file_of(descriptor);
    if (!file && !is_folder) {
        pthread_mutex_unlock(&mutex);
        return real(descriptor);
    }
    if (access(broken_mark, F_OK) == 0) {
        pthread_mutex_unlock(&mutex);
        errno = EIO;
        return -1;
    }
    int goes_on = sync_point();
    /* Half of the time the flush is the last thing that works. Nothing of it is written for real: the process dies, not
     * the machine. */
    if (file && (goes_on || next_random() % 2)) flushed(file, descriptor);
    if (!goes_on) cut_power();
    pthread_mutex_unlock(&mutex);
    return 0;
}

static int is_full(void) {
    if (access(full_mark, F_OK) != 0) return 0;
    errno = ENOSPC;
    return 1;
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off_t offset) {
    pthread_mutex_lock(&mutex);
    struct file *file = file_of(descriptor);
    ssize_t result;
    if (file && is_full()) {
        result = -1;
    } else {
        if (file) keep(file, offset, count);
        result = real_pwrite(descriptor, bytes, count, offset);
    }
    pthread_mutex_unlock(&mutex);
    return result;
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
    return pwrite64(descriptor, bytes, count, offset);
}

ssize_t write(int descriptor, const void *bytes, size_t count) {
    if (!real_write) find_functions();
    if (!file_of(descriptor)) return real_write(descriptor, bytes, count);
    pthread_mutex_lock(&mutex);
    struct file *file = file_of(descriptor);
    ssize_t result;
    if (file && is_full()) {
        result = -1;
    } else {
        struct stat status;
        int appends = (fcntl(descriptor, F_GETFL) & O_APPEND) != 0;
        off_t offset = appends && fstat(descriptor, &status) == 0 ? status.st_size : lseek(descriptor, 0, SEEK_CUR);
        if (file && offset >= 0) keep(file, offset, count);
        result = real_write(descriptor, bytes, count);
    }
    pthread_mutex_unlock(&mutex);
    return result;
}

int ftruncate64(int descriptor, off_t length) {
    struct stat status;
    pthread_mutex_lock(&mutex);
    struct file *file = file_of(descriptor);
    if (file && fstat(descriptor, &status) == 0 && status.st_size > length)
        keep(file, length, (size_t)(status.st_size - length));
    int result = real_ftruncate(descriptor, length);
    pthread_mutex_unlock(&mutex);
    return result;
}

int ftruncate(int descriptor, off_t length) { return ftruncate64(descriptor, length); }

int fallocate64(int descriptor, int mode, off_t offset, off_t length) {
    if (file_of(descriptor) && is_full()) return -1;
    return real_fallocate(descriptor, mode, offset, length);
}

int fallocate(int descriptor, int mode, off_t offset, off_t length) {
    return fallocate64(descriptor, mode, offset, length);
}

/* Who asks how much space is left sees the full disk too. */
int statvfs(const char *path, struct statvfs *out) {
    int result = real_statvfs(path, out);
    if (result == 0 && folder_length && strncmp(path, folder, folder_length) == 0 && access(full_mark, F_OK) == 0)
        out->f_bfree = out->f_bavail = 0;
    return result;
}

int statvfs64(const char *path, struct statvfs64 *out) { return statvfs(path, (struct statvfs *)out); }

int fsync(int descriptor) { return flush_file(descriptor, real_fsync); }
int fdatasync(int descriptor) { return flush_file(descriptor, real_fdatasync); }

int close(int descriptor) {
    if (descriptor >= 0 && descriptor < DESCRIPTORS) {
        by_descriptor[descriptor] = NULL;
        is_directory[descriptor] = 0;
    }
    if (!real_close) find_functions();
    return real_close(descriptor);
}

static mode_t mode_of(int flags, va_list arguments) {
    return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(arguments, mode_t) : 0;
}

int open64(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    if (!real_open) find_functions();
    if ((flags & O_CREAT) && is_watched(path) && access(path, F_OK) != 0 && is_full()) return -1;
    int descriptor = real_open(path, flags, mode);
    int error = errno;
    opened(descriptor, path);
    errno = error;
    return descriptor;
}

int open(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return open64(path, flags, mode);
}

int openat64(int directory, const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    if (!real_openat) find_functions();
    int descriptor = real_openat(directory, path, flags, mode);
    int error = errno;
    if (path[0] == '/') opened(descriptor, path);
    errno = error;
    return descriptor;
}

int openat(int directory, const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return openat64(directory, path, flags, mode);
}
