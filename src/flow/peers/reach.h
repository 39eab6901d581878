/* SPDX-License-Identifier: GPL-3.0-or-later */
/* reach.h - which addresses a peer is connected to, in one place for all that connect (P-2.7):
 * pulls and heads, receipts handed over, replicas, blobs taken back, message lists. */
#ifndef RESTANTE_FLOW_REACH_H
#define RESTANTE_FLOW_REACH_H

#include "flow/core/services.h"

/* The rule towards the peer of this address and key: private ranges are allowed when it is pinned
 * or a member of the own group. Reads the store. Valid as long as f's own policy is. */
struct endpoint_policy reach_policy(const struct services *sv, const char *address,
                                    const uint8_t fpr[FPR_LEN]);

/* Why address was not even asked, as a sentence for the user that says what to do: status and why
 * as http_fetch_config.done had them. false: it was asked, and nothing is written. */
bool reach_unasked(int status, const char *address, const char *why, struct error *text_r);

#endif
