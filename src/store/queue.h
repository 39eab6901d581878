/* SPDX-License-Identifier: GPL-3.0-or-later */
/* queue.h - what is due: a queue is the rows on which one step of a message's way waits. It is
 * nothing but a name for some SQL; the rows are the truth. The queues of the sender's side stand in
 * outgoing_queues.c, the receiver's in incoming_queues.c, those of replicas in replica_queues.c. */
#ifndef RESTANTE_STORE_QUEUE_H
#define RESTANTE_STORE_QUEUE_H

#include "store/about.h"
#include "store/store.h"

struct queue_rules {         /* what the configuration says about what is due */
    int64_t expiry_grace;    /* ms after its expiry until a message ends */
    int64_t pull_before;     /* ms: so long before its expiry a contact's stub is pulled, but not in
                                the first half of its life; 0 or less: never */
    int64_t pull_before_max; /* octets: larger ones are not */
    int64_t trusted_ms;      /* the time for endings, ms since 1970: not later than now */
};

struct queue {
    const char *name;
    enum about about; /* the table of its rows */
    /* Row numbers, oldest first. ?1 now (ms), ?2 at most so many, ?3 to ?6 the rules in their
     * order. */
    const char *due;
    /* The earliest time (ms) after ?1 at which there may be more; parameters as above. */
    const char *next;
    /* The step failed on row ?2: not before ?1 (ms), one more try; ?3 why, for a person. */
    const char *delay;
    /* How often it failed in a row on row ?1. */
    const char *tries;
};

/* What the queue is read from (enum store_part), as SQLite says: a commit that changed none of it
 * brings nothing new. 0: the queue's text is wrong. */
unsigned queue_parts(struct db *db, const struct queue *q);

/* Rows that are due, at most max. *next_ms becomes the earliest due time after now, if that is
 * earlier (NULL: nobody asks). */
size_t queue_due(struct db *db, const struct queue *q, const struct queue_rules *rules,
                 int64_t now_ms, int64_t *n_r, size_t max, int64_t *next_ms);
/* Inside store_do. why may be NULL. 0, or -1. */
int queue_delay(struct db *db, const struct queue *q, int64_t n, int64_t due_ms, const char *why);
int64_t queue_tries(struct db *db, const struct queue *q, int64_t n);

/* Each queue is called queue_<name>; who uses one says QUEUE(name). */
#define QUEUE(name) extern const struct queue queue_##name

#endif
