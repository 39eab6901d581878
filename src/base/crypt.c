/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crypt.c - see crypt.h. */
#include "base/crypt.h"
#include "base/mem.h"
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(int rc, const char *what)
{
    if (rc >= 0)
        return;
    (void)fprintf(stderr, "GnuTLS cannot do %s: %s\n", what, gnutls_strerror(rc));
    abort();
}

struct sha256 {
    gnutls_hash_hd_t h;
};

void sha256(const void *p, size_t n, uint8_t out[HASH_LEN])
{
    must(gnutls_hash_fast(GNUTLS_DIG_SHA256, p, n, out), "SHA-256");
}

struct sha256 *sha256_new(void)
{
    struct sha256 *s = mem_new(sizeof *s);
    must(gnutls_hash_init(&s->h, GNUTLS_DIG_SHA256), "SHA-256");
    return s;
}

void sha256_add(struct sha256 *s, const void *p, size_t n)
{
    must(gnutls_hash(s->h, p, n), "SHA-256");
}

void sha256_end(struct sha256 **s, uint8_t out[HASH_LEN])
{
    if (*s == NULL)
        return;
    gnutls_hash_deinit((*s)->h, out);
    free(*s);
    *s = NULL;
}

void hmac_sha256(const void *key, size_t klen, const void *p, size_t n, uint8_t out[HASH_LEN])
{
    must(gnutls_hmac_fast(GNUTLS_MAC_SHA256, key, klen, p, n, out), "HMAC-SHA-256");
}

void hkdf_sha256(const uint8_t secret[HASH_LEN], const char *label, uint8_t out[HASH_LEN])
{
    uint8_t prk[HASH_LEN], secret_copy[HASH_LEN];
    memcpy(secret_copy, secret, HASH_LEN);
    gnutls_datum_t ikm = {secret_copy, HASH_LEN}, salt = {NULL, 0}, key = {prk, HASH_LEN};
    gnutls_datum_t info = {(unsigned char *)(uintptr_t)label, (unsigned)strlen(label)};
    must(gnutls_hkdf_extract(GNUTLS_MAC_SHA256, &ikm, &salt, prk), "HKDF");
    must(gnutls_hkdf_expand(GNUTLS_MAC_SHA256, &key, &info, out, HASH_LEN), "HKDF");
    wipe(prk, sizeof prk);
    wipe(secret_copy, sizeof secret_copy);
}

void random_bytes(void *p, size_t n)
{
    must(gnutls_rnd(GNUTLS_RND_KEY, p, n), "random bytes");
}

void wipe(void *p, size_t n)
{
    explicit_bzero(p, n);
}

bool equal_ct(const void *a, const void *b, size_t n)
{
    return gnutls_memcmp(a, b, n) == 0;
}

void hex_encode(const void *p, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *b = p;
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[b[i] >> 4];
        out[2 * i + 1] = digits[b[i] & 15];
    }
    out[2 * n] = '\0';
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int hex_decode(const char *s, uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int hi = digit(s[2 * i]);
        int lo = hi < 0 ? -1 : digit(s[2 * i + 1]);
        if (lo < 0)
            return -1;
        out[i] = (uint8_t)(hi << 4 | lo);
    }
    return s[2 * n] == '\0' ? 0 : -1;
}
