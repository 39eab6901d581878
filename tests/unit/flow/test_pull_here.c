/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_pull_here.c - a pull on a machine that lacks something: who opens the message is told that,
 * and it comes by itself once it is there; and a pull of what is here already. */
#include "receive_bench.h"
#include <sys/resource.h>

extern const struct step step_stub, step_pull;
QUEUE(pull);
static const struct step *const steps[] = {&step_stub, &step_pull, NULL};

static struct opened o; /* what the one who opens the message was told */

static int fresh(void **state)
{
    bob_new(steps);
    return 0;
}

static int64_t stub_of(size_t body)
{
    int64_t n = arrives_of(body);
    until(peer_in_state(&bob, n) == IN_STUB);
    return n;
}

static int64_t wanted(int64_t n)
{
    return peer_int(&bob, "SELECT wanted FROM incoming WHERE n=?", n);
}

static void until_tried(int64_t n, const char *why)
{
    until(o.told && tries_of(n) >= 2);
    assert_false(o.ok);
    if (strstr(o.why, why) == NULL)
        fail_msg("%s", o.why);
    assert_int_equal(peer_in_state(&bob, n), IN_STUB);
    assert_int_equal(wanted(n), 1);
}

static void comes(int64_t n)
{
    struct buf b = BUF_INIT(sent_len + 4096);
    until(peer_in_state(&bob, n) == IN_PULLED && !work_under_way(&bob.sv, &queue_pull, n));
    struct incoming in = row_of(n);
    assert_true(peer_file(&bob, "inbox/full", in.nid, HASH_LEN, "", &b));
    is_whole(n, &b);
    incoming_free(&in);
    buf_free(&b);
    assert_int_equal(peer_count(&bob, "inbox/full", ""), 1);
    assert_int_equal(peer_count(&bob, "inbox/parts", ""), 0);
}

static void lacks(const char *dir, const char *why)
{
    int64_t n = stub_of(3000);
    peer_spoil(&bob, dir);
    open_it(n, &o);
    until_tried(n, why);
    peer_mend(&bob, dir);
    comes(n);
}

static void no_place_for_parts(void **state)
{
    lacks("inbox/parts", TEXT_NOT_STORED);
}

static void no_place_for_the_message(void **state)
{
    lacks("inbox/full", TEXT_NOT_STORED);
}

/* A disk that fills up while the message is written. */
static void no_room(void **state)
{
    struct rlimit old, small;
    int64_t n = stub_of(CHUNK_LEN - 200000);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = (struct rlimit){CHUNK_LEN / 2, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    open_it(n, &o);
    until(o.told && tries_of(n) >= 2);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    until_tried(n, TEXT_NOT_STORED);
    comes(n);
}

/* Nothing is fetched for which there is no room when it is opened. */
static void more_than_the_disk_holds(void **state)
{
    int64_t n = stub_of(3000);
    commit_sql(bob.sv.store, "UPDATE incoming SET m_size=m_size+(1<<60) WHERE n=%lld",
               (long long)n);
    open_it(n, &o);
    until_tried(n, begins(TEXT_NO_ROOM));
    assert_int_equal(peer_count(&bob, "inbox/parts", ""), 0);
    commit_sql(bob.sv.store, "UPDATE incoming SET m_size=m_size-(1<<60) WHERE n=%lld",
               (long long)n);
    comes(n);
}

static void no_helper(void **state)
{
    const char *helper = peer_mime_helper;
    int64_t n = stub_of(3000);
    peer_mime_helper = "/nowhere/restante-mime";
    bob_again(steps);
    peer_mime_helper = helper;
    open_it(n, &o);
    until_tried(n, begins(TEXT_MIME_START));
    bob_again(steps);
    comes(n);
}

static void no_commit(void **state)
{
    int64_t n = stub_of(3000);
    commit_sql(bob.sv.store, "CREATE TRIGGER full BEFORE UPDATE OF outcome ON incoming BEGIN"
                             " SELECT RAISE(ABORT,'no room'); END");
    open_it(n, &o);
    until_tried(n, TEXT_OPEN_DATABASE);
    commit_sql(bob.sv.store, "DROP TRIGGER full");
    comes(n);
}

/* A message that is given up, and a database that does not take that: it is not fetched again and
 * again at once. */
static void no_commit_of_giving_up(void **state)
{
    int64_t n = stub_of(3000);
    commit_sql(bob.sv.store, "UPDATE incoming SET m_hash=zeroblob(32) WHERE n=%lld", (long long)n);
    commit_sql(bob.sv.store, "CREATE TRIGGER full BEFORE UPDATE OF wanted"
                             " ON incoming WHEN NEW.wanted=0 BEGIN SELECT RAISE(ABORT,'no'); END");
    open_it(n, &o);
    until(o.told);
    pass(500);
    assert_in_range(tries_of(n), 1, 4);
    commit_sql(bob.sv.store, "DROP TRIGGER full");
    until(wanted(n) == 0);
    assert_int_equal(peer_in_state(&bob, n), IN_STUB);
}

/* Its structure is not the one that the stub shows, though every octet is as announced. */
static void another_structure(void **state)
{
    int64_t n = stub_of(3000);
    announced_otherwise(n, ANNOUNCED_STRUCTURE);
    open_it(n, &o);
    comes(n);
    assert_int_equal(peer_int(&bob, "SELECT fresh FROM incoming WHERE n=?", n), 1);
}

/* A blob that this peer keeps for its group is opened from here, without its sender (P-12.8). */
static void held_for_the_group(void **state)
{
    char from[PATH_CAP], to[PATH_CAP], hex[2 * HASH_LEN + 1];
    struct buf b = BUF_INIT(CHUNK_LEN);
    struct error e = {""};
    int64_t n = stub_of(3000);
    struct incoming in = row_of(n);
    hex_encode(in.blob.hash, HASH_LEN, hex);
    blob_path(in.blob.hash, "", from);
    home_path(&bob.sv, to, "replica", in.blob.hash, HASH_LEN, "");
    assert_int_equal(file_read(from, &b, &e), 0);
    assert_int_equal(file_write(to, b.data, b.len, &e), 0);
    buf_free(&b);
    commit_sql(bob.sv.store,
               "INSERT INTO replica(owner,hash,size,chunks_hash,expiry_s,state,due_ms)"
               " VALUES('alice@demo',x'%s',%llu,x'',%lld,2,0)",
               hex, (unsigned long long)in.blob.size, (long long)in.expiry_s);
    alice_leaves();
    open_it(n, &o);
    comes(n);
    assert_true(file_exists(to)); /* it is the group's still */
    alice_returns();
    incoming_free(&in);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, bob_gone)
    const struct CMUnitTest tests[] = {
        TEST(no_place_for_parts),
        TEST(no_place_for_the_message),
        TEST(no_room),
        TEST(more_than_the_disk_holds),
        TEST(no_helper),
        TEST(no_commit),
        TEST(no_commit_of_giving_up),
        TEST(another_structure),
        TEST(held_for_the_group),
    };
    assert_int_equal(argc, 2);
    peer_mime_helper = argv[1];
    return cmocka_run_group_tests(tests, receive_open, receive_shut);
}
