/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_endpoint.c - which addresses are connected to, by class and by policy. (P-2.7) */
#include "net_test.h"
#include "net/endpoint.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static struct sockaddr_storage address(const char *text)
{
    struct sockaddr_storage ss = {0};
    struct sockaddr_in *in4 = (struct sockaddr_in *)&ss;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ss;
    if (inet_pton(AF_INET, text, &in4->sin_addr) == 1) {
        ss.ss_family = AF_INET;
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &in6->sin6_addr), 1);
        ss.ss_family = AF_INET6;
    }
    return ss;
}

static bool allowed(const char *text, const struct endpoint_policy *p)
{
    struct sockaddr_storage ss = address(text);
    const char *why = "unset";
    bool yes = endpoint_allowed((struct sockaddr *)&ss, p, &why);
    assert_true(yes == (why == NULL));
    assert_true(yes == endpoint_allowed((struct sockaddr *)&ss, p, NULL));
    return yes;
}

static void check(const char *const *list, const struct endpoint_policy *p, bool expected)
{
    for (; *list != NULL; list++)
        if (allowed(*list, p) != expected)
            fail_msg("%s should be %s", *list, expected ? "allowed" : "refused");
}

static const char *const public[] = {"8.8.8.8",         "172.15.0.1",  "172.32.0.1",
                                     "100.63.0.1",      "100.128.0.1", "2001:4860:4860::8888",
                                     "::ffff:8.8.8.8",  "::8.8.8.8",   "64:ff9b::8.8.8.8",
                                     "2002:808:808::1", "192.169.0.1", NULL};
static const char *const private[] = {
    "10.0.0.1",          "172.16.0.1",   "172.31.255.255", "192.168.3.4",
    "100.64.0.1",        "198.18.0.1",   "198.19.255.1",   "192.0.0.8",
    "fd00::1",           "fc00::1",      "fec0::1",        "::ffff:10.0.0.1",
    "64:ff9b::10.0.0.1", "64:ff9b:1::1", "2002:a00:1::1",  NULL};
static const char *const loopback[] = {
    "127.0.0.1",   "127.9.9.9",      "::1", "::ffff:127.0.0.1", "64:ff9b::127.0.0.1",
    "::127.0.0.1", "2002:7f00:1::1", NULL};
static const char *const never[] = {"0.0.0.0",
                                    "0.1.2.3",
                                    "255.255.255.255",
                                    "224.0.0.1",
                                    "239.1.1.1",
                                    "240.0.0.1",
                                    "169.254.169.254",
                                    "::",
                                    "ff02::1",
                                    "fe80::1",
                                    "febf::1",
                                    "::ffff:169.254.169.254",
                                    "::ffff:0.0.0.0",
                                    "64:ff9b::224.0.0.1",
                                    "::ffff:255.255.255.255",
                                    NULL};

static void test_strict(void **state)
{
    struct endpoint_policy p = {0};
    (void)state;
    check(public, &p, true);
    check(private, &p, false);
    check(loopback, &p, false);
    check(never, &p, false);
}

static void test_open(void **state)
{
    struct endpoint_policy p = {.loopback = true, .private_all = true};
    (void)state;
    check(public, &p, true);
    check(private, &p, true);
    check(loopback, &p, true);
    check(never, &p, false);
}

static void test_same_prefix(void **state)
{
    static const char *const near[] = {"192.168.3.200", "::ffff:192.168.3.1", "fd00:1:2:3::9",
                                       NULL};
    static const char *const far[] = {"192.168.4.1", "10.168.3.1", "fd00:1:2:4::9", "127.0.0.1",
                                      NULL};
    struct sockaddr_storage own[2] = {address("::ffff:192.168.3.4"), address("fd00:1:2:3::1")};
    struct endpoint_policy p = {.own = own, .own_count = 2};

    (void)state;
    check(near, &p, true);
    check(far, &p, false);
}

static void test_other_family(void **state)
{
    struct sockaddr sa = {.sa_family = AF_UNIX};
    struct endpoint_policy p = {.loopback = true, .private_all = true};
    (void)state;
    assert_false(endpoint_allowed(&sa, &p, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strict),
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_same_prefix),
        cmocka_unit_test(test_other_family),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
