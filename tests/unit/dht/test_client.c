/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_client.c - the client against a restante-dht that the test plays (P-8.1 to P-8.10): answers
 * once each, lies, a connection that ends, listening again. */
#include "base/file.h"
#include "base/log.h"
#include "dht/dht.h"
#include "proto/dht_frames.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[64], path[100];
static uv_loop_t loop;
static struct dht *d;
static int server, peer; /* the listening socket, the accepted one */
static struct buf in = BUF_INIT(1 << 20);

static struct {
    unsigned answers, values, heard, links;
    bool ok;
    enum dht_result result;
    enum dht_link link;
    size_t n;
    char data[32], why[64];
    enum dht_presence presence;
    struct dht_status status;
} seen;

static void on_link(void *ctx, enum dht_link link)
{
    seen.links++;
    seen.link = link;
}

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
}

static void on_value(void *ctx, bool ok, const struct dht_value *v)
{
    seen.ok = ok;
    seen.values += v != NULL;
    seen.answers += v == NULL;
    if (v != NULL)
        (void)snprintf(seen.data, sizeof seen.data, "%.*s", (int)v->len, (const char *)v->data);
}

static void on_look(void *ctx, bool ok, enum dht_presence presence)
{
    seen.answers++;
    seen.ok = ok;
    seen.presence = presence;
}

static void on_status(void *ctx, bool ok, const struct dht_status *st)
{
    seen.answers++;
    seen.ok = ok;
    if (ok)
        seen.status = *st;
}

static void on_heard(void *ctx, const struct dht_value *v)
{
    seen.heard++;
    (void)snprintf(seen.data, sizeof seen.data, "%.*s", (int)v->len, (const char *)v->data);
}

/* Lets the client do what there is to do. */
static void spin(void)
{
    for (int i = 0; i < 20; i++) {
        uv_run(&loop, UV_RUN_NOWAIT);
        usleep(500);
    }
}

static void say(const struct dht_frame *f)
{
    struct buf b = BUF_INIT(1 << 20);
    struct error e;
    assert_int_equal(dht_frame_encode(&b, f), 0);
    assert_int_equal(write_all(peer, b.data, b.len, &e), 0);
    buf_free(&b);
    spin();
}

static void say_link(enum frame_link link)
{
    say(&(struct dht_frame){.verb = FRAME_LINK, .link = link});
}

static void accept_peer(void)
{
    spin();
    peer = accept(server, NULL, NULL);
    assert_true(peer >= 0);
    struct timeval patience = {.tv_sec = 5};
    assert_int_equal(setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    in.len = 0;
    spin();
}

/* The next request. Its spans stay good until the next call. */
static struct dht_frame asked(void)
{
    static size_t used;
    struct dht_frame f;
    struct error e;
    size_t n = 0;
    spin();
    if (in.len == 0)
        used = 0;
    buf_consume(&in, used);
    while (dht_frame_split(in.data, in.len, &n, &e) == 0 && n == 0) {
        ssize_t got = recv(peer, buf_reserve(&in, 65536), 65536, 0);
        assert_true(got > 0);
        in.len += (size_t)got;
    }
    assert_true(n > FRAME_HEAD);
    used = n;
    assert_int_equal(dht_frame_decode(in.data + FRAME_HEAD, n - FRAME_HEAD, &f, &e), 0);
    return f;
}

static struct dht_frame value_frame(enum frame_verb verb, uint32_t request, const char *key,
                                    const char *value)
{
    struct dht_frame f = {.verb = verb, .request = request, .expiry = 1900000000};
    uint8_t infohash[INFOHASH_LEN], hash[HASH_LEN];
    f.value = (struct span){(const uint8_t *)value, strlen(value)};
    memset(f.lock, 5, HASH_LEN);
    entry_infohash(key, infohash);
    sha256(value, strlen(value), hash);
    entry_id(infohash, f.lock, hash, f.id);
    return f;
}

static int set_up(void **state)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct error e;
    memset(&seen, 0, sizeof seen);
    (void)snprintf(folder, sizeof folder, "/tmp/restante-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/dht.sock", folder);
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    server = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(server, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(server, 5), 0);
    uv_loop_init(&loop);
    d = dht_connect(&loop, path, on_link, NULL, &e);
    assert_non_null(d);
    accept_peer();
    return 0;
}

static int tear_down(void **state)
{
    dht_free(&d);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    close(peer);
    close(server);
    unlink(path);
    rmdir(folder);
    buf_free(&in);
    return 0;
}

static void links(void **state)
{
    assert_int_equal(dht_link_state(d), DHT_DOWN);
    say_link(FRAME_ALONE);
    assert_int_equal(seen.link, DHT_ALONE);
    say_link(FRAME_CONNECTED);
    say_link(FRAME_CONNECTED);
    assert_int_equal(seen.links, 2);
    assert_int_equal(dht_link_state(d), DHT_CONNECTED);
}

static void answers(void **state)
{
    static const uint8_t some[2 * DHT_ID_LEN] = {1};
    uint8_t lock[HASH_LEN] = {7}, token[HASH_LEN] = {8}, hash[HASH_LEN] = {9};
    dht_put(d, "ns:bob@demo", "hello", 5, 1900000000, lock, on_done, NULL);
    dht_del(d, "ns:bob@demo", hash, token, on_done, NULL);
    struct dht_frame f = asked();
    assert_int_equal(f.verb, FRAME_PUT);
    assert_string_equal(f.key, "ns:bob@demo");
    assert_memory_equal(f.value.p, "hello", 5);
    assert_int_equal(f.expiry, 1900000000);
    assert_memory_equal(f.lock, lock, HASH_LEN);
    struct dht_frame del = asked();
    assert_int_equal(del.verb, FRAME_DEL);
    assert_memory_equal(del.token, token, HASH_LEN);
    assert_memory_equal(del.value_hash, hash, HASH_LEN);
    say(&(struct dht_frame){.verb = FRAME_DONE, .request = del.request, .why = "absent"});
    assert_int_equal(seen.answers, 1);
    assert_false(seen.ok);
    assert_string_equal(seen.why, "absent");
    assert_int_equal(seen.result, DHT_WAS_ABSENT);
    say(&(struct dht_frame){.verb = FRAME_DONE, .request = f.request, .ok = true});
    assert_int_equal(seen.answers, 2);
    assert_true(seen.ok);

    dht_list(d, "ns:bob@demo", on_list, NULL);
    f = asked();
    struct dht_frame ids = {.verb = FRAME_IDS, .request = f.request, .ok = true, .more = true};
    ids.ids = (struct span){some, sizeof some};
    say(&ids);
    assert_int_equal(seen.answers, 2);
    ids.more = false;
    say(&ids);
    assert_int_equal(seen.answers, 3);
    assert_int_equal(seen.n, 4);

    dht_look(d, "ns:bob@demo", some, on_look, NULL);
    f = asked();
    assert_int_equal(f.verb, FRAME_LOOK);
    say(&(struct dht_frame){
        .verb = FRAME_PRESENCE, .request = f.request, .ok = true, .presence = FRAME_DELETED});
    assert_int_equal(seen.presence, DHT_DELETED);

    dht_get_status(d, on_status, NULL);
    f = asked();
    struct dht_frame st = {.verb = FRAME_STATE, .request = f.request};
    st.state = (struct frame_state){.link = FRAME_CONNECTED, .good_nodes = 5, .port4 = 4280};
    say(&st);
    assert_int_equal(seen.status.good_nodes, 5);
    assert_int_equal(seen.status.port4, 4280);
    assert_int_equal(seen.status.link, DHT_CONNECTED);
    assert_int_equal(strlen(seen.status.node_id), 40);
    assert_int_equal(seen.answers, 5);
}

static void only_bound_values(void **state)
{
    uint8_t ids[DHT_ID_LEN] = {0};
    dht_get(d, "ns:bob@demo", ids, 1, on_value, NULL);
    struct dht_frame f = asked();
    assert_int_equal(f.ids.n, DHT_ID_LEN);
    struct dht_frame v = value_frame(FRAME_VALUE, f.request, "ns:bob@demo", "true");
    say(&v);
    assert_int_equal(seen.values, 1);
    assert_string_equal(seen.data, "true");
    v = value_frame(FRAME_VALUE, f.request, "ns:eve@demo", "of another key");
    say(&v);
    v = value_frame(FRAME_VALUE, f.request, "ns:bob@demo", "false");
    v.lock[0]++;
    say(&v);
    assert_int_equal(seen.values, 1);
    say(&(struct dht_frame){.verb = FRAME_DONE, .request = f.request, .ok = true});
    assert_int_equal(seen.answers, 1);
    assert_true(seen.ok);
}

static void end_and_again(void **state)
{
    say_link(FRAME_CONNECTED);
    assert_int_equal(dht_listen(d, "ns:bob@demo", on_heard, NULL), 0);
    struct dht_frame f = asked();
    assert_int_equal(f.verb, FRAME_LISTEN);
    say(&(struct dht_frame){.verb = FRAME_DONE, .request = f.request, .ok = true});
    struct dht_frame v = value_frame(FRAME_HEARD, f.request, "ns:bob@demo", "one");
    say(&v);
    assert_int_equal(seen.heard, 1);
    assert_string_equal(seen.data, "one");
    dht_list(d, "a", on_list, NULL);
    dht_get(d, "a", NULL, 0, on_value, NULL);
    (void)asked();
    close(peer);
    spin();
    assert_int_equal(seen.answers, 2);
    assert_false(seen.ok);
    assert_int_equal(seen.link, DHT_DOWN);
    /* Down: answered, but not inside the call. */
    dht_list(d, "a", on_list, NULL);
    assert_int_equal(seen.answers, 2);
    spin();
    assert_int_equal(seen.answers, 3);

    for (int i = 0; i < 30; i++) /* it comes again by itself */
        spin();
    accept_peer();
    f = asked();
    assert_int_equal(f.verb, FRAME_LISTEN);
    assert_string_equal(f.key, "ns:bob@demo");
    v = value_frame(FRAME_HEARD, f.request, "ns:bob@demo", "two");
    say(&v);
    assert_int_equal(seen.heard, 2);
    assert_string_equal(seen.data, "two");
}

static void nonsense_ends_the_connection(void **state)
{
    say_link(FRAME_CONNECTED);
    dht_list(d, "a", on_list, NULL);
    (void)asked();
    /* An answer to nothing. */
    say(&(struct dht_frame){.verb = FRAME_DONE, .request = 999, .ok = true});
    assert_int_equal(seen.answers, 1);
    assert_false(seen.ok);
    assert_int_equal(seen.link, DHT_DOWN);
    for (int i = 0; i < 30; i++)
        spin();
    close(peer);
    accept_peer();
    say_link(FRAME_CONNECTED);
    dht_list(d, "a", on_list, NULL);
    struct dht_frame f = asked();
    /* An answer of the wrong kind. */
    say(&(struct dht_frame){.verb = FRAME_DONE, .request = f.request, .ok = true});
    assert_int_equal(seen.answers, 2);
    assert_int_equal(seen.link, DHT_DOWN);
    for (int i = 0; i < 30; i++)
        spin();
    close(peer);
    accept_peer();
    say_link(FRAME_CONNECTED);
    assert_int_equal(write(peer, "\xff\xff\xff\xff", 4), 4);
    spin();
    assert_int_equal(seen.link, DHT_DOWN);
}

static void wrong_requests_are_answered(void **state)
{
    static char key[FRAME_KEY_MAX + 2], value[FRAME_VALUE_MAX + 1];
    uint8_t lock[HASH_LEN] = {7};
    memset(key, 'k', sizeof key - 1);
    dht_list(d, key, on_list, NULL);
    dht_put(d, "a", value, sizeof value, 1900000000, lock, on_done, NULL);
    dht_list(d, "", on_list, NULL);
    assert_int_equal(dht_listen(d, key, on_heard, NULL), -1);
    assert_int_equal(seen.answers, 0);
    spin();
    assert_int_equal(seen.answers, 3);
    assert_false(seen.ok);
}

static void freeing_answers(void **state)
{
    dht_list(d, "a", on_list, NULL);
    dht_get(d, "a", NULL, 0, on_value, NULL);
    dht_list(d, "", on_list, NULL); /* one that was never asked */
    dht_free(&d);
    assert_null(d);
    assert_int_equal(seen.answers, 3);
    assert_false(seen.ok);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(links, set_up, tear_down),
        cmocka_unit_test_setup_teardown(answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_bound_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(end_and_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nonsense_ends_the_connection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_requests_are_answered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(freeing_answers, set_up, tear_down),
    };
    log_open("/dev/null", LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
