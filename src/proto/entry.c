/* SPDX-License-Identifier: GPL-3.0-or-later */
/* entry.c - ids, locks, tokens and receipts of DHT entries (P-3). */
#include "proto/entry.h"
#include "base/mem.h"
#include <gnutls/crypto.h>
#include <stdlib.h>
#include <string.h>

void entry_infohash(const char *key, uint8_t out[INFOHASH_LEN])
{
    if (gnutls_hash_fast(GNUTLS_DIG_SHA1, key, strlen(key), out) < 0)
        abort(); /* as base/crypt.h: a broken installation */
}

void entry_id(const uint8_t infohash[INFOHASH_LEN], const uint8_t lock[HASH_LEN],
              const uint8_t value_hash[HASH_LEN], uint8_t out[ENTRY_ID_LEN])
{
    static const uint8_t zero[ENTRY_ID_LEN];
    uint8_t digest[HASH_LEN];
    struct sha256 *s = sha256_new();
    sha256_add(s, "restante-id", strlen("restante-id"));
    sha256_add(s, infohash, INFOHASH_LEN);
    sha256_add(s, lock, HASH_LEN);
    sha256_add(s, value_hash, HASH_LEN);
    sha256_end(&s, digest);
    memcpy(out, digest, ENTRY_ID_LEN);
    if (memcmp(out, zero, ENTRY_ID_LEN) == 0)
        out[ENTRY_ID_LEN - 1] = 1;
}

void entry_lock(const uint8_t token[HASH_LEN], uint8_t lock[HASH_LEN])
{
    struct sha256 *s = sha256_new();
    sha256_add(s, "restante-lock", strlen("restante-lock"));
    sha256_add(s, token, HASH_LEN);
    sha256_end(&s, lock);
}

void entry_token(const uint8_t p[SECRET_LEN], const char *key, const uint8_t value_hash[HASH_LEN],
                 uint8_t token[HASH_LEN])
{
    uint8_t k[HASH_LEN], digest[HASH_LEN];
    static const char label[] = "restante-del";
    size_t n = strlen(label), keylen = strlen(key) + 1; /* with its NUL: the separator */
    size_t size = n + keylen + HASH_LEN;
    uint8_t *text = mem_new(size);
    memcpy(text, label, n);
    memcpy(text + n, key, keylen);
    memcpy(text + n + keylen, value_hash, HASH_LEN);
    hkdf_sha256(p, "delete", k);
    hmac_sha256(k, sizeof k, text, size, digest);
    memcpy(token, digest, HASH_LEN);
    wipe(k, sizeof k);
    wipe(digest, sizeof digest);
    free(text);
}

void entry_bind_hash(const uint8_t p[SECRET_LEN], const char *key,
                     const uint8_t value_hash[HASH_LEN], struct entry_binding *b)
{
    uint8_t infohash[INFOHASH_LEN];
    if (value_hash != b->value_hash)
        memcpy(b->value_hash, value_hash, HASH_LEN);
    entry_infohash(key, infohash);
    entry_token(p, key, value_hash, b->token);
    entry_lock(b->token, b->lock);
    entry_id(infohash, b->lock, value_hash, b->id);
}

void entry_bind(const uint8_t p[SECRET_LEN], const char *key, const void *value, size_t len,
                struct entry_binding *b)
{
    sha256(value, len, b->value_hash);
    entry_bind_hash(p, key, b->value_hash, b);
}

void entry_id_at(const char *key, const uint8_t lock[HASH_LEN], const void *value, size_t len,
                 uint8_t id[ENTRY_ID_LEN])
{
    uint8_t infohash[INFOHASH_LEN], value_hash[HASH_LEN];
    entry_infohash(key, infohash);
    sha256(value, len, value_hash);
    entry_id(infohash, lock, value_hash, id);
}

void receipt_value(const uint8_t p[SECRET_LEN], enum outcome o, const uint8_t h[HASH_LEN],
                   uint8_t out[HASH_LEN])
{
    uint8_t k[HASH_LEN], text[1 + HASH_LEN] = {(uint8_t)o};
    memcpy(text + 1, h, HASH_LEN);
    hkdf_sha256(p, "receipt", k);
    hmac_sha256(k, sizeof k, text, sizeof text, out);
    wipe(k, sizeof k);
}

void receipt_proof(const uint8_t p[SECRET_LEN], const uint8_t value[HASH_LEN],
                   uint8_t out[HASH_LEN])
{
    uint8_t k[HASH_LEN];
    hkdf_sha256(p, "taken", k);
    hmac_sha256(k, sizeof k, value, HASH_LEN, out);
    wipe(k, sizeof k);
}
