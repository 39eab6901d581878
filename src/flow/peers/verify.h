/* SPDX-License-Identifier: GPL-3.0-or-later */
/* verify.h - from octets of the DHT to a record that may be believed: size, form, place, key,
 * signature, lifetime, in this order (P-4.1). Worker thread. */
#ifndef RESTANTE_FLOW_VERIFY_H
#define RESTANTE_FLOW_VERIFY_H

#include "base/crypt.h"
#include "pgp/pgp.h"
#include "proto/group.h"
#include "proto/records.h"
#include "store/store.h"

struct verified_identity {
    struct identity r; /* r.pubkey points into pubkey */
    struct bytes pubkey;
    uint8_t fpr[FPR_LEN];
};
void verified_identity_free(struct verified_identity *v);
/* An identity record of this address, signed by the key inside. now_s: seconds since 1970. -2: it
 * is one, but not now by this clock: its fpr and sequence number are in v, no more. */
int verify_identity(const uint8_t *p, size_t n, uint32_t network, const char *address,
                    int64_t now_s, struct verified_identity *v, struct error *e);
/* A revocation of a key of this address, signed by that key: fpr_r is whose. */
int verify_revocation(const uint8_t *p, size_t n, uint32_t network, const char *address,
                      uint8_t fpr_r[FPR_LEN], struct error *e);
/* A peer descriptor of this address, signed by this key. -2: as above. */
int verify_descriptor(const uint8_t *p, size_t n, uint32_t network, const char *address,
                      const struct pgp_pub *key, const uint8_t fpr[FPR_LEN], int64_t now_s,
                      struct descriptor *r, struct error *e);
struct verified_group {
    struct group_record r; /* its spans point into the octets that were verified */
    uint8_t master_fpr[FPR_LEN];
    struct span signed_;      /* the master's signed record: all of it, or inside a renewal */
    uint8_t roster[HASH_LEN]; /* SHA-256 of the payload the master signed */
    int64_t expiry;           /* the master's, or the renewal's */
    bool renewed;             /* by a deputy */
};
/* A group descriptor of this group, or a deputy's renewal of one (P-4.12, P-4.13). Whether its
 * master is the right one is the caller's to judge. */
int verify_group(const uint8_t *p, size_t n, uint32_t network, const char *gname, int64_t now_s,
                 struct verified_group *v, struct error *e);
/* An opened notification for `receiver` found at `key`: r's spans point into p. -2: its time
 * is not now, by this peer's clock, which may be wrong; no more was looked at. */
int verify_notification(const uint8_t *p, size_t n, uint32_t network, const char *key,
                        const char *receiver, int64_t now_s, struct notification *r,
                        uint8_t fpr[FPR_LEN], struct error *e);
/* An opened cancellation found at `key`, whatever it cancels. r->pubkey points into p. -2: as
 * above. */
int verify_cancellation(const uint8_t *p, size_t n, uint32_t network, const char *key,
                        int64_t now_s, struct cancellation *r, uint8_t fpr[FPR_LEN],
                        struct error *e);
/* Is this opened record one? */
bool is_cancellation(const uint8_t *p, size_t n);

#endif
