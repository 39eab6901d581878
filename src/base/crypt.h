/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crypt.h - hashes, keyed hashes, random bytes, wiping and hex: thin over GnuTLS.
 * A failure of these primitives is a broken installation: they abort instead of returning. */
#ifndef RESTANTE_BASE_CRYPT_H
#define RESTANTE_BASE_CRYPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HASH_LEN 32             /* SHA-256 */
#define HASH_HEX (2 * HASH_LEN) /* without NUL */

/* SHA-256 of one piece, or of pieces in a row. */
void sha256(const void *p, size_t n, uint8_t out[HASH_LEN]);
struct sha256;
struct sha256 *sha256_new(void);
void sha256_add(struct sha256 *s, const void *p, size_t n);
/* Writes the digest of what was added, frees *s and sets it to NULL. out may be NULL. */
void sha256_end(struct sha256 **s, uint8_t out[HASH_LEN]);

/* HMAC-SHA-256 (RFC 2104) and HKDF-SHA-256 (RFC 5869, empty salt, label as info). */
void hmac_sha256(const void *key, size_t klen, const void *p, size_t n, uint8_t out[HASH_LEN]);
void hkdf_sha256(const uint8_t secret[HASH_LEN], const char *label, uint8_t out[HASH_LEN]);

void random_bytes(void *p, size_t n);
/* Overwrites memory in a way the compiler keeps. */
void wipe(void *p, size_t n);
/* Compares in a time that depends on n alone. */
bool equal_ct(const void *a, const void *b, size_t n);

/* Lower-case hex with NUL; out holds 2n+1. hex_decode wants exactly 2n lower- or upper-case digits
 * in a NUL-terminated string and returns -1 otherwise. */
void hex_encode(const void *p, size_t n, char *out);
int hex_decode(const char *s, uint8_t *out, size_t n);

#endif
