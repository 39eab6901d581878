/* SPDX-License-Identifier: GPL-3.0-or-later */
/* receipt_push.h - a receipt goes to the sender itself, where this peer has just fetched from it
 * (P-6.8): no node of the DHT has to keep it, nobody has to look for it. */
#ifndef RESTANTE_FLOW_RECEIPT_PUSH_H
#define RESTANTE_FLOW_RECEIPT_PUSH_H

#include "flow/core/module.h"
#include "proto/receipts.h"
#include "store/incoming.h"

extern const struct module receipt_push_module;

/* Once. taken: the sender has proved that it has committed the end. Otherwise the receipt goes
 * through the DHT. */
typedef void receipt_push_fn(void *ctx, bool taken);
/* false: the sender was not there lately, and fn is not called. Else fn is called, perhaps before
 * this returns, and at the latest some seconds after. What comes while a request to the same sender
 * is under way goes with the next one. */
bool receipt_push(struct services *sv, const struct incoming *in, const struct receipt *r,
                  receipt_push_fn *fn, void *ctx);
/* Is no receipt on its way? */
bool receipt_push_idle(const struct services *sv);

#endif
