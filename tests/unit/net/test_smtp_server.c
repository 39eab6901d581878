/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_smtp_server.c - the SMTP listener on real sockets: speed, silence, vanishing clients, late
 * answers, stopping in the middle. */
#include "net_test.h"
#include "net/smtp_server.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct smtp_server *server;
static uv_loop_t loop;
static struct counts {
    int mails, rcpts, ends, resets, gones;
    uint64_t octets;
} seen;
static struct smtp_session *late; /* data_end answers in a while */
static bool answer_late, stop_in_data;
static unsigned late_ms;
static uv_timer_t timer;

static void on_mail(void *ctx, struct smtp_session *s, const char *from, uint64_t size)
{
    (void)ctx;
    (void)size;
    seen.mails++;
    smtp_session_set(s, &seen);
    smtp_reply(s, 250, "2.1.0 %s", from);
}

static void on_rcpt(void *ctx, struct smtp_session *s, const char *addr)
{
    (void)ctx;
    seen.rcpts++;
    smtp_reply(s, 250, "2.1.5 %s", addr);
}

static int on_data(void *ctx, struct smtp_session *s, const uint8_t *p, size_t n)
{
    (void)ctx;
    (void)p;
    assert_ptr_equal(smtp_session_get(s), &seen);
    seen.octets += n;
    if (stop_in_data && server != NULL)
        smtp_server_stop(&server);
    return 0;
}

static void on_timer(uv_timer_t *t)
{
    struct smtp_session *s = late;
    (void)t;
    late = NULL;
    if (s != NULL)
        smtp_reply(s, 250, "2.0.0 late");
}

static void on_data_end(void *ctx, struct smtp_session *s)
{
    (void)ctx;
    seen.ends++;
    if (answer_late) {
        late = s;
        uv_timer_start(&timer, on_timer, late_ms, 0);
    } else {
        smtp_reply(s, 250, "2.0.0 taken");
    }
}

static void on_reset(void *ctx, struct smtp_session *s)
{
    (void)ctx;
    (void)s;
    seen.resets++;
}

static void on_gone(void *ctx, struct smtp_session *s)
{
    (void)ctx;
    if (late == s)
        late = NULL;
    seen.gones++;
}

static const struct smtp_handler handler = {on_mail,     on_rcpt,  on_data,
                                            on_data_end, on_reset, on_gone};
static struct smtp_config config = {
    .host = "127.0.0.1", .name = "test", .user = "user", .password = "secret", .handler = &handler};

static int start(unsigned idle_seconds, unsigned max_sessions)
{
    struct error e;
    memset(&seen, 0, sizeof seen);
    late = NULL;
    answer_late = stop_in_data = false;
    late_ms = 300;
    config.idle_seconds = idle_seconds;
    config.max_sessions = max_sessions;
    uv_loop_init(&loop);
    uv_timer_init(&loop, &timer);
    server = smtp_server_start(&loop, &config, &e);
    assert_non_null(server);
    assert_true(smtp_server_port(server) != 0);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    return start(60, 20);
}

static int setup_impatient(void **state)
{
    (void)state;
    return start(1, 3);
}

static int teardown(void **state)
{
    (void)state;
    smtp_server_stop(&server);
    assert_null(server);
    uv_close((uv_handle_t *)&timer, NULL);
    net_finish(&loop);
    assert_int_equal(seen.mails, seen.resets);
    return 0;
}

/* Reads one reply; its code, 0 at the end. */
static int reply(int fd)
{
    char line[600];
    do {
        if (!net_gets(fd, line, sizeof line))
            return 0;
    } while (line[3] == '-');
    return atoi(line);
}

static int say(int fd, const char *line)
{
    net_puts(fd, line);
    return reply(fd);
}

static int login(uint16_t port)
{
    int fd = net_connect(port);
    assert_true(fd >= 0);
    assert_int_equal(reply(fd), 220);
    assert_int_equal(say(fd, "EHLO me\r\n"), 250);
    assert_int_equal(say(fd, "AUTH PLAIN AHVzZXIAc2VjcmV0\r\n"), 235);
    return fd;
}

static void bulk_client(void *arg)
{
    static char block[65536];
    int fd = login(*(uint16_t *)arg);
    assert_int_equal(say(fd, "MAIL FROM:<a@b>\r\n"), 250);
    assert_int_equal(say(fd, "RCPT TO:<c@d>\r\n"), 250);
    for (int i = 0; i < 256; i++) {
        net_puts(fd, "BDAT 1048576\r\n");
        for (int k = 0; k < 16; k++)
            net_write(fd, block, sizeof block);
        assert_int_equal(reply(fd), 250);
    }
    assert_int_equal(say(fd, "BDAT 0 LAST\r\n"), 250);
    assert_int_equal(say(fd, "QUIT\r\n"), 221);
    assert_int_equal(reply(fd), 0);
    close(fd);
}

static void test_bulk(void **state)
{
    uint16_t port = smtp_server_port(server);
    uint64_t start = uv_hrtime();
    (void)state;
    net_run(&loop, bulk_client, &port);
    double seconds = (double)(uv_hrtime() - start) / 1e9;
    print_message("256 MiB by BDAT in %.2f s\n", seconds);
    assert_true(seen.octets == 256ull << 20);
    assert_int_equal(seen.ends, 1);
    assert_true(seconds < 20);
}

static void pipelined_client(void *arg)
{
    int fd = login(*(uint16_t *)arg);
    net_puts(fd, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\nBDAT 3\r\nabcBDAT 2 LAST\r\n"
                 "deMAIL FROM:<g@h>\r\nRSET\r\nQUIT\r\n");
    for (int i = 0; i < 7; i++)
        assert_int_equal(reply(fd), 250);
    assert_int_equal(reply(fd), 221);
    assert_int_equal(reply(fd), 0);
    close(fd);
}

static void test_pipelined_with_late_answer(void **state)
{
    uint16_t port = smtp_server_port(server);
    (void)state;
    answer_late = true;
    net_run(&loop, pipelined_client, &port);
    assert_int_equal(seen.mails, 2);
    assert_int_equal(seen.rcpts, 2);
    assert_int_equal(seen.octets, 5);
    assert_int_equal(seen.gones, 1);
}

static void many_replies_client(void *arg)
{
    enum { COUNT = 20000 };
    int fd = login(*(uint16_t *)arg);

    /* About 280 KB of replies that nobody reads before all is written. */
    for (int i = 0; i < COUNT; i++)
        net_puts(fd, "NOOP\r\n");
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(reply(fd), 250);
    close(fd);
}

static void test_many_replies(void **state)
{
    uint16_t port = smtp_server_port(server);
    (void)state;
    net_run(&loop, many_replies_client, &port);
    net_turn(&loop, 50);
    assert_int_equal(seen.gones, 1);
}

/* Leaves at every stage of a message. */
static void vanishing_client(void *arg)
{
    static const char *const until[] = {"",
                                        "MAIL FROM:<a@b>\r\n",
                                        "MAIL FROM:<a@b>\r\nRCPT TO:<c@d",
                                        "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 100\r\nabc",
                                        "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nabc\r\n.",
                                        "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 1 LAST\r\nx"};

    for (size_t i = 0; i < sizeof until / sizeof until[0]; i++) {
        struct linger now = {.l_onoff = 1};
        int fd = login(*(uint16_t *)arg);
        net_puts(fd, until[i]);
        if (i % 2 == 1) {
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now); /* RST instead of FIN */
            usleep(20000);
        }
        close(fd);
        usleep(50000); /* the next one must find a free place */
    }
}

static void test_vanishing(void **state)
{
    uint16_t port = smtp_server_port(server);
    (void)state;
    answer_late = true;
    net_run(&loop, vanishing_client, &port);
    net_turn(&loop, 400);
    assert_int_equal(seen.gones, 6);
    assert_int_equal(seen.resets, seen.mails);
    assert_null(late);
}

static void crowd_client(void *arg)
{
    uint16_t port = *(uint16_t *)arg;
    int fds[4];
    for (int i = 0; i < 4; i++) {
        fds[i] = net_connect(port);
        assert_int_equal(reply(fds[i]), i < 3 ? 220 : 421);
    }
    assert_int_equal(reply(fds[3]), 0);
    /* The others are silent: after a second they are told, and closed. */
    for (int i = 0; i < 3; i++) {
        assert_int_equal(reply(fds[i]), 421);
        assert_int_equal(reply(fds[i]), 0);
    }
    for (int i = 0; i < 4; i++)
        close(fds[i]);
}

static void test_crowd_and_silence(void **state)
{
    uint16_t port = smtp_server_port(server);
    (void)state;
    net_run(&loop, crowd_client, &port);
    assert_int_equal(seen.gones, 3);
}

static void slow_answer_client(void *arg)
{
    int fd = login(*(uint16_t *)arg);
    assert_int_equal(say(fd, "MAIL FROM:<a@b>\r\n"), 250);
    assert_int_equal(say(fd, "RCPT TO:<a@b>\r\n"), 250);
    assert_int_equal(say(fd, "DATA\r\n"), 354);
    assert_int_equal(say(fd, "x\r\n.\r\n"), 250);
    close(fd);
}

/* The silence that counts is the client's, not ours. */
static void test_idle_does_not_count_our_delay(void **state)
{
    uint16_t port = smtp_server_port(server);
    (void)state;
    answer_late = true;
    late_ms = 2500;
    net_run(&loop, slow_answer_client, &port);
    assert_int_equal(seen.ends, 1);
}

static void stopped_client(void *arg)
{
    char line[100];
    int fd = login(*(uint16_t *)arg);
    net_puts(fd, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 100\r\nabc");
    while (net_gets(fd, line, sizeof line)) {
    }
    close(fd);
}

static void test_stop_within_data(void **state)
{
    uint16_t port = smtp_server_port(server);
    (void)state;
    stop_in_data = true;
    net_run(&loop, stopped_client, &port);
    assert_null(server);
    assert_int_equal(seen.gones, 1);
    assert_int_equal(seen.octets, 3);
}

static void test_errors(void **state)
{
    struct smtp_config c = config;
    struct error e = {{0}};
    (void)state;
    c.port = smtp_server_port(server);
    assert_null(smtp_server_start(&loop, &c, &e));
    assert_non_null(strstr(e.text, "taken"));
    char port[16];
    snprintf(port, sizeof port, "%u", c.port);
    assert_non_null(strstr(e.text, port));
    c.host = "0.0.0.0";
    c.port = 0;
    assert_null(smtp_server_start(&loop, &c, &e));
    assert_non_null(strstr(e.text, "loopback"));
}

#define IMPATIENT(name) cmocka_unit_test_setup_teardown(name, setup_impatient, teardown)
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_bulk),
        TEST(test_pipelined_with_late_answer),
        TEST(test_many_replies),
        TEST(test_vanishing),
        IMPATIENT(test_crowd_and_silence),
        IMPATIENT(test_idle_does_not_count_our_delay),
        TEST(test_stop_within_data),
        TEST(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
