/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_store.c - transitions: committed before they are reported, undone alone when they fail, all
 * of a batch when the commit fails; what a closed and opened database still knows; migrations. */
#include "store/schema.h"
#include "store_test.h"
#include "store/queue.h"
#include <stdio.h>

QUEUE(announce);

static uv_loop_t loop;
static int reported, last_rc;
static struct store *store;

struct change {
    char name[16];
    int rc, done_rc;
    bool done, lose; /* lose: ends the transaction itself, as a full disk makes SQLite do */
};

static int change_run(struct db *db, void *arg)
{
    struct change *c = arg;
    if (meta_set(db, c->name, c->name, sizeof c->name) < 0)
        return -1;
    if (c->lose)
        (void)db_exec(db, "ROLLBACK", "");
    return c->rc;
}

static bool stands(const char *name)
{
    char value[16];
    return meta_get(store_reader(store), name, value, sizeof value) == 0;
}

static void change_done(void *arg, int rc)
{
    struct change *c = arg;
    c->done = true;
    c->done_rc = last_rc = rc;
    reported++;
    assert_int_equal(stands(c->name), rc == 0); /* reported after the commit */
}

static void submit(struct change *c, const char *name, int rc)
{
    *c = (struct change){.rc = rc};
    (void)snprintf(c->name, sizeof c->name, "%s", name);
    store_do(store, change_run, change_done, c);
}

static void run_until(int count)
{
    while (reported < count)
        (void)uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(store_pending(store), 0);
}

static int open_store(void **state)
{
    struct error e = {""};
    struct db db;
    test_db(&db); /* a new file */
    db_close(&db);
    reported = 0;
    store = store_open(&loop, test_path, &e);
    return store == NULL ? -1 : 0;
}

static int close_store(void **state)
{
    store_close(&store);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    return store == NULL ? 0 : -1;
}

static void test_transitions(void **state)
{
    struct change c[300];
    char name[16];
    for (int i = 0; i < 300; i++) {
        (void)snprintf(name, sizeof name, "t%d", i);
        submit(&c[i], name, i % 7 == 3 ? -1 : 0);
    }
    run_until(300);
    for (int i = 0; i < 300; i++) { /* a failing one undoes itself and nothing else */
        assert_int_equal(c[i].done_rc, i % 7 == 3 ? -1 : 0);
        assert_int_equal(stands(c[i].name), i % 7 != 3);
    }
    assert_int_equal(close_store(NULL), 0);
    struct error e;
    store = store_open(&loop, test_path, &e);
    assert_non_null(store);
    assert_true(stands("t0"));
    assert_false(stands("t3"));
    assert_true(stands("t299"));
}

/* SQLite may give up a whole transaction (a full disk): then nothing of the batch stands, and each
 * of its transitions is told so, also those that came after. */
static void test_lost_transaction(void **state)
{
    struct change c[9];
    for (int i = 0; i < 9; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "l%d", i);
        submit(&c[i], name, 0);
        c[i].lose = i == 4; /* the thread may not have come so far: both orders are fine */
    }
    run_until(9);
    for (int i = 0; i < 9; i++)
        assert_int_equal(stands(c[i].name), c[i].done_rc == 0);
    assert_int_equal(stands("l4"), c[4].done_rc == 0);
    struct change after;
    submit(&after, "after", 0);
    run_until(10);
    assert_int_equal(after.done_rc, 0);
    assert_true(stands("after"));
}

static void test_lost_alone(void **state)
{
    struct change c = {.lose = true, .name = "alone"}, next;
    store_do(store, change_run, change_done, &c);
    run_until(1);
    assert_int_equal(c.done_rc, -1);
    submit(&next, "next", 0);
    run_until(2);
    assert_int_equal(next.done_rc, 0);
}

/* Another program holds the database: the commit fails, nothing stands, nothing is said to. */
static int fail_run(struct db *db, void *arg)
{
    /* a foreign key that hangs in the air is found by the commit */
    return db_exec(db, "PRAGMA defer_foreign_keys=1", "") < 0 ||
                   db_exec(db,
                           "INSERT INTO receiver(message,address,state,due_ms,changed_ms)"
                           " VALUES(4711,'x@y',1,0,0)",
                           "") < 0
               ? -1
               : 0;
}

static void fail_done(void *arg, int rc)
{
    last_rc = rc;
    reported++;
}

static void test_commit_fails(void **state)
{
    struct change next;
    store_do(store, fail_run, fail_done, NULL);
    run_until(1);
    assert_int_equal(last_rc, -1);
    assert_int_equal(db_int(store_reader(store), -1, "SELECT count(*) FROM receiver", ""), 0);
    submit(&next, "next", 0);
    run_until(2);
    assert_int_equal(next.done_rc, 0);
}

/* ---- the cause is told, with SQLite's own text */

static struct error told;
static const char *sentence_kept;

static int no_table_run(struct db *db, void *arg)
{
    return db_run(db, "INSERT INTO nowhere VALUES(1)", "");
}

static int unlike_run(struct db *db, void *arg)
{
    return -1; /* of its own will: no statement failed */
}

static void told_done(void *arg, int rc)
{
    assert_int_equal(rc, -1);
    assert_ptr_equal(store_refused(&told, "the seal of message %d", 7), told.text);
    sentence_kept = store_refused(NULL, "the seal of message %d", 7);
    reported++;
}

static void test_cause_of_transition(void **state)
{
    store_do(store, no_table_run, told_done, NULL);
    run_until(1);
    assert_string_equal(
        told.text, "The database does not take the seal of message 7: no such table: nowhere.");
    assert_string_equal(
        sentence_kept, "The database does not take the seal of message 7: no such table: nowhere.");
    store_do(store, unlike_run, told_done, NULL);
    run_until(2);
    assert_string_equal(told.text, "The database does not take the seal of message 7: the row "
                                   "changed meanwhile, or there was no memory.");
    store_do(store, fail_run, told_done, NULL); /* runs, and the commit fails */
    run_until(3);
    assert_string_equal(
        told.text,
        "The database does not take the seal of message 7: FOREIGN KEY constraint failed.");
}

static void test_cause_of_read(void **state)
{
    uint8_t id[16];
    assert_int_equal(db_int(store_reader(store), -1, "SELECT n FROM nowhere", ""), -1);
    assert_string_equal(store_unread(&told, "Message %d", 7),
                        "Message 7 cannot be read from the database: no such table: nowhere.");
    assert_int_equal(meta_get(store_reader(store), "no such name", id, sizeof id), -1);
    assert_string_equal(store_unread(&told, "Message %d", 7),
                        "Message 7 cannot be read from the database: it is not there, or there was "
                        "no memory.");
}

static void resubmit_done(void *arg, int rc)
{
    struct change *c = arg;
    change_done(c, rc);
    store_do(store, change_run, change_done, c); /* while the store closes: dropped */
}

static void test_close_runs_queue(void **state)
{
    struct change c[50];
    for (int i = 0; i < 49; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "q%d", i);
        submit(&c[i], name, 0);
    }
    c[49] = (struct change){.name = "q49"};
    store_do(store, change_run, resubmit_done, &c[49]);
    store_close(&store);
    assert_null(store);
    assert_int_equal(reported, 50);
    for (int i = 0; i < 50; i++)
        assert_true(c[i].done && c[i].done_rc == 0);
}

static void test_meta(void **state)
{
    struct db db;
    uint64_t a = 7, b = 0;
    test_db(&db);
    assert_int_equal(meta_get(&db, "seq", &b, sizeof b), -1);
    assert_int_equal(meta_set(&db, "seq", &a, sizeof a), 0);
    assert_int_equal(meta_get(&db, "seq", &b, sizeof b), 0);
    assert_int_equal(b, 7);
    assert_int_equal(meta_get(&db, "seq", &b, 4), -1); /* another length */
    db_close(&db);
}

static void test_migration(void **state)
{
    struct db db;
    struct error e = {""};
    char text[80];
    test_db(&db);
    int64_t newest = db_int(&db, -1, "PRAGMA user_version", "");
    assert_true(newest >= 1);
    const char *const to[] = {"bob@demo", NULL};
    int64_t n = test_message(&db, 1, true, to);
    assert_int_equal(schema_migrate(&db, &e), 0); /* again: nothing */
    struct out_message m;
    assert_int_equal(out_get(&db, n, &m), 0);
    out_message_free(&m);
    (void)snprintf(text, sizeof text, "PRAGMA user_version=%d", (int)newest + 1);
    assert_int_equal(db_script(&db, text, &e), 0);
    db_close(&db);
    store = store_open(&loop, test_path, &e);
    assert_null(store);
    assert_non_null(strstr(e.text, "newer Restante"));
    (void)uv_run(&loop, UV_RUN_DEFAULT);
}

static void test_not_a_database(void **state)
{
    struct error e = {""};
    FILE *f = fopen(test_path, "w");
    assert_non_null(f);
    for (int i = 0; i < 1000; i++)
        (void)fputs("this is no database\n", f);
    (void)fclose(f);
    assert_null(store_open(&loop, test_path, &e));
    assert_true(e.text[0] != '\0');
    (void)uv_run(&loop, UV_RUN_DEFAULT);
}

static int make(void **state)
{
    return uv_loop_init(&loop) < 0 ? -1 : test_dir_make(state);
}

static int unmake(void **state)
{
    return uv_loop_close(&loop) < 0 ? -1 : test_dir_remove(state);
}

static int add_message(struct db *db, void *arg)
{
    const char *const to[] = {"b@demo", NULL};
    return test_message(db, 1, true, to) > 0 ? 0 : -1;
}

static int end_nobody(struct db *db, void *arg)
{
    return queue_delay(db, &queue_announce, 999, 0, NULL);
}

static void counted(void *arg, int rc)
{
    assert_int_equal(rc, 0);
    reported++;
}

/* What a look need not ask again: each part's number grows with commits that touch it, no other. */
static void test_changes(void **state)
{
    static const unsigned parts[] = {STORE_MESSAGE, STORE_RECEIVER, STORE_BLOB, STORE_REST};
    uint64_t before[4];
    struct change c;
    for (int i = 0; i < 4; i++)
        before[i] = store_changes(store, parts[i]);
    store_do(store, add_message, counted, NULL);
    run_until(1);
    assert_true(store_changes(store, STORE_MESSAGE) > before[0]);
    assert_true(store_changes(store, STORE_RECEIVER) > before[1]);
    assert_true(store_changes(store, STORE_MESSAGE | STORE_BLOB) > before[0] + before[2]);
    assert_true(store_changes(store, STORE_BLOB) == before[2]);
    for (int i = 0; i < 4; i++)
        before[i] = store_changes(store, parts[i]);
    submit(&c, "a", 0); /* into a table without row ids */
    run_until(2);
    assert_true(store_changes(store, STORE_MESSAGE | STORE_RECEIVER) == before[0] + before[1]);
    assert_true(store_changes(store, STORE_REST) > before[3]);
    before[3] = store_changes(store, STORE_REST);
    store_do(store, end_nobody, counted, NULL);
    run_until(3);
    assert_true(store_changes(store, STORE_RECEIVER | STORE_REST) == before[1] + before[3]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_transitions, open_store, close_store),
        cmocka_unit_test_setup_teardown(test_lost_transaction, open_store, close_store),
        cmocka_unit_test_setup_teardown(test_lost_alone, open_store, close_store),
        cmocka_unit_test_setup_teardown(test_commit_fails, open_store, close_store),
        cmocka_unit_test_setup_teardown(test_cause_of_transition, open_store, close_store),
        cmocka_unit_test_setup_teardown(test_cause_of_read, open_store, close_store),
        cmocka_unit_test_setup_teardown(test_close_runs_queue, open_store, close_store),
        cmocka_unit_test_setup_teardown(test_changes, open_store, close_store),
        cmocka_unit_test(test_meta),
        cmocka_unit_test(test_migration),
        cmocka_unit_test(test_not_a_database),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
