/* SPDX-License-Identifier: GPL-3.0-or-later */
/* http_server_test.h - a server on an outbox with files and traps in it, and a client that asks one
 * thing. */
#ifndef RESTANTE_TESTS_HTTP_SERVER_TEST_H
#define RESTANTE_TESTS_HTTP_SERVER_TEST_H

#include "net_test.h"
#include "net/http_server.h"
#include <stdatomic.h>

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define LINK "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIR_ "2123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define NONE "3123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define EMPTY "4123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ONE "6123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define FIFO "5123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define TAG "\"" HEX "\""

extern struct http_server *server;
extern char *dir;
extern atomic_int fetches;
extern char answer[65536]; /* the last one */
extern const char *body;   /* of it */

int setup(void **state);
int setup_impatient(void **state); /* a client may be silent for a second */
int teardown(void **state);
#define IMPATIENT(name) cmocka_unit_test_setup_teardown(name, setup_impatient, teardown)
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* Sends a request and reads the answer to the end; its status, 0 for none. */
int ask(const char *method, const char *uri, const char *headers);
int get(const char *uri, const char *headers);
/* Is this in the answer? */
bool has(const char *header);

#endif
