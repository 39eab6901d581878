/* SPDX-License-Identifier: GPL-3.0-or-later */
/* store_test.h - a database in a folder of its own, and rows to put into it. */
#ifndef RESTANTE_STORE_TEST_H
#define RESTANTE_STORE_TEST_H

#include "store/contacts.h"
#include "store/db.h"
#include "store/incoming.h"
#include "store/outgoing.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

extern char test_path[64]; /* of the database */
int test_dir_make(void **state);
int test_dir_remove(void **state);

/* A migrated database, opened for writing; the file is new. */
void test_db(struct db *db);

#define TEST_ORCPT "rfc822;first@demo" /* of a message's first receiver */
/* A message with these receivers (up to the first NULL), whose keys are known or not. */
int64_t test_message(struct db *db, uint8_t tag, bool known, const char *const *to);
/* Seals all READY receivers of a message into a blob whose hash is 32 times tag. */
void test_seal(struct db *db, int64_t message, uint8_t tag, bool head);
int64_t test_incoming(struct db *db, uint8_t tag, int64_t expiry_s);
enum rcv_state test_rcv_state(struct db *db, int64_t n);
enum in_state test_in_state(struct db *db, int64_t n);

#endif
