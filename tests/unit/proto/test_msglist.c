/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_msglist.c - the message list: there and back, and what is refused (P-12.2). */
#include "proto/msglist.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const struct record_place at = {7, "msglist:alice@demo"};

static void fill(struct msglist *l, struct msglist_blob *b, struct msglist_removal *r,
                 struct msglist_held *h, struct msglist_pending *p)
{
    *l = (struct msglist){.owner = "alice@demo",
                          .group = "demo",
                          .counter = 1700000000000,
                          .expiry = 1700000000,
                          .blobs = b,
                          .blob_count = 1,
                          .removals = r,
                          .removal_count = 1,
                          .held = h,
                          .held_count = 1,
                          .pending = p,
                          .pending_count = 1};
    *b = (struct msglist_blob){.ref = {.hash = {1}, .size = 5000000, .chunks_hash = {2}},
                               .expiry = 1700000001};
    *r = (struct msglist_removal){.hash = {3}, .reason = REMOVAL_CANCELLED, .until = 1700000002};
    *h = (struct msglist_held){.owner = "bob@demo",
                               .ref = {.hash = {4}, .size = 1, .chunks_hash = {5}},
                               .expiry = 1700000003};
    *p = (struct msglist_pending){.blob = {1},
                                  .key = "ns:carol@other/3",
                                  .entry = {(const uint8_t *)"entry", 5},
                                  .lock = {6},
                                  .expiry = 1700000004};
}

static void round_trip(void **state) /* P-12.2 */
{
    struct msglist l, again;
    struct msglist_blob b;
    struct msglist_removal r;
    struct msglist_held h;
    struct msglist_pending p;
    struct buf out = BUF_INIT(MSGLIST_MAX);
    struct error e;
    fill(&l, &b, &r, &h, &p);
    assert_int_equal(msglist_encode(&l, &at, &out), 0);
    assert_int_equal(msglist_decode(out.data, out.len, &at, &again, &e), 0);
    assert_string_equal(again.owner, "alice@demo");
    assert_string_equal(again.group, "demo");
    assert_int_equal(again.counter, l.counter);
    assert_int_equal(again.blobs[0].ref.size, 5000000);
    assert_memory_equal(&again.blobs[0], &b, sizeof b);
    assert_memory_equal(again.removals[0].hash, r.hash, HASH_LEN);
    assert_int_equal(again.removals[0].reason, REMOVAL_CANCELLED);
    assert_string_equal(again.held[0].owner, "bob@demo");
    assert_int_equal(again.held[0].expiry, 1700000003);
    assert_string_equal(again.pending[0].key, "ns:carol@other/3");
    assert_memory_equal(again.pending[0].entry.p, "entry", 5);
    msglist_free(&again);
    for (size_t n = 0; n < out.len; n++) /* no shorter list is one */
        assert_int_not_equal(msglist_decode(out.data, n, &at, &again, &e), 0);
    struct record_place other = {7, "msglist:bob@demo"};
    assert_int_equal(msglist_decode(out.data, out.len, &other, &again, &e), -1);
    other = (struct record_place){8, at.key};
    assert_int_equal(msglist_decode(out.data, out.len, &other, &again, &e), -1);
    buf_free(&out);
}

static void refused(void **state)
{
    struct msglist l;
    struct msglist_blob b;
    struct msglist_removal r;
    struct msglist_held h;
    struct msglist_pending p;
    struct buf out = BUF_INIT(MSGLIST_MAX);
    fill(&l, &b, &r, &h, &p);
    b.ref.size = 0;
    assert_int_equal(msglist_encode(&l, &at, &out), -1);
    fill(&l, &b, &r, &h, &p);
    r.reason = (enum removal_reason)0;
    assert_int_equal(msglist_encode(&l, &at, &out), -1);
    fill(&l, &b, &r, &h, &p);
    (void)strcpy(h.owner, "Bob@demo");
    assert_int_equal(msglist_encode(&l, &at, &out), -1);
    fill(&l, &b, &r, &h, &p);
    (void)strcpy(p.key, "nr:carol@other"); /* members put nothing but notifications */
    assert_int_equal(msglist_encode(&l, &at, &out), -1);
    fill(&l, &b, &r, &h, &p);
    (void)strcpy(p.key, "carol@other");
    assert_int_equal(msglist_encode(&l, &at, &out), -1);
    fill(&l, &b, &r, &h, &p);
    p.entry.n = 0;
    assert_int_equal(msglist_encode(&l, &at, &out), -1);
    fill(&l, &b, &r, &h, &p);
    (void)strcpy(l.owner, "bob@demo");
    assert_int_equal(msglist_encode(&l, &at, &out), -1);
    assert_int_equal(out.len, 0);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(round_trip), cmocka_unit_test(refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
