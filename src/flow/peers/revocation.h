/* SPDX-License-Identifier: GPL-3.0-or-later */
/* revocation.h - keys that their owners revoked: the record is put, and put again by everybody to
 * whom it matters, so that it outlives the home that made it (P-10.31). */
#ifndef RESTANTE_FLOW_REVOCATION_H
#define RESTANTE_FLOW_REVOCATION_H

#include "flow/core/module.h"

/* Those that are known are put when the network is there, and then every f->c.reput. */
extern const struct module revocation_module;

/* why: NULL when the revocation is durable here; address and fpr say of what. put: it stands in the
 * DHT, otherwise it is put as soon as that is possible. */
typedef void revocation_fn(void *ctx, const char *address, const uint8_t fpr[FPR_LEN], bool put,
                           const char *why);
/* A signed record that the user gives (n at most RECORD_MAX). own_key: one that revokes this peer's
 * own key is taken too, and nothing is sent from then on. fn is called once, never before this
 * returns; -1 and a sentence when it is not. */
int revocation_take(struct services *sv, const uint8_t *record, size_t n, bool own_key,
                    revocation_fn *fn, void *ctx, struct error *e);
/* It was met and matters here: kept. Loop thread. */
void revocation_keep(struct services *sv, const char *address, const uint8_t fpr[FPR_LEN],
                     const struct bytes *record);

#endif
