/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_stub.c - any octets as a stub file: the daemon's reader and the plugin's must give the same
 * verdict, and what they take for a stub must be what the writer writes (P-7.1). Each input is read
 * as it is and with its HMAC made right, else nothing would get past that. */
#include "dovecot/stub-parse.h"
#include "proto/stub.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t KEY[HASH_LEN] = "the key of this machine's stubs";

static void mac_of(const unsigned char id[32], const unsigned char *p, size_t n,
                   unsigned char out[32])
{
    uint8_t *all = malloc(32 + n);

    if (all == NULL)
        abort();
    memcpy(all, id, 32);
    if (n > 0)
        memcpy(all + 32, p, n);
    hmac_sha256(KEY, HASH_LEN, all, 32 + n, out);
    free(all);
}

static void complain(const char *what)
{
    fprintf(stderr, "%s\n", what);
    abort();
}

static void check(const uint8_t *p, size_t n)
{
    struct buf again = BUF_INIT(STUB_MAX);
    struct stub_file f;
    struct stub s;
    bool ours = stub_decode(p, n, KEY, &s, NULL) == 0;

    if (ours != stub_file_parse(p, n, mac_of, &f))
        complain("the daemon and the plugin disagree about a stub");
    if (!ours)
        return;
    if (memcmp(s.id, f.id, HASH_LEN) != 0 || s.header != p + f.line_len ||
        s.header_len != f.header_len || s.structure_len != f.structure_len)
        complain("the daemon and the plugin see different parts");
    if (memchr(s.structure, '\0', s.structure_len) == NULL &&
        (stub_encode(&s, KEY, &again) < 0 || again.len != n || memcmp(again.data, p, n) != 0))
        complain("a stub was decoded but does not encode to the same octets");
    buf_free(&again);
}

/* Writes the right HMAC where the first line ends, if it looks like one. */
static void with_right_mac(uint8_t *p, size_t n)
{
    uint8_t *end = memchr(p, '\n', n < 512 ? n : 512);
    uint8_t id[HASH_LEN], mac[HASH_LEN];
    char text[HASH_HEX + 1];

    if (end == NULL || end - p < (ptrdiff_t)(STUB_FILE_MAGIC_LEN + 2 * HASH_HEX + 1))
        return;
    memcpy(text, p + STUB_FILE_MAGIC_LEN, HASH_HEX);
    text[HASH_HEX] = '\0';
    if (strlen(text) != HASH_HEX || hex_decode(text, id, HASH_LEN) < 0)
        return;
    mac_of(id, end + 1, n - (size_t)(end + 1 - p), mac);
    hex_encode(mac, HASH_LEN, text);
    memcpy(end - 1 - HASH_HEX, text, HASH_HEX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy;

    check(data, size);
    copy = malloc(size == 0 ? 1 : size);
    if (copy == NULL)
        return 0;
    if (size > 0)
        memcpy(copy, data, size);
    with_right_mac(copy, size);
    check(copy, size);
    free(copy);
    return 0;
}
