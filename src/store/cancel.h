/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cancel.h - taking messages back: the sender's steps on a receiver's row (P-14.1), and the
 * cancellations that came to us (P-14.5). Functions that change something run inside store_do; the
 * others also on the reader. */
#ifndef RESTANTE_STORE_CANCEL_H
#define RESTANTE_STORE_CANCEL_H

#include "store/incoming.h"
#include "store/outgoing.h"

enum cancel_step {
    CANCEL_NONE = 0,
    CANCEL_CLOSE = 1,  /* close the blob here, and look whether anybody ever began to fetch it */
    CANCEL_POST = 2,   /* make and put the cancellation, delete the notification */
    CANCEL_POSTED = 3, /* put again until the receiver has answered or the time is over */
    CANCEL_OVER = 4,
};

/* Takes the message back from one receiver: what was never announced is cancelled now, what was
 * becomes RCV_WITHDRAWING. 1 begun or done, 0 its end was known already, -1 error. */
int cancel_begin(struct db *db, int64_t receiver);
/* The rows of a message's receivers (of one, unless address is NULL); up to max. */
size_t cancel_receivers(struct db *db, int64_t message, const char *address, int64_t *n_r,
                        size_t max);
/* Does a receiver other than those who are to lose it still wait for this blob? */
bool cancel_blob_wanted(struct db *db, int64_t blob);
/* The blob was closed if nobody else wants it. never: it is closed, and nobody ever began to fetch
 * it, so that all receivers whose message is being withdrawn are cancelled. */
int cancel_closed(struct db *db, int64_t receiver, int64_t blob, bool never);
/* The exact octets of the cancellation's entry; empty before it was made. */
int cancel_entry(struct db *db, int64_t receiver, struct bytes *entry_r);
int cancel_set_entry(struct db *db, int64_t receiver, const void *p, size_t n);
int cancel_set_posted(struct db *db, int64_t receiver, int64_t next_ms);
int cancel_set_over(struct db *db, int64_t receiver);
/* A receipt came, handed over or (false) through the DHT: nothing more is to be posted, and what
 * stands in the DHT goes. */
int cancel_answered(struct db *db, int64_t receiver, enum outcome o, bool pushed);
/* The outcome of the receipt that came; 0: none. */
int cancel_outcome(struct db *db, int64_t receiver);
/* Is something of this message still to be closed? */
bool cancel_deciding(struct db *db, int64_t message);
/* Message by a prefix of its id in hex: row number, 0 none, -1 several. */
int64_t out_find_prefix(struct db *db, const char *hex);

/* The receiver's side. A cancellation by the key with this fingerprint came: it is remembered until
 * its expiry (seconds), also when its notification is not here yet. */
int cancelled_add(struct db *db, const uint8_t nid[HASH_LEN], const uint8_t fpr[FPR_LEN],
                  int64_t until_s);
/* Did the signer of this notification take it back? */
bool cancelled_has(struct db *db, int64_t incoming);

#endif
