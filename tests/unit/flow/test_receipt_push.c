/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_receipt_push.c - receipts on their way to a sender that is there, and to one that is not,
 * refuses, lies, or knows nothing of this: whatever it does, each is told of once, and only the
 * proof that p gives counts (P-6.8, P-6.9, P-3.11). The sender is the real HTTP server. */
#include "flow/peers/endpoint_lookup.h"
#include "flow/receiver/receipt_push.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "base/file.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define SENDER "alice@demo"
#define MANY (RECEIPTS_MAX + 20)

enum manner { TAKES, REFUSES_FIRST, LIES, ONE_MORE, GARBAGE, REFUSES, SILENT };

static uv_loop_t loop;
static uv_async_t wake;
static const struct module *const modules[] = {&endpoint_lookup_module, &receipt_push_module, NULL};
static struct services sv;
static char folder[] = "/tmp/restante-hand-XXXXXX";
static enum manner manner;
static struct incoming in[MANY];
static size_t requests, told, taken;

/* What the sender says to the receipts of a request; all of these have the same p. */
static void answer(uint64_t number, const uint8_t *body, size_t n)
{
    struct receipt r[RECEIPTS_MAX];
    struct receipt_answer a[RECEIPTS_MAX + 1] = {0};
    struct buf out = BUF_INIT(2 * RECEIPTS_BODY_MAX);
    struct error e;
    size_t count;
    assert_int_equal(receipts_decode(body, n, r, &count, &e), 0);
    for (size_t i = 0; i < count; i++) {
        a[i].taken = manner != REFUSES_FIRST || i > 0;
        receipt_proof(in[0].p, r[i].value, a[i].proof);
        if (manner == LIES)
            a[i].proof[31] ^= 1;
    }
    if (manner == GARBAGE)
        assert_int_equal(buf_append(&out, "nonsense", 8), 0);
    else
        assert_int_equal(answers_encode(a, count + (manner == ONE_MORE), &out), 0);
    if (manner == REFUSES)
        http_server_reply(sv.server, number, 404, NULL, 0);
    else if (manner != SILENT)
        http_server_reply(sv.server, number, 200, out.data, out.len);
    buf_free(&out);
}

static void on_wake(uv_async_t *w)
{
    uint8_t body[RECEIPTS_BODY_MAX];
    uint64_t number;
    size_t n;
    while ((number = http_server_post(sv.server, body, &n)) != 0) {
        requests++;
        answer(number, body, n);
    }
}

static void on_post(void *ctx)
{
    (void)uv_async_send(ctx);
}

static void on_told(void *ctx, bool is_taken)
{
    bool *one = ctx;
    assert_false(*one); /* once */
    *one = true;
    told++;
    taken += is_taken;
}

/* Hands over so many at once and waits for all. */
static void hand(size_t count)
{
    static bool done[MANY];
    requests = told = taken = 0;
    memset(done, 0, sizeof done);
    for (size_t i = 0; i < count; i++) {
        struct receipt r = {{(uint8_t)i}, {(uint8_t)i, 7}};
        assert_true(receipt_push(&sv, &in[i], &r, on_told, &done[i]));
    }
    while (told < count)
        if (uv_run(&loop, UV_RUN_NOWAIT) != 0)
            (void)usleep(500);
    assert_true(receipt_push_idle(&sv));
}

static void is_at(uint16_t port)
{
    struct endpoint ep = {.host = "127.0.0.1", .port = port};
    endpoint_lookup_served(&sv, SENDER, in[0].fpr, &ep);
}

static int set(void **state)
{
    manner = TAKES;
    is_at(http_server_port(sv.server));
    return 0;
}

static void test_taken(void **state)
{
    hand(1);
    assert_int_equal(taken, 1);
    assert_int_equal(requests, 1);
}

/* The first goes at once; what comes meanwhile goes together. */
static void test_many(void **state)
{
    hand(MANY);
    assert_int_equal(taken, MANY);
    assert_int_equal(requests, 3);
}

static void test_one_by_one(void **state)
{
    manner = REFUSES_FIRST;
    hand(11);
    assert_int_equal(taken, 9); /* not the first of each of two requests */
    assert_int_equal(requests, 2);
}

static void test_not_taken(void **state)
{
    static const enum manner m[] = {LIES, ONE_MORE, GARBAGE, REFUSES};
    for (size_t i = 0; i < sizeof m / sizeof *m; i++) {
        manner = m[i];
        hand(3);
        assert_int_equal(taken, 0);
    }
}

/* A peer that says nothing is not waited for. */
static void test_silent(void **state)
{
    manner = SILENT;
    hand(2);
    assert_int_equal(taken, 0);
    struct receipt r = {{1}, {1}};
    bool done = false;
    assert_false(receipt_push(&sv, &in[0], &r, on_told, &done)); /* it is not there any more */
}

static void test_older_peer(void **state)
{
    http_server_on_post(sv.server, NULL, NULL);
    hand(2);
    assert_int_equal(taken, 0);
    http_server_on_post(sv.server, on_post, &wake);
}

static void test_gone(void **state)
{
    struct receipt r = {{1}, {1}};
    bool done = false;
    is_at(1); /* nobody listens there */
    hand(3);
    assert_int_equal(taken, 0);
    assert_false(receipt_push(&sv, &in[0], &r, on_told, &done));
}

/* Only to whom served with this key, and never elsewhere than the policy allows. */
static void test_nowhere(void **state)
{
    struct receipt r = {{1}, {1}};
    struct incoming other = in[0];
    bool done = false;
    other.fpr[0] ^= 1;
    assert_false(receipt_push(&sv, &other, &r, on_told, &done));
    other = in[0];
    (void)strcpy(other.sender, "carol@demo");
    assert_false(receipt_push(&sv, &other, &r, on_told, &done));
    sv.policy.loopback = false;
    hand(1);
    assert_int_equal(taken, 0);
    assert_int_equal(requests, 0);
    sv.policy.loopback = true;
}

static int make(void **state)
{
    struct error e = {""};
    struct http_client_config client = {.connect_seconds = 5};
    struct http_server_config server = {.host = "127.0.0.1", .outbox_dir = folder};
    if (mkdtemp(folder) == NULL || uv_loop_init(&loop) < 0)
        return -1;
    sv = (struct services){.loop = &loop, .policy = {.loopback = true}};
    if (modules_start(&sv, modules, &e) < 0)
        return -1;
    sv.http = http_client_new(&loop, &client, &e);
    sv.server = http_server_start(&server, &e);
    if (sv.http == NULL || sv.server == NULL || uv_async_init(&loop, &wake, on_wake) < 0)
        return -1;
    for (size_t i = 0; i < MANY; i++) {
        (void)strcpy(in[i].sender, SENDER);
        memset(in[i].fpr, 3, FPR_LEN);
        memset(in[i].p, 5, SECRET_LEN);
    }
    http_server_on_post(sv.server, on_post, &wake);
    return 0;
}

static int unmake(void **state)
{
    modules_free(&sv, modules);
    http_client_free(&sv.http);
    http_server_stop(&sv.server);
    uv_close((uv_handle_t *)&wake, NULL);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop) < 0 || rmdir(folder) < 0 ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_taken, set),      cmocka_unit_test_setup(test_many, set),
        cmocka_unit_test_setup(test_one_by_one, set), cmocka_unit_test_setup(test_not_taken, set),
        cmocka_unit_test_setup(test_silent, set),     cmocka_unit_test_setup(test_older_peer, set),
        cmocka_unit_test_setup(test_gone, set),       cmocka_unit_test_setup(test_nowhere, set),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
