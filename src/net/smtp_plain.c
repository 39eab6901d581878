/* SPDX-License-Identifier: GPL-3.0-or-later */
/* smtp_plain.c - the password of AUTH PLAIN (RFC 4616); see smtp_parse.h. */
#include "base/crypt.h"
#include "net/smtp_parse.h"
#include <string.h>

static int base64_value(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *p = c == '\0' ? NULL : strchr(digits, c);
    return p == NULL ? -1 : (int)(p - digits);
}

/* Base64 with its padding; out holds 3/4 of it. Octets written, or -1. */
static int base64_decode(const char *s, uint8_t *out)
{
    size_t n = strlen(s), len = 0;
    if (n == 0 || n % 4 != 0 || n > SMTP_AUTH_LINE_MAX)
        return -1;
    for (size_t i = 0; i < n; i += 4) {
        bool end = i + 4 == n;
        int pad = end && s[i + 3] == '=' ? (s[i + 2] == '=' ? 2 : 1) : 0;
        int v[4];
        for (int k = 0; k < 4; k++) {
            v[k] = k >= 4 - pad ? 0 : base64_value(s[i + (size_t)k]);
            if (v[k] < 0)
                return -1;
        }
        uint32_t x =
            (uint32_t)v[0] << 18 | (uint32_t)v[1] << 12 | (uint32_t)v[2] << 6 | (uint32_t)v[3];
        for (int k = 0; k < 3 - pad; k++)
            out[len++] = (uint8_t)(x >> (16 - 8 * k));
    }
    return (int)len;
}

/* Equal, in a time that does not depend on where they differ: both are hashed first. */
static bool equal_secret(const void *a, size_t alen, const void *b, size_t blen)
{
    uint8_t ha[HASH_LEN], hb[HASH_LEN];
    sha256(a, alen, ha);
    sha256(b, blen, hb);
    bool equal = equal_ct(ha, hb, HASH_LEN);
    wipe(ha, sizeof ha);
    wipe(hb, sizeof hb);
    return equal;
}

int smtp_check_plain(const char *base64, const char *user, const char *password)
{
    uint8_t raw[SMTP_AUTH_LINE_MAX / 4 * 3 + 3];
    int result = -1;
    int len = base64_decode(base64, raw);
    size_t n = len > 0 ? (size_t)len : 0;
    const uint8_t *first = memchr(raw, 0, n);
    const uint8_t *second =
        first == NULL ? NULL : memchr(first + 1, 0, n - (size_t)(first + 1 - raw));
    if (second != NULL && memchr(second + 1, 0, n - (size_t)(second + 1 - raw)) == NULL) {
        size_t zlen = (size_t)(first - raw), ulen = (size_t)(second - first) - 1;
        bool z = zlen == 0 || (zlen == ulen && memcmp(raw, first + 1, ulen) == 0);
        bool u = equal_secret(first + 1, ulen, user, strlen(user));
        bool w =
            equal_secret(second + 1, n - (size_t)(second + 1 - raw), password, strlen(password));
        result = z && u && w ? 0 : 1;
    }
    wipe(raw, sizeof raw);
    return result;
}
