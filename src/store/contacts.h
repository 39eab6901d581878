/* SPDX-License-Identifier: GPL-3.0-or-later */
/* contacts.h - the key cache (design: whom to trust). Receiving never pins; sending does. */
#ifndef RESTANTE_STORE_CONTACTS_H
#define RESTANTE_STORE_CONTACTS_H

#include "proto/records.h"
#include "store/incoming.h"
#include "store/store.h"
#include <stdbool.h>

struct contact {
    char address[ADDRESS_MAX + 1];
    struct bytes pubkey;
    uint8_t fpr[FPR_LEN];
    enum in_trust trust; /* at least TRUST_SEEN: the row is the pin */
    bool ocb;
    uint32_t shards;
    uint64_t seq;
    bool changed; /* another key was met at this address: sending stops */
    uint8_t changed_fpr[FPR_LEN];
    int64_t checked_ms; /* when the DHT was last asked for its identity record */
};
void contact_free(struct contact *c);

/* -1: not in the cache. */
int contact_get(struct db *db, const char *address, struct contact *c_r);
/* Pins a key that is not there yet; with the pinned key again, renews features, shards and the
 * time. Another key is never stored: it marks the contact as changed. */
int contact_pin(struct db *db, const struct contact *c);
/* A record or a notification under another key came. */
int contact_set_changed(struct db *db, const char *address, const uint8_t fpr[FPR_LEN]);

#endif
