/* SPDX-License-Identifier: GPL-3.0-or-later */
/* identity.h - the identity record of an address whose key's fingerprint is known already: from a
 * group descriptor. It pins nothing (lookup.h does). */
#ifndef RESTANTE_FLOW_IDENTITY_H
#define RESTANTE_FLOW_IDENTITY_H

#include "flow/core/services.h"
#include "flow/peers/verify.h"

/* v: the newest verified identity under that key; NULL: why tells that nobody has posted one, or
 * that the look-up did not complete. Valid during the call; never called before identity_find
 * returned. */
typedef void identity_fn(void *ctx, const struct verified_identity *v, const char *why);
void identity_find(struct services *sv, const char *address, const uint8_t fpr[FPR_LEN],
                   identity_fn *fn, void *ctx);
/* The same, and what is found is put again as it stands there, so that the identity of a group's
 * member outlasts its absence (P-11.8). */
void identity_keep(struct services *sv, const char *address, const uint8_t fpr[FPR_LEN],
                   identity_fn *fn, void *ctx);

#endif
