/* SPDX-License-Identifier: GPL-3.0-or-later */
/* stub-parse.c - tells a stub from an ordinary mail (P-7.1). Anything that is not exactly a stub
 * under our key is an ordinary mail: a stranger's look-alike is shown as what it is, text. */
#include "stub-parse.h"
#include <string.h>

static int hex_value(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

/* Exactly 64 lower-case hex digits. Returns how many octets were used, 0 when they are not there.
 */
static size_t read_hash(const unsigned char *p, size_t n, unsigned char out[32])
{
    if (n < 64)
        return 0;
    for (size_t i = 0; i < 32; i++) {
        int hi = hex_value(p[2 * i]), lo = hex_value(p[2 * i + 1]);
        if (hi < 0 || lo < 0)
            return 0;
        out[i] = (unsigned char)(hi * 16 + lo);
    }
    return 64;
}

/* Decimal digits without leading zeros up to a space. Returns octets used with the space, or 0. */
static size_t read_size(const unsigned char *p, size_t n, size_t max, size_t *value_r)
{
    size_t i, v = 0;
    for (i = 0; i < n && p[i] >= '0' && p[i] <= '9'; i++) {
        v = v * 10 + (size_t)(p[i] - '0');
        if (v > max)
            return 0;
    }
    if (i == 0 || i == n || p[i] != ' ' || (p[0] == '0' && i > 1))
        return 0;
    *value_r = v;
    return i + 1;
}

bool stub_file_begins(const unsigned char *p, size_t n)
{
    return n >= STUB_FILE_MAGIC_LEN && memcmp(p, STUB_FILE_MAGIC, STUB_FILE_MAGIC_LEN) == 0;
}

static bool read_line(const unsigned char *p, size_t n, struct stub_file *s)
{
    size_t at = STUB_FILE_MAGIC_LEN, used;
    if ((used = read_hash(p + at, n - at, s->id)) == 0)
        return false;
    memcpy(s->id_hex, p + at, 64);
    s->id_hex[64] = '\0';
    at += used;
    if (at >= n || p[at++] != ' ')
        return false;
    if ((used = read_size(p + at, n - at, STUB_FILE_HEADER_MAX, &s->header_len)) == 0)
        return false;
    at += used;
    if ((used = read_size(p + at, n - at, STUB_FILE_STRUCTURE_MAX, &s->structure_len)) == 0)
        return false;
    at += used;
    if ((used = read_hash(p + at, n - at, s->mac)) == 0)
        return false;
    at += used;
    if (n - at < 2 || p[at] != '\r' || p[at + 1] != '\n')
        return false;
    s->line_len = at + 2;
    return true;
}

bool stub_file_parse(const unsigned char *p, size_t n, stub_file_hmac *hmac, struct stub_file *s)
{
    if (!stub_file_begins(p, n) || !read_line(p, n, s) || s->header_len == 0 ||
        n - s->line_len != s->header_len + s->structure_len)
        return false;
    unsigned char mac[32], diff = 0;
    hmac(s->id, p + s->line_len, n - s->line_len, mac);
    for (size_t i = 0; i < sizeof mac; i++)
        diff |= (unsigned char)(mac[i] ^ s->mac[i]);
    return diff == 0;
}
