/* SPDX-License-Identifier: GPL-3.0-or-later */
/* entry.h - how a DHT entry is bound to its key, lock and value, and how the notification's secret
 * p becomes the tokens that delete it and the receipt that answers it (P-3). */
#ifndef RESTANTE_PROTO_ENTRY_H
#define RESTANTE_PROTO_ENTRY_H

#include "base/crypt.h"
#include <stddef.h>
#include <stdint.h>

#define INFOHASH_LEN 20
#define ENTRY_ID_LEN 8
#define SECRET_LEN 32 /* p */

/* SHA-1 of the key's text: OpenDHT's InfoHash::get. */
void entry_infohash(const char *key, uint8_t out[INFOHASH_LEN]);
/* id = first 8 octets of SHA-256("restante-id" ‖ infohash ‖ lock ‖ SHA-256(value)), big-endian;
 * all zero becomes 1. */
void entry_id(const uint8_t infohash[INFOHASH_LEN], const uint8_t lock[HASH_LEN],
              const uint8_t value_hash[HASH_LEN], uint8_t out[ENTRY_ID_LEN]);
/* lock = SHA-256("restante-lock" ‖ token). */
void entry_lock(const uint8_t token[HASH_LEN], uint8_t lock[HASH_LEN]);
/* token = HMAC(K_del, "restante-del" ‖ key text ‖ 0 ‖ value_hash), K_del = HKDF(p, "delete"). */
void entry_token(const uint8_t p[SECRET_LEN], const char *key, const uint8_t value_hash[HASH_LEN],
                 uint8_t token[HASH_LEN]);

/* One entry under key: the hash of its value, and what only the holder of p can make of it. Wiped
 * by the caller. */
struct entry_binding {
    uint8_t value_hash[HASH_LEN], token[HASH_LEN], lock[HASH_LEN], id[ENTRY_ID_LEN];
};
void entry_bind(const uint8_t p[SECRET_LEN], const char *key, const void *value, size_t len,
                struct entry_binding *b_r);
/* The same of a value of which only the hash is known. */
void entry_bind_hash(const uint8_t p[SECRET_LEN], const char *key,
                     const uint8_t value_hash[HASH_LEN], struct entry_binding *b_r);
/* The id of an entry whose lock is known, not its token. */
void entry_id_at(const char *key, const uint8_t lock[HASH_LEN], const void *value, size_t len,
                 uint8_t id_r[ENTRY_ID_LEN]);

enum outcome { OUTCOME_PULLED = 1, OUTCOME_DECLINED = 2, OUTCOME_CANCELLED = 3 };
/* The receipt's whole value: HMAC(K_nr, outcome octet ‖ h), K_nr = HKDF(p, "receipt"). */
void receipt_value(const uint8_t p[SECRET_LEN], enum outcome o, const uint8_t h[HASH_LEN],
                   uint8_t out[HASH_LEN]);
/* What only the holder of p can say of a receipt that was handed to it: HMAC(HKDF(p, "taken"),
 * value). Its sender says it once the end is durable (P-3.11). */
void receipt_proof(const uint8_t p[SECRET_LEN], const uint8_t value[HASH_LEN],
                   uint8_t out[HASH_LEN]);

#endif
