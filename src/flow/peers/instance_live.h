/* SPDX-License-Identifier: GPL-3.0-or-later */
/* instance_live.h - is a copy of this home running now? Asked before anything is answered in this
 * run: on this computer by a name that only one process can hold, elsewhere by asking the endpoints
 * of the descriptor that stands in the DHT (P-10.20). */
#ifndef RESTANTE_FLOW_INSTANCE_LIVE_H
#define RESTANTE_FLOW_INSTANCE_LIVE_H

#include "flow/core/services.h"

/* Asks where d says that this address is reached: is there a peer with this very key that is not
 * this process? Who does not answer within some seconds is none. done comes later, once, unless the
 * flow's HTTP client is freed before; -1: it will not come. */
int conflict_live(struct services *sv, const struct descriptor *d,
                  void (*done)(void *ctx, bool live), void *ctx);
/* Is this the identity record of this peer's address and key, as /pubkey answers it? Its signature
 * is not looked at. */
bool conflict_own_key(const struct services *sv, const struct buf *record);

/* Takes this key's name on this computer, for as long as *fd_r is open. 0; 1: another process of
 * this user holds it; -1: it cannot be taken for other reasons, which prove nothing. */
int conflict_lock(const struct services *sv, int *fd_r);

#endif
