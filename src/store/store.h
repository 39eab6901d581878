/* SPDX-License-Identifier: GPL-3.0-or-later */
/* store.h - the only writer of state. Writes are transitions: functions that run on the store's own
 * thread inside a transaction that many share (group commit); done() is called on the loop's thread
 * after the commit is durable. Reads are made on the loop's thread, from a connection of their own,
 * and see what was committed. */
#ifndef RESTANTE_STORE_STORE_H
#define RESTANTE_STORE_STORE_H

#include "base/error.h"
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct db; /* a connection: only src/store looks inside */
struct store;

/* Opens or makes the database, migrates it, starts the thread. */
struct store *store_open(uv_loop_t *loop, const char *path, struct error *e);
/* Runs what is queued, then closes and nulls. */
void store_close(struct store **s);

/* For reading, on the loop's thread only. */
struct db *store_reader(struct store *s);
/* What is read between these two is read at one moment, and costs one locking of the database
 * instead of one per query. */
void store_look_begin(struct store *s);
void store_look_end(struct store *s);

/* What the tables are divided into, for who asks whether a look can find something new. */
enum store_part {
    STORE_MESSAGE = 1,
    STORE_RECEIVER = 2,
    STORE_BLOB = 4,
    STORE_REPLICA = 8, /* of others, and their notifications */
    STORE_REST = 16
};
/* The part a table belongs to. */
enum store_part store_part_of(const char *table);
/* A number that grows with each commit that changed one of these parts. Asked before a look
 * begins, it tells later whether that look has seen all. Loop thread. */
uint64_t store_changes(const struct store *s, unsigned parts);

/* Queues a transition. run: 0, or -1 to undo what it did. done (may be NULL): rc is run's result,
 * or -1 when the commit failed: nothing is changed then. arg stays the caller's. While the store
 * closes, a transition is dropped: what was committed is taken up at the next start. */
typedef int store_run_fn(struct db *db, void *arg);
typedef void store_done_fn(void *arg, int rc);
void store_do(struct store *s, store_run_fn *run, store_done_fn *done, void *arg);
size_t store_pending(const struct store *s);

/* A sentence about what was not done, with SQLite's own text, into e (NULL: into a place that this
 * thread's next call takes); returns the text. The arguments name the thing and, where the reader
 * would not know it, its row: "the seal of message %lld". store_refused: of the transition whose
 * done() runs with rc -1; loop thread, until it returns. store_unread: of a getter that has just
 * failed with the db of the last call of store_reader(). */
const char *store_refused(struct error *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
const char *store_unread(struct error *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* How many reads of the database have failed on this thread. Many getters cannot tell "failed" from
 * "not there": who is about to remove something because of what they said asks before and after,
 * and removes nothing when the number grew. A transition in which a read failed is undone. */
unsigned store_failed_reads(void);

/* Small named values (instance id, sequence numbers). get: -1 when missing or of another length. */
int meta_get(struct db *db, const char *name, void *p, size_t n);
int meta_set(struct db *db, const char *name, const void *p, size_t n);

/* Owned octets of a row. */
struct bytes {
    uint8_t *p;
    size_t n;
};
void bytes_free(struct bytes *b);
int bytes_set(struct bytes *b, const void *p, size_t n);
/* The same for something small that must be there (base/mem.h): a key, say. */
void bytes_copy(struct bytes *b, const void *p, size_t n);

/* When set (by tests through the environment's RESTANTE_CRASH_AT=point[:nth]), the process ends at
 * once, as by kill -9, when this point is reached the nth time. Points are named before and after
 * each transition. */
void store_crash_point(const char *point);

#endif
