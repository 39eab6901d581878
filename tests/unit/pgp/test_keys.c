/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_keys.c - keys made, loaded and judged; signatures and encryption of small records. */
#include "pgp_peer.h"
#include "pgp/packet.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct peer alice, bob;

static int setup(void **state)
{
    peer_make(&alice, "alice@demo");
    peer_make(&bob, "bob@demo");
    return 0;
}

static int teardown(void **state)
{
    peer_free(&alice);
    peer_free(&bob);
    return 0;
}

static void test_generate(void **state)
{
    uint8_t own[PGP_FPR_LEN], seen[PGP_FPR_LEN], other[PGP_FPR_LEN];
    struct buf again = BUF_INIT(PUBKEY_MAX);
    assert_in_range(alice.public.len, 300, 600);
    pgp_own_fpr(alice.p, own);
    ok(pgp_check_pub(&alice.pub, "alice@demo", seen, e));
    assert_memory_equal(own, seen, PGP_FPR_LEN);
    ok(pgp_check_pub(&bob.pub, NULL, other, e));
    assert_memory_not_equal(own, other, PGP_FPR_LEN);
    fails(pgp_check_pub(&alice.pub, "bob@demo", seen, e), "does not name the address bob@demo");
    fails(pgp_check_pub(&alice.pub, "alice@dem", seen, e), "does not name");
    fails(pgp_check_pub(&alice.pub, "alice@demo.org", seen, e), "does not name");
    ok(pgp_public(alice.p, &again, e));
    assert_int_equal(again.len, alice.public.len);
    assert_memory_equal(again.data, alice.public.data, again.len);
    buf_free(&again);
    char address[128]; /* of 126 characters, then of 127 */
    struct buf secret = BUF_INIT(8192);
    memset(address, 'a', sizeof address);
    address[1] = '@';
    address[126] = '\0';
    ok(pgp_generate(address, &secret, &again, e));
    address[126] = 'a';
    address[127] = '\0';
    fails(pgp_generate(address, &secret, &again, e), "too long for an OpenPGP key");
    buf_wipe(&secret);
    buf_free(&again);
}

static void test_armor(void **state)
{
    struct buf text = BUF_INIT(4096);
    ok(pgp_armor(alice.public.data, alice.public.len, &text, e));
    assert_non_null(strstr(buf_str(&text), "-----BEGIN PGP PUBLIC KEY BLOCK-----"));
    assert_non_null(strstr(buf_str(&text), "-----END PGP PUBLIC KEY BLOCK-----"));
    buf_free(&text);
    ok(pgp_armor(alice.secret.data, alice.secret.len, &text, e));
    assert_non_null(strstr(buf_str(&text), "-----BEGIN PGP PRIVATE KEY BLOCK-----"));
    buf_wipe(&text);
    fails(pgp_armor((const uint8_t *)"x", 1, &text, e), "not an OpenPGP key");
}

static void test_load_secret(void **state)
{
    struct pgp *p = NULL;
    struct buf sig = BUF_INIT(1024), two = BUF_INIT(8192);
    ok(pgp_new(&p, e));
    fails(pgp_sign(p, "x", 1, &sig, e), "No secret key");
    fails(pgp_load_secret(p, (const uint8_t *)"garbage", 7, e), "cannot be read");
    fails(pgp_load_secret(p, alice.public.data, alice.public.len, e), "");
    pgp_free(&p);
    assert_null(p);
    ok(pgp_new(&p, e));
    assert_int_equal(buf_append(&two, alice.secret.data, alice.secret.len), 0);
    assert_int_equal(buf_append(&two, bob.secret.data, bob.secret.len), 0);
    fails(pgp_load_secret(p, two.data, two.len, e), "exactly one key");
    buf_wipe(&two);
    pgp_free(&p);
    fails(pgp_load_secret(alice.p, bob.secret.data, bob.secret.len, e), "loaded already");
}

/* Every octet of a key matters: no changed copy passes as the same key. */
static void test_changed_key(void **state)
{
    uint8_t fpr[PGP_FPR_LEN], own[PGP_FPR_LEN], copy[PUBKEY_MAX];
    struct pgp_pub changed = {copy, alice.public.len};
    size_t passed = 0;
    pgp_own_fpr(alice.p, own);
    for (size_t i = 0; i < alice.public.len; i++) {
        struct error e;
        memcpy(copy, alice.public.data, alice.public.len);
        copy[i] ^= 1;
        if (pgp_check_pub(&changed, "alice@demo", fpr, &e) == 0) {
            passed++; /* hints outside the signed part */
            assert_memory_equal(fpr, own, PGP_FPR_LEN);
        }
    }
    assert_in_range(passed, 0, 24);
    for (size_t n = 0; n < alice.public.len; n++) {
        changed.len = n;
        memcpy(copy, alice.public.data, n);
        fails(pgp_check_pub(&changed, NULL, fpr, e), "");
    }
}

static void test_key_shapes(void **state)
{
    struct buf b = BUF_INIT(3 * PUBKEY_MAX);
    uint8_t fpr[PGP_FPR_LEN];
    assert_int_equal(buf_append(&b, alice.public.data, alice.public.len), 0);
    assert_int_equal(buf_append(&b, bob.public.data, bob.public.len), 0);
    struct pgp_pub pub = (struct pgp_pub){b.data, b.len};
    fails(pgp_check_pub(&pub, NULL, fpr, e), "not exactly one");
    pub = (struct pgp_pub){alice.secret.data, alice.secret.len};
    fails(pgp_check_pub(&pub, NULL, fpr, e), "not exactly one");
    pub = (struct pgp_pub){alice.public.data, 0};
    fails(pgp_check_pub(&pub, NULL, fpr, e), "empty");
    while (b.len <= PUBKEY_MAX)
        assert_int_equal(buf_append(&b, alice.public.data, alice.public.len), 0);
    pub = (struct pgp_pub){b.data, b.len};
    fails(pgp_check_pub(&pub, NULL, fpr, e), "larger than 8192");
    pub = (struct pgp_pub){alice.public.data, 67 + 139}; /* primary key, user id, its signature */
    fails(pgp_check_pub(&pub, NULL, fpr, e), "");
    buf_free(&b);
}

static void test_sign_verify(void **state)
{
    static const char data[] = "a record", changed[] = "a recorD";
    struct buf sig = BUF_INIT(1024), two = BUF_INIT(2048);
    ok(pgp_sign(alice.p, data, sizeof data, &sig, e));
    ok(pgp_verify(&alice.pub, data, sizeof data, sig.data, sig.len, e));
    fails(pgp_verify(&bob.pub, data, sizeof data, sig.data, sig.len, e), "another key");
    fails(pgp_verify(&alice.pub, changed, sizeof data, sig.data, sig.len, e), "not valid");
    fails(pgp_verify(&alice.pub, data, sizeof data - 1, sig.data, sig.len, e), "not valid");
    fails(pgp_verify(&alice.pub, data, sizeof data, sig.data, sig.len - 1, e), "exactly one");
    fails(pgp_verify(&alice.pub, data, sizeof data, sig.data, 0, e), "exactly one");
    assert_int_equal(buf_append(&two, sig.data, sig.len), 0);
    assert_int_equal(buf_append(&two, sig.data, sig.len), 0);
    fails(pgp_verify(&alice.pub, data, sizeof data, two.data, two.len, e), "exactly one");
    buf_free(&two);
    for (size_t i = 0; i < sig.len; i++) {
        struct error e;
        sig.data[i] ^= 0x10;
        if (pgp_verify(&alice.pub, changed, sizeof data, sig.data, sig.len, &e) == 0)
            fail_msg("octet %zu changed: accepted for other data", i);
        sig.data[i] ^= 0x10;
    }
    buf_free(&sig);
    ok(pgp_sign(alice.p, "", 0, &sig, e));
    ok(pgp_verify(&alice.pub, "", 0, sig.data, sig.len, e));
    ok(pgp_verify(&alice.pub, NULL, 0, sig.data, sig.len, e));
    fails(pgp_verify(&alice.pub, "x", 1, sig.data, sig.len, e), "not valid");
    buf_free(&sig);
}

static void test_encrypt_decrypt(void **state)
{
    uint8_t data[6000];
    struct buf out = BUF_INIT(8192), plain = BUF_INIT(sizeof data), small = BUF_INIT(100);
    random_bytes(data, sizeof data);
    ok(pgp_encrypt(&bob.pub, data, sizeof data, &out, e));
    assert_in_range(out.len, sizeof data, sizeof data + 220);
    ok(pgp_decrypt(bob.p, out.data, out.len, &plain, e));
    assert_int_equal(plain.len, sizeof data);
    assert_memory_equal(plain.data, data, sizeof data);
    fails(pgp_decrypt(alice.p, out.data, out.len, &small, e), "not encrypted to our key");
    fails(pgp_decrypt(bob.p, out.data, out.len, &small, e), "too large");
    assert_int_equal(small.len, 0);
    fails(pgp_decrypt(bob.p, out.data, out.len - 1, &small, e), "cut off");
    assert_int_equal(buf_append(&out, "x", 1), 0);
    fails(pgp_decrypt(bob.p, out.data, out.len, &small, e), "follows the end");
    out.len--;
    buf_free(&plain);
    for (size_t i = 0; i < out.len; i += 7) {
        struct error e;
        out.data[i] ^= 0x40;
        if (pgp_decrypt(bob.p, out.data, out.len, &plain, &e) == 0)
            fail_msg("octet %zu changed: accepted", i);
        assert_int_equal(plain.len, 0);
        out.data[i] ^= 0x40;
    }
    buf_free(&small);
    buf_free(&plain);
    buf_free(&out);
}

/* What stands in a record several times takes its room once; what is packed is bounded all the
 * same. */
static void test_compressed(void **state) /* P-4.8 */
{
    enum { SIZE = 4 * 1024 * 1024 };
    uint8_t *zeros = calloc(1, SIZE), twice[1000];
    struct buf out = BUF_INIT(16384), plain = BUF_INIT(sizeof twice);

    assert_non_null(zeros);
    random_bytes(twice, sizeof twice / 2);
    memcpy(twice + sizeof twice / 2, twice, sizeof twice / 2);
    ok(pgp_encrypt(&bob.pub, twice, sizeof twice, &out, e));
    assert_true(out.len < sizeof twice * 3 / 4);
    ok(pgp_decrypt(bob.p, out.data, out.len, &plain, e));
    assert_int_equal(plain.len, sizeof twice);
    assert_memory_equal(plain.data, twice, sizeof twice);
    buf_free(&plain);
    buf_free(&out);
    ok(pgp_encrypt(&bob.pub, zeros, SIZE, &out, e));
    fails(pgp_decrypt(bob.p, out.data, out.len, &plain, e), "too large");
    assert_int_equal(plain.len, 0);
    buf_free(&plain);
    buf_free(&out);
    free(zeros);
}

/* More keys in use at once than are kept (known.c): none of them goes before its time. */
static void test_many_keys(void **state)
{
    enum { MANY = 140 };
    struct peer *many = calloc(MANY, sizeof *many);
    struct pgp_pub *to = calloc(MANY, sizeof *to);
    struct buf sealed = BUF_INIT(64 * 1024);
    assert_non_null(many);
    assert_non_null(to);
    for (size_t i = 0; i < MANY; i++) {
        peer_make(&many[i], "many@demo");
        to[i] = many[i].pub;
    }
    for (int round = 0; round < 2; round++) {
        sealed.len = 0;
        ok(pgp_encrypt_all(to, MANY, "text", 4, &sealed, e));
        for (size_t i = 0; i < MANY; i += MANY - 1) {
            struct buf plain = BUF_INIT(64);
            ok(pgp_decrypt(many[i].p, sealed.data, sealed.len, &plain, e));
            assert_int_equal(plain.len, 4);
            buf_free(&plain);
        }
    }
    for (size_t i = 0; i < MANY; i++)
        peer_free(&many[i]);
    buf_free(&sealed);
    free(many);
    free(to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_generate),        cmocka_unit_test(test_armor),
        cmocka_unit_test(test_load_secret),     cmocka_unit_test(test_changed_key),
        cmocka_unit_test(test_key_shapes),      cmocka_unit_test(test_sign_verify),
        cmocka_unit_test(test_encrypt_decrypt), cmocka_unit_test(test_compressed),
        cmocka_unit_test(test_many_keys),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
