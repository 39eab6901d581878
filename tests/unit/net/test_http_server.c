/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_http_server.c - the fixed paths as a stranger sees them: ranges, tags, tricks. */
#include "net_test.h"
#include "net/http_server.h"
#include "proto/limits.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define LINK "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIR_ "2123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define NONE "3123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define EMPTY "4123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ONE "6123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define FIFO "5123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define TAG "\"" HEX "\""

static struct http_server *server;
static char *dir;
static atomic_int fetches;

static void on_fetch(void *ctx, const uint8_t hash[HASH_LEN])
{
    char hex[HASH_HEX + 1];

    assert_ptr_equal(ctx, &server);
    hex_encode(hash, HASH_LEN, hex);
    assert_true(strcmp(hex, HEX) == 0 || strcmp(hex, EMPTY) == 0);
    fetches++;
}

static int start(unsigned idle_seconds)
{
    char path[300];
    struct error e;

    fetches = 0;
    dir = net_tmpdir();
    net_file(dir, HEX, "0123456789", 10);
    net_file(dir, HEX ".chunks", "chunks", 6);
    net_file(dir, EMPTY, "", 0);
    net_file(dir, "msglist", "list", 4);
    net_file(dir, "secret", "secret", 6);
    snprintf(path, sizeof(path), "%s/" LINK, dir);
    assert_int_equal(symlink("secret", path), 0);
    snprintf(path, sizeof(path), "%s/" DIR_, dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/" FIFO, dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    struct http_server_config c = {.host = "127.0.0.1",
                                   .outbox_dir = dir,
                                   .idle_seconds = idle_seconds,
                                   .max_connections = 8,
                                   .max_per_ip = 4,
                                   .on_fetch = on_fetch,
                                   .ctx = &server};
    server = http_server_start(&c, &e);
    assert_non_null(server);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    return start(30);
}

static int setup_impatient(void **state)
{
    (void)state;
    return start(1);
}

static int teardown(void **state)
{
    (void)state;
    http_server_stop(&server);
    assert_null(server);
    net_rmdir(dir);
    return 0;
}

static char answer[65536];
static const char *body;

/* Sends a request and reads the answer to the end; its status, 0 for none. */
static int ask(const char *method, const char *uri, const char *headers)
{
    char request[12000];
    int fd = net_connect(http_server_port(server));

    assert_true(fd >= 0);
    snprintf(request, sizeof(request), "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n",
             method, uri, headers);
    net_puts(fd, request);
    ssize_t n = net_read_all(fd, answer, sizeof(answer) - 1);
    close(fd);
    answer[n > 0 ? n : 0] = '\0';
    body = strstr(answer, "\r\n\r\n");
    body = body != NULL ? body + 4 : "";
    return n > 12 ? atoi(answer + 9) : 0;
}

static int get(const char *uri, const char *headers)
{
    return ask("GET", uri, headers);
}

static bool has(const char *header)
{
    return strstr(answer, header) != NULL;
}

/* A receipt goes over the connection of the pull before it. */
static void test_connection_stays(void **state)
{
    static const char twice[] =
        "GET /outbox/" HEX " HTTP/1.1\r\nHost: x\r\n\r\n"
        "GET /outbox/" HEX " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    (void)state;
    int fd = net_connect(http_server_port(server));
    assert_true(fd >= 0);
    net_puts(fd, twice);
    ssize_t n = net_read_all(fd, answer, sizeof(answer) - 1);
    close(fd);
    answer[n > 0 ? n : 0] = '\0';
    char *second = strstr(answer + 1, "HTTP/1.1 200");
    assert_non_null(second);
    assert_memory_equal(second - 10, "0123456789", 10);
    assert_string_equal(second + strlen(second) - 10, "0123456789");
}

static void test_whole(void **state)
{
    (void)state;
    assert_int_equal(get("/outbox/" HEX, ""), 200);
    assert_string_equal(body, "0123456789");
    assert_true(has("\r\nETag: " TAG "\r\n"));
    assert_true(has("\r\nAccept-Ranges: bytes\r\n"));
    assert_true(has("\r\nContent-Type: application/octet-stream\r\n"));
    assert_true(has("\r\nX-Content-Type-Options: nosniff\r\n"));
    assert_true(has("\r\nContent-Length: 10\r\n"));
    assert_false(has("Server:"));
    assert_int_equal(fetches, 1);
    assert_int_equal(get("/outbox/" HEX "/chunks", ""), 200);
    assert_string_equal(body, "chunks");
    assert_int_equal(fetches, 1);
    assert_int_equal(get("/outbox/" EMPTY, ""), 200);
    assert_string_equal(body, "");
}

/* P-5.4: its list is its own hash, and in no file. */
static void test_one_chunk(void **state)
{
    uint8_t hash[HASH_LEN];
    struct stat st;
    char path[300];
    (void)state;
    net_file(dir, ONE, "one", 3);
    assert_int_equal(hex_decode(ONE, hash, HASH_LEN), 0);
    assert_int_equal(get("/outbox/" ONE "/chunks", ""), 200);
    assert_true(has("\r\nContent-Length: 32\r\n"));
    assert_true(has("\r\nETag: \"" ONE ".chunks\"\r\n"));
    assert_memory_equal(body, hash, HASH_LEN);
    assert_int_equal(fetches, 0);
    snprintf(path, sizeof(path), "%s/" ONE ".fetched", dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(get("/outbox/" ONE "/chunks", "If-None-Match: \"" ONE ".chunks\"\r\n"), 304);
    snprintf(path, sizeof(path), "%s/" ONE, dir);
    assert_int_equal(truncate(path, CHUNK_LEN + 1), 0);
    assert_int_equal(get("/outbox/" ONE "/chunks", ""), 404);
    assert_int_equal(get("/outbox/" NONE "/chunks", ""), 404);
}

static void test_head(void **state)
{
    (void)state;
    assert_int_equal(ask("HEAD", "/outbox/" HEX, ""), 200);
    assert_true(has("\r\nContent-Length: 10\r\n"));
    assert_string_equal(body, "");
    assert_int_equal(ask("HEAD", "/outbox/" NONE, ""), 404);
    assert_int_equal(fetches, 0);
}

/* P-6.2 */
static void test_ranges(void **state)
{
    (void)state;
    assert_int_equal(get("/outbox/" HEX, "Range: bytes=3-5\r\n"), 206);
    assert_string_equal(body, "345");
    assert_true(has("\r\nContent-Range: bytes 3-5/10\r\n"));
    assert_int_equal(get("/outbox/" HEX, "Range: bytes=7-\r\n"), 206);
    assert_string_equal(body, "789");
    assert_int_equal(get("/outbox/" HEX, "Range: bytes=-2\r\n"), 206);
    assert_string_equal(body, "89");
    assert_int_equal(get("/outbox/" HEX, "Range: bytes=0-1,4-5\r\n"), 200);
    assert_string_equal(body, "0123456789");
    assert_int_equal(fetches, 4);
    assert_int_equal(get("/outbox/" HEX, "Range: bytes=10-\r\n"), 416);
    assert_true(has("\r\nContent-Range: bytes */10\r\n"));
    assert_int_equal(get("/outbox/" EMPTY, "Range: bytes=0-\r\n"), 416);
    assert_int_equal(fetches, 4);
}

/* Offsets beyond 32 bits; the file has a hole, no disk is filled. */
static void test_huge(void **state)
{
    char path[300], text[100];
    const off_t size = 5ll << 30;

    (void)state;
    snprintf(path, sizeof(path), "%s/" HEX, dir);
    assert_int_equal(truncate(path, size), 0);
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    fseeko(f, size - 4, SEEK_SET);
    fputs("last", f);
    fclose(f);
    assert_int_equal(get("/outbox/" HEX, "Range: bytes=-4\r\n"), 206);
    assert_string_equal(body, "last");
    snprintf(text, sizeof(text), "Range: bytes=%lld-\r\n", (long long)size - 6);
    assert_int_equal(get("/outbox/" HEX, text), 206);
    assert_memory_equal(body, "\0\0last", 7);
    snprintf(text, sizeof(text), "bytes %lld-%lld/%lld\r\n", (long long)size - 6,
             (long long)size - 1, (long long)size);
    assert_true(has(text));
    assert_int_equal(ask("HEAD", "/outbox/" HEX, ""), 200);
    snprintf(text, sizeof(text), "\r\nContent-Length: %lld\r\n", (long long)size);
    assert_true(has(text));
}

static void test_conditions(void **state)
{
    (void)state;
    assert_int_equal(get("/outbox/" HEX, "If-None-Match: \"x\", " TAG "\r\n"), 304);
    assert_string_equal(body, "");
    assert_int_equal(fetches, 0);
    assert_int_equal(get("/outbox/" HEX, "If-None-Match: \"x\"\r\n"), 200);
    assert_int_equal(get("/outbox/" HEX, "If-Range: " TAG "\r\nRange: bytes=8-\r\n"), 206);
    assert_string_equal(body, "89");
    assert_int_equal(get("/outbox/" HEX, "If-Range: \"x\"\r\nRange: bytes=8-\r\n"), 200);
    assert_string_equal(body, "0123456789");
}

/* P-6.1 */
static void test_tricks(void **state)
{
    static const char *const uris[] = {
        "/",
        "/outbox",
        "/outbox/",
        "/outbox/secret",
        "/outbox/msglist",
        "/outbox/" NONE,
        "/outbox/" LINK,
        "/outbox/" DIR_,
        "/outbox/" FIFO,
        "/outbox/" HEX "/",
        "/outbox/" HEX "?",
        "/outbox/" HEX "?a=b",
        "/outbox/" HEX "/chunks/",
        "/outbox/" HEX ".chunks",
        "/outbox/" HEX "#x",
        "//outbox/" HEX,
        "/outbox//" HEX,
        "/outbox/../outbox/" HEX,
        "/outbox/./" HEX,
        "/outbox/" HEX "/../secret",
        "/outbox/..%2fsecret",
        "/outbox/%30123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "/outbox/0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF",
        "/outbox/" HEX "0",
        "/outbox/" HEX "%00",
        "/%6futbox/" HEX,
        "/OUTBOX/" HEX,
        "http://x/outbox/" HEX,
        "/pubkey/",
        "/pubkey?x",
        "/pubkey%00",
        "/../../etc/passwd",
        "/outbox/" HEX "\\..\\secret",
        "/outbox/" NONE "/chunks"};

    (void)state;
    http_server_set_pubkey(server, (const uint8_t *)"key", 3);
    for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
        int status = get(uris[i], "");
        if (status != 404 || strcmp(body, "") != 0) {
            fail_msg("%s gave %d", uris[i], status);
        }
    }
    assert_int_equal(fetches, 0);
}

/* P-6.1 */
static void test_methods(void **state)
{
    static const char *const methods[] = {"POST",  "PUT",     "DELETE", "OPTIONS", "TRACE",
                                          "PATCH", "CONNECT", "FOO",    "get"};

    (void)state;
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        int status = ask(methods[i], "/outbox/" HEX, "Content-Length: 0\r\n");
        if (status != 405) {
            fail_msg("%s gave %d", methods[i], status);
        }
        assert_true(has("\r\nAllow: GET, HEAD\r\n"));
    }
    assert_int_equal(ask("POST", "/pubkey", "Content-Length: 5\r\n\r\nhello"), 405);
    assert_int_equal(fetches, 0);
}

/* ---- POST /receipt: what comes is handed to another thread, and its answer sent */

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
        if (number == 0) {
            usleep(5000);
        }
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
        if (i == 0) {
            http_server_reply(server, number, 200, (const uint8_t *)"answer", 6);
        } else {
            http_server_reply(server, number, 400, NULL, 0);
        }
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
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int status = ask("POST", "/receipt", bad[i]);
        if (status != 413 && status != 400) {
            fail_msg("%s gave %d", bad[i], status);
        }
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

static void test_pubkey(void **state)
{
    (void)state;
    assert_int_equal(get("/pubkey", ""), 404);
    http_server_set_pubkey(server, (const uint8_t *)"first", 5);
    assert_int_equal(get("/pubkey", ""), 200);
    assert_string_equal(body, "first");
    http_server_set_pubkey(server, (const uint8_t *)"second\0!", 8);
    assert_int_equal(get("/pubkey", ""), 200);
    assert_memory_equal(body, "second\0!", 8);
    assert_true(has("\r\nContent-Length: 8\r\n"));
}

static void test_garbage(void **state)
{
    static const char *const lines[] = {"\r\n\r\n", "GET\r\n\r\n",
                                        "\x16\x03\x01\x02\x00\x01\r\n\r\n",
                                        "GET /pubkey HTTP/9.9\r\n\r\n", "GET  \r\n\r\n"};
    char big[40000];

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        int fd = net_connect(http_server_port(server));
        net_puts(fd, lines[i]);
        shutdown(fd, SHUT_WR);
        ssize_t n = net_read_all(fd, answer, sizeof(answer) - 1);
        assert_true(n <= 12 || atoi(answer + 9) >= 400);
        close(fd);
    }
    memset(big, 'a', sizeof(big));
    memcpy(big, "GET /", 5);
    int fd = net_connect(http_server_port(server));
    net_write(fd, big, sizeof(big));
    ssize_t n = net_read_all(fd, answer, sizeof(answer) - 1);
    assert_true(n <= 12 || atoi(answer + 9) >= 400);
    close(fd);
    assert_int_equal(get("/outbox/" HEX, ""), 200);
}

static void test_silence_and_crowd(void **state)
{
    int fds[6];
    char c;

    (void)state;
    for (int i = 0; i < 6; i++) {
        fds[i] = net_connect(http_server_port(server));
        assert_true(fds[i] >= 0);
    }
    /* Over the limit per address: closed at once. The others after the idle time. */
    assert_true(recv(fds[5], &c, 1, 0) <= 0);
    for (int i = 0; i < 6; i++) {
        assert_true(recv(fds[i], &c, 1, 0) <= 0);
        close(fds[i]);
    }
    /* Their places are free again soon after. */
    int status = 0;
    for (int i = 0; i < 100 && status != 200; i++) {
        usleep(20000);
        status = get("/outbox/" HEX, "");
    }
    assert_int_equal(status, 200);
}

/* Many connections that wait keep nobody out: then each ends with its answer. */
static void test_no_connection_stays_in_a_crowd(void **state)
{
    enum { MANY = 40 };
    struct http_server_config c = {
        .host = "127.0.0.1", .outbox_dir = dir, .max_connections = 50, .max_per_ip = 50};
    static const char ask[] = "GET /outbox/" HEX " HTTP/1.1\r\nHost: x\r\n\r\n";
    struct error e;
    int fds[MANY];

    (void)state;
    http_server_stop(&server);
    server = http_server_start(&c, &e);
    assert_non_null(server);
    for (int i = 0; i < MANY; i++) {
        fds[i] = net_connect(http_server_port(server));
        assert_true(fds[i] >= 0);
    }
    for (int i = 0; i < 60; i++) { /* more than there is room for, if they stayed */
        int fd = net_connect(http_server_port(server));
        assert_true(fd >= 0);
        net_puts(fd, ask);
        ssize_t n = net_read_all(fd, answer, sizeof(answer) - 1);
        answer[n > 0 ? n : 0] = '\0';
        assert_true(has("Connection: close"));
        close(fd);
    }
    for (int i = 0; i < MANY; i++)
        close(fds[i]);
}

/* "::" takes IPv4 callers, too. */
static void test_both_families(void **state)
{
    struct http_server_config c = {.host = "::", .outbox_dir = dir};
    struct error e = {{0}};

    (void)state;
    if (access("/proc/net/if_inet6", F_OK) != 0) {
        skip();
    }
    http_server_stop(&server);
    server = http_server_start(&c, &e);
    assert_non_null(server);
    assert_int_equal(get("/outbox/" HEX, ""), 200);
    assert_string_equal(body, "0123456789");
}

static void test_errors(void **state)
{
    struct http_server_config c = {.host = "127.0.0.1", .outbox_dir = dir};
    struct error e = {{0}};
    char port[16];

    (void)state;
    c.port = http_server_port(server);
    snprintf(port, sizeof(port), "%u", c.port);
    assert_null(http_server_start(&c, &e));
    assert_non_null(strstr(e.text, port));
    assert_non_null(strstr(e.text, "taken"));
    c.host = "localhost";
    assert_null(http_server_start(&c, &e));
    c.host = "127.0.0.1";
    c.port = 0;
    c.outbox_dir = "/nonexistent";
    assert_null(http_server_start(&c, &e));
    assert_non_null(strstr(e.text, "/nonexistent"));
}

/* Stopping ends connections that are in the middle of something. */
static void test_stop_with_open_connections(void **state)
{
    int fd = net_connect(http_server_port(server));
    char c;

    (void)state;
    net_puts(fd, "GET /outbox/");
    usleep(50000);
    http_server_stop(&server);
    assert_true(recv(fd, &c, 1, 0) <= 0);
    close(fd);
}

#define IMPATIENT(name) cmocka_unit_test_setup_teardown(name, setup_impatient, teardown)
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_connection_stays),
        TEST(test_whole),
        TEST(test_one_chunk),
        TEST(test_head),
        TEST(test_ranges),
        TEST(test_huge),
        TEST(test_conditions),
        TEST(test_tricks),
        TEST(test_methods),
        TEST(test_post),
        TEST(test_post_refused),
        TEST(test_post_unanswered),
        TEST(test_pubkey),
        IMPATIENT(test_garbage),
        IMPATIENT(test_silence_and_crowd),
        TEST(test_no_connection_stays_in_a_crowd),
        TEST(test_both_families),
        TEST(test_errors),
        TEST(test_stop_with_open_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
