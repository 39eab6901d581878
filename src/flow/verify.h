/* SPDX-License-Identifier: GPL-3.0-or-later */
/* verify.h - from octets of the DHT to a record that may be believed: size, form, place, key,
 * signature, lifetime, in this order (P-4.1). Worker thread. */
#ifndef RESTANTE_FLOW_VERIFY_H
#define RESTANTE_FLOW_VERIFY_H

#include "pgp/pgp.h"
#include "proto/records.h"
#include "store/store.h"

struct verified_identity {
    struct identity r; /* r.pubkey points into pubkey */
    struct bytes pubkey;
    uint8_t fpr[FPR_LEN];
};
void verified_identity_free(struct verified_identity *v);
/* An identity record of this address, signed by the key inside. now_s: seconds since 1970. */
int verify_identity(const uint8_t *p, size_t n, uint32_t network, const char *address,
                    int64_t now_s, struct verified_identity *v, struct error *e);
/* A peer descriptor of this address, signed by this key. */
int verify_descriptor(const uint8_t *p, size_t n, uint32_t network, const char *address,
                      const struct pgp_pub *key, const uint8_t fpr[FPR_LEN], int64_t now_s,
                      struct descriptor *r, struct error *e);
/* An opened notification for `receiver` found at `key`: r's spans point into p. */
int verify_notification(const uint8_t *p, size_t n, uint32_t network, const char *key,
                        const char *receiver, int64_t now_s, struct notification *r,
                        uint8_t fpr[FPR_LEN], struct error *e);

#endif
