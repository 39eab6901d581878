/* SPDX-License-Identifier: GPL-3.0-or-later */
/* stub.c - writes and reads the stub file of stub.h (P-7.1).
 * A stub is ours and under our key, so the reader's job is to tell "exactly what stub_encode wrote"
 * from everything else: every length is exact, every number has one spelling. */
#include "proto/stub.h"
#include "proto/limits.h"
#include <string.h>

#define MAGIC_LEN (sizeof STUB_MAGIC - 1)
#define NUMBER_MAX 10 /* digits */
/* magic, id, two numbers, hmac, three spaces, CRLF */
#define LINE_MAX_LEN (MAGIC_LEN + HASH_HEX + 2 * NUMBER_MAX + HASH_HEX + 3 + 2)

static void stub_mac(const struct stub *s, const uint8_t key[HASH_LEN], struct buf *tmp,
                     uint8_t out[HASH_LEN], int *failed)
{
    *failed = buf_append(tmp, s->id, HASH_LEN) < 0 ||
              buf_append(tmp, s->header, s->header_len) < 0 ||
              buf_append(tmp, s->structure, s->structure_len) < 0;
    if (!*failed)
        hmac_sha256(key, HASH_LEN, tmp->data, tmp->len, out);
    buf_free(tmp);
}

static bool lengths_fit(size_t header, size_t structure)
{
    return header > 0 && header <= STUB_HEADER_MAX && structure <= STUB_STRUCTURE_MAX;
}

int stub_encode(const struct stub *s, const uint8_t key[HASH_LEN], struct buf *out)
{
    struct buf tmp = BUF_INIT(HASH_LEN + STUB_HEADER_MAX + STUB_STRUCTURE_MAX);
    char id[HASH_HEX + 1], hex[HASH_HEX + 1];
    uint8_t mac[HASH_LEN];
    size_t before = out->len;
    int failed;
    if (!lengths_fit(s->header_len, s->structure_len))
        return -1;
    if (s->structure_len > 0 && memchr(s->structure, '\0', s->structure_len) != NULL)
        return -1;
    stub_mac(s, key, &tmp, mac, &failed);
    if (failed)
        return -1;
    hex_encode(s->id, HASH_LEN, id);
    hex_encode(mac, HASH_LEN, hex);
    if (buf_printf(out, "%s%s %zu %zu %s\r\n", STUB_MAGIC, id, s->header_len, s->structure_len,
                   hex) < 0 ||
        buf_append(out, s->header, s->header_len) < 0 ||
        buf_append(out, s->structure, s->structure_len) < 0) {
        out->len = before;
        return -1;
    }
    return 0;
}

/* A decimal number without leading zeros that ends at a space; *p moves behind the space. */
static int take_number(const uint8_t **p, const uint8_t *end, size_t *value_r)
{
    const uint8_t *s = *p;
    size_t v = 0;
    while (s < end && s - *p < NUMBER_MAX && *s >= '0' && *s <= '9')
        v = v * 10 + (size_t)(*s++ - '0');
    if (s == *p || s >= end || *s != ' ' || (**p == '0' && s - *p > 1))
        return -1;
    *p = s + 1;
    *value_r = v;
    return 0;
}

/* 64 lower-case hex digits; *p moves behind them. */
static int take_hex(const uint8_t **p, const uint8_t *end, uint8_t out[HASH_LEN])
{
    char text[HASH_HEX + 1];
    if (end - *p < HASH_HEX)
        return -1;
    memcpy(text, *p, HASH_HEX);
    text[HASH_HEX] = '\0';
    for (const char *c = text; *c != '\0'; c++) {
        if (*c >= 'A' && *c <= 'F')
            return -1;
    }
    if (strlen(text) != HASH_HEX || hex_decode(text, out, HASH_LEN) < 0)
        return -1;
    *p += HASH_HEX;
    return 0;
}

int stub_decode(const uint8_t *p, size_t n, const uint8_t key[HASH_LEN], struct stub *s,
                struct error *e)
{
    struct buf tmp = BUF_INIT(HASH_LEN + STUB_HEADER_MAX + STUB_STRUCTURE_MAX);
    uint8_t said[HASH_LEN], mac[HASH_LEN];
    int failed;
    if (n < MAGIC_LEN || memcmp(p, STUB_MAGIC, MAGIC_LEN) != 0)
        return error_set(e, "This file is not a stub.");
    const uint8_t *q = p + MAGIC_LEN;
    const uint8_t *end = p + (n < LINE_MAX_LEN ? n : LINE_MAX_LEN);
    if (take_hex(&q, end, s->id) < 0 || q >= end || *q++ != ' ' ||
        take_number(&q, end, &s->header_len) < 0 || take_number(&q, end, &s->structure_len) < 0 ||
        take_hex(&q, end, said) < 0 || end - q < 2 || memcmp(q, "\r\n", 2) != 0)
        return error_set(e, "The stub's first line is malformed.");
    q += 2;
    size_t left = n - (size_t)(q - p);
    if (!lengths_fit(s->header_len, s->structure_len) || left != s->header_len + s->structure_len)
        return error_set(e, "The stub's lengths do not fit its file.");
    s->header = q;
    s->structure = q + s->header_len;
    stub_mac(s, key, &tmp, mac, &failed);
    if (failed)
        return error_set(e, "There is not enough memory to check a stub.");
    if (!equal_ct(said, mac, HASH_LEN))
        return error_set(e, "The stub was not made by this peer.");
    return 0;
}
