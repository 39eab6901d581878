/* SPDX-License-Identifier: GPL-3.0-or-later */
/* seal_file.h - one file sealed into the outbox, and the keys it is sealed to. */
#ifndef RESTANTE_FLOW_SEAL_FILE_H
#define RESTANTE_FLOW_SEAL_FILE_H

#include "base/growing.h"
#include "flow/core/services.h"
#include "store/contacts.h"
#include "pgp/pgp.h"
#include "base/file.h"

/* The receivers whose key is in the cache, in the order of their session-key packets. */
struct seal_keys {
    size_t count, room;
    char (*address)[ADDRESS_MAX + 1];
    struct contact *contact;
    struct pgp_pub *to; /* into contact */
    bool ocb;           /* all of them take OCB */
};

/* Room for so many. -1: memory is short. */
int seal_keys_init(struct seal_keys *k, size_t room);
/* One more; its key must be in the cache. */
int seal_keys_add(struct seal_keys *k, struct db *db, const char *address, struct error *e);
/* The same receivers in the same order, with the same keys. */
bool seal_keys_equal(const struct seal_keys *a, const struct seal_keys *b);
void seal_keys_free(struct seal_keys *k);

struct sealed_file {
    uint8_t hash[HASH_LEN], chunks_hash[HASH_LEN];
    uint64_t size;
    struct buf chunks;
    size_t count;
    struct buf *pkesk; /* one per receiver */
};

/* For so many receivers. -1: memory is short. */
int sealed_file_init(struct sealed_file *x, size_t count);
void sealed_file_free(struct sealed_file *x);

/* in_fd (size octets; of a file that grows: those that are there) sealed to k becomes
 * outbox/<hash>.sealed, durable. grows: NULL, or how in_fd grows. Worker thread. */
int seal_file(const struct services *sv, struct pgp *pgp, const uint8_t id[MESSAGE_ID_LEN],
              const struct seal_keys *k, int in_fd, uint64_t size, struct growing *grows,
              struct sealed_file *x, struct error *e);

#endif
