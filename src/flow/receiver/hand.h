/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hand.h - a receipt goes to the sender itself, where this peer has just fetched from it (P-6.8):
 * no node of the DHT has to keep it, nobody has to look for it. */
#ifndef RESTANTE_FLOW_HAND_H
#define RESTANTE_FLOW_HAND_H

#include "flow/flow.h"
#include "proto/receipts.h"
#include "store/incoming.h"

/* Once. taken: the sender has proved that it has committed the end. Otherwise the receipt goes
 * through the DHT. */
typedef void hand_fn(void *ctx, bool taken);
/* false: the sender was not there lately, and fn is not called. Else fn is called, perhaps before
 * this returns, and at the latest some seconds after. What comes while a request to the same sender
 * is under way goes with the next one. */
bool hand_over(struct flow *f, const struct incoming *in, const struct receipt *r, hand_fn *fn,
               void *ctx);
void hand_free(struct flow *f);

#endif
