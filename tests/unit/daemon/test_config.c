/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_config.c - the configuration file: defaults, every kind of value, errors that name the line,
 * and that what is written is read back the same. */
#include "daemon/config.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char home[] = "/tmp/restante-config-XXXXXX";

static void write_config(const char *text, size_t n)
{
    char path[PATH_CAP];
    assert_int_equal(path_join(path, home, "config", NULL), 0);
    assert_int_equal(file_write(path, text, n, NULL), 0);
}

static int load(struct config *c, const char *text, struct error *e)
{
    write_config(text, strlen(text));
    memset(c, 0xAA, sizeof *c);
    return config_load(c, home, e);
}

static void expect_error(const char *text, const char *part)
{
    struct config c;
    struct error e = {""};
    assert_int_equal(load(&c, text, &e), -1);
    if (strstr(e.text, part) == NULL)
        fail_msg("\"%s\" lacks \"%s\"", e.text, part);
}

static void test_defaults(void **state)
{
    struct config c;
    struct error e;
    assert_int_equal(load(&c, "[peer]\naddress = Alice@Demo\n", &e), 0);
    assert_string_equal(c.home, home);
    assert_string_equal(c.address, "alice@demo");
    assert_string_equal(c.log_level, "info");
    assert_int_equal(c.network, 1);
    assert_int_equal(c.bootstrap.count, 0);
    assert_int_equal(c.endpoints.count, 0);
    assert_string_equal(c.dht_bind, "");
    assert_string_equal(c.http_bind, "0.0.0.0");
    assert_false(c.private_addresses);
    assert_false(c.allow_foreign_from);
    assert_true(c.validity_s == 7 * 86400.0);
    assert_true(c.sent_wait_s == 30 && c.open_wait_s == 60 && c.poll_s == 60 && c.retry_s == 5);
    assert_true(c.descriptor_s == 8 * 3600.0 && c.reput_s == 3600 && c.sweep_s == 60);
    assert_true(c.decline_grace_s == 3600 && c.trash_grace_s == 86400);
    assert_true(c.group_life_s == 30 * 86400.0);
    assert_true(c.expiry_grace_s == 86400 && c.give_up_s == 5 * 86400.0);
}

static void test_values(void **state)
{
    struct config c;
    struct error e = {""};
    assert_int_equal(
        load(&c,
             "# a comment\r\n[peer]\r\naddress=bob+x@demo.example\r\nlog = trace\r\n"
             "[network]\n"
             "id = 4294967295\nbootstrap = 127.0.0.1:4000, [::1]:4001\n"
             "    node.example:4002 ; the third\nbootstrap = other.example:1 ; the last\n"
             "dht_socket = /run/restante/dht.sock\ndht_bind = 127.0.0.1\n"
             "dht_bind6 = none\ndht_port = 65535\nhttp_bind = ::1\nhttp_port = 1\n"
             "endpoints = HTTP://Example.ORG:80/ http://[2001:DB8::1]:81 ; two\n"
             "socks = localhost:9050\nprivate_addresses = Yes\n"
             "[mail]\nimap_port = 2\nsubmission_port = 3\nallow_foreign_from = on\n"
             "relays = A@b c@d\nvalidity = 1.5d\nsent_wait = 0\nopen_wait = 2m\n"
             "[timing]\npoll = 0.25s\nretry = .5\ngive_up = 3h\n",
             &e),
        0);
    assert_string_equal(c.address, "bob+x@demo.example");
    assert_string_equal(c.log_level, "trace");
    assert_true(c.network == 4294967295u);
    assert_int_equal(c.bootstrap.count, 4);
    assert_string_equal(c.bootstrap.item[1], "[::1]:4001");
    assert_string_equal(c.bootstrap.item[2], "node.example:4002");
    assert_string_equal(c.bootstrap.item[3], "other.example:1");
    assert_string_equal(c.dht_socket, "/run/restante/dht.sock");
    assert_string_equal(c.dht_bind6, "none");
    assert_int_equal(c.dht_port, 65535);
    assert_int_equal(c.http_port, 1);
    assert_int_equal(c.endpoints.count, 2);
    assert_string_equal(c.endpoints.item[0], "http://example.org:80");
    assert_true(c.private_addresses && c.allow_foreign_from);
    assert_int_equal(c.relays.count, 2);
    assert_string_equal(c.relays.item[0], "a@b");
    assert_true(c.validity_s == 1.5 * 86400 && c.sent_wait_s == 0 && c.open_wait_s == 120);
    assert_true(fabs(c.poll_s - 0.25) < 1e-9 && fabs(c.retry_s - 0.5) < 1e-9);
    assert_true(c.give_up_s == 3 * 3600.0);
}

static void test_errors_name_the_line(void **state)
{
    char text[2048];
    expect_error("[peer]\naddress = a@b\nadress = a@b\n",
                 "/config, line 3: there is no setting \"adress\" in [peer].");
    expect_error("[peer]\naddress = a@b\n\n[per]\nx = 1\n", "line 5: there is no section [per].");
    expect_error("address = a@b\n", "line 1: \"address\" stands before the first [section].");
    expect_error("[peer]\naddress = a@b\naddress = c@d\n", "line 3: address is set twice.");
    expect_error("[peer]\naddress = a@b\nlog = info\n  debug\n", "line 4: log is set twice.");
    expect_error("[peer]\naddress = a@b\nthis is nothing\n[mail]\nimap_port = x\n",
                 "line 3: this is neither");
    expect_error("[mail]\nimap_port = x\nthis is nothing\n", "line 2: imap_port must be a number");
    expect_error("[peer]\nlog = info\n", "set address in [peer]");
    memset(text, 'x', sizeof text);
    (void)snprintf(text, 16, "[peer]\nlog = ");
    text[strlen(text)] = ' ';
    text[sizeof text - 1] = '\0';
    expect_error(text, "line 2: the line is longer than");
    write_config("[peer]\n\0address = a@b\n", 22);
    struct config c;
    struct error e;
    assert_int_equal(config_load(&c, home, &e), -1);
    assert_non_null(strstr(e.text, "NUL"));
    assert_int_equal(config_load(&c, "relative", &e), -1);
    assert_int_equal(config_load(&c, "/nonexistent", &e), -1);
    assert_non_null(strstr(e.text, "/nonexistent/config"));
}

static void test_bad_values(void **state)
{
    static const char *const bad[][3] = {
        {"peer", "address", "nobody"},
        {"peer", "address", "a@b@c"},
        {"peer", "log", "loud"},
        {"network", "id", "0"},
        {"network", "id", "-1"},
        {"network", "id", "4294967296"},
        {"network", "id", "0x10"},
        {"network", "id", ""},
        {"network", "dht_port", "0"},
        {"network", "dht_port", "65536"},
        {"network", "dht_port", "80 "},
        {"network", "bootstrap", "nohost"},
        {"network", "bootstrap", "a:1 b"},
        {"network", "bootstrap", "a:1/x"},
        {"network", "dht_socket", "relative"},
        {"network", "dht_bind", "::1"},
        {"network", "dht_bind", "1.2.3"},
        {"network", "dht_bind6", "127.0.0.1"},
        {"network", "http_bind", ""},
        {"network", "http_bind", "localhost"},
        {"network", "endpoints", "a:1"},
        {"network", "endpoints", "http://a:1/path"},
        {"network", "socks", "a"},
        {"network", "private_addresses", "maybe"},
        {"mail", "relays", "x"},
        {"mail", "validity", "31d"},
        {"mail", "validity", "0"},
        {"mail", "validity", "1w"},
        {"mail", "validity", "1e3"},
        {"mail", "validity", "inf"},
        {"mail", "validity", "-1"},
        {"mail", "validity", "d"},
        {"mail", "validity", "1.2.3"},
        {"mail", "validity", "1 d"},
        {"mail", "validity", "9999999999999"},
        {"timing", "poll", "0.01"},
        {"timing", "poll", "1\n[mail]"},
        {"network", "dht_socket", "/a\x1b"},
        {"nothing", "poll", "1"},
        {"timing", "imap_port", "1"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct config c, before;
        struct error e = {""};
        config_defaults(&c);
        before = c;
        if (config_set(&c, bad[i][0], bad[i][1], bad[i][2], &e) != -1)
            fail_msg("%s = %s was taken", bad[i][1], bad[i][2]);
        assert_true(e.text[0] != '\0');
        assert_memory_equal(&c, &before, sizeof c);
    }
}

static void test_lists_are_capped(void **state)
{
    struct config c;
    struct error e;
    char item[64];
    config_defaults(&c);
    for (int i = 0; i < ENDPOINTS_MAX; i++) {
        (void)snprintf(item, sizeof item, "http://h%d:1", i);
        assert_int_equal(config_set(&c, "network", "endpoints", item, &e), 0);
    }
    assert_int_equal(config_set(&c, "network", "endpoints", "http://x:1", &e), -1);
    assert_int_equal(c.endpoints.count, ENDPOINTS_MAX);
    assert_int_equal(config_reset(&c, "network", "endpoints", &e), 0);
    assert_int_equal(c.endpoints.count, 0);
    for (int i = 0; i < CONFIG_LIST_MAX; i++)
        assert_int_equal(config_set(&c, "network", "bootstrap", "h:1", &e), 0);
    assert_int_equal(config_set(&c, "network", "bootstrap", "h:1", &e), -1);
    assert_int_equal(config_set(&c, "mail", "open_wait", "90s", &e), 0);
    assert_int_equal(config_reset(&c, "mail", "open_wait", &e), 0);
    assert_true(c.open_wait_s == 60);
}

static void test_written_is_read_back(void **state)
{
    struct config c, again;
    struct error e;
    struct buf text = BUF_INIT(65536);
    config_defaults(&c);
    static const char *const set[][3] = {
        {"peer", "address", "alice@demo"},
        {"network", "bootstrap", "a:1 b:2 [::1]:3"},
        {"network", "endpoints", "http://a:1"},
        {"network", "dht_bind6", "none"},
        {"network", "id", "77"},
        {"mail", "allow_foreign_from", "yes"},
        {"mail", "relays", "x@y"},
        {"timing", "poll", "0.5"},
        {"timing", "retry", "90m"},
        {"mail", "sent_wait", "0"},
        {"timing", "sweep", "61.250s"},
    };
    for (size_t i = 0; i < sizeof set / sizeof set[0]; i++)
        assert_int_equal(config_set(&c, set[i][0], set[i][1], set[i][2], &e), 0);
    assert_int_equal(config_format(&c, &text), 0);
    write_config((const char *)text.data, text.len);
    assert_int_equal(config_load(&again, home, &e), 0);
    memcpy(c.home, again.home, sizeof c.home);
    assert_memory_equal(&c, &again, sizeof c);
    assert_non_null(strstr(buf_str(&text), "\n; give_up = 5d\n"));
    assert_non_null(strstr(buf_str(&text), "\nimap_port = 1993\n"));
    buf_free(&text);
    struct buf small = BUF_INIT(100);
    assert_int_equal(config_format(&c, &small), -1);
    buf_free(&small);
}

static void test_ports_must_differ(void **state)
{
    expect_error("[peer]\naddress = a@b\n[mail]\nimap_port = 5\nsubmission_port = 5\n",
                 "must differ");
    expect_error("[peer]\naddress = a@b\n[mail]\nimap_port = 5\n[network]\nhttp_port = 5\n",
                 "must differ");
}

static int make_home(void **state)
{
    return mkdtemp(home) == NULL ? -1 : 0;
}

static int remove_home(void **state)
{
    char path[PATH_CAP];
    (void)path_join(path, home, "config", NULL);
    (void)unlink(path);
    return rmdir(home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),          cmocka_unit_test(test_values),
        cmocka_unit_test(test_bad_values),        cmocka_unit_test(test_errors_name_the_line),
        cmocka_unit_test(test_lists_are_capped),  cmocka_unit_test(test_written_is_read_back),
        cmocka_unit_test(test_ports_must_differ),
    };
    return cmocka_run_group_tests_name("config", tests, make_home, remove_home);
}
