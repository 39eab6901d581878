/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_hostile.c - what must not open: cut, changed, unsigned, doubly or wrongly signed, nested,
 * too large, and keys and clocks that lie. After each refusal the same context still opens good
 * mail. */
#include "craft.h"
#include "pgp/packet.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DAY 86400
#define MAX (1024 * 1024)

static const char text[] =
    "Subject: hello\r\n\r\nSome text, and some more text, and more text.\r\n";
static struct peer alice, bob, mallory;
static struct buf good_pkesk = BUF_INIT(512), good_blob = BUF_INIT(65536);

static int setup(void **state)
{
    struct sealed s;
    peer_make(&alice, "alice@demo");
    peer_make(&bob, "bob@demo");
    peer_make(&mallory, "mallory@demo");
    seal_octets(&s, &alice, &bob.pub, 1, text, sizeof text, false);
    file_all(s.fd, &good_blob);
    assert_int_equal(buf_append(&good_pkesk, s.pkesk[0].data, s.pkesk[0].len), 0);
    sealed_free(&s);
    return 0;
}

static int teardown(void **state)
{
    peer_free(&alice);
    peer_free(&bob);
    peer_free(&mallory);
    buf_free(&good_pkesk);
    buf_free(&good_blob);
    return 0;
}

static int open_it(const struct pgp_pub *from, const struct buf *pkesk, const struct buf *blob,
                   struct error *e)
{
    return unseal_octets(&bob, from, pkesk, blob->data, blob->len, MAX, NULL, e);
}

static int still_good(void **state)
{
    ok(open_it(&alice.pub, &good_pkesk, &good_blob, e));
    return 0;
}

/* Crafts, and expects this refusal. */
static void refused(const struct craft *c, const char *because)
{
    struct buf pkesk = BUF_INIT(4096), blob = BUF_INIT(64 * 1024 * 1024);
    craft(c, &pkesk, &blob);
    fails(open_it(&alice.pub, &pkesk, &blob, e), because);
    buf_free(&pkesk);
    buf_free(&blob);
}

static void test_crafted_good(void **state)
{
    struct craft c = {.signers = {&alice}, .to = &bob.pub, .data = text, .len = sizeof text};
    struct buf pkesk = BUF_INIT(4096), blob = BUF_INIT(MAX);
    craft(&c, &pkesk, &blob); /* so that the refusals below have the reasons they say */
    ok(open_it(&alice.pub, &pkesk, &blob, e));
    buf_free(&pkesk);
    buf_free(&blob);
}

static void test_signatures(void **state)
{
    struct craft c = {.to = &bob.pub, .data = text, .len = sizeof text};
    refused(&c, "exactly one signature");
    c.signers[0] = &mallory;
    refused(&c, "another key");
    c.signers[0] = &bob; /* known to the receiver, but not the announced sender */
    refused(&c, "another key");
    c.signers[0] = &alice;
    c.twice = true;
    refused(&c, "exactly one signature");
    c.twice = false;
    c.signers[1] = &mallory;
    refused(&c, "signature");
    c.signers[0] = &mallory;
    c.signers[1] = &alice;
    refused(&c, "signature");
    c.signers[0] = &alice;
    c.signers[1] = &bob;
    refused(&c, "exactly one signature");
    c.signers[1] = NULL;
    c.hash = "SHA1";
    refused(&c, "signature");
}

static void test_old_sender_is_forgotten(void **state)
{
    struct craft c = {.signers = {&alice}, .to = &bob.pub, .data = text, .len = sizeof text};
    struct buf pkesk = BUF_INIT(4096), blob = BUF_INIT(MAX);
    craft(&c, &pkesk, &blob);
    ok(open_it(&alice.pub, &pkesk, &blob, e));
    fails(open_it(&mallory.pub, &pkesk, &blob, e), "another key");
    buf_free(&pkesk);
    buf_free(&blob);
}

static void test_cut(void **state)
{
    struct buf cut = good_blob;
    for (cut.len = 0; cut.len < good_blob.len; cut.len++) {
        struct error e;
        assert_int_equal(open_it(&alice.pub, &good_pkesk, &cut, &e), -1);
    }
}

static void test_changed(void **state)
{
    for (size_t i = 0; i < good_blob.len; i++) {
        struct error e;
        good_blob.data[i] ^= 0x20;
        if (open_it(&alice.pub, &good_pkesk, &good_blob, &e) == 0)
            fail_msg("octet %zu of the blob changed: opened", i);
        good_blob.data[i] ^= 0x20;
    }
    for (size_t i = 0; i < good_pkesk.len; i++) {
        struct error e;
        good_pkesk.data[i] ^= 0x20;
        if (open_it(&alice.pub, &good_pkesk, &good_blob, &e) == 0)
            fail_msg("octet %zu of the session key changed: opened", i);
        good_pkesk.data[i] ^= 0x20;
    }
}

static void test_garbage(void **state)
{
    uint8_t octets[3000];
    struct buf garbage = {.data = octets, .len = sizeof octets};
    for (int i = 0; i < 300; i++) {
        struct error e;
        random_bytes(octets, sizeof octets);
        assert_int_equal(open_it(&alice.pub, &good_pkesk, &garbage, &e), -1);
        octets[0] = 0xc0 | TAG_ENCRYPTED_MDC; /* garbage in the right clothes */
        octets[1] = 0xff;
        octets[2] = octets[3] = 0;
        octets[4] = (sizeof octets - 6) >> 8;
        octets[5] = (sizeof octets - 6) & 0xff;
        octets[6] = 1;
        assert_int_equal(open_it(&alice.pub, &good_pkesk, &garbage, &e), -1);
        octets[0] = 0xc0 | TAG_ENCRYPTED_AEAD;
        assert_int_equal(open_it(&alice.pub, &good_pkesk, &garbage, &e), -1);
    }
}

static void test_shape(void **state)
{
    struct craft c = {.signers = {&alice}, .to = &bob.pub, .data = text, .len = sizeof text};
    struct buf pkesk = BUF_INIT(4096), blob = BUF_INIT(MAX);
    /* two session-key packets, a stray octet, none */
    assert_int_equal(buf_append(&pkesk, good_pkesk.data, good_pkesk.len), 0);
    assert_int_equal(buf_append(&pkesk, good_pkesk.data, good_pkesk.len), 0);
    fails(open_it(&alice.pub, &pkesk, &good_blob, e), "exactly one OpenPGP session-key");
    pkesk.len = good_pkesk.len + 1;
    fails(open_it(&alice.pub, &pkesk, &good_blob, e), "exactly one OpenPGP session-key");
    pkesk.len = good_pkesk.len - 1;
    fails(open_it(&alice.pub, &pkesk, &good_blob, e), "exactly one OpenPGP session-key");
    pkesk.len = 0;
    fails(open_it(&alice.pub, &pkesk, &good_blob, e), "exactly one OpenPGP session-key");
    fails(open_it(&alice.pub, &good_blob, &good_blob, e), "exactly one OpenPGP session-key");
    /* a session-key packet in front of the blob; another packet behind it */
    assert_int_equal(buf_append(&blob, good_pkesk.data, good_pkesk.len), 0);
    assert_int_equal(buf_append(&blob, good_blob.data, good_blob.len), 0);
    fails(open_it(&alice.pub, &good_pkesk, &blob, e), "kind 1");
    buf_consume(&blob, good_pkesk.len);
    assert_int_equal(buf_append(&blob, good_blob.data, good_blob.len), 0);
    fails(open_it(&alice.pub, &good_pkesk, &blob, e), "follows the end");
    blob.len = good_blob.len;
    assert_int_equal(buf_append(&blob, "\0", 1), 0);
    fails(open_it(&alice.pub, &good_pkesk, &blob, e), "follows the end");
    buf_free(&blob);
    buf_free(&pkesk);
    /* a password beside the key */
    c.password = "password";
    refused(&c, "exactly one OpenPGP session-key");
}

/* Sealed mail inside sealed mail, whoever signs what. */
static void test_nested(void **state)
{
    struct buf inner = BUF_INIT(MAX);
    struct craft c = {.to = &bob.pub, .nowrap = true};
    assert_int_equal(buf_append(&inner, good_pkesk.data, good_pkesk.len), 0);
    assert_int_equal(buf_append(&inner, good_blob.data, good_blob.len), 0);
    c.data = inner.data;
    c.len = inner.len;
    refused(&c, "integrity");
    c.signers[0] = &alice;
    refused(&c, "");
    buf_free(&inner);
}

/* Encrypts ready packets and expects this refusal, or none. */
static void packets_refused(const struct buf *packets, const char *because)
{
    struct craft c = {.to = &bob.pub, .nowrap = true, .data = packets->data, .len = packets->len};
    struct buf pkesk = BUF_INIT(4096), blob = BUF_INIT(MAX);
    craft(&c, &pkesk, &blob);
    if (because != NULL)
        fails(open_it(&alice.pub, &pkesk, &blob, e), because);
    else
        ok(open_it(&alice.pub, &pkesk, &blob, e));
    buf_free(&pkesk);
    buf_free(&blob);
}

/* What stands behind the signed message inside the encryption is either refused or left out: never
 * does more come out than what was signed. */
static void left_out(const struct buf *packets)
{
    struct craft c = {.to = &bob.pub, .nowrap = true, .data = packets->data, .len = packets->len};
    struct buf pkesk = BUF_INIT(4096), blob = BUF_INIT(4 * MAX), plain = BUF_INIT(MAX);
    struct error e = {{0}};
    craft(&c, &pkesk, &blob);
    if (unseal_octets(&bob, &alice.pub, &pkesk, blob.data, blob.len, MAX, &plain, &e) == 0) {
        assert_int_equal(plain.len, sizeof text);
        assert_memory_equal(plain.data, text, sizeof text);
    }
    buf_free(&pkesk);
    buf_free(&blob);
    buf_free(&plain);
}

/* A signed message with something unsigned, or signed by another, before or behind it. */
static void test_spliced(void **state)
{
    static const uint8_t literal[] = {0xcb, 8, 'b', 0, 0, 0, 0, 0, 'h', 'i'};
    struct buf one = BUF_INIT(4096), many = BUF_INIT(2 * MAX);
    craft_signed(&alice, text, sizeof text, &one);
    packets_refused(&one, NULL);
    assert_int_equal(buf_append(&many, literal, sizeof literal), 0);
    packets_refused(&many, "exactly one signature");
    assert_int_equal(buf_append(&many, one.data, one.len), 0);
    packets_refused(&many, "exactly one signature");
    buf_free(&many);
    assert_int_equal(buf_append(&many, one.data, one.len), 0);
    while (many.len < MAX) {
        assert_int_equal(buf_append(&many, literal, sizeof literal), 0);
        if (many.len < one.len + 25 || many.len >= MAX)
            left_out(&many);
    }
    buf_free(&many);
    assert_int_equal(buf_append(&many, one.data, one.len), 0);
    assert_int_equal(buf_append(&many, one.data, one.len), 0);
    left_out(&many);
    one.len--;
    packets_refused(&one, "");
    buf_free(&many);
    buf_free(&one);
}

static void test_bomb(void **state)
{
    enum { SIZE = 32 * 1024 * 1024 };
    uint8_t *zeros = calloc(1, SIZE);
    struct craft c = {.signers = {&alice}, .to = &bob.pub, .data = zeros, .len = SIZE, .level = 9};
    struct buf pkesk = BUF_INIT(4096), blob = BUF_INIT(MAX), plain = BUF_INIT(2 * MAX);

    assert_non_null(zeros);
    craft(&c, &pkesk, &blob);
    assert_true(blob.len < SIZE / 500);
    fails(unseal_octets(&bob, &alice.pub, &pkesk, blob.data, blob.len, MAX, &plain, e),
          "larger than announced");
    assert_true(plain.len <= MAX);
    fails(unseal_octets(&bob, &alice.pub, &pkesk, blob.data, blob.len, 0, NULL, e),
          "larger than announced");
    fails(unseal_octets(&bob, &alice.pub, &pkesk, blob.data, blob.len, SIZE - 1, NULL, e),
          "larger than announced");
    ok(unseal_octets(&bob, &alice.pub, &pkesk, blob.data, blob.len, SIZE, NULL, e));
    buf_free(&pkesk);
    buf_free(&blob);
    buf_free(&plain);
    free(zeros);
}

/* A sender's key with our own subkey in it must not get near our keys. */
static void test_stolen_subkey(void **state)
{
    struct key_scan scan;
    struct buf key = BUF_INIT(PUBKEY_MAX);
    ok(key_scan(&bob.pub, &scan, e));
    assert_int_equal(scan.count, 2);
    const uint8_t *sub = scan.body[1] - 2; /* with its header */
    assert_int_equal(buf_append(&key, mallory.public.data, mallory.public.len), 0);
    assert_int_equal(buf_append(&key, sub, (size_t)(bob.pub.data + bob.pub.len - sub)), 0);
    struct pgp_pub stolen = (struct pgp_pub){key.data, key.len};
    fails(open_it(&stolen, &good_pkesk, &good_blob, e), "one of our own keys");
    buf_free(&key);
}

static void broken_sender(const struct buf *pub, const char *because)
{
    struct pgp_pub from = {pub->data, pub->len};
    fails(open_it(&from, &good_pkesk, &good_blob, e), because);
    ok(open_it(&alice.pub, &good_pkesk, &good_blob, e));
}

static void test_clocks(void **state)
{
    static const struct {
        int64_t at;
        uint32_t valid;
        const char *because; /* NULL: accepted */
    } keys[] = {{0, 0, NULL},
                {7200, 0, NULL},  /* another clock runs ahead */
                {3 * DAY, 0, ""}, /* or lies */
                {-30 * DAY, 10 * DAY, "expired"},
                {-30 * DAY, 60 * DAY, NULL}};

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        struct buf secret = BUF_INIT(8192), pub = BUF_INIT(PUBKEY_MAX);
        uint8_t fpr[PGP_FPR_LEN];
        craft_key("carol@demo", time(NULL) + keys[i].at, keys[i].valid, &secret, &pub);
        struct pgp_pub as = (struct pgp_pub){pub.data, pub.len};
        if (keys[i].because == NULL) {
            ok(pgp_check_pub(&as, "carol@demo", fpr, e));
        } else {
            fails(pgp_check_pub(&as, "carol@demo", fpr, e), keys[i].because);
            broken_sender(&pub, keys[i].because);
        }
        buf_wipe(&secret);
        buf_free(&pub);
    }
}

/* A key made by a clock that ran ahead: what it signs carries no time before its own. */
static void test_own_key_from_the_future(void **state)
{
    struct peer carol = {.secret = BUF_INIT(8192), .public = BUF_INIT(PUBKEY_MAX)};
    struct buf sig = BUF_INIT(1024), blob = BUF_INIT(MAX);
    struct sealed s;
    craft_key("carol@demo", time(NULL) + 7200, 0, &carol.secret, &carol.public);
    carol.pub = (struct pgp_pub){carol.public.data, carol.public.len};
    ok(pgp_new(&carol.p, e));
    ok(pgp_load_secret(carol.p, carol.secret.data, carol.secret.len, e));
    ok(pgp_sign(carol.p, "x", 1, &sig, e));
    ok(pgp_verify(&carol.pub, "x", 1, sig.data, sig.len, e));
    seal_octets(&s, &carol, &bob.pub, 1, text, sizeof text, true);
    file_all(s.fd, &blob);
    ok(open_it(&carol.pub, &s.pkesk[0], &blob, e));
    sealed_free(&s);
    buf_free(&sig);
    buf_free(&blob);
    peer_free(&carol);
}

static void test_signature_times_and_hashes(void **state)
{
    struct buf sig = BUF_INIT(1024);
    craft_signature(&alice, "x", 1, time(NULL) + 7200, "SHA256", &sig);
    ok(pgp_verify(&alice.pub, "x", 1, sig.data, sig.len, e));
    buf_free(&sig);
    craft_signature(&alice, "x", 1, time(NULL) + 3 * DAY, "SHA256", &sig);
    fails(pgp_verify(&alice.pub, "x", 1, sig.data, sig.len, e), "not valid");
    buf_free(&sig);
    craft_signature(&alice, "x", 1, time(NULL) - 3 * DAY, "SHA256", &sig); /* before the key */
    fails(pgp_verify(&alice.pub, "x", 1, sig.data, sig.len, e), "not valid");
    buf_free(&sig);
    craft_signature(&alice, "x", 1, 0, "SHA1", &sig);
    fails(pgp_verify(&alice.pub, "x", 1, sig.data, sig.len, e), "not valid");
    buf_free(&sig);
    craft_signature(&alice, "x", 1, 0, "SHA512", &sig);
    ok(pgp_verify(&alice.pub, "x", 1, sig.data, sig.len, e));
    buf_free(&sig);
}

#define hostile(f) cmocka_unit_test_teardown(f, still_good)

int main(void)
{
    const struct CMUnitTest tests[] = {
        hostile(test_crafted_good),
        hostile(test_signatures),
        hostile(test_old_sender_is_forgotten),
        hostile(test_cut),
        hostile(test_changed),
        hostile(test_garbage),
        hostile(test_shape),
        hostile(test_nested),
        hostile(test_spliced),
        hostile(test_bomb),
        hostile(test_stolen_subkey),
        hostile(test_clocks),
        hostile(test_own_key_from_the_future),
        hostile(test_signature_times_and_hashes),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
