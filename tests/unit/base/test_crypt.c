/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_crypt.c - published vectors: SHA-256 (FIPS 180-4), HMAC (RFC 4231), HKDF (RFC 5869). (P-1.2)
 */
#include "base/crypt.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void same(const uint8_t h[HASH_LEN], const char *hex)
{
    char got[HASH_HEX + 1];
    hex_encode(h, HASH_LEN, got);
    assert_string_equal(got, hex);
}

static void test_sha256(void **state)
{
    static const char long_text[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    uint8_t h[HASH_LEN];
    sha256("", 0, h);
    same(h, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha256("abc", 3, h);
    same(h, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256(long_text, strlen(long_text), h);
    same(h, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    struct sha256 *s = sha256_new();
    for (int i = 0; i < 1000000; i += 64) /* a million times 'a', in odd pieces */
        sha256_add(s, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 64);
    sha256_end(&s, h);
    same(h, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    assert_null(s);
    sha256_end(&s, h); /* nothing to end */
    s = sha256_new();
    sha256_end(&s, NULL); /* dropped */
    assert_null(s);
}

static void test_hmac(void **state)
{
    uint8_t key[131], data[50], h[HASH_LEN];
    memset(key, 0x0b, 20);
    hmac_sha256(key, 20, "Hi There", 8, h);
    same(h, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, h);
    same(h, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    memset(data, 0xdd, sizeof data);
    hmac_sha256(key, 20, data, 50, h);
    same(h, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    hmac_sha256(key, 131, "Test Using Larger Than Block-Size Key - Hash Key First", 54, h);
    same(h, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

/* HKDF by its definition, from HMAC: first tried on the RFC's third case (no salt, no info), then
 * compared with ours. */
static void hkdf_plain(const uint8_t *ikm, size_t n, const char *info, uint8_t prk[HASH_LEN],
                       uint8_t okm[HASH_LEN])
{
    uint8_t salt[HASH_LEN] = {0}, in[200];
    size_t len = strlen(info);
    hmac_sha256(salt, sizeof salt, ikm, n, prk);
    memcpy(in, info, len);
    in[len] = 1;
    hmac_sha256(prk, HASH_LEN, in, len + 1, okm);
}

static void test_hkdf(void **state)
{
    uint8_t ikm[HASH_LEN], prk[HASH_LEN], okm[HASH_LEN], ours[HASH_LEN], other[HASH_LEN];
    memset(ikm, 0x0b, sizeof ikm);
    hkdf_plain(ikm, 22, "", prk, okm);
    same(prk, "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04");
    same(okm, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
    for (size_t i = 0; i < sizeof ikm; i++)
        ikm[i] = (uint8_t)(i * 7);
    hkdf_plain(ikm, HASH_LEN, "receipt", prk, okm);
    hkdf_sha256(ikm, "receipt", ours);
    assert_memory_equal(ours, okm, HASH_LEN);
    hkdf_sha256(ikm, "delete", other);
    assert_memory_not_equal(ours, other, HASH_LEN);
    memcpy(other, ikm, HASH_LEN); /* in place */
    hkdf_sha256(other, "receipt", other);
    assert_memory_equal(other, okm, HASH_LEN);
}

static void test_hex(void **state)
{
    const uint8_t b[4] = {0x00, 0x7f, 0xab, 0xff};
    uint8_t back[4];
    char text[9];
    hex_encode(b, 4, text);
    assert_string_equal(text, "007fabff");
    assert_int_equal(hex_decode("007FabFf", back, 4), 0);
    assert_memory_equal(b, back, 4);
    static const char *const bad[] = {"",         "0",        "007fabf", "007fabff0",
                                      "007fabfg", " 07fabff", "0x7fabff"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(hex_decode(bad[i], back, 4), -1);
}

static void test_random_wipe_equal(void **state)
{
    uint8_t a[64] = {0}, b[64] = {0}, zero[64] = {0};
    random_bytes(a, sizeof a);
    random_bytes(b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
    assert_memory_not_equal(a, zero, sizeof a);
    assert_true(equal_ct(a, a, sizeof a));
    memcpy(b, a, sizeof a);
    b[63] ^= 1;
    assert_false(equal_ct(a, b, sizeof a));
    assert_true(equal_ct(a, b, 63));
    wipe(a, sizeof a);
    assert_memory_equal(a, zero, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256),
        cmocka_unit_test(test_hmac),
        cmocka_unit_test(test_hkdf),
        cmocka_unit_test(test_hex),
        cmocka_unit_test(test_random_wipe_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
