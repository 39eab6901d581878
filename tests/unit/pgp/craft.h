/* SPDX-License-Identifier: GPL-3.0-or-later */
/* craft.h - OpenPGP messages that Restante itself would not make, made by RNP for the tests. */
#ifndef RESTANTE_TESTS_PGP_CRAFT_H
#define RESTANTE_TESTS_PGP_CRAFT_H

#include "pgp_peer.h"

struct craft {
    struct peer *signers[4]; /* up to the first NULL */
    const struct pgp_pub *to;
    const void *data;
    size_t len;
    int level;            /* of zlib; 0: none */
    bool nowrap;          /* data are packets already */
    bool twice;           /* the first signer signs two times */
    int64_t time;         /* of the signature, seconds since 1970; 0: now */
    const char *hash;     /* NULL: SHA256 */
    const char *password; /* encrypts to a password too */
};
/* The session-key packets go to pkesk, the rest to blob. */
void craft(const struct craft *c, struct buf *pkesk, struct buf *blob);

/* The packets of a signed message, not encrypted. */
void craft_signed(const struct peer *by, const void *data, size_t n, struct buf *packets);
/* A key pair like pgp_generate's, made at another time and valid for a while (0: for ever). */
void craft_key(const char *address, int64_t at, uint32_t valid, struct buf *secret,
               struct buf *public);
/* A detached signature made at another time, with a hash of choice. */
void craft_signature(const struct peer *by, const void *data, size_t n, int64_t at,
                     const char *hash, struct buf *sig);

#endif
