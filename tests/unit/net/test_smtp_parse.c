/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_smtp_parse.c - command lines of SMTP: what is read, and what is refused with which code. */
#include "net_test.h"
#include "net/smtp_parse.h"
#include "net/smtp_server.h"
#include <stdio.h>
#include <string.h>

static void mail_is(const char *args, const char *from, uint64_t size)
{
    struct smtp_mail_args m;
    struct smtp_refusal no = {0};
    if (smtp_parse_mail(args, &m, &no) != 0)
        fail_msg("%s: %d %s", args, no.code, no.text);
    assert_string_equal(m.from, from);
    assert_int_equal(m.size, size);
}

static void mail_fails(const char *args, int code)
{
    struct smtp_mail_args m;
    struct smtp_refusal no = {0};
    if (smtp_parse_mail(args, &m, &no) != -1 || no.code != code)
        fail_msg("%s gave %d", args, no.code);
    assert_non_null(no.text);
}

static void rcpt_is(const char *args, const char *addr)
{
    char got[SMTP_ADDR_MAX + 1];
    struct smtp_refusal no = {0};
    struct smtp_rcpt_asks asks;
    if (smtp_parse_rcpt(args, got, &asks, &no) != 0)
        fail_msg("%s: %d %s", args, no.code, no.text);
    assert_string_equal(got, addr);
}

static void notify_is(const char *args, unsigned notify)
{
    char got[SMTP_ADDR_MAX + 1];
    struct smtp_refusal no = {0};
    struct smtp_rcpt_asks seen = {.notify = 99};
    assert_int_equal(smtp_parse_rcpt(args, got, &seen, &no), 0);
    assert_int_equal(seen.notify, notify);
}

static void test_notify(void **state)
{
    (void)state;
    notify_is("TO:<bob@demo>", SMTP_NOTIFY_FAILURE);
    notify_is("TO:<bob@demo> ORCPT=rfc822;bob@demo", SMTP_NOTIFY_FAILURE);
    notify_is("TO:<bob@demo> NOTIFY=NEVER", 0);
    notify_is("TO:<bob@demo> NOTIFY=success", SMTP_NOTIFY_SUCCESS);
    notify_is("TO:<bob@demo> NOTIFY=DELAY,FAILURE ORCPT=rfc822;a",
              SMTP_NOTIFY_DELAY | SMTP_NOTIFY_FAILURE);
    notify_is("TO:<bob@demo> NOTIFY=SUCCESS,FAILURE,DELAY", 7);
}

static void rcpt_fails(const char *args, int code)
{
    char got[SMTP_ADDR_MAX + 1];
    struct smtp_refusal no = {0};
    struct smtp_rcpt_asks asks;
    if (smtp_parse_rcpt(args, got, &asks, &no) != -1 || no.code != code)
        fail_msg("%s gave %d", args, no.code);
}

static void orcpt_is(const char *args, const char *orcpt)
{
    char got[SMTP_ADDR_MAX + 1];
    struct smtp_refusal no = {0};
    struct smtp_rcpt_asks asks;
    assert_int_equal(smtp_parse_rcpt(args, got, &asks, &no), 0);
    assert_string_equal(asks.orcpt, orcpt);
}

static void envid_is(const char *args, const char *envid)
{
    struct smtp_mail_args m;
    struct smtp_refusal no = {0};
    assert_int_equal(smtp_parse_mail(args, &m, &no), 0);
    assert_string_equal(m.envid, envid);
}

/* xtext of the longest value that is allowed, and one octet more (RFC 3461, 4.2 and 4.4). */
static void test_xtext_caps(void **state)
{
    char args[600] = "FROM:<a@b> ENVID=";
    size_t at = strlen(args);
    struct smtp_mail_args m;
    (void)state;
    memset(args + at, 'e', SMTP_ENVID_MAX);
    envid_is(args, args + at);
    args[at + SMTP_ENVID_MAX] = 'e';
    args[at + SMTP_ENVID_MAX + 1] = '\0';
    mail_fails(args, 501);
    memset(args, 0, sizeof args);
    at = (size_t)snprintf(args, sizeof args, "TO:<bob@demo> ORCPT=");
    memset(args + at, 'o', SMTP_ORCPT_MAX);
    args[at + 6] = ';';
    orcpt_is(args, args + at);
    args[at + SMTP_ORCPT_MAX] = 'o';
    rcpt_fails(args, 501);
    /* all of it coded, so that the value is the shortest */
    at = (size_t)snprintf(args, sizeof args, "FROM:<a@b> ENVID=");
    for (size_t i = 0; i < SMTP_ENVID_MAX / 3; i++)
        (void)snprintf(args + at + 3 * i, 4, "+2B");
    struct smtp_refusal no;
    assert_int_equal(smtp_parse_mail(args, &m, &no), 0);
    assert_int_equal(strspn(m.envid, "+"), SMTP_ENVID_MAX / 3);
}

static void test_xtext(void **state)
{
    (void)state;
    envid_is("FROM:<a@b>", "");
    envid_is("FROM:<a@b> ENVID=QQ314159 SIZE=1", "QQ314159");
    envid_is("FROM:<a@b> envid=+3D+2B+20x+09+7E", "=+ x\t~");
    orcpt_is("TO:<bob@demo>", "");
    orcpt_is("TO:<bob@demo> ORCPT=rfc822;bob+2Bx@demo NOTIFY=NEVER", "rfc822;bob+x@demo");
    orcpt_is("TO:<bob@demo> ORCPT=x-My-2;a;b", "x-My-2;a;b");
    /* what would end the report's line, or is not ASCII */
    mail_fails("FROM:<a@b> ENVID=a+0D+0ASubject:x", 501);
    mail_fails("FROM:<a@b> ENVID=a+00", 501);
    mail_fails("FROM:<a@b> ENVID=+7F", 501);
    mail_fails("FROM:<a@b> ENVID=+E4", 501);
    mail_fails("FROM:<a@b> ENVID=+", 501);
    mail_fails("FROM:<a@b> ENVID=++2B", 501);
    rcpt_fails("TO:<bob@demo> ORCPT=rfc822;a+0Ab", 501);
    rcpt_fails("TO:<bob@demo> ORCPT=rfc822;a+", 501);
    rcpt_fails("TO:<bob@demo> ORCPT=rfc822;a=b", 501);
    rcpt_fails("TO:<bob@demo> ORCPT=rfc 822;a", 501);
    rcpt_fails("TO:<bob@demo> ORCPT=utf+38;a", 501);
    /* of AUTH nothing is repeated anywhere: octets of any kind */
    mail_is("FROM:<a@b> AUTH=+00e+3Dmc2@example.com", "a@b", 0);
    mail_fails("FROM:<a@b> AUTH=e+", 501);
}

static void test_verbs(void **state)
{
    const char *args;
    (void)state;
    assert_int_equal(smtp_parse_verb("MAIL FROM:<>", &args), SMTP_MAIL);
    assert_string_equal(args, "FROM:<>");
    assert_int_equal(smtp_parse_verb("bdat  5 last", &args), SMTP_BDAT);
    assert_string_equal(args, "5 last");
    assert_int_equal(smtp_parse_verb("QUIT", &args), SMTP_QUIT);
    assert_string_equal(args, "");
    assert_int_equal(smtp_parse_verb("QUITX", &args), SMTP_UNKNOWN);
    assert_int_equal(smtp_parse_verb("STARTTLS", &args), SMTP_UNKNOWN);
    assert_int_equal(smtp_parse_verb("XCLIENT ADDR=1.2.3.4", &args), SMTP_UNKNOWN);
    assert_int_equal(smtp_parse_verb("", &args), SMTP_UNKNOWN);
}

static void test_mail(void **state)
{
    (void)state;
    mail_is("FROM:<alice@demo>", "alice@demo", 0);
    mail_is("from:<>", "", 0);
    mail_is("FROM:<a@b> SIZE=12345 BODY=8BITMIME RET=HDRS ENVID=QQ314159+2B AUTH=<>", "a@b", 12345);
    mail_is("FROM:<a@b> size=18446744073709551615 body=7bit", "a@b", UINT64_MAX);
    mail_is("FROM:<@x,@y:a@b>", "a@b", 0);
    mail_is("FROM:<\"a\\\"b c\"@d>  ", "\"a\\\"b c\"@d", 0);
    mail_is("FROM:<\"alice@family\">", "\"alice@family\"", 0); /* and not alice@family */
    mail_is("FROM:<\"alice@family\"@d>", "\"alice@family\"@d", 0);
    mail_is("FROM:<\"alice\"@d>", "alice@d", 0); /* the same with and without (RFC 5321, 4.1.2) */
    mail_is("FROM:<\"a\\l\\ice\"@d>", "alice@d", 0);
    mail_is("FROM:<a@[127.0.0.1]>", "a@[127.0.0.1]", 0);
    mail_fails("FROM: <a@b>", 501);
    mail_fails("FROM:a@b", 501);
    mail_fails("FROM:<a@b", 501);
    mail_fails("FROM:<a@b>SIZE=1", 501);
    mail_fails("FROM:<a@>", 501);
    mail_fails("FROM:<@b>", 501);
    mail_fails("FROM:<\"\"@b>", 501);
    mail_fails("FROM:<a@b@c>", 501);
    mail_fails("FROM:<a b@c>", 501);
    mail_fails("FROM:<\"a@b>", 501);
    mail_fails("FROM:<\"a\\", 501);
    mail_fails("TO:<a@b>", 501);
    mail_fails("", 501);
    mail_fails("FROM:<a@b> SIZE=", 501);
    mail_fails("FROM:<a@b> SIZE", 501);
    mail_fails("FROM:<a@b> SIZE=1x", 501);
    mail_fails("FROM:<a@b> SIZE=18446744073709551616", 501);
    mail_fails("FROM:<a@b> SIZE=1 SIZE=1", 501);
    mail_fails("FROM:<a@b> BODY=BINARYMIME", 501);
    mail_fails("FROM:<a@b> RET=ALL", 501);
    mail_fails("FROM:<a@b> ENVID=a+2", 501);
    mail_fails("FROM:<a@b> ENVID=a+2b", 501);
    mail_fails("FROM:<a@b> ENVID=a=b", 501);
    mail_fails("FROM:<a@b> =1", 501);
    mail_fails("FROM:<a@b> SMTPUTF8", 555);
    mail_fails("FROM:<a@b> NOTIFY=NEVER", 555);
}

static void test_rcpt(void **state)
{
    char args[512];
    (void)state;
    rcpt_is("TO:<bob@demo>", "bob@demo");
    rcpt_is("to:<bob@demo> NOTIFY=SUCCESS,failure,DELAY ORCPT=rfc822;bob+2Bx@demo", "bob@demo");
    rcpt_is("TO:<bob@demo> NOTIFY=NEVER", "bob@demo");
    rcpt_is("TO:<postmaster>", "postmaster");
    rcpt_fails("TO:<>", 501);
    rcpt_fails("TO:<bob@demo> NOTIFY=NEVER,DELAY", 501);
    rcpt_fails("TO:<bob@demo> NOTIFY=DELAY,", 501);
    rcpt_fails("TO:<bob@demo> NOTIFY=", 501);
    rcpt_fails("TO:<bob@demo> ORCPT=bob@demo", 501);
    rcpt_fails("TO:<bob@demo> ORCPT=rfc822;", 501);
    rcpt_fails("TO:<bob@demo> ORCPT=;a", 501);
    rcpt_fails("TO:<bob@demo> SIZE=1", 555);
    memset(args, 'a', sizeof args);
    memcpy(args, "TO:<", 4);
    snprintf(args + 4 + SMTP_ADDR_MAX, 2, ">");
    char got[SMTP_ADDR_MAX + 1];
    struct smtp_refusal no;
    struct smtp_rcpt_asks asks;
    assert_int_equal(smtp_parse_rcpt(args, got, &asks, &no), 0);
    assert_int_equal(strlen(got), SMTP_ADDR_MAX);
    args[4 + SMTP_ADDR_MAX] = 'a';
    snprintf(args + 5 + SMTP_ADDR_MAX, 2, ">");
    rcpt_fails(args, 501);
}

static void test_bdat(void **state)
{
    static const char *const bad[] = {"",
                                      "x",
                                      "-1",
                                      "1 LASTX",
                                      "1 LAST x",
                                      "LAST",
                                      "1LAST",
                                      "9223372036854775808",
                                      "99999999999999999999",
                                      "1 2"};
    uint64_t size;
    bool last;

    (void)state;
    assert_int_equal(smtp_parse_bdat("0 LAST", &size, &last), 0);
    assert_int_equal(size, 0);
    assert_true(last);
    assert_int_equal(smtp_parse_bdat("86 ", &size, &last), 0);
    assert_int_equal(size, 86);
    assert_false(last);
    assert_int_equal(smtp_parse_bdat("9223372036854775807 last ", &size, &last), 0);
    assert_true(last && size == INT64_MAX);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (smtp_parse_bdat(bad[i], &size, &last) != -1)
            fail_msg("BDAT %s", bad[i]);
}

static void test_plain(void **state)
{
    (void)state;
    /* NUL user NUL secret; user NUL user NUL secret; other NUL user NUL secret */
    assert_int_equal(smtp_check_plain("AHVzZXIAc2VjcmV0", "user", "secret"), 0);
    assert_int_equal(smtp_check_plain("dXNlcgB1c2VyAHNlY3JldA==", "user", "secret"), 0);
    assert_int_equal(smtp_check_plain("b3RoZXIAdXNlcgBzZWNyZXQ=", "user", "secret"), 1);
    assert_int_equal(smtp_check_plain("AHVzZXIAc2VjcmV0", "user", "secreT"), 1);
    assert_int_equal(smtp_check_plain("AHVzZXIAc2VjcmV0", "use", "secret"), 1);
    assert_int_equal(smtp_check_plain("AHVzZXIA", "user", "secret"), 1);
    assert_int_equal(smtp_check_plain("AHVzZXIAc2VjcmV0AA==", "user", "secret"), -1);
    assert_int_equal(smtp_check_plain("dXNlcg==", "user", "secret"), -1);
    assert_int_equal(smtp_check_plain("AHVzZXIAc2VjcmV", "user", "secret"), -1);
    assert_int_equal(smtp_check_plain("AHVzZXIAc2Vj*mV0", "user", "secret"), -1);
    assert_int_equal(smtp_check_plain("AHVz=XIAc2VjcmV0", "user", "secret"), -1);
    assert_int_equal(smtp_check_plain("====", "user", "secret"), -1);
    assert_int_equal(smtp_check_plain("", "user", "secret"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_notify), cmocka_unit_test(test_verbs),
        cmocka_unit_test(test_mail),   cmocka_unit_test(test_rcpt),
        cmocka_unit_test(test_bdat),   cmocka_unit_test(test_plain),
        cmocka_unit_test(test_xtext),  cmocka_unit_test(test_xtext_caps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
