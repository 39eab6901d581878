/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_groups.c - which descriptor counts, who is a fellow, what accepting and leaving change
 * (P-11.1, P-11.2, P-11.3, P-11.6). */
#include "store/groups.h"
#include "store_test.h"

#define OWN "ben@team"

static const uint8_t own_fpr[FPR_LEN] = "ben";

/* A descriptor of the master whose fingerprint begins with this letter; names: letters. */
static enum group_news apply(struct db *db, char master, const char *names, uint64_t seq,
                             int64_t expiry, uint8_t roster, bool made_here)
{
    static struct group_record r;
    struct group_row g = {.seq = seq, .expiry_s = expiry};
    memset(&r, 0, sizeof r);
    (void)strcpy(g.name, "team");
    (void)snprintf(g.master, sizeof g.master, "%c@team", master);
    g.master_fpr[0] = (uint8_t)master;
    if (master == 'b') {
        (void)strcpy(g.master, OWN);
        memcpy(g.master_fpr, own_fpr, FPR_LEN);
    }
    memset(g.roster, roster, HASH_LEN);
    memset(g.lock, (int)seq, HASH_LEN);
    assert_int_equal(bytes_set(&g.master_key, "key", 3), 0);
    assert_int_equal(bytes_set(&g.signed_, "signed", 6), 0);
    assert_int_equal(bytes_set(&g.record, &seq, sizeof seq), 0);
    for (; *names != '\0'; names++) {
        struct group_member *m = &r.members[r.count++];
        m->role = *names == master ? ROLE_MASTER : ROLE_MEMBER;
        m->fpr[0] = (uint8_t)*names;
        (void)snprintf(m->address, sizeof m->address, "%c@team", *names);
        if (*names == 'b') {
            (void)strcpy(m->address, OWN);
            memcpy(m->fpr, own_fpr, FPR_LEN);
        }
    }
    enum group_news news = group_apply(db, &g, &r, OWN, own_fpr, made_here);
    group_row_free(&g);
    return news;
}

static bool add_name(void *ctx, const struct group_fellow *m)
{
    char *names = ctx;
    names[strlen(names)] = m->address[0];
    return true;
}

static const char *fellows(struct db *db)
{
    static char names[16];
    memset(names, 0, sizeof names);
    group_fellows(db, OWN, add_name, names);
    return names;
}

static const uint8_t *fpr_of(char name)
{
    static uint8_t fpr[FPR_LEN];
    memset(fpr, 0, sizeof fpr);
    fpr[0] = (uint8_t)name;
    return fpr;
}

static void key_found(struct db *db, char name, bool joined)
{
    struct contact c = {.shards = 1, .trust = TRUST_VOUCHED, .checked_ms = 7, .seq = 1};
    (void)snprintf(c.address, sizeof c.address, "%c@team", name);
    memcpy(c.fpr, fpr_of(name), FPR_LEN);
    assert_int_equal(bytes_set(&c.pubkey, "pub", 3), 0);
    assert_int_equal(group_set_key(db, &c, joined), 0);
    contact_free(&c);
}

static enum in_trust trust_of(struct db *db, const char *address)
{
    struct contact c;
    if (contact_get(db, address, &c) < 0)
        return TRUST_UNKNOWN;
    contact_free(&c);
    return c.trust;
}

static void which_descriptor_counts(void **state) /* P-11.2 */
{
    struct db db;
    struct group_row g;
    test_db(&db);
    assert_int_equal(apply(&db, 'm', "am", 10, 100, 1, false), GROUP_REFUSED); /* not about us */
    assert_int_equal(apply(&db, 'm', "abm", 20, 100, 2, false), GROUP_NEW);
    assert_int_equal(apply(&db, 'm', "abm", 20, 100, 2, false), GROUP_SAME);
    assert_int_equal(apply(&db, 'm', "abm", 19, 900, 1, false), GROUP_SAME); /* older */
    assert_int_equal(apply(&db, 'm', "bm", 20, 900, 3, false), GROUP_CONFLICT);
    assert_int_equal(apply(&db, 'm', "abm", 20, 200, 2, false), GROUP_NEW); /* renewed */
    assert_int_equal(group_get(&db, fpr_of('m'), &g), 0);
    assert_true(!g.accepted && g.expiry_s == 200 && g.seq == 20 && g.role == ROLE_MEMBER);
    assert_false(g.has_old);
    group_row_free(&g);
    assert_int_equal(apply(&db, 'm', "bcm", 21, 150, 4, false), GROUP_NEW); /* number before time */
    assert_int_equal(group_get(&db, fpr_of('m'), &g), 0);
    assert_true(g.expiry_s == 150 && g.seq == 21 && g.put_ms == 0);
    group_row_free(&g);
    assert_int_equal(group_get_accepted(&db, &g), -1);
    db_close(&db);
}

static void fellows_are_of_the_accepted_group(void **state) /* P-11.3, P-11.6 */
{
    struct db db;
    uint8_t fpr[FPR_LEN];
    test_db(&db);
    assert_int_equal(apply(&db, 'm', "abcm", 1, 100, 1, false), GROUP_NEW);
    assert_int_equal(apply(&db, 'x', "bx", 9, 100, 1, false), GROUP_NEW); /* another master */
    key_found(&db, 'a', true);                                            /* not accepted: no */
    assert_string_equal(fellows(&db), "");
    assert_false(group_is_fellow(&db, OWN, "a@team", fpr_of('a')));
    assert_int_equal(group_accept(&db, fpr_of('z')), 1);
    assert_int_equal(group_accept(&db, fpr_of('m')), 0);
    assert_int_equal(group_accept(&db, fpr_of('x')), 2);
    key_found(&db, 'a', true);
    key_found(&db, 'm', false);
    assert_string_equal(fellows(&db), "am"); /* the key of c is not known, b is oneself */
    assert_true(group_is_fellow(&db, OWN, "c@team", fpr_of('c')));
    assert_false(group_is_fellow(&db, OWN, "c@team", fpr_of('a')));
    assert_false(group_is_fellow(&db, OWN, "x@team", fpr_of('x')));
    assert_int_equal(trust_of(&db, "a@team"), TRUST_VOUCHED);
    assert_int_equal(group_vouched_fpr(&db, "a@team", fpr), 0);
    assert_memory_equal(fpr, fpr_of('a'), FPR_LEN);
    assert_int_equal(group_vouched_fpr(&db, "x@team", fpr), -1);
    /* Keys stay over a new list; whom it does not name is no fellow; removal ends it. */
    assert_int_equal(apply(&db, 'm', "bcm", 2, 100, 2, false), GROUP_NEW);
    assert_string_equal(fellows(&db), "m");
    assert_int_equal(apply(&db, 'm', "acm", 3, 100, 3, false), GROUP_NEW);
    assert_string_equal(fellows(&db), "");
    assert_int_equal(group_accept(&db, fpr_of('m')), 1);
    assert_int_equal(apply(&db, 'm', "abcm", 4, 100, 4, false), GROUP_NEW);
    assert_string_equal(fellows(&db), ""); /* named again is not accepted again */
    db_close(&db);
}

static void a_pinned_key_stays(void **state) /* P-11.6 */
{
    struct db db;
    struct contact c = {.shards = 1, .trust = TRUST_SEEN, .checked_ms = 1}, got;
    test_db(&db);
    (void)strcpy(c.address, "a@team");
    c.fpr[0] = 'q';
    assert_int_equal(bytes_set(&c.pubkey, "other", 5), 0);
    assert_int_equal(contact_pin(&db, &c), 0);
    contact_free(&c);
    assert_int_equal(apply(&db, 'm', "abm", 1, 100, 1, false), GROUP_NEW);
    assert_int_equal(group_accept(&db, fpr_of('m')), 0);
    key_found(&db, 'a', true);
    key_found(&db, 'm', true);
    assert_int_equal(contact_get(&db, "a@team", &got), 0);
    assert_true(got.fpr[0] == 'q' && got.trust == TRUST_SEEN && got.changed);
    contact_free(&got);
    assert_int_equal(trust_of(&db, "m@team"), TRUST_VOUCHED);
    assert_int_equal(group_leave(&db, fpr_of('m')), 0);
    assert_int_equal(trust_of(&db, "m@team"), TRUST_SEEN);
    assert_string_equal(fellows(&db), "");
    db_close(&db);
}

static void the_master_s_own(void **state) /* P-11.1, P-11.3 */
{
    struct db db;
    struct group_row g;
    test_db(&db);
    assert_int_equal(apply(&db, 'b', "b", 5, 100, 1, true), GROUP_NEW);
    assert_int_equal(group_get_accepted(&db, &g), 0);
    assert_true(g.role == ROLE_MASTER && !g.has_old);
    group_row_free(&g);
    assert_int_equal(apply(&db, 'b', "ab", 6, 100, 2, true), GROUP_NEW);
    assert_int_equal(group_get_accepted(&db, &g), 0);
    assert_true(g.has_old); /* the entry it replaced is to be deleted */
    assert_int_equal(group_set_old_gone(&db, &g), 0);
    group_row_free(&g);
    assert_int_equal(apply(&db, 'm', "bm", 9, 100, 1, false), GROUP_NEW);
    assert_int_equal(group_accept(&db, fpr_of('m')), 2);
    /* After leaving, what members still put does not bring it back; making it anew does. */
    assert_int_equal(group_leave(&db, own_fpr), 0);
    assert_int_equal(apply(&db, 'b', "abc", 7, 100, 3, false), GROUP_NEW);
    assert_int_equal(group_get_accepted(&db, &g), -1);
    assert_int_equal(apply(&db, 'b', "b", 8, 100, 4, true), GROUP_NEW);
    assert_int_equal(group_get_accepted(&db, &g), 0);
    group_row_free(&g);
    db_close(&db);
    /* A database older than the group finds it again in the DHT. */
    test_db(&db);
    assert_int_equal(apply(&db, 'b', "abc", 7, 100, 3, false), GROUP_NEW);
    assert_int_equal(group_get_accepted(&db, &g), 0);
    assert_true(g.seq == 7 && !g.has_old);
    group_row_free(&g);
    db_close(&db);
}

static void strangers_do_not_fill_the_table(void **state)
{
    struct db db;
    test_db(&db);
    assert_int_equal(apply(&db, 'm', "bm", 1, 4000000000, 1, false), GROUP_NEW);
    assert_int_equal(group_accept(&db, fpr_of('m')), 0);
    for (char c = 'n'; c <= 't'; c++)
        assert_int_equal(
            apply(&db, c, (const char[]){'b', c, 0}, 1, c == 'n' ? 10 : 4000000000, 1, false),
            GROUP_NEW);
    assert_int_equal(apply(&db, 'u', "bu", 1, 4000000000, 1, false), GROUP_NEW); /* for n's */
    assert_int_equal(apply(&db, 'v', "bv", 1, 4000000000, 1, false), GROUP_REFUSED);
    struct group_row g;
    assert_int_equal(group_get(&db, fpr_of('n'), &g), -1);
    assert_int_equal(group_get_accepted(&db, &g), 0);
    group_row_free(&g);
    db_close(&db);
}

/* While one descriptor is put and the one before it is deleted, the next is made: it is neither put
 * nor is the one that it replaced deleted. */
static void a_later_one_is_still_to_be_put(void **state) /* P-11.3 */
{
    struct db db;
    struct group_row first, second, g;
    const uint8_t lock[HASH_LEN] = {3};
    test_db(&db);
    assert_int_equal(apply(&db, 'b', "b", 4, 100, 1, true), GROUP_NEW);
    assert_int_equal(apply(&db, 'b', "ab", 5, 100, 2, true), GROUP_NEW);
    assert_int_equal(group_get_accepted(&db, &first), 0);
    assert_int_equal(apply(&db, 'b', "abc", 6, 100, 3, true), GROUP_NEW);
    assert_int_equal(group_get_accepted(&db, &second), 0);
    assert_int_equal(group_set_put(&db, &first, lock, 1000), 0);
    assert_int_equal(group_set_old_gone(&db, &first), 0);
    assert_int_equal(group_get_accepted(&db, &g), 0);
    assert_true(g.put_ms == 0 && g.has_old);
    assert_memory_equal(g.lock, second.lock, HASH_LEN);
    assert_memory_equal(g.old_hash, second.old_hash, HASH_LEN);
    group_row_free(&g);
    assert_int_equal(group_set_put(&db, &second, lock, 2000), 0);
    assert_int_equal(group_set_old_gone(&db, &second), 0);
    assert_int_equal(group_get_accepted(&db, &g), 0);
    assert_true(g.put_ms == 2000 && !g.has_old);
    assert_memory_equal(g.lock, lock, HASH_LEN);
    group_row_free(&g);
    group_row_free(&first);
    group_row_free(&second);
    db_close(&db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(which_descriptor_counts),
        cmocka_unit_test(fellows_are_of_the_accepted_group),
        cmocka_unit_test(a_pinned_key_stays),
        cmocka_unit_test(the_master_s_own),
        cmocka_unit_test(a_later_one_is_still_to_be_put),
        cmocka_unit_test(strangers_do_not_fill_the_table),
    };
    return cmocka_run_group_tests(tests, test_dir_make, test_dir_remove);
}
