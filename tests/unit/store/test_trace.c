/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_trace.c - the rows of one message are found by any of its ids, and by the beginning of one;
 * what log lines say of a row. */
#include "store/about.h"
#include "store/trace.h"
#include "store/check.h"
#include "one_db.h"
#include <stdio.h>

#define ROWS 16

static size_t find(const char *hex, struct trace_row *row)
{
    return trace_find(&db, hex, row, ROWS);
}

static void test_sent(void **state)
{
    static const char *const to[] = {"bob@demo", "carol@demo", NULL};
    struct trace_row row[ROWS];
    struct out_receiver r;
    char nid[HASH_HEX + 1];
    int64_t blob[4], m = test_message(&db, 7, true, to);
    test_seal(&db, m, 9, true);
    assert_int_equal(rcv_get(&db, 1, &r), 0);
    hex_encode(r.nid, HASH_LEN, nid);
    out_receiver_free(&r);
    const char *const ids[] = {"0707070707070707", "0909090909090909", nid};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        size_t n = find(ids[i], row);
        assert_true(n > 0);
        for (size_t k = 0; k < n; k++) {
            assert_int_equal(row[k].kind, TRACE_SENT);
            assert_int_equal(row[k].n, m);
            assert_memory_equal(row[k].id, ids[i], strlen(ids[i]));
        }
    }
    assert_int_equal(find("07070707070707070707070707070708", row), 0);
    assert_int_equal(find("070707070707070707070707070707070", row), 0); /* longer than an id */
    assert_int_equal(trace_blobs(&db, m, blob, 4), 2);
    assert_int_equal(trace_blobs(&db, m, blob, 1), 1);
    assert_int_equal(trace_blobs(&db, m + 1, blob, 4), 0);
}

static void test_msgid(void **state)
{
    struct out_message m = {.state = OUT_SUBMITTED, .created_ms = 1, .size = 1};
    struct out_rcpt to = {.address = "bob@demo", .known = true, .notify = NOTIFY_FAILURE};
    struct trace_row row[ROWS];
    memset(m.id, 1, sizeof m.id);
    assert_int_equal(bytes_set(&m.msgid, "<a@b>", 5), 0);
    assert_int_equal(out_add(&db, &m, &to, 1, 0), 0);
    memset(m.id, 2, sizeof m.id); /* the user sent the same octets twice */
    assert_int_equal(out_add(&db, &m, &to, 1, 0), 0);
    assert_int_equal(trace_find_msgid(&db, "<a@b>", row, ROWS), 2);
    assert_int_equal(trace_find_msgid(&db, "<a@b>", row, 1), 1);
    assert_int_equal(row[0].kind, TRACE_SENT);
    assert_string_equal(row[0].id, "01010101010101010101010101010101");
    assert_int_equal(trace_find_msgid(&db, "<a@c>", row, ROWS), 0);
    bytes_free(&m.msgid);
}

static void test_came(void **state)
{
    struct trace_row row[ROWS];
    struct incoming in;
    char id[2][HASH_HEX + 1];
    int64_t n = test_incoming(&db, 5, 1000);
    assert_int_equal(in_get(&db, n, &in), 0);
    hex_encode(in.nid, HASH_LEN, id[0]);
    hex_encode(in.blob.hash, HASH_LEN, id[1]);
    incoming_free(&in);
    for (size_t i = 0; i < 2; i++) {
        assert_true(find(id[i], row) > 0);
        assert_int_equal(row[0].kind, TRACE_CAME);
        assert_int_equal(row[0].n, n);
        assert_string_equal(row[0].id, id[i]);
    }
}

/* It only reads, and says no to what is no database of this version. */
static void test_open(void **state)
{
    struct error e;
    struct trace_row row[ROWS];
    static const char *const to[] = {"bob@demo", NULL};
    (void)test_message(&db, 7, true, to);
    struct db *reader = trace_open(test_path, &e);
    assert_non_null(reader);
    assert_int_equal(trace_find(reader, "0707", row, ROWS), 1);
    assert_true(db_exec(reader, "DELETE FROM message", "") < 0);
    trace_close(&reader);
    assert_null(reader);
    trace_close(&reader);
    assert_int_equal(db_script(&db, "PRAGMA user_version=1", &e), 0);
    assert_null(trace_open(test_path, &e));
    assert_non_null(strstr(e.text, "another version"));
    assert_null(trace_open("/nowhere/state.db", &e));
    assert_non_null(strstr(e.text, "never started"));
}

/* What the log says of each kind of row, before and after there are ids. */
static void test_about(void **state)
{
    static const char *const to[] = {"bob@demo", NULL};
    char out[ABOUT_CAP];
    int64_t m = test_message(&db, 7, true, to), in = test_incoming(&db, 5, 1000);
    about_row(&db, ABOUT_RECEIVER, 1, out);
    assert_string_equal(out, "0707070707070707 bob@demo");
    test_seal(&db, m, 9, false);
    struct out_receiver r;
    char nid[HASH_HEX + 1], want[ABOUT_CAP];
    assert_int_equal(rcv_get(&db, 1, &r), 0);
    hex_encode(r.nid, HASH_LEN, nid);
    out_receiver_free(&r);
    (void)snprintf(want, sizeof want, "0707070707070707 %.16s bob@demo", nid);
    about_row(&db, ABOUT_RECEIVER, 1, out);
    assert_string_equal(out, want);
    about_row(&db, ABOUT_MESSAGE, m, out);
    assert_string_equal(out, "0707070707070707");
    about_row(&db, ABOUT_BLOB, 1, out);
    assert_string_equal(out, "0707070707070707 0909090909090909");
    about_row(&db, ABOUT_INCOMING, in, out);
    assert_string_equal(out, "0505050505050505 alice@demo");
    struct blob_ref ref = {.size = 3};
    memset(ref.hash, 0xab, HASH_LEN);
    assert_int_equal(adopt(&db, "carol@demo", &ref, 99, REPLICA_HELD), 1);
    about_row(&db, ABOUT_REPLICA, 1, out);
    assert_string_equal(out, "abababababababab carol@demo");
    about_row(&db, ABOUT_REPLICA_NS, 1, out);
    assert_string_equal(out, "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_msgid, setup, teardown),
        cmocka_unit_test_setup_teardown(test_came, setup, teardown),
        cmocka_unit_test_setup_teardown(test_open, setup, teardown),
        cmocka_unit_test_setup_teardown(test_about, setup, teardown),
    };
    return cmocka_run_group_tests(tests, test_dir_make, test_dir_remove);
}
