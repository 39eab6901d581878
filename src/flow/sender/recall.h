/* SPDX-License-Identifier: GPL-3.0-or-later */
/* recall.h - a message is taken back by its sender (P-14). */
#ifndef RESTANTE_FLOW_RECALL_H
#define RESTANTE_FLOW_RECALL_H

#include "flow/core/services.h"

/* begun: for how many receivers it was still possible; -1: the database failed. */
typedef void recall_fn(void *ctx, int begun);
/* Begins to take message n (a row) back from one receiver, or from all when address is NULL; fn
 * (may be NULL) is called when that is durable. The steps do the rest. */
void recall_message(struct services *sv, int64_t n, const char *address, recall_fn *fn, void *ctx);

/* The same inside a transition: for how many receivers it was begun, or -1. */
int recall_all(struct db *db, int64_t n);

#endif
