/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_peer_link.c - which way a request to a peer takes, and what is said when there is none. The
 * peer is the real HTTP server. */
#include "flow/peers/peer_link.h"
#include "base/file.h"
#include "net/http_server.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static uv_loop_t loop;
static struct services sv;
static char folder[] = "/tmp/restante-link-XXXXXX";
static struct endpoint place = {.host = "127.0.0.1"};
static int status;
static size_t octets, answers;

static int on_octets(void *ctx, const uint8_t *p, size_t n)
{
    octets += n;
    return 0;
}

static void on_answer(void *ctx, bool ok, int code, const char *why)
{
    answers++;
    status = code;
}

static struct peer_request request(void)
{
    return (struct peer_request){
        .address = "alice@demo",
        .fpr = sv.fpr,
        .endpoint = &place,
        .http = {.path = "/pubkey", .max_bytes = 100, .data = on_octets, .done = on_answer}};
}

/* Asks, and waits for the one answer. */
static void ask(const struct peer_request *r)
{
    struct error e;
    answers = octets = 0;
    assert_int_equal(peer_link_begin(&sv, r, &e), 0);
    assert_int_equal(answers, 0); /* never before it returned */
    while (answers == 0)
        if (uv_run(&loop, UV_RUN_NOWAIT) != 0)
            (void)usleep(500);
    (void)uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(answers, 1);
}

static void test_http_to_an_endpoint(void **state)
{
    struct peer_request r = request();
    sv.policy.loopback = true;
    assert_true(peer_link_takes(&sv, &r));
    ask(&r);
    assert_int_equal(status, 200);
    assert_int_equal(octets, 3);
}

/* P-2.7: whoever asks, the way itself keeps to the rule on addresses. */
static void test_an_address_that_is_not_connected_to(void **state)
{
    struct peer_request r = request();
    sv.policy.loopback = false;
    ask(&r);
    assert_int_equal(status, HTTP_LOOPBACK);
    struct endpoint home = {.host = "10.255.255.1", .port = 9};
    r.endpoint = &home;
    ask(&r);
    assert_int_equal(status, HTTP_PRIVATE);
    r.own = true; /* its key's own peer: private, but not this computer itself */
    r.endpoint = &place;
    ask(&r);
    assert_int_equal(status, HTTP_LOOPBACK);
}

static void test_no_way(void **state)
{
    struct peer_request r = request();
    struct error e = {""};
    r.endpoint = NULL;
    assert_false(peer_link_takes(&sv, &r));
    answers = 0;
    assert_int_equal(peer_link_begin(&sv, &r, &e), -1);
    assert_non_null(strstr(e.text, "alice@demo"));
    r = request();
    struct http_client *away = sv.http;
    sv.http = NULL; /* this peer stops */
    assert_int_equal(peer_link_begin(&sv, &r, &e), -1);
    sv.http = away;
    r.http.path = "/etc/passwd";
    assert_true(peer_link_takes(&sv, &r));
    assert_int_equal(peer_link_begin(&sv, &r, &e), -1);
    (void)uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(answers, 0);
}

static int make(void **state)
{
    struct error e;
    struct http_client_config client = {.connect_seconds = 5};
    struct http_server_config server = {.host = "127.0.0.1", .outbox_dir = folder};
    if (mkdtemp(folder) == NULL || uv_loop_init(&loop) < 0)
        return -1;
    sv = (struct services){.loop = &loop};
    sv.http = http_client_new(&loop, &client, &e);
    sv.server = http_server_start(&server, &e);
    if (sv.http == NULL || sv.server == NULL)
        return -1;
    http_server_set_pubkey(sv.server, (const uint8_t *)"key", 3);
    place.port = http_server_port(sv.server);
    return 0;
}

static int unmake(void **state)
{
    http_client_free(&sv.http);
    http_server_stop(&sv.server);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop) < 0 || rmdir(folder) < 0 ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_to_an_endpoint),
        cmocka_unit_test(test_an_address_that_is_not_connected_to),
        cmocka_unit_test(test_no_way),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
