/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_live.c - the client with a real restante-dht, which is killed and started again: what was
 * asked is answered, and what was listened to is heard again. The argument is the program. */
#include "base/clock.h"
#include "base/log.h"
#include "dht/dht.h"
#include "proto/entry.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static const char *program;
static char folder[64], path[100];
static uv_loop_t loop;
static pid_t pid;

static struct {
    unsigned answers, heard;
    bool ok;
    enum dht_link link;
    size_t n;
    uint8_t ids[64];
    char data[32];
} seen;

static void start(void)
{
    pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return;
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    execl(program, program, "--socket", path, "--bind", "127.0.0.1", "--bind6", "none", "--port",
          "0", (char *)NULL);
    _exit(127);
}

static void kill9(void)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void on_link(void *ctx, enum dht_link link)
{
    seen.link = link;
}

static void on_done(void *ctx, enum dht_result r, const char *why)
{
    seen.answers++;
    seen.ok = r == DHT_OK;
}

static void on_list(void *ctx, bool ok, const uint8_t *ids, size_t n)
{
    seen.answers++;
    seen.ok = ok;
    seen.n = n;
    if (n > 0 && n * DHT_ID_LEN <= sizeof seen.ids)
        memcpy(seen.ids, ids, n * DHT_ID_LEN);
}

static void on_value(void *ctx, bool ok, const struct dht_value *v)
{
    seen.answers += v == NULL;
    seen.ok = ok;
    if (v != NULL)
        (void)snprintf(seen.data, sizeof seen.data, "%.*s", (int)v->len, (const char *)v->data);
}

static void on_heard(void *ctx, const struct dht_value *v)
{
    seen.heard++;
    (void)snprintf(seen.data, sizeof seen.data, "%.*s", (int)v->len, (const char *)v->data);
}

#define WAIT_FOR(condition)                                                                        \
    do {                                                                                           \
        int64_t end_ = clock_mono_ms() + 10000;                                                    \
        while (!(condition) && clock_mono_ms() < end_) {                                           \
            uv_run(&loop, UV_RUN_NOWAIT);                                                          \
            usleep(1000);                                                                          \
        }                                                                                          \
        assert_true(condition);                                                                    \
    } while (0)

static void put(struct dht *d, const char *value, uint8_t token_octet)
{
    uint8_t token[HASH_LEN] = {token_octet}, lock[HASH_LEN];
    unsigned before = seen.answers;
    entry_lock(token, lock);
    dht_put(d, "ns:bob@demo", value, strlen(value), clock_wall_ms() / 1000 + 600, lock, on_done,
            NULL);
    WAIT_FOR(seen.answers == before + 1);
}

static void killed_and_back(void **state)
{
    struct error e;
    uint8_t token[HASH_LEN] = {1}, hash[HASH_LEN];
    struct dht *d = dht_connect(&loop, path, on_link, NULL, &e); /* before it is there */
    assert_non_null(d);
    assert_int_equal(dht_listen(d, "ns:bob@demo", on_heard, NULL), 0);
    start();
    WAIT_FOR(seen.link == DHT_ALONE);
    put(d, "one", 1);
    assert_true(seen.ok);
    WAIT_FOR(seen.heard == 1);
    dht_list(d, "ns:bob@demo", on_list, NULL);
    WAIT_FOR(seen.answers == 2);
    assert_true(seen.ok);
    assert_int_equal(seen.n, 1);
    seen.data[0] = '\0';
    dht_get(d, "ns:bob@demo", seen.ids, 1, on_value, NULL);
    WAIT_FOR(seen.answers == 3);
    assert_string_equal(seen.data, "one");

    dht_list(d, "ns:bob@demo", on_list, NULL); /* on its way when it dies */
    kill9();
    WAIT_FOR(seen.answers == 4 && seen.link == DHT_DOWN);
    put(d, "nobody there", 1);
    assert_false(seen.ok);

    start(); /* over the dead socket */
    WAIT_FOR(seen.link == DHT_ALONE);
    put(d, "two", 1);
    assert_true(seen.ok);
    WAIT_FOR(seen.heard == 2);
    assert_string_equal(seen.data, "two");
    sha256("two", 3, hash);
    unsigned before = seen.answers;
    token[0] = 2;
    dht_del(d, "ns:bob@demo", hash, token, on_done, NULL);
    WAIT_FOR(seen.answers == before + 1);
    assert_false(seen.ok);
    token[0] = 1;
    dht_del(d, "ns:bob@demo", hash, token, on_done, NULL);
    WAIT_FOR(seen.answers == before + 2);
    assert_true(seen.ok);

    dht_free(&d);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static int set_up(void **state)
{
    (void)snprintf(folder, sizeof folder, "/tmp/restante-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/dht.sock", folder);
    return uv_loop_init(&loop);
}

static int tear_down(void **state)
{
    kill9();
    unlink(path);
    return rmdir(folder);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(killed_and_back, set_up, tear_down),
    };
    if (argc != 2)
        return 1;
    program = argv[1];
    signal(SIGPIPE, SIG_IGN);
    log_open("/dev/null", LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
