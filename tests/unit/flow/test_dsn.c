/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_dsn.c - the report on receivers that never came or could not be reached (P-13.1, RFC 3464):
 * its parts, one line for each field whatever a sentence holds, the same octets every time, and the
 * header it repeats. tests/peer/test_expiry.py reads it with another parser. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "flow/mail/dsn.h"

static struct bytes text(const char *s)
{
    return (struct bytes){(uint8_t *)s, strlen(s)};
}

static struct out_message message(void)
{
    return (struct out_message){.id = {1, 2, 3},
                                .created_ms = 1795467480000, /* Mon, 23 Nov 2026 20:58:00 +0000 */
                                .msgid = text("<1@house.example>"),
                                .subject = text("Lunch"),
                                .from = text("alice@house.example")};
}

static const struct out_receiver bob = {.n = 7,
                                        .address = "bob@house.example",
                                        .state = RCV_EXPIRED,
                                        .expiry_s = 1795467480 + 604800,
                                        .changed_ms = 1795467480000};

static void compose(const struct out_message *m, const struct out_receiver *r, size_t n,
                    struct buf *out)
{
    struct dsn d = {.own = "alice@house.example", .m = m, .rcpts = r, .count = n};
    out->len = 0;
    assert_int_equal(dsn_compose(&d, out), 0);
}

static bool has(struct buf *b, const char *s)
{
    return strstr(buf_str(b), s) != NULL;
}

static void names_each_receiver(void **state)
{
    struct buf b = BUF_INIT(DSN_MAX), again = BUF_INIT(DSN_MAX);
    struct out_message m = message();
    struct out_receiver r[2] = {bob, {.n = 8, .address = "carol@inn.example", .state = RCV_FAILED}};
    r[1].why = text("Nobody has posted a key.\r\nStatus: 2.0.0");
    compose(&m, r, 2, &b);
    assert_true(has(&b, "\r\nFinal-Recipient: rfc822; bob@house.example\r\nAction: failed\r\n"
                        "Status: 4.4.7\r\nDiagnostic-Code: x-restante; Not opened by Mon, 30 Nov "
                        "2026 20:58:00 +0000\r\n"));
    assert_true(has(&b, "\r\nFinal-Recipient: rfc822; carol@inn.example\r\nAction: failed\r\n"
                        "Status: 5.1.1\r\n"));
    assert_false(has(&b, "\nStatus: 2.0.0")); /* a sentence begins no field */
    assert_true(has(&b, "Subject: Not sent: Lunch\r\n"));
    assert_true(has(&b, "In-Reply-To: <1@house.example>\r\n"));
    for (size_t i = 0; i < b.len; i++)
        if (b.data[i] == '\n')
            assert_true(i > 0 && b.data[i - 1] == '\r');
    compose(&m, r, 2, &again);
    assert_int_equal(again.len, b.len);
    assert_memory_equal(again.data, b.data, b.len);
    buf_free(&b);
    buf_free(&again);
}

/* Asked for by NOTIFY=SUCCESS. */
static void says_who_has_it(void **state)
{
    struct buf b = BUF_INIT(DSN_MAX);
    struct out_message m = message();
    struct out_receiver r[2] = {bob, bob};
    r[0].state = RCV_PULLED;
    compose(&m, r, 1, &b);
    assert_true(has(&b, "Subject: Fetched: Lunch\r\n"));
    assert_true(has(&b, "\r\nFinal-Recipient: rfc822; bob@house.example\r\nAction: delivered\r\n"
                        "Status: 2.0.0\r\nLast-Attempt-Date: Mon, 23 Nov 2026 20:58:00 +0000\r\n"));
    assert_true(has(&b, "was fetched by\r\n    bob@house.example\r\n"));
    assert_false(has(&b, "try again"));
    compose(&m, r, 2, &b);
    assert_true(has(&b, "Subject: Not sent: Lunch\r\n"));
    assert_true(has(&b, "Action: delivered\r\n") && has(&b, "Action: failed\r\n"));
    buf_free(&b);
}

/* Asked for by NOTIFY=DELAY: until when it is offered (RFC 3464 2.3.9), and under another
 * Message-ID than the report of the end. */
static void says_who_has_not_come_yet(void **state)
{
    struct buf b = BUF_INIT(DSN_MAX);
    struct out_message m = message();
    struct out_receiver r[2] = {bob, {.n = 8, .address = "carol@inn.example"}};
    r[0].state = RCV_ANNOUNCED;
    r[1].state = RCV_WAITING;
    r[1].why = text("Nobody has posted a key.");
    struct dsn d = {.own = "alice@house.example", .m = &m, .rcpts = r, .count = 2};
    d.at_ms = m.created_ms + DELAY_NOTICE_MS;
    assert_int_equal(dsn_compose(&d, &b), 0);
    assert_true(has(&b, "Subject: Not fetched yet: Lunch\r\n"));
    assert_true(has(&b, "\r\nDate: Tue, 24 Nov 2026 20:58:00 +0000\r\n"));
    assert_true(has(&b, ".delay.notice@house.example>\r\n"));
    assert_true(has(&b, "has not been fetched yet by\r\n    bob@house.example\r\n"
                        "    carol@inn.example\r\n"));
    assert_true(has(&b, "\r\nFinal-Recipient: rfc822; bob@house.example\r\nAction: delayed\r\n"
                        "Status: 4.0.0\r\nDiagnostic-Code: x-restante; Not fetched yet\r\n"
                        "Will-Retry-Until: Mon, 30 Nov 2026 20:58:00 +0000\r\n"));
    assert_true(has(&b, "\r\nFinal-Recipient: rfc822; carol@inn.example\r\nAction: delayed\r\n"
                        "Status: 4.0.0\r\nDiagnostic-Code: x-restante; Nobody has posted a "
                        "key.\r\n\r\n--"));
    assert_false(has(&b, "try again"));
    buf_free(&b);
}

/* RFC 3464 2.2.1 and 2.3.1: first in their groups, only where the client gave them, in one line
 * each, whatever they hold. */
static void names_what_the_client_calls_it(void **state)
{
    struct buf b = BUF_INIT(DSN_MAX);
    struct out_message m = message();
    struct out_receiver r[2] = {bob, {.n = 8, .address = "carol@inn.example", .state = RCV_FAILED}};
    compose(&m, r, 2, &b);
    assert_false(has(&b, "Original-"));
    m.envid = text("QQ+3 14");
    r[0].orcpt = text("rfc822;Bob@Home.example\r\nStatus: 2.0.0");
    compose(&m, r, 2, &b);
    assert_true(has(&b, "Content-Type: message/delivery-status\r\n\r\n"
                        "Original-Envelope-Id: QQ+3 14\r\nReporting-MTA: x-restante; "));
    assert_true(has(&b, "\r\n\r\nOriginal-Recipient: rfc822;Bob@Home.example  Status: 2.0.0\r\n"
                        "Final-Recipient: rfc822; bob@house.example\r\n"));
    assert_true(has(&b, "\r\n\r\nFinal-Recipient: rfc822; carol@inn.example\r\n"));
    buf_free(&b);
}

static void repeats_the_header(void **state)
{
    static const char h[] = "From: alice@house.example\r\nX-Kept: as it\r\n\tstands\r\n\r\n";
    struct buf b = BUF_INIT(DSN_MAX), head = BUF_INIT(4096);
    struct out_message m = message();
    compose(&m, &bob, 1, &b);
    assert_true(has(&b, "Content-Type: text/rfc822-headers\r\n"));
    assert_true(has(&b, "\r\nMessage-ID: <1@house.example>\r\n")); /* from the summary */
    assert_true(has(&b, "Subject: Not fetched in time: Lunch\r\n"));
    /* [ header, skeleton ] with a skeleton of one text part: [["", 5, 1, 3, 0]] */
    static const uint8_t skeleton[] = {0x81, 0x85, 0x40, 0x05, 0x01, 0x03, 0x00};
    struct span sh = {(const uint8_t *)h, sizeof h - 1}, ss = {skeleton, sizeof skeleton};
    assert_int_equal(head_pack(&sh, &ss, &head), 0);
    m.head = (struct bytes){head.data, head.len};
    compose(&m, &bob, 1, &b);
    assert_true(has(&b, h));
    buf_free(&b);
    buf_free(&head);
}

static void many_fit(void **state)
{
    static struct out_receiver r[10000];
    struct buf b = BUF_INIT(DSN_MAX);
    struct out_message m = message();
    for (size_t i = 0; i < 10000; i++)
        r[i] = bob;
    compose(&m, r, 10000, &b);
    assert_true(b.len > 1000000);
    buf_free(&b);
    struct buf little = BUF_INIT(500);
    struct dsn d = {.own = "alice@house.example", .m = &m, .rcpts = r, .count = 1};
    assert_int_equal(dsn_compose(&d, &little), -1);
    buf_free(&little);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_each_receiver),
        cmocka_unit_test(says_who_has_it),
        cmocka_unit_test(says_who_has_not_come_yet),
        cmocka_unit_test(names_what_the_client_calls_it),
        cmocka_unit_test(repeats_the_header),
        cmocka_unit_test(many_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
