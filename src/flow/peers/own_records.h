/* SPDX-License-Identifier: GPL-3.0-or-later */
/* own_records.h - the peer's identity and descriptor are signed anew, with the next sequence
 * number, and put; then the entries that they replace are deleted (P-10.3). */
#ifndef RESTANTE_FLOW_OWN_RECORDS_H
#define RESTANTE_FLOW_OWN_RECORDS_H

#include "flow/core/services.h"

/* ok: they stand in the DHT, and it was connected. */
typedef void own_records_fn(void *ctx, bool ok, const char *why);
/* withdraw: only the descriptor, and without endpoints. seen: the highest sequence number met in
 * the DHT. done is called once, never before this returns. */
void own_records_post(struct services *sv, bool withdraw, uint64_t seen, own_records_fn *done,
                      void *ctx);

#endif
