/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sign.h - what proves that a record or an entry is this peer's. */
#ifndef RESTANTE_FLOW_SIGN_H
#define RESTANTE_FLOW_SIGN_H

#include "base/buf.h"
#include "flow/core/sign.h"
#include "flow/core/services.h"
#include "pgp/pgp.h"
#include "proto/entry.h"

/* Signs with the own key: [payload, signature] into out. Worker thread. */
int sign_record(struct pgp *pgp, const struct buf *payload, struct buf *out, struct error *e);
/* entry_bind_hash of an own entry that needs no notification's p: only this home can make it. */
void own_bind(const struct services *sv, const char *key, const uint8_t value_hash[HASH_LEN],
              struct entry_binding *b_r);

#endif
