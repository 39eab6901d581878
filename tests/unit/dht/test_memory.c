/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_memory.c - the DHT in memory keeps the rules that the real one has. */
#include "base/clock.h"
#include "dht/dht.h"
#include "proto/entry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct {
    unsigned answers, values, heard;
    bool ok;
    enum dht_result result;
    char why[64];
    size_t n;
    uint8_t ids[64];
    char data[64];
    enum dht_presence presence;
} seen;

static void on_done(void *ctx, enum dht_result r, const char *why)
{
    seen.answers++;
    seen.ok = r == DHT_OK;
    seen.result = r;
    (void)snprintf(seen.why, sizeof seen.why, "%s", why != NULL ? why : "");
}

static void on_list(void *ctx, bool ok, const uint8_t *ids, size_t n)
{
    seen.answers++;
    seen.ok = ok;
    seen.n = n;
    if (n > 0)
        memcpy(seen.ids, ids, n * DHT_ID_LEN);
}

static void on_value(void *ctx, bool ok, const struct dht_value *v)
{
    seen.ok = ok;
    if (v == NULL) {
        seen.answers++;
        return;
    }
    seen.values++;
    (void)snprintf(seen.data, sizeof seen.data, "%.*s", (int)v->len, (const char *)v->data);
}

static void on_look(void *ctx, bool ok, enum dht_presence presence)
{
    seen.answers++;
    seen.ok = ok;
    seen.presence = presence;
}

static void on_heard(void *ctx, const struct dht_value *v)
{
    seen.heard++;
}

static uint8_t token[HASH_LEN] = {9}, lock[HASH_LEN], hash[HASH_LEN];
static uv_loop_t loop;
static struct dht *d;

static void run(void)
{
    unsigned before = seen.answers;
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(seen.answers, before + 1); /* exactly once, and not inside the call */
}

static void put(const char *value, int64_t life)
{
    entry_lock(token, lock);
    sha256(value, strlen(value), hash);
    dht_put(d, "ns:bob@demo", value, strlen(value), clock_wall_ms() / 1000 + life, lock, on_done,
            NULL);
    run();
}

static int set_up(void **state)
{
    memset(&seen, 0, sizeof seen);
    uv_loop_init(&loop);
    d = dht_memory(&loop);
    return 0;
}

static int tear_down(void **state)
{
    dht_free(&d);
    uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop);
}

static void put_list_get(void **state)
{
    assert_int_equal(dht_listen(d, "ns:bob@demo", on_heard, NULL), 0);
    put("hello", 600);
    assert_true(seen.ok);
    assert_int_equal(seen.heard, 1);
    dht_list(d, "ns:bob@demo", on_list, NULL);
    run();
    assert_int_equal(seen.n, 1);
    dht_get(d, "ns:bob@demo", seen.ids, 1, on_value, NULL);
    run();
    assert_int_equal(seen.values, 1);
    assert_string_equal(seen.data, "hello");
    dht_list(d, "ns:eve@demo", on_list, NULL);
    run();
    assert_true(seen.ok);
    assert_int_equal(seen.n, 0);
}

static void deletion(void **state)
{
    uint8_t wrong[HASH_LEN] = {8}, infohash[INFOHASH_LEN], id[ENTRY_ID_LEN];
    put("hello", 600);
    entry_infohash("ns:bob@demo", infohash);
    entry_id(infohash, lock, hash, id);
    dht_look(d, "ns:bob@demo", id, on_look, NULL);
    run();
    assert_int_equal(seen.presence, DHT_PRESENT);
    dht_del(d, "ns:bob@demo", hash, wrong, on_done, NULL);
    run();
    assert_false(seen.ok);
    assert_string_equal(seen.why, "absent");
    assert_int_equal(seen.result, DHT_WAS_ABSENT);
    dht_del(d, "ns:bob@demo", hash, token, on_done, NULL);
    run();
    assert_true(seen.ok);
    dht_look(d, "ns:bob@demo", id, on_look, NULL);
    run();
    assert_int_equal(seen.presence, DHT_DELETED);
    dht_list(d, "ns:bob@demo", on_list, NULL);
    run();
    assert_int_equal(seen.n, 0);
    put("hello", 600);
    assert_false(seen.ok);
    assert_int_equal(seen.result, DHT_WAS_DELETED);
}

static void lifetimes(void **state)
{
    put("over", 0);
    assert_false(seen.ok);
    put("too long", 7 * 86400);
    assert_false(seen.ok);
    put("just right", 7 * 86400 - 3601);
    assert_true(seen.ok);
}

static void freeing_answers(void **state)
{
    dht_list(d, "a", on_list, NULL);
    dht_del(d, "a", hash, token, on_done, NULL);
    assert_int_equal(seen.answers, 0);
    dht_free(&d);
    assert_null(d);
    assert_int_equal(seen.answers, 2);
    assert_false(seen.ok);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(put_list_get, set_up, tear_down),
        cmocka_unit_test_setup_teardown(deletion, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lifetimes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(freeing_answers, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
