/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_http_server.c - the fixed paths as a stranger sees them: ranges, tags, tricks. */
#include "http_server_test.h"
#include "proto/limits.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

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
    ssize_t n = net_read_all(fd, answer, sizeof answer - 1);
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
    snprintf(path, sizeof path, "%s/" ONE ".fetched", dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(get("/outbox/" ONE "/chunks", "If-None-Match: \"" ONE ".chunks\"\r\n"), 304);
    snprintf(path, sizeof path, "%s/" ONE, dir);
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
    snprintf(path, sizeof path, "%s/" HEX, dir);
    assert_int_equal(truncate(path, size), 0);
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    fseeko(f, size - 4, SEEK_SET);
    fputs("last", f);
    fclose(f);
    assert_int_equal(get("/outbox/" HEX, "Range: bytes=-4\r\n"), 206);
    assert_string_equal(body, "last");
    snprintf(text, sizeof text, "Range: bytes=%lld-\r\n", (long long)size - 6);
    assert_int_equal(get("/outbox/" HEX, text), 206);
    assert_memory_equal(body, "\0\0last", 7);
    snprintf(text, sizeof text, "bytes %lld-%lld/%lld\r\n", (long long)size - 6,
             (long long)size - 1, (long long)size);
    assert_true(has(text));
    assert_int_equal(ask("HEAD", "/outbox/" HEX, ""), 200);
    snprintf(text, sizeof text, "\r\nContent-Length: %lld\r\n", (long long)size);
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
    for (size_t i = 0; i < sizeof uris / sizeof uris[0]; i++) {
        int status = get(uris[i], "");
        if (status != 404 || strcmp(body, "") != 0)
            fail_msg("%s gave %d", uris[i], status);
    }
    assert_int_equal(fetches, 0);
}

/* P-6.1 */
static void test_methods(void **state)
{
    static const char *const methods[] = {"POST",  "PUT",     "DELETE", "OPTIONS", "TRACE",
                                          "PATCH", "CONNECT", "FOO",    "get"};

    (void)state;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        int status = ask(methods[i], "/outbox/" HEX, "Content-Length: 0\r\n");
        if (status != 405)
            fail_msg("%s gave %d", methods[i], status);
        assert_true(has("\r\nAllow: GET, HEAD\r\n"));
    }
    assert_int_equal(ask("POST", "/pubkey", "Content-Length: 5\r\n\r\nhello"), 405);
    assert_int_equal(fetches, 0);
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
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        int fd = net_connect(http_server_port(server));
        net_puts(fd, lines[i]);
        shutdown(fd, SHUT_WR);
        ssize_t n = net_read_all(fd, answer, sizeof answer - 1);
        assert_true(n <= 12 || atoi(answer + 9) >= 400);
        close(fd);
    }
    memset(big, 'a', sizeof big);
    memcpy(big, "GET /", 5);
    int fd = net_connect(http_server_port(server));
    net_write(fd, big, sizeof big);
    ssize_t n = net_read_all(fd, answer, sizeof answer - 1);
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
        ssize_t n = net_read_all(fd, answer, sizeof answer - 1);
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
    if (access("/proc/net/if_inet6", F_OK) != 0)
        skip();
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
    snprintf(port, sizeof port, "%u", c.port);
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
