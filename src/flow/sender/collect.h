/* SPDX-License-Identifier: GPL-3.0-or-later */
/* collect.h - step seven: receipts are looked for or handed over, receivers end, blobs and entries
 * go (the paper's step 11; P-10.6). */
#ifndef RESTANTE_FLOW_COLLECT_H
#define RESTANTE_FLOW_COLLECT_H

#include "flow/core/module.h"
#include "proto/receipts.h"

extern const struct module collection_module;
/* Look for receipts now. */
void collection_poll(struct services *sv);
/* A receipt that somebody handed over. fn once, perhaps before this returns: taken says that it is
 * this peer's receiver's, and that its end is durable here; proof is then what the receiver waits
 * for. */
typedef void receipt_taken_fn(void *ctx, bool taken, const uint8_t proof[HASH_LEN]);
void collection_take(struct services *sv, const struct receipt *r, receipt_taken_fn *fn, void *ctx);

#endif
