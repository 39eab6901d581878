/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_seal.c - a sealed message opens at each receiver, byte for byte, and nowhere else. */
#include "pgp_peer.h"
#include "pgp/packet.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct peer alice, bob, carol;

static int setup(void **state)
{
    peer_make(&alice, "alice@demo");
    peer_make(&bob, "bob@demo");
    peer_make(&carol, "carol@demo");
    return 0;
}

static int teardown(void **state)
{
    peer_free(&alice);
    peer_free(&bob);
    peer_free(&carol);
    return 0;
}

/* Text that deflates, or octets that do not. */
static uint8_t *message(size_t n, bool random)
{
    uint8_t *m = malloc(n + 1);
    assert_non_null(m);
    for (size_t i = 0; i < n; i++)
        m[i] = (uint8_t) "a line of a message, much like others\r\n"[i % 39];
    if (random && n > 0)
        random_bytes(m, n);
    return m;
}

static void check_hashes(const struct sealed *s, const struct buf *blob)
{
    uint8_t hash[HASH_LEN];
    size_t pieces = (blob->len + CHUNK_LEN - 1) / CHUNK_LEN;
    assert_int_equal(s->seal.blob_size, blob->len);
    sha256(blob->data, blob->len, hash);
    assert_memory_equal(hash, s->seal.blob_hash, HASH_LEN);
    assert_int_equal(s->chunks.len, pieces * HASH_LEN);
    for (size_t i = 0; i < pieces; i++) {
        size_t at = i * CHUNK_LEN, left = blob->len - at;
        sha256(blob->data + at, left < CHUNK_LEN ? left : CHUNK_LEN, hash);
        assert_memory_equal(hash, s->chunks.data + i * HASH_LEN, HASH_LEN);
    }
}

static void round_trip(size_t n, bool random, bool ocb)
{
    struct pgp_pub to[3] = {bob.pub, carol.pub, bob.pub};
    struct peer *who[3] = {&bob, &carol, &bob};
    uint8_t *m = message(n, random);
    struct sealed s;
    struct buf blob = BUF_INIT(64 * 1024 * 1024);
    seal_octets(&s, &alice, to, 3, m, n, ocb);
    file_all(s.fd, &blob);
    check_hashes(&s, &blob);
    assert_int_equal(blob.data[0] & 0x3f, ocb ? TAG_ENCRYPTED_AEAD : TAG_ENCRYPTED_MDC);
    if (!random && n > 10000)
        assert_true(blob.len < n / 10);
    else
        assert_true(blob.len < n + n / 200 + 400);
    for (size_t i = 0; i < 3; i++) {
        struct buf plain = BUF_INIT(64 * 1024 * 1024);
        ok(unseal_octets(who[i], &alice.pub, &s.pkesk[i], blob.data, blob.len, n, &plain, e));
        assert_int_equal(plain.len, n);
        if (n > 0)
            assert_memory_equal(plain.data, m, n);
        buf_free(&plain);
    }
    fails(unseal_octets(&carol, &alice.pub, &s.pkesk[0], blob.data, blob.len, n, NULL, e),
          "not encrypted to our key");
    sealed_free(&s);
    buf_free(&blob);
    free(m);
}

static void test_round_trips(void **state)
{
    static const size_t sizes[] = {0, 1, 191, 4096, 65536, 300000, 9 * 1024 * 1024};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int kind = 0; kind < 4; kind++)
            round_trip(sizes[i], kind & 1, kind & 2);
}

/* Octets as base64 has them, or text: how large the blob is. */
static size_t sealed_size(size_t n, bool base64)
{
    uint8_t *m = message(n, base64);
    struct sealed s;
    for (size_t i = 0; i < n && base64; i++)
        m[i] = ' ' + 1 + m[i] % 64;
    seal_octets(&s, &alice, &bob.pub, 1, m, n, true);
    size_t size = s.seal.blob_size;
    sealed_free(&s);
    free(m);
    return size;
}

/* What compression takes off base64 is worth its time up to 16 MB; what it takes off text always.
 */
static void test_compression(void **state)
{
    const size_t small = 1024 * 1024, large = 17 * small;
    assert_true(sealed_size(small, true) < small / 5 * 4);
    assert_in_range(sealed_size(large, true), large, large + large / 1000);
    assert_true(sealed_size(large, false) < large / 10);
}

static void test_to_oneself(void **state)
{
    struct sealed s;
    struct buf blob = BUF_INIT(100000), plain = BUF_INIT(100);
    seal_octets(&s, &alice, &alice.pub, 1, "note", 4, true);
    file_all(s.fd, &blob);
    ok(unseal_octets(&alice, &alice.pub, &s.pkesk[0], blob.data, blob.len, 4, &plain, e));
    assert_memory_equal(plain.data, "note", 4);
    sealed_free(&s);
    buf_free(&blob);
    buf_free(&plain);
}

static void test_many_receivers(void **state)
{
    enum { COUNT = 1000 };
    struct pgp_pub *to = calloc(COUNT, sizeof *to);
    struct buf *pkesk = calloc(COUNT, sizeof *pkesk), chunks = BUF_INIT(4096);
    struct buf secret = BUF_INIT(8192), blob = BUF_INIT(100000);
    struct peer *last = &carol;
    int in = file_of("hello", 5), out = file_of("", 0);
    struct pgp_seal s = {.in_fd = in,
                         .out_fd = out,
                         .to = to,
                         .to_count = COUNT,
                         .in_size = 5,
                         .pkesk = pkesk,
                         .chunks = &chunks};

    for (size_t i = 0; i < COUNT; i++) {
        struct buf pub = BUF_INIT(PUBKEY_MAX);
        pkesk[i].cap = 512;
        if (i == COUNT - 1) {
            to[i] = last->pub;
            break;
        }
        ok(pgp_generate("someone@demo", &secret, &pub, e));
        buf_wipe(&secret);
        to[i].data = buf_steal(&pub, &to[i].len);
    }
    ok(pgp_seal(alice.p, &s, e));
    file_all(out, &blob);
    ok(unseal_octets(last, &alice.pub, &pkesk[COUNT - 1], blob.data, blob.len, 5, NULL, e));
    for (size_t i = 0; i < COUNT; i++) {
        uint8_t keyid[KEYID_LEN];
        ok(packet_session_key(pkesk[i].data, pkesk[i].len, keyid, e));
        buf_free(&pkesk[i]);
        if (i < COUNT - 1)
            free((void *)(uintptr_t)to[i].data);
    }
    buf_free(&chunks);
    buf_free(&blob);
    free(pkesk);
    free(to);
    close(in);
    close(out);
}

static void test_caps(void **state)
{
    struct buf pkesk = BUF_INIT(40), chunks = BUF_INIT(4096);
    int in = file_of("hello", 5), out = file_of("", 0);
    struct pgp_pub broken = {(const uint8_t *)"no key", 6};
    struct pgp_seal s = {.in_fd = in,
                         .out_fd = out,
                         .to = &bob.pub,
                         .to_count = 1,
                         .in_size = 5,
                         .pkesk = &pkesk,
                         .chunks = &chunks};
    fails(pgp_seal(alice.p, &s, e), "session-key packet is too large");
    s.to_count = 0;
    fails(pgp_seal(alice.p, &s, e), "1 to 10000 receivers");
    s.to_count = 1;
    s.to = &broken;
    fails(pgp_seal(alice.p, &s, e), "not made of whole OpenPGP packets");
    s.to = &bob.pub;
    buf_free(&pkesk);
    pkesk.cap = 512;
    s.out_fd = -1;
    fails(pgp_seal(alice.p, &s, e), "");
    close(in);
    s.in_fd = -1;
    s.out_fd = out;
    buf_free(&pkesk);
    fails(pgp_seal(alice.p, &s, e), "cannot be read");
    buf_free(&pkesk);
    buf_free(&chunks);
    close(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips), cmocka_unit_test(test_compression),
        cmocka_unit_test(test_to_oneself),  cmocka_unit_test(test_many_receivers),
        cmocka_unit_test(test_caps),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
