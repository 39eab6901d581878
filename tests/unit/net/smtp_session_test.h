/* SPDX-License-Identifier: GPL-3.0-or-later */
/* smtp_session_test.h - an SMTP session without sockets whose handler writes down what it is told.
 */
#ifndef RESTANTE_TESTS_SMTP_SESSION_TEST_H
#define RESTANTE_TESTS_SMTP_SESSION_TEST_H

#include "net_test.h"
#include "net/smtp_session.h"

/* A handler that writes down what it is told. */
struct book {
    struct smtp_session s;
    struct buf events; /* "mail a@b 12\n", ... */
    struct buf data, replies;
    int mail_code, end_code;
    bool later;       /* answers are given by hand */
    size_t refuse_at; /* data says -1 once so much is there; 0 = never */
};

extern struct book *book;
extern struct smtp_settings settings;

int setup(void **state);
int teardown(void **state);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* What the session says so far goes to the book. */
void collect(void);
/* Feeds octets in pieces; what is not taken is given again. Returns what is left in the end. */
size_t feed_n(const void *text, size_t n, size_t piece);
size_t feed(const char *text);
/* Compares and empties. */
void expect(struct buf *b, const char *text);
void expect_code(int code);
void login(void);
void open_transaction(void);

#endif
