/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_entry.c - ids, locks, tokens and receipts against values computed by a second program. */
#include "proto/entry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static const char key[] = "ns:bob@demo";

struct sample {
    uint8_t p[SECRET_LEN], infohash[INFOHASH_LEN], value_hash[HASH_LEN];
};

static struct sample sample(void)
{
    struct sample s;
    for (size_t i = 0; i < SECRET_LEN; i++)
        s.p[i] = (uint8_t)i;
    entry_infohash(key, s.infohash);
    sha256("hello", 5, s.value_hash);
    return s;
}

static void assert_hex(const void *p, size_t n, const char *hex)
{
    char text[2 * HASH_LEN + 1];
    hex_encode(p, n, text);
    assert_string_equal(text, hex);
}

static void known_values(void **state)
{
    struct sample s = sample();
    uint8_t token[HASH_LEN], lock[HASH_LEN], id[ENTRY_ID_LEN], receipt[HASH_LEN];
    assert_hex(s.infohash, INFOHASH_LEN, "df609882520ca5a922859d56b103b24d12bf8ecb");
    entry_token(s.p, key, s.value_hash, token);
    assert_hex(token, HASH_LEN, "d02d59a2c1f0e822adf7474e3a1f375ce5ffb4cec24146b3c76dc39207f175a4");
    entry_lock(token, lock);
    assert_hex(lock, HASH_LEN, "ecd22c657ca8adfa56d4238e171a1372a02f8b17277f52255121d65d5384faf3");
    entry_id(s.infohash, lock, s.value_hash, id);
    assert_hex(id, ENTRY_ID_LEN, "285e99423a983859");
    receipt_value(s.p, OUTCOME_PULLED, s.value_hash, receipt);
    assert_hex(receipt, HASH_LEN,
               "78b587ce215d94d5e60a2dc9ce89bfbef87db58e324f40012e97d479a8a2040f");
}

static void everything_counts(void **state)
{
    struct sample s = sample();
    uint8_t token[HASH_LEN], other[HASH_LEN], lock[HASH_LEN];
    uint8_t id[ENTRY_ID_LEN], other_id[ENTRY_ID_LEN];
    entry_token(s.p, key, s.value_hash, token);
    entry_token(s.p, "ns:bob@demp", s.value_hash, other);
    assert_memory_not_equal(token, other, HASH_LEN);
    s.value_hash[31] ^= 1;
    entry_token(s.p, key, s.value_hash, other);
    assert_memory_not_equal(token, other, HASH_LEN);
    s.value_hash[31] ^= 1;
    s.p[0] ^= 1;
    entry_token(s.p, key, s.value_hash, other);
    assert_memory_not_equal(token, other, HASH_LEN);

    entry_lock(token, lock);
    entry_id(s.infohash, lock, s.value_hash, id);
    lock[0] ^= 1;
    entry_id(s.infohash, lock, s.value_hash, other_id);
    assert_memory_not_equal(id, other_id, ENTRY_ID_LEN);
    lock[0] ^= 1;
    s.infohash[0] ^= 1;
    entry_id(s.infohash, lock, s.value_hash, other_id);
    assert_memory_not_equal(id, other_id, ENTRY_ID_LEN);
}

static void bound_in_one_call(void **state)
{
    struct sample s = sample();
    struct entry_binding b, of_hash;
    uint8_t id[ENTRY_ID_LEN];
    entry_bind(s.p, key, "hello", 5, &b);
    assert_memory_equal(b.value_hash, s.value_hash, HASH_LEN);
    assert_hex(b.token, HASH_LEN,
               "d02d59a2c1f0e822adf7474e3a1f375ce5ffb4cec24146b3c76dc39207f175a4");
    assert_hex(b.lock, HASH_LEN,
               "ecd22c657ca8adfa56d4238e171a1372a02f8b17277f52255121d65d5384faf3");
    assert_hex(b.id, ENTRY_ID_LEN, "285e99423a983859");
    memcpy(of_hash.value_hash, s.value_hash, HASH_LEN);
    entry_bind_hash(s.p, key, of_hash.value_hash, &of_hash);
    assert_memory_equal(&of_hash, &b, sizeof b);
    entry_id_at(key, b.lock, "hello", 5, id);
    assert_memory_equal(id, b.id, ENTRY_ID_LEN);
}

static void outcomes_differ(void **state)
{
    struct sample s = sample();
    uint8_t pulled[HASH_LEN], declined[HASH_LEN], cancelled[HASH_LEN];
    receipt_value(s.p, OUTCOME_PULLED, s.value_hash, pulled);
    receipt_value(s.p, OUTCOME_DECLINED, s.value_hash, declined);
    receipt_value(s.p, OUTCOME_CANCELLED, s.value_hash, cancelled);
    assert_memory_not_equal(pulled, declined, HASH_LEN);
    assert_memory_not_equal(pulled, cancelled, HASH_LEN);
    assert_memory_not_equal(declined, cancelled, HASH_LEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_values),
        cmocka_unit_test(everything_counts),
        cmocka_unit_test(bound_in_one_call),
        cmocka_unit_test(outcomes_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
