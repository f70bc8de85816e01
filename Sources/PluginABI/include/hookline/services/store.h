/*
 * hookline/services/store.h - store/1: a service that a plugin provides (provide/1, "store/1") and the broker uses to
 * keep what it has acknowledged: keys and values in order, changed by batches that are durable wholly or not at all.
 *
 *   open -> [submit ... done]*, [snapshot -> get, scan -> next ... end_scan -> end_snapshot]* -> close
 *
 * The engine knows nothing of MQTT: what keys and values mean is the broker's (docs/durability.md). Whoever writes one
 * runs `hookline plugins check-store FILE.so` against it, which cuts its power at every sync.
 *
 * Threads: [store] is the one thread of the store that commits. Functions marked [worker] may wait for the disk and are
 * called on threads that may block, never on an event loop, at the same time as all others.
 */
#ifndef HOOKLINE_SERVICES_STORE_H
#define HOOKLINE_SERVICES_STORE_H

#include "../types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The name under which it is offered. */
#define HL_STORE_SERVICE "store/1"

/* An open store, a view of it at one moment, a walk through that view. Owner: the store, until close, end_snapshot and
 * end_scan. Their content is the plugin's. */
typedef struct hl_store hl_store;
typedef struct hl_store_snapshot hl_store_snapshot;
typedef struct hl_store_cursor hl_store_cursor;

/* When a batch counts as durable. */
#define HL_STORE_SYNC_ALWAYS 0u   /* on the disk, flushed: it survives the loss of power */
#define HL_STORE_SYNC_INTERVAL 1u /* written; flushed at the latest sync_interval_ns later */
#define HL_STORE_SYNC_NEVER 2u    /* written; the system flushes when it likes. Survives the end of the process */
/* With each of them what is found after any crash is what some beginning of the sequence of batches has made. */

/* Flags of hl_store_options. */
#define HL_STORE_READ_ONLY 0x1u /* beside a broker that has it open; submit is HL_NOT_ALLOWED, nothing is repaired */

/* Something a person should know, one sentence: what is damaged and where, that the disk is full, that it has space
 * again, why open has failed. level: HL_LOG_*. text is valid during the call. Any thread of the store, or the one that
 * calls it. Must not call the store. */
typedef void (*hl_store_report_fn)(void *user, uint32_t level, hl_view text);

/* Owner: caller; everything is copied by open. */
typedef struct hl_store_options {
    uint32_t struct_size;
    uint32_t flags;           /* HL_STORE_READ_ONLY */
    hl_view folder;           /* absolute path of an existing folder that belongs to this store alone */
    uint32_t sync;            /* HL_STORE_SYNC_* */
    uint32_t reserved;        /* 0 */
    int64_t sync_interval_ns; /* HL_STORE_SYNC_INTERVAL: above 0 */
    hl_store_report_fn report; /* may be NULL */
    void *user;                /* for report; must outlive close */
} hl_store_options;

#define HL_STORE_PUT 1u          /* key has value from now on, whatever it had */
#define HL_STORE_DELETE 2u       /* key is gone, if it was there; value is empty */
#define HL_STORE_DELETE_RANGE 3u /* every k with key <= k < value is gone; value empty: to the end */

/* A hint: the key is not there before its batch, which the caller knows because it never gives a key twice. What is put
 * so and deleted a moment later may never be written at all. Wrong, it makes a delete miss the older pair. */
#define HL_STORE_NEW 0x1u

#define HL_STORE_MAX_KEY 1024u        /* bytes of a key, at least 1 */
#define HL_STORE_MAX_VALUE 536870912u /* bytes of a value: 512 MiB */
#define HL_STORE_MAX_CHANGES 1048576u /* in one batch */
#define HL_STORE_LANES 1024u

/* One change. Owner: caller; frozen. */
typedef struct hl_store_change {
    uint32_t kind;  /* HL_STORE_PUT and so on */
    uint32_t hints; /* HL_STORE_NEW with HL_STORE_PUT, else 0 */
    hl_view key;
    hl_view value;
} hl_store_change;

/* Flags of hl_store_batch. */
#define HL_STORE_RESUME 0x1u /* the caller knows of the failure in this lane and goes on */

/* The answer to a batch [store], exactly once for each that submit has taken, in the order of submission over all
 * lanes. From its call on the batch's memory is the caller's again. Must not block, and calls nothing of the store but
 * submit.
 *   HL_OK         durable as the sync policy says, and seen by every snapshot taken from now on
 *   HL_NO_SPACE   the disk (or a quota) is full
 *   HL_IO_ERROR   the disk failed; whether the batch is there after a restart is not known, and a store may answer so
 *                 from now on until it is opened by another process
 *   HL_DAMAGED    what is stored contradicts itself
 *   HL_FAILED     another reason, which report has told
 *   HL_CANCELLED  an earlier batch of its lane failed; see lane
 * A batch that was not HL_OK has changed nothing that a snapshot of this process sees. The store stays open: batches
 * with HL_STORE_RESUME are tried again, and succeed when the reason has gone. */
typedef void (*hl_store_done_fn)(void *user, hl_status status);

/* Changes that become durable together, in their order. Owner: caller; this struct is copied by submit, what changes
 * and its views point to must stay as it is until done is called (nothing is copied). */
typedef struct hl_store_batch {
    uint32_t struct_size;
    uint32_t flags; /* HL_STORE_RESUME */
    const hl_store_change *changes;
    uint32_t change_count; /* 0 is allowed: done tells that everything before is durable */
    /* A sequence of batches in which none counts without those before it, 0 to HL_STORE_LANES - 1; the broker has one
     * for each event loop. After a failure every batch of the lane is answered HL_CANCELLED until one comes with
     * HL_STORE_RESUME, so what was under way when it failed has failed too. Batches of several lanes may be committed
     * at once; all are committed in the order of submission. */
    uint32_t lane;
    hl_store_done_fn done; /* never NULL */
    void *user;
} hl_store_batch;

/* Flags of hl_store_range. */
#define HL_STORE_KEYS_ONLY 0x1u /* values are empty */
#define HL_STORE_REVERSE 0x2u   /* from the greatest key down */

/* Keys in the order of memcmp, a shorter one before a longer one that begins with it. Owner: caller; copied by scan. */
typedef struct hl_store_range {
    uint32_t struct_size;
    uint32_t flags;
    hl_view from; /* the first key that belongs to it; empty: from the beginning */
    hl_view to;   /* the first key that does not; empty: to the end */
} hl_store_range;

/* Owner: cursor; valid until the next call for that cursor. Frozen. */
typedef struct hl_store_pair {
    hl_view key;
    hl_view value;
} hl_store_pair;

/* Numbers since open, unless they say otherwise. Owner: caller; set struct_size. */
typedef struct hl_store_statistics {
    uint32_t struct_size;
    uint32_t flags;
    uint64_t pending_batches; /* submitted and not answered: now */
    uint64_t batches;         /* answered HL_OK */
    uint64_t failed_batches;  /* answered otherwise */
    uint64_t changes;         /* in batches that were answered HL_OK */
    uint64_t change_bytes;    /* keys and values of them */
    uint64_t commits;         /* transactions; batches / commits is the size of a group */
    uint64_t commit_ns;       /* spent in them, flushing included */
    uint64_t max_commit_ns;   /* the longest */
    uint64_t syncs;           /* times the disk was told to flush */
    uint64_t log_bytes;       /* of the write-ahead log: now */
    uint64_t file_bytes;      /* of everything in the folder: now */
    uint64_t damaged;         /* pairs or places that could not be read */
} hl_store_statistics;

/* store/1, from a plugin. Owner: plugin; valid as long as its instance. state is what it gave to provide->offer. */
typedef struct hl_store_v1 {
    uint32_t struct_size;
    uint32_t flags;
    /* [worker] Opens the store in a folder, or makes a new one where there is none; what a crash has left is put right
     * first. HL_REFUSED: made by a newer version, or by another engine; HL_CONFLICT: another process has it open for
     * writing; HL_NOT_FOUND: read only, and there is none; HL_NO_SPACE, HL_IO_ERROR, HL_DAMAGED (nothing can be
     * read), HL_INVALID. report has told why in a sentence. *out is set with HL_OK only. */
    hl_status (*open)(void *state, const hl_store_options *options, hl_store **out);
    /* [any] Puts a batch into the queue and returns at once; everything that is there when the store turns to it is
     * one group, flushed once. Calls of several threads are ordered by the store. HL_INVALID (a bound or a flag),
     * HL_NOT_ALLOWED (read only), HL_NO_MEMORY: done will not be called. How much is under way is for the caller to
     * bound. */
    hl_status (*submit)(hl_store *store, const hl_store_batch *batch);
    /* [worker] Waits until all that was submitted before is answered, and flushes it whatever the sync policy is. */
    hl_status (*flush)(hl_store *store);
    /* [worker] What is stored at this moment: everything answered HL_OK, and nothing of a batch without all of it. A
     * snapshot and its cursors are used by one thread at a time. Give it back soon: what is changed meanwhile cannot
     * be tidied up. HL_LIMIT: 64 are open, HL_IO_ERROR, HL_NO_MEMORY. */
    hl_status (*snapshot)(hl_store *store, hl_store_snapshot **out);
    /* [worker] Copies at most capacity bytes to value (NULL: none); *size (may be NULL) becomes the whole size, and it
     * is HL_OK too when the value was cut. HL_NOT_FOUND, HL_DAMAGED (it is there and cannot be read), HL_IO_ERROR. */
    hl_status (*get)(hl_store_snapshot *snapshot, hl_view key, void *value, uint64_t capacity, uint64_t *size);
    /* [worker] A walk through the keys of a range. HL_INVALID, HL_NO_MEMORY, HL_IO_ERROR. */
    hl_status (*scan)(hl_store_snapshot *snapshot, const hl_store_range *range, hl_store_cursor **out);
    /* [worker] The next pairs, at most capacity (above 0) and about 1 MiB of them, at least one. *count 0 with HL_OK:
     * the end. HL_DAMAGED: pairs behind these could not be read, and report has told which; *count pairs are good, and
     * the next call goes on behind the damage. HL_IO_ERROR, HL_NO_MEMORY: the walk is over. */
    hl_status (*next)(hl_store_cursor *cursor, hl_store_pair *pairs, uint32_t capacity, uint32_t *count);
    /* [worker] The cursor is gone. */
    void (*end_scan)(hl_store_cursor *cursor);
    /* [worker] The snapshot is gone; its cursors were ended before. */
    void (*end_snapshot)(hl_store_snapshot *snapshot);
    /* [any] Never waits for the disk. */
    hl_status (*statistics)(hl_store *store, hl_store_statistics *out);
    /* [worker] Looks at everything that is stored, which may take minutes, while others go on. HL_OK, HL_DAMAGED (each
     * place told by report), HL_IO_ERROR. */
    hl_status (*verify)(hl_store *store);
    /* [worker] Answers what was submitted, flushes, closes; the store is gone whatever it returns. No other call runs
     * or comes, no snapshot is open. The status of the last flush. */
    hl_status (*close)(hl_store *store);
} hl_store_v1;

#ifdef __cplusplus
}
#endif

#endif
