/* SPDX-License-Identifier: GPL-3.0-or-later */
/* receive_bench.h - Alice, who sends: her peer seals, publishes and announces. And Bob, who
 * receives: of his peer those steps run that the test names. */
#ifndef RESTANTE_TEST_RECEIVE_BENCH_H
#define RESTANTE_TEST_RECEIVE_BENCH_H

#include "flow_peer.h"
#include "base/texts.h"
#include "flow/receiver/opening.h"

extern struct flow_peer alice, bob;
/* cmocka's setup and teardown, of a group, and of a test: Bob is new for each. steps: his. */
int receive_open(void **state);
int receive_shut(void **state);
void bob_new(const struct step *const *steps);
int bob_gone(void **state);
/* Bob's peer anew, as after a restart. */
void bob_again(const struct step *const *steps);
/* Alice's peer goes, and comes back elsewhere. */
void alice_leaves(void);
void alice_returns(void);

/* Alice sends m to Bob, whose peer notes it: the row. What she sent stays here until the next. */
int64_t arrives(const void *m, size_t n);
/* The same of a body of so many octets; what was sent. */
int64_t arrives_of(size_t body);
extern char *sent;
extern size_t sent_len;

/* The row; to be freed. */
struct incoming row_of(int64_t n);
int64_t tries_of(int64_t n);
const char *why_of(int64_t n); /* until the next call */
int64_t outcome_of(int64_t n);

/* What was announced of the message's head: its last octet of header or structure is another. */
enum announced { ANNOUNCED_HEADER, ANNOUNCED_STRUCTURE };
void announced_otherwise(int64_t n, enum announced which);

/* The message as a mail client finds it: copies of this file's inode in a folder's new and cur. */
size_t copies_in(const char *folder, const char *file);
/* The first file whose name begins so in Maildir/<folder>/new or cur. false: there is none. */
bool mail_in(const char *folder, const char *begin, struct buf *b_r);
/* Octets: the trace fields, then what was sent. */
void is_whole(int64_t n, const struct buf *b);

/* Somebody opens the message: what they were told. */
struct opened {
    bool told, ok;
    char why[400];
};
void open_it(int64_t n, struct opened *o);

/* A text of base/texts.h with its arguments; or what it says before the first of them. Until the
 * next call. */
const char *said(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
const char *begins(const char *fmt);

/* Alice's file of this blob. */
void blob_path(const uint8_t hash[HASH_LEN], const char *suffix, char path[PATH_CAP]);
/* Turns one octet of a file. */
void flip(const char *path, off_t at);

#endif
