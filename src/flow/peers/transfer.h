/* SPDX-License-Identifier: GPL-3.0-or-later */
/* transfer.h - one blob from its sender, or a member of its group, into a file, chunk by chunk,
 * each verified before it is written; what was verified stays when a connection or the program
 * breaks (P-5.4, P-6). */
#ifndef RESTANTE_FLOW_TRANSFER_H
#define RESTANTE_FLOW_TRANSFER_H

#include "base/growing.h"
#include "flow/core/services.h"

struct transfer;
/* ok: the file holds exactly the blob (not synced), and why names those it came from now, for the
 * log ("": it was here). Otherwise why is a sentence for the user. */
typedef void transfer_fn(void *ctx, bool ok, const char *why);

/* Starts; fn is called once, later. path: the part file, kept on failure. */
struct transfer *transfer_start(struct services *sv, const char *sender, const struct bytes *pubkey,
                                const uint8_t fpr[FPR_LEN], const struct blob_ref *blob,
                                const char *path, transfer_fn *fn, void *ctx);
/* The master of the sender's group, as its notification names it; right after transfer_start. */
void transfer_master(struct transfer *t, const uint8_t master_fpr[FPR_LEN]);
/* fn gets the chunk list just before transfer_fn says ok; right after transfer_start. */
typedef void transfer_chunks_fn(void *ctx, const uint8_t *p, size_t n);
void transfer_want_chunks(struct transfer *t, transfer_chunks_fn *fn);
/* The caller has the chunk list, p; right after transfer_start. What the part file holds is looked
 * at before anybody is asked. */
void transfer_have_chunks(struct transfer *t, const uint8_t *p, size_t n);
/* Somebody reads the part file meanwhile, and is told how far it may; right after transfer_start.
 * grows must live until transfer_fn was called. */
void transfer_stream(struct transfer *t, struct growing *grows);
/* Octets verified so far. */
uint64_t transfer_octets(const struct transfer *t);

#endif
