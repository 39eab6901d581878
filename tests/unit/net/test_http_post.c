/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_http_post.c - POST /receipt: what comes is handed to another thread, and its answer sent. */
#include "http_server_test.h"
#include "proto/limits.h"
#include <pthread.h>
#include <string.h>
#include <unistd.h>

static atomic_int posts;

static void on_post(void *ctx)
{
    assert_ptr_equal(ctx, &posts);
    posts++;
}

struct poster {
    const char *headers;
    int status;
};

static void *post_run(void *arg)
{
    struct poster *p = arg;
    p->status = ask("POST", "/receipt", p->headers);
    return NULL;
}

/* Waits until one has come. */
static uint64_t next_post(uint8_t *octets, size_t *n)
{
    uint64_t number = 0;
    for (int i = 0; i < 1000 && number == 0; i++) {
        number = http_server_post(server, octets, n);
        if (number == 0)
            usleep(5000);
    }
    return number;
}

/* P-6.8 */
static void test_post(void **state)
{
    struct poster p = {"Content-Length: 5\r\n\r\nhello", 0};
    uint8_t octets[RECEIPTS_BODY_MAX];
    size_t n = 0;
    pthread_t thread;
    (void)state;
    posts = 0;
    assert_int_equal(ask("POST", "/receipt", p.headers), 503); /* nobody takes them yet */
    http_server_on_post(server, on_post, &posts);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&thread, NULL, post_run, &p), 0);
        uint64_t number = next_post(octets, &n);
        assert_true(number != 0);
        assert_int_equal(n, 5);
        assert_memory_equal(octets, "hello", 5);
        assert_int_equal(http_server_post(server, octets, &n), 0); /* it is taken once */
        http_server_reply(server, number + 7, 200, (const uint8_t *)"wrong", 5);
        if (i == 0)
            http_server_reply(server, number, 200, (const uint8_t *)"answer", 6);
        else
            http_server_reply(server, number, 400, NULL, 0);
        pthread_join(thread, NULL);
        assert_int_equal(p.status, i == 0 ? 200 : 400);
        assert_string_equal(body, i == 0 ? "answer" : "");
        assert_int_equal(has("Content-Type: application/cbor\r\n"), i == 0);
        http_server_reply(server, number, 200, (const uint8_t *)"late", 4);
    }
    assert_int_equal(posts, 2);
}

/* P-6.8: of a body only an announced length within the cap is read. */
static void test_post_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "Content-Length: 0\r\n",
                                      "Content-Length: 1411\r\n\r\nx",
                                      "Content-Length: 99999\r\n\r\nx",
                                      "Content-Length: 999999999999\r\n\r\nx",
                                      "Content-Length: 18446744073709551617\r\n\r\nx",
                                      "Content-Length: -1\r\n\r\nx",
                                      "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"};
    uint8_t octets[RECEIPTS_BODY_MAX];
    size_t n;

    (void)state;
    posts = 0;
    http_server_on_post(server, on_post, &posts);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int status = ask("POST", "/receipt", bad[i]);
        if (status != 413 && status != 400)
            fail_msg("%s gave %d", bad[i], status);
    }
    assert_int_equal(get("/receipt", ""), 405);
    assert_true(has("\r\nAllow: POST\r\n"));
    assert_int_equal(ask("POST", "/receipt?", "Content-Length: 1\r\n\r\nx"), 405);
    assert_int_equal(ask("POST", "/receipt/", "Content-Length: 1\r\n\r\nx"), 405);
    assert_int_equal(posts, 0);
    assert_int_equal(http_server_post(server, octets, &n), 0);
    assert_int_equal(get("/outbox/" HEX, ""), 200);
}

/* Nobody answers: stopping does not wait for it, and neither does who asked. */
static void test_post_unanswered(void **state)
{
    struct poster p = {"Content-Length: 5\r\n\r\nhello", 0};
    uint8_t octets[RECEIPTS_BODY_MAX];
    size_t n;
    pthread_t thread;
    (void)state;
    http_server_on_post(server, on_post, &posts);
    assert_int_equal(pthread_create(&thread, NULL, post_run, &p), 0);
    assert_true(next_post(octets, &n) != 0);
    http_server_tick(server); /* its time is not over */
    uint16_t port = http_server_port(server);
    http_server_stop(&server);
    pthread_join(thread, NULL);
    assert_true(p.status == 503 || p.status == 0);
    assert_true(net_connect(port) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_post),
        TEST(test_post_refused),
        TEST(test_post_unanswered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
