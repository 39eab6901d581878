/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_reach.c - whose private addresses are connected to: those of pinned peers and of the own
 * group's members, by address and key; a stranger's only near one's own or when the configuration
 * says so; nobody's that no peer can have (P-2.7). And what is said of those that are not. */
#include "base/texts.h"
#include "flow/peers/reach.h"
#include "store/contacts.h"
#include "store/groups.h"
#include "base/file.h"
#include "net/http_client.h"
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uv_loop_t loop;
static struct services sv;
static char home[] = "/tmp/restante-reach-XXXXXX";
static const uint8_t pinned[FPR_LEN] = {1}, member[FPR_LEN] = {2}, master[FPR_LEN] = {3},
                     own[FPR_LEN] = {4};

static enum endpoint_verdict verdict(const char *who, const uint8_t fpr[FPR_LEN], const char *ip)
{
    struct sockaddr_storage ss = {0};
    struct endpoint_policy p = reach_policy(&sv, who, fpr);
    if (inet_pton(AF_INET, ip, &((struct sockaddr_in *)&ss)->sin_addr) == 1)
        ss.ss_family = AF_INET;
    else if (inet_pton(AF_INET6, ip, &((struct sockaddr_in6 *)&ss)->sin6_addr) == 1)
        ss.ss_family = AF_INET6;
    return endpoint_judge((struct sockaddr *)&ss, &p);
}

static void expect(const char *who, const uint8_t fpr[FPR_LEN], enum endpoint_verdict private)
{
    static const char *const ranges[] = {"10.0.0.5",      "172.20.1.1", "192.168.7.7",
                                         "100.64.9.9",    "fd00::7",    "::ffff:10.0.0.5",
                                         "64:ff9b::a00:5"};
    static const char *const never[] = {"0.0.0.0",         "169.254.1.1", "224.0.0.1",
                                        "255.255.255.255", "fe80::1",     "ff02::1",
                                        "::ffff:0.0.0.0",  "::"};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (verdict(who, fpr, ranges[i]) != private)
            fail_msg("%s at %s", who, ranges[i]);
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        if (verdict(who, fpr, never[i]) != ENDPOINT_NEVER)
            fail_msg("%s at %s", who, never[i]);
    assert_int_equal(verdict(who, fpr, "127.0.0.1"), ENDPOINT_LOOPBACK);
    assert_int_equal(verdict(who, fpr, "::1"), ENDPOINT_LOOPBACK);
    assert_int_equal(verdict(who, fpr, "8.8.8.8"), ENDPOINT_ALLOWED);
}

static void by_trust(void **state)
{
    expect("alice@demo", pinned, ENDPOINT_ALLOWED);
    expect("alice@demo", member, ENDPOINT_PRIVATE); /* another key at that address */
    expect("carol@demo", pinned, ENDPOINT_PRIVATE); /* that key at another address */
    expect("dave@demo", member, ENDPOINT_ALLOWED);
    expect("dave@demo", pinned, ENDPOINT_PRIVATE);
    expect("erin@demo", own, ENDPOINT_PRIVATE); /* of a group that was not accepted */
}

static void by_configuration(void **state)
{
    sv.policy.private_all = true;
    expect("stranger@demo", own, ENDPOINT_ALLOWED);
    sv.policy.private_all = false;
}

static void by_neighbourhood(void **state)
{
    struct sockaddr_storage here = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&here;
    v4->sin_family = AF_INET;
    assert_int_equal(inet_pton(AF_INET, "192.168.7.2", &v4->sin_addr), 1);
    sv.policy.own = &here;
    sv.policy.own_count = 1;
    assert_int_equal(verdict("stranger@demo", own, "192.168.7.7"), ENDPOINT_ALLOWED);
    assert_int_equal(verdict("stranger@demo", own, "192.168.8.7"), ENDPOINT_PRIVATE);
    sv.policy.own_count = 0;
}

static void what_is_said(void **state)
{
    struct error e = {""};
    assert_true(reach_unasked(HTTP_PRIVATE, "alice@demo", "10.0.0.5", &e));
    assert_non_null(strstr(e.text, "alice@demo is at a private address (10.0.0.5) and is no "
                                   "contact of yours"));
    assert_non_null(strstr(e.text, "restante contacts add"));
    assert_true(reach_unasked(HTTP_LOOPBACK, "alice@demo", "127.0.0.1", &e));
    assert_non_null(strstr(e.text, "(127.0.0.1)"));
    assert_true(reach_unasked(HTTP_NEVER, "alice@demo", "0.0.0.0", &e));
    assert_non_null(strstr(e.text, "(0.0.0.0)"));
    assert_true(reach_unasked(HTTP_NAMELESS, "alice@demo", "Could not resolve host: x", &e));
    assert_non_null(strstr(e.text, "cannot be resolved here"));
    (void)strcpy(e.text, "untouched");
    for (int status = 0; status < 600; status += 100)
        assert_false(reach_unasked(status, "alice@demo", "", &e));
    assert_string_equal(e.text, "untouched");
}

static int fill_run(struct db *db, void *arg)
{
    static uint8_t key[] = {9};
    struct contact c = {.address = "alice@demo", .pubkey = {key, 1}, .trust = TRUST_SEEN};
    struct group_row g = {.name = "demo",
                          .master = "bob@demo",
                          .master_key = {key, 1},
                          .seq = 1,
                          .expiry_s = INT64_MAX / 2,
                          .signed_ = {key, 1},
                          .record = {key, 1}};
    struct group_record r = {.seq = 1, .count = 2};
    memcpy(c.fpr, pinned, FPR_LEN);
    memcpy(g.master_fpr, own, FPR_LEN);
    (void)strcpy(r.members[0].address, "bob@demo");
    memcpy(r.members[0].fpr, own, FPR_LEN);
    r.members[0].role = ROLE_MASTER;
    (void)strcpy(r.members[1].address, "dave@demo");
    memcpy(r.members[1].fpr, member, FPR_LEN);
    r.members[1].role = ROLE_MEMBER;
    if (contact_pin(db, &c) < 0 || group_apply(db, &g, &r, "bob@demo", own, true) != GROUP_NEW)
        return -1;
    memcpy(g.master_fpr, master, FPR_LEN); /* names us too, and we have not accepted */
    (void)strcpy(g.master, "mallory@demo");
    (void)strcpy(r.members[1].address, "erin@demo");
    r.members[0].role = ROLE_MEMBER;
    return group_apply(db, &g, &r, "bob@demo", own, false) == GROUP_ERROR ? -1 : 0;
}

static int filled;
static void fill_done(void *arg, int rc)
{
    filled = rc == 0 ? 1 : -1;
}

static int make(void **state)
{
    char path[PATH_CAP];
    struct error e;
    if (mkdtemp(home) == NULL || uv_loop_init(&loop) < 0)
        return -1;
    (void)snprintf(path, sizeof path, "%s/state.db", home);
    sv = (struct services){.loop = &loop, .c = {.home = home, .address = "bob@demo"}};
    sv.store = store_open(&loop, path, &e);
    if (sv.store == NULL)
        return -1;
    store_do(sv.store, fill_run, fill_done, NULL);
    while (filled == 0)
        (void)uv_run(&loop, UV_RUN_ONCE);
    return filled == 1 ? 0 : -1;
}

static int unmake(void **state)
{
    char command[64];
    store_close(&sv.store);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    (void)snprintf(command, sizeof command, "rm -r %s", home);
    return uv_loop_close(&loop) == 0 && system(command) == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_trust),
        cmocka_unit_test(by_configuration),
        cmocka_unit_test(by_neighbourhood),
        cmocka_unit_test(what_is_said),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
