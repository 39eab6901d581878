/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_policy.cpp - what a node stores, replaces and refuses (P-9.1 to P-9.7), and the storage
 * quota's accounts (P-9.9). */
#include "storage_quota.h"
#include "policy.h"

#include <csetjmp>
#include <cstdarg>
#include <cstddef>
#include <cstring>
extern "C" {
#include <cmocka.h>
}

using namespace policy;

namespace
{

constexpr uint64_t NOW = 1800000000;

struct Sample {
    Key key = key_of("ns:bob@demo");
    Hash token, lock, value_hash;
    uint64_t id;
    Blob entry, tomb;
    Sample(uint64_t entry_expiry = NOW + 600, uint64_t tomb_expiry = NOW + 600)
    {
        token.fill(7);
        lock = lock_of(token);
        value_hash = hash_of("hello", 5);
        id = id_of(key, lock, value_hash);
        entry = make_entry(entry_expiry, lock, "hello", 5);
        tomb = make_tomb(tomb_expiry, token, value_hash);
    }
    Record read(const Blob &b, unsigned type) const
    {
        Record r;
        assert_true(parse(key, id, type, b.data(), b.size(), r));
        return r;
    }
    Record entry_record() const
    {
        return read(entry, TYPE_ENTRY);
    }
    Record tomb_record() const
    {
        return read(tomb, TYPE_TOMB);
    }
};

void forms(void **)
{
    Sample s;
    Record r = s.entry_record();
    assert_false(r.tomb);
    assert_int_equal(r.expiry, NOW + 600);
    assert_int_equal(r.value_len, 5);
    assert_memory_equal(r.value, "hello", 5);
    r = s.tomb_record();
    assert_true(r.tomb);
    assert_true(r.lock == s.lock && r.value_hash == s.value_hash);
}

/* Whatever octet is changed (but the expiry, which is nobody's word), it does not parse. */
void changes_are_noticed(void **)
{
    Sample s;
    Record r;
    for (const Blob &good : {s.entry, s.tomb}) {
        unsigned type = good[0] == 'T' ? TYPE_TOMB : TYPE_ENTRY;
        for (size_t i = 0; i < good.size(); i++) {
            Blob bad = good;
            bad[i] ^= 1;
            bool is_expiry = i >= 2 && i < 10;
            assert_true(parse(s.key, s.id, type, bad.data(), bad.size(), r) == is_expiry);
        }
        for (size_t n = 0; n < good.size(); n++)
            assert_false(parse(s.key, s.id, type, good.data(), n, r));
        Blob longer = good;
        longer.push_back(0);
        assert_false(parse(s.key, s.id, type, longer.data(), longer.size(), r));
        assert_false(parse(s.key, s.id + 1, type, good.data(), good.size(), r));
        assert_false(parse(key_of("ns:eve@demo"), s.id, type, good.data(), good.size(), r));
        assert_false(parse(s.key, s.id, type == TYPE_TOMB ? TYPE_ENTRY : TYPE_TOMB, good.data(),
                           good.size(), r));
        assert_false(parse(s.key, s.id, 3, good.data(), good.size(), r));
    }
}

void a_wrong_token_is_no_tombstone(void **)
{
    Sample s;
    Record r;
    Hash wrong = s.token;
    wrong[31] ^= 1;
    Blob tomb = make_tomb(NOW + 600, wrong, s.value_hash);
    assert_false(parse(s.key, s.id, TYPE_TOMB, tomb.data(), tomb.size(), r));
}

void lifetimes(void **)
{
    assert_true(fresh(Sample(NOW + 1).entry_record(), NOW));
    assert_false(fresh(Sample(NOW).entry_record(), NOW));
    assert_true(fresh(Sample(NOW + ENTRY_LIFE).entry_record(), NOW));
    /* By the clock of a putter that is an hour ahead, and one second more. */
    assert_true(fresh(Sample(NOW + SLACK + ENTRY_LIFE).entry_record(), NOW));
    assert_false(fresh(Sample(NOW + SLACK + ENTRY_LIFE + 1).entry_record(), NOW));
    assert_false(fresh(Sample(UINT64_MAX).entry_record(), NOW));
    /* A tombstone made at this moment outlives every entry that is accepted at this moment. */
    assert_true(fresh(Sample(NOW + 1, NOW + TOMB_LIFE + SLACK).tomb_record(), NOW));
    assert_true(TOMB_LIFE > ENTRY_LIFE_SEEN);
    assert_false(fresh(Sample(NOW + 1, NOW + TOMB_LIFE_SEEN + 1).tomb_record(), NOW));
}

void replacing(void **)
{
    Sample s, later(NOW + 700, NOW + 700);
    Record entry = s.entry_record(), tomb = s.tomb_record();
    Record later_entry = later.entry_record(), later_tomb = later.tomb_record();
    assert_true(replaces(entry, later_entry, NOW));  /* prolonged */
    assert_false(replaces(later_entry, entry, NOW)); /* not shortened */
    assert_false(replaces(entry, entry, NOW));
    assert_true(replaces(entry, tomb, NOW));
    assert_true(replaces(later_entry, tomb, NOW)); /* also by one that ends earlier */
    assert_false(replaces(tomb, entry, NOW));
    assert_false(replaces(tomb, later_entry, NOW));
    assert_true(replaces(tomb, later_tomb, NOW)); /* nobody can race in a short-lived one */
    assert_false(replaces(later_tomb, tomb, NOW));
    assert_false(replaces(entry, tomb, NOW + 600)); /* its time is over */
    Record foreign = tomb;
    foreign.lock[31] ^= 1; /* the same 64-bit id would not be enough */
    assert_false(replaces(entry, foreign, NOW));
    foreign = tomb;
    foreign.value_hash[31] ^= 1;
    assert_false(replaces(entry, foreign, NOW));
}

void ledger_accounts(void **)
{
    StorageQuota l(100000);
    Key a = key_of("a"), b = key_of("b");
    assert_true(l.room({a, 1}, 1000, "x"));
    l.keep({a, 1}, {NOW + 10, 1000, "x", false});
    l.keep({b, 2}, {NOW + 5, 2000, "", false});
    assert_int_equal(l.count(), 2);
    assert_int_equal(l.bytes(), 3000 + 2 * StorageQuota::OVERHEAD);
    l.keep({a, 1}, {NOW + 20, 100, "y", true}); /* replaced, not added */
    assert_int_equal(l.count(), 2);
    assert_int_equal(l.bytes(), 2100 + 2 * StorageQuota::OVERHEAD);
    assert_true(l.find({a, 1})->tomb);
    assert_null(l.find({a, 2}));
    assert_int_equal(l.expired(NOW + 4, 10).size(), 0);
    auto gone = l.expired(NOW + 5, 10);
    assert_int_equal(gone.size(), 1);
    assert_true(gone[0] == StorageQuota::Slot(b, 2));
    assert_int_equal(l.expired(NOW + 100, 1).size(), 1);
    l.drop({b, 2});
    l.drop({b, 2});
    l.drop({a, 1});
    assert_int_equal(l.count(), 0);
    assert_int_equal(l.bytes(), 0);
    assert_int_equal(l.keys().size(), 0);
}

void ledger_limits(void **)
{
    StorageQuota l(100000);
    Key a = key_of("a");
    uint64_t id = 1;
    /* One source gets a quarter, all together no more than there is, our own peers included. */
    while (l.room({a, id}, 1000, "x"))
        l.keep({a, id++}, {NOW, 1000, "x", false});
    assert_true(l.bytes() <= 25000 && l.bytes() > 22000);
    assert_true(l.room({a, 1}, 1000, "x")); /* in the place of what is there */
    assert_true(l.room({a, id}, 1000, "y"));
    while (l.room({a, id}, 1000, ""))
        l.keep({a, id++}, {NOW, 1000, "", false});
    assert_true(l.bytes() <= 100000 && l.bytes() > 97000);
    assert_false(l.room({a, id}, 1000, "y"));

    StorageQuota wide((size_t)1 << 30);
    for (id = 0; id < StorageQuota::KEY_MAX; id++)
        wide.keep({a, id}, {NOW, 10, "", false});
    assert_false(wide.room({a, id}, 10, ""));
    assert_true(wide.room({a, 0}, 10, ""));
    assert_true(wide.room({key_of("b"), id}, 10, ""));
}

} // namespace

int main()
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms),
        cmocka_unit_test(changes_are_noticed),
        cmocka_unit_test(a_wrong_token_is_no_tombstone),
        cmocka_unit_test(lifetimes),
        cmocka_unit_test(replacing),
        cmocka_unit_test(ledger_accounts),
        cmocka_unit_test(ledger_limits),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
