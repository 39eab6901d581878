/* SPDX-License-Identifier: GPL-3.0-or-later */
/* revoked.h - keys that their owners revoked (P-4.15): what is kept of them is what matters here,
 * the keys of contacts and members and those that the user revoked through this peer. */
#ifndef RESTANTE_STORE_REVOKED_H
#define RESTANTE_STORE_REVOKED_H

#include "proto/records.h"
#include "store/store.h"
#include <stdbool.h>

/* Remembered for ever. own: it was given to this peer, which puts it again as long as it runs. */
int revoked_add(struct db *db, const char *address, const uint8_t fpr[FPR_LEN],
                const struct bytes *record, bool own);
bool revoked_known(struct db *db, const uint8_t fpr[FPR_LEN]);
/* Those that are to be put again: own ones, and others first met after since_ms. At most max. */
void revoked_each(struct db *db, int64_t since_ms, size_t max,
                  void (*fn)(void *ctx, const char *address, const struct bytes *record),
                  void *ctx);

#endif
