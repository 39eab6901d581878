/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pgp_peer.h - people with keys, and files without names, for the tests of src/pgp. */
#ifndef RESTANTE_TESTS_PGP_PEER_H
#define RESTANTE_TESTS_PGP_PEER_H

#include "pgp/pgp.h"

/* cmocka.h wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* A call must succeed, or fail with a sentence that contains this text. */
#define ok(call)                                                                                   \
    do {                                                                                           \
        struct error e_ = {{0}}, *e = &e_;                                                         \
        if ((call) != 0)                                                                           \
            fail_msg("%s: %s", #call, e_.text);                                                    \
    } while (0)
#define fails(call, part)                                                                          \
    do {                                                                                           \
        struct error e_ = {{0}}, *e = &e_;                                                         \
        assert_int_equal((call), -1);                                                              \
        if (strstr(e_.text, (part)) == NULL)                                                       \
            fail_msg("%s: \"%s\" lacks \"%s\"", #call, e_.text, (part));                           \
    } while (0)

struct peer {
    struct pgp *p;
    struct buf secret, public;
    struct pgp_pub pub;
};

/* Makes a key for address and loads it. */
void peer_make(struct peer *peer, const char *address);
void peer_free(struct peer *peer);

/* A file without a name that holds these octets, at its start. */
int file_of(const void *p, size_t n);
/* All of a file, from its start, into b. */
void file_all(int fd, struct buf *b);

/* One message sealed by a peer. */
#define SEALED_MAX 8
struct sealed {
    struct buf pkesk[SEALED_MAX];
    struct buf chunks;
    int fd; /* the blob */
    struct pgp_seal seal;
};
/* Seals n octets; the blob's descriptor stands at its start. */
void seal_octets(struct sealed *s, struct peer *from, const struct pgp_pub *to, size_t to_count,
                 const void *p, size_t n, bool ocb);
void sealed_free(struct sealed *s);
/* Opens pkesk[i] with these blob octets; returns pgp_unseal's value; plain (may be NULL) gets what
 * was written. */
int unseal_octets(struct peer *to, const struct pgp_pub *from, const struct buf *pkesk,
                  const void *blob, size_t blob_len, uint64_t max, struct buf *plain,
                  struct error *e);

#endif
