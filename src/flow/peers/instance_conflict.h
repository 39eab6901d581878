/* SPDX-License-Identifier: GPL-3.0-or-later */
/* instance_conflict.h - does another peer post under this address, or is this home a restored
 * backup? The own descriptor in the DHT tells, by its sequence number and its instance id
 * (P-10.20). */
#ifndef RESTANTE_FLOW_INSTANCE_CONFLICT_H
#define RESTANTE_FLOW_INSTANCE_CONFLICT_H

#include "flow/core/services.h"

enum conflict {
    CONFLICT_UNKNOWN,  /* the look-up did not complete */
    CONFLICT_NONE,     /* nothing newer than what this store has posted */
    CONFLICT_RESTORED, /* newer records of this very instance, or of one that has withdrawn: the
                      store is a restored backup */
    CONFLICT_OTHER,    /* another instance announces newer endpoints */
};

/* Compares. seq: the highest sequence number of own records in the DHT (0: none). The answer comes
 * on the loop's thread, never before this returned. */
void conflict_look(struct services *sv, void (*done)(void *ctx, enum conflict what, uint64_t seq),
                   void *ctx);
/* The comparison itself: seen is the newest descriptor in the DHT, NULL when there is none. */
enum conflict conflict_compare(const struct descriptor *seen, const uint8_t instance[INSTANCE_LEN],
                               uint64_t posted_seq);

#endif
