/* What came, in what order, how late, and what it cost the broker. */
#include "wire.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void stream_check(stream *s, uint32_t sequence, checks *c) {
    if (sequence + 1 > s->highest) {
        uint32_t step = sequence + 1 - s->highest;
        s->seen = step < 64 ? s->seen << step | 1 : 1;
        s->highest = sequence + 1;
        c->distinct++;
        return;
    }
    uint32_t back = s->highest - 1 - sequence;
    if (back < 64 && s->seen >> back & 1) {
        c->duplicated++;
        return;
    }
    if (back < 64) s->seen |= 1ull << back;
    c->reordered++;
    c->distinct++;
}

/* 32 buckets for each power of two: at most 3% wide. */
void histogram_add(histogram *h, uint64_t nanoseconds) {
    unsigned power = nanoseconds < 32 ? 0 : 63 - (unsigned)__builtin_clzll(nanoseconds) - 4;
    unsigned bucket = power * 32 + (unsigned)(nanoseconds >> (power ? power - 1 : 0)) % 32;
    h->bucket[bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1]++;
    h->count++;
}

double histogram_microseconds(const histogram *h, double quantile) {
    uint64_t wanted = (uint64_t)(quantile * (double)h->count), passed = 0;
    for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        passed += h->bucket[bucket];
        if (passed <= wanted || !h->bucket[bucket]) continue;
        unsigned power = bucket / 32, rest = bucket % 32;
        uint64_t value = power ? (uint64_t)(32 + rest) << (power - 1) : rest;
        return (double)value / 1000;
    }
    return 0;
}

uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

uint64_t process_cpu(int pid) {
    char path[300];
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *tasks = opendir(path);
    if (!tasks) stop("no process %d", pid);
    uint64_t sum = 0;
    for (struct dirent *entry; (entry = readdir(tasks));) {
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "/proc/%d/task/%.20s/schedstat", pid, entry->d_name);
        FILE *f = fopen(path, "r");
        unsigned long long running;
        if (f && fscanf(f, "%llu", &running) == 1) sum += running;
        if (f) fclose(f);
    }
    closedir(tasks);
    return sum;
}

uint64_t process_memory(int pid) {
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *f = fopen(path, "r");
    unsigned long long kibibytes = 0;
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmRSS: %llu", &kibibytes) == 1) break;
    if (f) fclose(f);
    return kibibytes * 1024;
}

void stop(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("wireload: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(2);
}
