/* SPDX-License-Identifier: GPL-3.0-or-later */
/* opening.h - somebody opens a message: by IMAP or on the command line. They wait here until its
 * stub is filled, a try has failed, or their time is over; the pull itself goes on (design: IMAP
 * face). */
#ifndef RESTANTE_FLOW_OPENING_H
#define RESTANTE_FLOW_OPENING_H

#include "flow/core/module.h"

/* ok: the message stands in the Maildir. why: a sentence for the user otherwise. */
typedef void opening_fn(void *ctx, bool ok, const char *why);

/* fn is called once, perhaps before this returns; then NULL is returned, else a handle. wait_ms:
 * how long to wait at most; 0: until the message is there or a try has failed. */
struct opening *opening_ask(struct services *sv, const uint8_t nid[HASH_LEN], int64_t wait_ms,
                            opening_fn *fn, void *ctx);
/* The asker is gone; the pull goes on. */
void opening_cancel(struct opening *o);

/* For the steps: this message is there; this try has failed. */
void openings_filled(struct services *sv, const uint8_t nid[HASH_LEN]);
void openings_failed(struct services *sv, const uint8_t nid[HASH_LEN], const char *why);
/* The same of a try that began then (clock_mono_ms): who asked later is not told, but gets a try of
 * his own, at once: the sender may have come back in between. After the try's delay is on its way
 * to the store. */
void openings_try_failed(struct services *sv, const uint8_t nid[HASH_LEN], int64_t began_ms,
                         const char *why);

/* Pulls under way, for progress: octets verified so far, or -1. */
struct transfer;
void openings_progress_set(struct services *sv, const uint8_t nid[HASH_LEN],
                           const struct transfer *t);
int64_t openings_progress(const struct services *sv, const uint8_t nid[HASH_LEN]);

extern const struct module openings_module;

#endif
