/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_replicas.c - what another member's list changes and what it does not (P-12.3 to P-12.5), and
 * what the own list says. */
#include "store/replicas.h"
#include "store/queue.h"
#include "one_db.h"

QUEUE(member_ns);
QUEUE(replica_drop);
QUEUE(replicate);

#define NOW_S 1800000000LL
#define NOW (NOW_S * 1000)

static struct msglist_blob blob(uint8_t id, uint64_t size)
{
    return (struct msglist_blob){.ref = {.hash = {id}, .size = size, .chunks_hash = {id}},
                                 .expiry = NOW_S + 1000};
}

static struct replica_news apply(const char *owner, uint64_t counter, struct msglist_blob *b,
                                 size_t blobs, struct msglist_removal *r, size_t removals)
{
    struct msglist l = {.counter = counter,
                        .blobs = b,
                        .blob_count = blobs,
                        .removals = r,
                        .removal_count = removals};
    struct replica_news news;
    (void)strcpy(l.owner, owner);
    assert_int_equal(replica_apply(&db, &l, 100, "ben@five", NOW, NOW, &news), 0);
    return news;
}

static size_t due(const struct queue *what, int64_t now, int64_t grace, int64_t *n)
{
    int64_t next = INT64_MAX;
    return queue_due(&db, what, &(struct queue_rules){.expiry_grace = grace, .trusted_ms = now},
                     now, n, 16, &next);
}

static void test_removal_only(void **state)
{
    int64_t n[16];
    struct msglist_blob b[] = {blob(1, 10), blob(2, 20)};
    struct msglist_removal r = {.hash = {1}, .reason = REMOVAL_DONE, .until = NOW_S + 1000};
    assert_int_equal(apply("ada@five", 5, b, 2, NULL, 0).wanted, 2);
    assert_int_equal(due(&queue_replicate, NOW, 0, n), 2);
    assert_int_equal(replica_set_held(&db, n[0]), 0);
    /* omitted: nothing happens; older or equal: not looked at */
    assert_false(apply("ada@five", 6, NULL, 0, NULL, 0).old);
    assert_true(apply("ada@five", 6, NULL, 0, &r, 1).old);
    assert_true(apply("ada@five", 2, NULL, 0, &r, 1).old);
    assert_true(replica_needed(&db, b[0].ref.hash));
    assert_int_equal(due(&queue_replica_drop, NOW, 0, n), 0);
    /* somebody else's removal does not reach it */
    assert_int_equal(apply("cas@five", 9, NULL, 0, &r, 1).removed, 0);
    assert_int_equal(apply("ada@five", 7, NULL, 0, &r, 1).removed, 1);
    assert_false(replica_needed(&db, b[0].ref.hash));
    assert_int_equal(due(&queue_replica_drop, NOW, 0, n), 1);
    assert_int_equal(replica_delete(&db, n[0]), 0);
    /* the other one goes when it expired and the grace is over */
    assert_int_equal(due(&queue_replica_drop, NOW + 1001000, 5000, n), 0);
    assert_int_equal(due(&queue_replica_drop, NOW + 1006000, 5000, n), 1);
}

static void test_shared_blob(void **state)
{
    int64_t n[16];
    struct msglist_blob b = blob(1, 10);
    struct msglist_removal r = {.hash = {1}, .reason = REMOVAL_DONE, .until = NOW_S + 1000};
    (void)apply("ada@five", 1, &b, 1, NULL, 0);
    (void)apply("eve@five", 1, &b, 1, NULL, 0); /* claims it too, and takes it back */
    assert_int_equal(apply("eve@five", 2, NULL, 0, &r, 1).removed, 1);
    assert_int_equal(due(&queue_replica_drop, NOW, 0, n), 1);
    assert_true(replica_needed_beside(&db, n[0], b.ref.hash));
}

static void test_quota(void **state)
{
    int64_t n[16];
    struct msglist_blob b[] = {blob(1, 60), blob(2, 50), blob(3, 40), blob(4, UINT32_MAX)};
    struct msglist_removal r = {.hash = {1}, .reason = REMOVAL_DONE, .until = NOW_S + 1000};
    struct replica_news news = apply("ada@five", 1, b, 4, NULL, 0);
    assert_int_equal(news.wanted, 2);
    assert_int_equal(news.refused, 2);
    assert_int_equal(due(&queue_replicate, NOW, 0, n), 2);
    (void)apply("ada@five", 2, NULL, 0, &r, 1);
    assert_int_equal(due(&queue_replica_drop, NOW, 0, n), 1);
    assert_int_equal(replica_delete(&db, n[0]), 0);
    news = apply("ada@five", 3, NULL, 0, NULL, 0); /* there is room now */
    assert_int_equal(news.wanted, 2);
    assert_int_equal(news.refused, 1);
    /* a quota is per owner */
    assert_int_equal(apply("cas@five", 1, b, 1, NULL, 0).wanted, 1);
}

static void test_pending_and_held(void **state)
{
    int64_t n[16];
    struct msglist_pending p = {.blob = {1},
                                .key = "ns:zoe@demo",
                                .entry = {(const uint8_t *)"entry", 5},
                                .lock = {7},
                                .expiry = NOW_S + 1000};
    struct msglist_held h[] = {
        {.owner = "ben@five", .ref = {.hash = {5}, .size = 1}, .expiry = NOW_S + 1},
        {.owner = "dan@five", .ref = {.hash = {6}, .size = 1}, .expiry = NOW_S + 1}};
    struct msglist l = {.owner = "ada@five",
                        .counter = 1,
                        .pending = &p,
                        .pending_count = 1,
                        .held = h,
                        .held_count = 2};
    struct replica_news news;
    struct replica_ns ns;
    assert_int_equal(replica_apply(&db, &l, 100, "ben@five", NOW, NOW + 50, &news), 0);
    assert_int_equal(holders_count(&db, h[0].ref.hash), 1);
    assert_int_equal(holders_count(&db, h[1].ref.hash), 0);
    assert_int_equal(due(&queue_member_ns, NOW, 0, n), 0);
    assert_int_equal(due(&queue_member_ns, NOW + 50, 0, n), 1);
    assert_int_equal(replica_ns_get(&db, n[0], &ns), 0);
    assert_string_equal(ns.key, "ns:zoe@demo");
    assert_int_equal(ns.entry.n, 5);
    replica_ns_free(&ns);
    /* put again, and it will be over before the next time */
    assert_int_equal(replica_ns_delay(&db, n[0], NOW + 90), 0);
    assert_int_equal(due(&queue_member_ns, NOW + 89, 0, n), 0);
    assert_int_equal(due(&queue_member_ns, NOW + 90, 0, n), 1);
    assert_int_equal(replica_ns_delay(&db, n[0], NOW + 5000000), 0);
    assert_int_equal(due(&queue_member_ns, NOW + 999999, 0, n), 0);
    assert_int_equal(due(&queue_member_ns, NOW + 1000000, 0, n), 1);
    struct msglist_removal r = {.hash = {1}, .reason = REMOVAL_DONE, .until = NOW_S + 1000};
    (void)apply("ada@five", 2, NULL, 0, &r, 1); /* what it holds is said anew each time */
    assert_int_equal(holders_count(&db, h[0].ref.hash), 0);
    assert_int_equal(due(&queue_member_ns, NOW + 2000000, 0, n), 0);
    p.expiry = NOW_S + 1; /* another, that ends before its first time */
    l.counter = 3;
    assert_int_equal(replica_apply(&db, &l, 100, "ben@five", NOW, NOW + 5000, &news), 0);
    assert_int_equal(due(&queue_member_ns, NOW + 999, 0, n), 0);
    assert_int_equal(due(&queue_member_ns, NOW + 1000, 0, n), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_removal_only, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shared_blob, setup, teardown),
        cmocka_unit_test_setup_teardown(test_quota, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pending_and_held, setup, teardown),
    };
    return cmocka_run_group_tests(tests, test_dir_make, test_dir_remove);
}
