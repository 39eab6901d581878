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
    bool changed; /* another key was met at this address */
    uint8_t changed_fpr[FPR_LEN];
    bool revoked;       /* by its owner */
    bool held;          /* sending stops: it is revoked, or has expired and another key was met */
    int64_t expiry_s;   /* until when the identity lives that was seen last; 0: none was */
    int64_t checked_ms; /* when the DHT was last asked for its identity record */
};
void contact_free(struct contact *c);

/* -1: not in the cache. */
int contact_get(struct db *db, const char *address, struct contact *c_r);
/* The newest time, in ms, that a pinned contact's or the accepted group's master's record was
 * signed at, as far as its sequence number (P-4.5) tells, and whose it is: this computer's clock
 * should not be before it. 0: none is known. */
int64_t contact_newest_ms(struct db *db, char address_r[ADDRESS_MAX + 1]);
/* May a record under this key say how late it is at least? A pinned contact's may, and a member's
 * of the accepted group. */
bool contact_may_witness(struct db *db, const uint8_t fpr[FPR_LEN]);
/* Pins a key that is not there yet; with the pinned key again, renews features, shards and the
 * time. Another key is never stored: it marks the contact as changed. */
int contact_pin(struct db *db, const struct contact *c);
/* A record or a notification under another key came. */
int contact_set_changed(struct db *db, const char *address, const uint8_t fpr[FPR_LEN]);

/* The user knows from elsewhere (a compared fingerprint, an invite) whose key this is: it is pinned
 * as verified, in place of any other. If no key with it is here, the pin waits for one: contact_pin
 * makes the contact, whoever finds the key, and takes no other. What is in quarantine under the key
 * leaves it; what waits for a key is looked up again. In a transaction; -1: the database. */
int contact_verify(struct db *db, const char *address, const uint8_t fpr[FPR_LEN]);
/* The fingerprint that is pinned at this address, with a key (contact_get) or without. -1: none. */
int contact_pinned_fpr(struct db *db, const char *address, uint8_t fpr_r[FPR_LEN]);

/* For lists, by address; a pin without a key is TRUST_VERIFIED and never checked: other is another
 * key that was met (announced, or on mail in quarantine), NULL when none was. fn returns false to
 * stop. Only address, fpr, trust and times are filled. */
void contact_each(struct db *db,
                  bool (*fn)(void *ctx, const struct contact *c, const uint8_t *other), void *ctx);
/* The pin goes: the next message to this address pins anew. 1, or 0 when there was none. */
int contact_forget(struct db *db, const char *address);
/* The user decided for this key: it replaces the pinned one, and mail under it leaves quarantine.
 */
int contact_replace(struct db *db, const struct contact *c);
/* The other keys that were met at this address, newest first; up to max fingerprints. */
size_t contact_others(struct db *db, const char *address, uint8_t (*fpr_r)[FPR_LEN], size_t max);
/* The key with this fingerprint from mail in quarantine; -1: none there. */
int contact_quarantined_key(struct db *db, const char *address, const uint8_t fpr[FPR_LEN],
                            struct bytes *pubkey_r);

#endif
