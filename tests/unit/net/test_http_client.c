/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_http_client.c - the HTTP client against our own server. */
#include "http_client_test.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void test_whole_and_rest(void **state)
{
    uint16_t port = http_server_port(server);
    struct outcome o = get(port, BLOB, 0, BLOB_SIZE);
    (void)state;
    assert_true(o.ok);
    assert_int_equal(o.status, 200);
    assert_int_equal(o.len, BLOB_SIZE);
    assert_memory_equal(o.data, blob, BLOB_SIZE);
    assert_string_equal(o.why, "");
    free(o.data);
    o = get(port, BLOB, 1000000, BLOB_SIZE - 1000000);
    assert_true(o.ok);
    assert_int_equal(o.status, 206);
    assert_int_equal(o.len, BLOB_SIZE - 1000000);
    assert_memory_equal(o.data, blob + 1000000, o.len);
    free(o.data);
    o = get(port, BLOB "/chunks", 0, 100);
    assert_true(o.ok && o.len == 6 && memcmp(o.data, "chunks", 6) == 0);
    free(o.data);
    o = get(port, "/pubkey", 0, 3);
    assert_true(o.ok && o.len == 3 && memcmp(o.data, "key", 3) == 0);
    free(o.data);
}

static void test_refusals(void **state)
{
    uint16_t port = http_server_port(server);
    struct outcome o = get(port, "/outbox/msglist", 0, 100);
    (void)state;
    assert_false(o.ok);
    assert_int_equal(o.status, 404);
    assert_int_equal(o.len, 0);
    assert_string_equal(o.why, "the peer answered 404");
    o = get(port, BLOB, BLOB_SIZE, 100);
    assert_false(o.ok);
    assert_int_equal(o.status, 416);
    assert_int_equal(o.len, 0);
    o = get(port, BLOB, 0, BLOB_SIZE - 1);
    assert_false(o.ok);
    assert_true(o.len <= BLOB_SIZE - 1);
    free(o.data);
    struct outcome r = {.refuse_at = 100000};
    begin(&r, port, BLOB, 0, BLOB_SIZE);
    finish(&r);
    assert_false(r.ok);
    assert_true(r.len < BLOB_SIZE);
    assert_string_equal(r.why, "what the peer sent was refused");
    free(r.data);
}

static void test_paths_and_endpoints(void **state)
{
    static const char *const paths[] = {
        "",         "/",           "/outbox/",      "/outbox/x", "/pubkey?",          "/pubkey/",
        BLOB "/",   BLOB "0",      BLOB "/chunks/", BLOB "?x",   "/outbox/../pubkey", "/etc/passwd",
        "/receipt", "@evil/pubkey"};
    static const char *const hosts[] = {"",           "a b",           "evil/x", "user@evil",
                                        "a%62",       "1.2.3",         "[::1]",  "a\r\nX: y",
                                        "fe80::1%lo", "abcdefgh.onion"};
    struct outcome o = {0};
    struct error e = {{0}};

    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        assert_null(begin_at(&o, "127.0.0.1", 80, paths[i], 0, 1, &local, &e));
        assert_true(e.text[0] != '\0');
    }
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++)
        if (begin_at(&o, hosts[i], 80, "/pubkey", 0, 1, &local, &e) != NULL)
            fail_msg("host %s", hosts[i]);
    assert_non_null(strstr(e.text, "SOCKS"));
    assert_null(begin_at(&o, "127.0.0.1", 0, "/pubkey", 0, 1, &local, &e));
    assert_int_equal(o.done, 0);
}

static void test_policy(void **state) /* P-2.7 */
{
    struct endpoint_policy strict = {0};
    struct error e;
    uint16_t port = http_server_port(server);
    struct outcome o = {0}, again = {0}, link = {0};
    (void)state;
    assert_non_null(begin_at(&o, "127.0.0.1", port, "/pubkey", 0, 3, &strict, &e));
    finish(&o);
    assert_false(o.ok);
    assert_int_equal(o.status, HTTP_LOOPBACK); /* and which address it was */
    assert_string_equal(o.why, "127.0.0.1");
    assert_non_null(begin_at(&link, "169.254.1.1", port, "/pubkey", 0, 3, &local, &e));
    finish(&link);
    assert_false(link.ok);
    assert_int_equal(link.status, HTTP_NEVER);
    struct outcome private = {0}, nameless = {0};
    assert_non_null(begin_at(&private, "10.0.0.5", port, "/pubkey", 0, 3, &local, &e));
    finish(&private);
    assert_int_equal(private.status, HTTP_PRIVATE);
    assert_string_equal(private.why, "10.0.0.5");
    assert_non_null(begin_at(&nameless, "no.such.name.invalid", port, "/pubkey", 0, 3, &local, &e));
    finish(&nameless);
    assert_int_equal(nameless.status, HTTP_NAMELESS);
    /* A connection made under a laxer policy is not lent to a request with a stricter one. */
    struct outcome first = get(port, "/pubkey", 0, 3);
    assert_true(first.ok);
    free(first.data);
    assert_non_null(begin_at(&again, "127.0.0.1", port, "/pubkey", 0, 3, &strict, &e));
    finish(&again);
    assert_false(again.ok);
    assert_int_equal(again.len, 0);
    assert_int_equal(again.status, HTTP_LOOPBACK);
    /* A name is judged by the address it leads to. */
    struct outcome named = {0};
    assert_non_null(begin_at(&named, "localhost", port, "/pubkey", 0, 3, &strict, &e));
    finish(&named);
    assert_false(named.ok);
    assert_int_equal(named.len, 0);
    assert_int_equal(named.status, HTTP_LOOPBACK);
}

static void test_many_at_once(void **state)
{
    enum { COUNT = 12 };
    struct outcome o[COUNT] = {0};

    (void)state;
    for (int i = 0; i < COUNT; i++)
        begin(&o[i], http_server_port(server), BLOB, (uint64_t)i * 1000, BLOB_SIZE);
    for (int i = 0; i < COUNT; i++) {
        finish(&o[i]);
        assert_true(o[i].ok);
        assert_int_equal(o[i].len, BLOB_SIZE - (size_t)i * 1000);
        assert_memory_equal(o[i].data, blob + (size_t)i * 1000, o[i].len);
        free(o[i].data);
    }
}

static void test_cancel(void **state)
{
    uint16_t port = http_server_port(server);
    struct outcome a = {0}, b = {.cancel_at = 50000}, c = {0}, waiting = {0};
    (void)state;
    begin(&a, port, BLOB, 0, BLOB_SIZE);
    begin(&b, port, BLOB, 0, BLOB_SIZE);
    begin(&waiting, port, BLOB, 0, BLOB_SIZE);
    begin(&c, port, BLOB, 0, BLOB_SIZE);
    http_fetch_cancel(waiting.fetch);
    http_fetch_cancel(a.fetch);
    finish(&c);
    assert_true(c.ok);
    net_turn(&loop, 50);
    assert_int_equal(a.done + b.done + waiting.done, 0);
    assert_true(b.len >= 50000 && b.len < BLOB_SIZE);
    free(b.data);
    free(c.data);
}

static void test_start_from_done(void **state)
{
    struct outcome second = {0}, first = {.again = &second};
    (void)state;
    begin(&first, http_server_port(server), "/pubkey", 0, 3);
    finish(&first);
    finish(&second);
    assert_true(first.ok && second.ok && second.len == BLOB_SIZE);
    free(first.data);
    free(second.data);
}

static void test_free_from_done(void **state)
{
    struct outcome other = {0}, first = {.free_in_done = true};
    (void)state;
    begin(&other, http_server_port(server), BLOB, 0, BLOB_SIZE);
    begin(&first, http_server_port(server), "/pubkey", 0, 3);
    finish(&first);
    net_turn(&loop, 20);
    assert_null(client);
    assert_int_equal(other.done <= 1, true);
    free(other.data);
    free(first.data);
}

/* P-6.3 */
static void test_environment_proxy_is_ignored(void **state)
{
    (void)state;
    setenv("http_proxy", "http://127.0.0.1:1/", 1);
    setenv("all_proxy", "http://127.0.0.1:1/", 1);
    struct outcome o = get(http_server_port(server), "/pubkey", 0, 3);
    assert_true(o.ok);
    free(o.data);
    unsetenv("http_proxy");
    unsetenv("all_proxy");
}

/* Asks for the message list on the condition that it is not this one. */
static void begin_list(struct outcome *o, const char *etag, unsigned wait_s)
{
    struct endpoint ep = {.host = "127.0.0.1", .port = http_server_port(server)};
    struct error e;
    struct http_fetch_config c = {.endpoint = &ep,
                                  .policy = &local,
                                  .path = "/outbox/msglist",
                                  .max_bytes = 1000,
                                  .etag = etag,
                                  .wait_s = wait_s,
                                  .data = on_data,
                                  .done = on_done,
                                  .ctx = o};
    o->fetch = http_fetch(client, &c, &e);
    assert_non_null(o->fetch);
}

/* P-6.7: the same list again comes as 304 and late, a new one at once. */
static void test_message_list(void **state)
{
    char tag[MSGLIST_ETAG_LEN + 1];
    struct outcome none = {0}, first = {0}, same = {0}, over = {0}, fresh[3] = {{0}};
    (void)state;
    begin_list(&none, "\"x\"", 0);
    finish(&none);
    assert_int_equal(none.status, 404);
    http_server_set_msglist(server, (const uint8_t *)"list", 4);
    begin_list(&first, "\"x\"", 50);
    finish(&first);
    assert_true(first.ok);
    assert_memory_equal(first.data, "list", 4);
    msglist_etag((const uint8_t *)"list", 4, tag);
    begin_list(&same, tag, 0);
    finish(&same);
    assert_true(same.ok);
    assert_int_equal(same.status, 304);
    assert_int_equal(same.len, 0);

    begin_list(&over, tag, 1);
    for (int i = 0; i < 60; i++) {
        net_turn(&loop, 5);
        http_server_tick(server);
    }
    assert_int_equal(over.done, 0);
    uint64_t end = uv_hrtime() + 10ull * 1000000000;
    while (over.done == 0 && uv_hrtime() < end) {
        net_turn(&loop, 5);
        http_server_tick(server);
    }
    assert_int_equal(over.status, 304);

    /* more of them than max_parallel, and a transfer beside them */
    for (int i = 0; i < 3; i++)
        begin_list(&fresh[i], tag, 50);
    for (int i = 0; i < 60; i++)
        net_turn(&loop, 5);
    struct outcome beside = get(http_server_port(server), "/pubkey", 0, 10);
    assert_true(beside.ok);
    http_server_set_msglist(server, (const uint8_t *)"newer", 5);
    for (int i = 0; i < 3; i++) {
        finish(&fresh[i]);
        assert_true(fresh[i].ok);
        assert_memory_equal(fresh[i].data, "newer", 5);
        free(fresh[i].data);
    }
    msglist_etag((const uint8_t *)"newer", 5, tag);
    struct outcome left = {0}; /* the server can stop while somebody waits */
    begin_list(&left, tag, 50);
    for (int i = 0; i < 300; i++)
        net_turn(&loop, 5);
    http_server_stop(&server);
    finish(&left); /* answered, or cut off */
    free(beside.data);
    free(first.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_whole_and_rest), TEST(test_message_list),
        TEST(test_refusals),       TEST(test_paths_and_endpoints),
        TEST(test_policy),         TEST(test_many_at_once),
        TEST(test_cancel),         TEST(test_start_from_done),
        TEST(test_free_from_done), TEST(test_environment_proxy_is_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
