/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_line_server.c - lines over a UNIX socket: rights of the file, stale sockets, clients that
 * send too much, read too little, or leave. */
#include "net_test.h"
#include "net/line_server.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static uv_loop_t loop;
static struct line_server *server;
static char *dir;
static char path[100];
static int lines, gones;

/* Commands of the test's own little language. */
static void on_line(void *ctx, struct line_client *c, char *line, size_t len)
{
    char text[100];
    assert_ptr_equal(ctx, &lines);
    assert_int_equal(strlen(line), len);
    lines++;
    if (strcmp(line, "bye") == 0) {
        line_send(c, "bye\n", 4);
        line_close(c);
    } else if (strcmp(line, "flood") == 0) {
        static char block[1024 * 1024];
        for (int i = 0; i < 20; i++)
            line_send(c, block, sizeof block);
    } else if (strcmp(line, "stop") == 0) {
        line_server_stop(&server);
    } else if (strncmp(line, "set ", 4) == 0) {
        line_client_set(c, line[4] == 'a' ? &lines : &gones);
    } else if (strcmp(line, "get") == 0) {
        line_send(c, line_client_get(c) == &lines ? "a\n" : "b\n", 2);
    } else {
        line_send(c, text, (size_t)snprintf(text, sizeof text, "%zu:%.50s\n", len, line));
    }
}

static void on_gone(void *ctx, struct line_client *c)
{
    (void)c;
    assert_ptr_equal(ctx, &lines);
    gones++;
}

static struct line_server_config config = {.path = path,
                                           .max_line = 100,
                                           .max_clients = 3,
                                           .line = on_line,
                                           .gone = on_gone,
                                           .ctx = &lines};

static int setup(void **state)
{
    struct error e;
    (void)state;
    lines = gones = 0;
    dir = net_tmpdir();
    snprintf(path, sizeof path, "%s/socket", dir);
    uv_loop_init(&loop);
    server = line_server_start(&loop, &config, &e);
    assert_non_null(server);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    line_server_stop(&server);
    net_finish(&loop);
    assert_int_equal(access(path, F_OK), -1);
    net_rmdir(dir);
    return 0;
}

static void expect(int fd, const char *want)
{
    char line[200];
    assert_true(net_gets(fd, line, sizeof line));
    assert_string_equal(line, want);
}

static void expect_end(int fd)
{
    char c;
    assert_true(recv(fd, &c, 1, 0) <= 0);
    close(fd);
}

static void plain_client(void *arg)
{
    int fd = net_connect_unix(path), other = net_connect_unix(path);
    char longest[102];
    (void)arg;
    net_puts(fd, "hello\r\nwor");
    expect(fd, "5:hello");
    net_puts(fd, "ld\n\nset a\n");
    expect(fd, "5:world");
    expect(fd, "0:");
    net_puts(other, "set b\nget\n");
    expect(other, "b");
    net_puts(fd, "get\n");
    expect(fd, "a");
    memset(longest, 'x', sizeof longest);
    longest[100] = '\n';
    net_write(fd, longest, 101);
    expect(fd, "100:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    net_puts(fd, "bye\nignored\n");
    expect(fd, "bye");
    expect_end(fd);
    /* A client that has said all still gets its answer. */
    net_puts(other, "last\n");
    shutdown(other, SHUT_WR);
    expect(other, "4:last");
    expect_end(other);
}

static void test_lines(void **state)
{
    struct stat st;
    (void)state;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    net_run(&loop, plain_client, NULL);
    net_turn(&loop, 20);
    assert_int_equal(gones, 2);
    assert_int_equal(lines, 10);
}

static void bad_client(void *arg)
{
    char line[300];
    int fd = net_connect_unix(path);
    (void)arg;
    memset(line, 'x', sizeof line);
    net_write(fd, line, 101); /* too long without an end in sight */
    expect_end(fd);
    fd = net_connect_unix(path);
    line[100] = 'x';
    line[101] = '\n';
    net_write(fd, line, 102);
    expect_end(fd);
    fd = net_connect_unix(path);
    net_write(fd, "a\0b\n", 4);
    expect_end(fd);
}

static void test_bad_lines(void **state)
{
    (void)state;
    net_run(&loop, bad_client, NULL);
    assert_int_equal(lines, 0);
    assert_int_equal(gones, 3);
}

static void deaf_client(void *arg)
{
    static char buffer[32 * 1024 * 1024];
    int fd = net_connect_unix(path);
    (void)arg;
    net_puts(fd, "flood\n");
    usleep(200000);
    ssize_t n = net_read_all(fd, buffer, sizeof buffer);
    assert_true(n < 20 * 1024 * 1024);
    close(fd);
}

static void test_deaf(void **state)
{
    (void)state;
    net_run(&loop, deaf_client, NULL);
    assert_int_equal(gones, 1);
}

static void crowd_client(void *arg)
{
    int fds[4];
    (void)arg;
    for (int i = 0; i < 4; i++) {
        fds[i] = net_connect_unix(path);
        assert_true(fds[i] >= 0);
        if (i < 3) {
            net_puts(fds[i], "a\n");
            expect(fds[i], "1:a");
        }
    }
    expect_end(fds[3]);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
}

static void test_crowd(void **state)
{
    (void)state;
    net_run(&loop, crowd_client, NULL);
    net_turn(&loop, 20);
    assert_int_equal(gones, 3);
}

static void stopping_client(void *arg)
{
    int fd = net_connect_unix(path), other = net_connect_unix(path);
    (void)arg;
    net_puts(other, "a\n");
    expect(other, "1:a");
    net_puts(fd, "stop\nmore\n");
    expect_end(fd);
    expect_end(other);
}

static void test_stop_within_line(void **state)
{
    (void)state;
    net_run(&loop, stopping_client, NULL);
    assert_null(server);
    assert_int_equal(gones, 2);
    assert_int_equal(lines, 2);
}

static void test_paths(void **state)
{
    struct line_server_config c = config;
    struct error e = {{0}};
    char other[100], longer[300];
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    (void)state;
    assert_null(line_server_start(&loop, &c, &e));
    assert_non_null(strstr(e.text, "already listens"));
    /* A socket file that nobody listens on is replaced. */
    snprintf(other, sizeof other, "%s/stale", dir);
    snprintf(sun.sun_path, sizeof sun.sun_path, "%s", other);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof sun), 0);
    close(fd);
    c.path = other;
    struct line_server *second = line_server_start(&loop, &c, &e);
    assert_non_null(second);
    line_server_stop(&second);
    /* Anything else is not. */
    net_file(dir, "file", "x", 1);
    snprintf(other, sizeof other, "%s/file", dir);
    assert_null(line_server_start(&loop, &c, &e));
    assert_non_null(strstr(e.text, "not a socket"));
    assert_int_equal(access(other, F_OK), 0);
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    c.path = longer;
    assert_null(line_server_start(&loop, &c, &e));
    assert_non_null(strstr(e.text, "longer than"));
    c.path = "/nonexistent/socket";
    assert_null(line_server_start(&loop, &c, &e));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_lines), TEST(test_bad_lines),        TEST(test_deaf),
        TEST(test_crowd), TEST(test_stop_within_line), TEST(test_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
