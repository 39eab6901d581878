/* SPDX-License-Identifier: GPL-3.0-or-later */
/* endpoint_lookup.h - where a peer can be reached now: its descriptor in the DHT, verified (the
 * paper's d_s). Remembered for a short while, and forgotten when a connection there failed. */
#ifndef RESTANTE_FLOW_ENDPOINT_LOOKUP_H
#define RESTANTE_FLOW_ENDPOINT_LOOKUP_H

#include "flow/core/module.h"

extern const struct module endpoint_lookup_module;

/* count 0: why says whether it is offline (withdrawn, none) or could not be looked up. Valid during
 * the call. Never called before endpoint_lookup_find returned. */
typedef void endpoint_lookup_fn(void *ctx, const struct endpoint *ep, size_t count,
                                const char *why);
/* pubkey and fpr: whose signature counts. */
void endpoint_lookup_find(struct services *sv, const char *address, const struct bytes *pubkey,
                          const uint8_t fpr[FPR_LEN], endpoint_lookup_fn *fn, void *ctx);
/* This endpoint of the peer with this key has just given what was asked for. */
void endpoint_lookup_served(struct services *sv, const char *address, const uint8_t fpr[FPR_LEN],
                            const struct endpoint *ep);
/* The endpoint that did so lately, of it; false: none did. What is there is
 * known without a look-up, and this peer has shown itself there already. */
bool endpoint_lookup_last(const struct services *sv, const char *address,
                          const uint8_t fpr[FPR_LEN], struct endpoint *ep_r);
/* It was not there: look anew the next time. */
void endpoint_lookup_forget(struct services *sv, const char *address);

#endif
