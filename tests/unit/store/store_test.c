/* SPDX-License-Identifier: GPL-3.0-or-later */
/* store_test.c - see store_test.h. */
#include "store_test.h"
#include "store/schema.h"
#include <stdio.h>
#include <unistd.h>

char test_path[64];
static char dir[32];

int test_dir_make(void **state)
{
    (void)strcpy(dir, "/tmp/restante-db-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(test_path, sizeof test_path, "%s/state.db", dir);
    return 0;
}

static void remove_db(void)
{
    static const char *const suffix[] = {"", "-wal", "-shm"};
    char path[80];
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(path, sizeof path, "%s%s", test_path, suffix[i]);
        (void)unlink(path);
    }
}

int test_dir_remove(void **state)
{
    remove_db();
    return rmdir(dir);
}

void test_db(struct db *db)
{
    struct error e = {""};
    remove_db();
    assert_int_equal(db_open(db, test_path, false, &e), 0);
    assert_int_equal(schema_migrate(db, &e), 0);
}

int64_t test_message(struct db *db, uint8_t tag, bool known, const char *const *to)
{
    struct out_message m = {.created_ms = 1000, .size = 100};
    struct out_rcpt rcpts[8] = {0};
    size_t count = 0;
    memset(m.id, tag, sizeof m.id);
    memset(m.hash, tag, sizeof m.hash);
    assert_int_equal(bytes_set(&m.msgid, "<id@demo>", 9), 0);
    assert_int_equal(bytes_set(&m.head, "head", 4), 0);
    assert_int_equal(bytes_set(&m.envid, "envelope", 8), 0);
    for (; to[count] != NULL; count++) {
        rcpts[count].known = known;
        rcpts[count].notify = NOTIFY_FAILURE;
        rcpts[count].orcpt = count == 0 ? TEST_ORCPT : NULL;
        (void)strcpy(rcpts[count].address, to[count]);
    }
    assert_int_equal(out_add(db, &m, rcpts, count, 5000), 0);
    assert_true(m.n > 0);
    out_message_free(&m);
    return m.n;
}

void test_seal(struct db *db, int64_t message, uint8_t tag, bool head)
{
    int64_t rows[8];
    size_t count = rcv_of_message(db, message, RCV_READY, rows, 8);
    struct sealed_receiver r[8];
    struct sealed_blob b = {.size = 10, .chunks = (const uint8_t *)"chunk", .chunks_len = 5}, h = b;
    memset(b.hash, tag, HASH_LEN);
    memset(h.hash, tag ^ 0x80, HASH_LEN);
    for (size_t i = 0; i < count; i++) {
        r[i] = (struct sealed_receiver){.n = rows[i], .ns = BUF_INIT(100), .expiry_s = 2000000000};
        memset(r[i].nid, (int)rows[i], HASH_LEN);
        memset(r[i].p, tag, SECRET_LEN);
        memset(r[i].lock, tag, HASH_LEN);
        for (uint8_t o = 0; o < 3; o++) {
            memset(r[i].expected[o], tag, ENTRY_ID_LEN);
            r[i].expected[o][0] = (uint8_t)rows[i];
            r[i].expected[o][1] = o;
        }
        assert_int_equal(buf_append(&r[i].ns, "notification", 12), 0);
    }
    assert_int_equal(out_set_sealed(db, message, &b, head ? &h : NULL, r, count), 0);
    for (size_t i = 0; i < count; i++)
        buf_free(&r[i].ns);
}

int64_t test_incoming(struct db *db, uint8_t tag, int64_t expiry_s)
{
    struct incoming in = {.state = IN_NOTICED,
                          .m_size = 77,
                          .expiry_s = expiry_s,
                          .arrived_ms = 123456,
                          .blob = {.size = 99}};
    memset(in.nid, tag, HASH_LEN);
    memset(in.p, tag, SECRET_LEN);
    memset(in.blob.hash, tag, HASH_LEN);
    (void)strcpy(in.sender, "alice@demo");
    (void)strcpy(in.ns_key, "ns:bob@demo");
    assert_int_equal(bytes_set(&in.pubkey, "key", 3), 0);
    assert_int_equal(bytes_set(&in.pkesk, "skp", 3), 0);
    assert_int_equal(bytes_set(&in.head, "head", 4), 0);
    int rc = in_add(db, &in);
    int64_t n = in_find(db, in.nid);
    incoming_free(&in);
    assert_int_equal(rc, 1);
    assert_true(n > 0);
    return n;
}

enum rcv_state test_rcv_state(struct db *db, int64_t n)
{
    struct out_receiver r;
    assert_int_equal(rcv_get(db, n, &r), 0);
    out_receiver_free(&r);
    return r.state;
}

enum in_state test_in_state(struct db *db, int64_t n)
{
    struct incoming in;
    assert_int_equal(in_get(db, n, &in), 0);
    incoming_free(&in);
    return in.state;
}
