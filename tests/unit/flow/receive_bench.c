/* SPDX-License-Identifier: GPL-3.0-or-later */
/* receive_bench.c - see receive_bench.h. */
#include "receive_bench.h"
#include "flow/core/scheduler.h"
#include "flow/core/stream_worker.h"
#include "flow/core/trusted_clock.h"
#include "flow/mail/maildir.h"
#include "flow/peers/endpoint_lookup.h"
#include "flow/receiver/receipt_push.h"
#include "flow/receiver/sender_feedback.h"
#include "flow/sender/collect.h"
#include "flow/sender/receipt_endpoint.h"
#include "flow/sender/seal_stream.h"
#include "store/db.h"
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

extern const struct step step_seal, step_publish, step_announce;

struct flow_peer alice, bob;
char *sent;
size_t sent_len;

static const struct step *const sends[] = {&step_seal, &step_publish, &step_announce, NULL};
static const struct module *const sender[] = {&stream_worker_module,
                                              &seal_stream_module,
                                              &endpoint_lookup_module,
                                              &scheduler_module,
                                              &collection_module,
                                              &receipt_endpoint_module,
                                              NULL};
static const struct module *const receiver[] = {
    &trusted_clock_module, &stream_worker_module, &endpoint_lookup_module,
    &maildir_module,       &receipt_push_module,  &scheduler_module,
    &openings_module,      &feedback_module,      NULL};

int receive_open(void **state)
{
    (void)signal(SIGXFSZ, SIG_IGN);
    if (peers_open(state) < 0)
        return -1;
    peer_make(&alice, "alice@demo");
    alice_returns();
    return 0;
}

int receive_shut(void **state)
{
    free(sent);
    sent = NULL;
    peer_remove(&alice);
    return peers_shut(state);
}

void alice_leaves(void)
{
    peer_stop(&alice);
}

void alice_returns(void)
{
    peer_start(&alice, sender, sends);
    peer_posts_descriptor(&alice);
}

/* Under an address of his own, so that nothing of an earlier Bob stands in the DHT. */
void bob_new(const struct step *const *steps)
{
    static int number;
    char address[32];
    (void)snprintf(address, sizeof address, "bob%d@demo", ++number);
    peer_make(&bob, address);
    peer_start(&bob, receiver, steps);
    peer_knows(&alice, &bob);
}

int bob_gone(void **state)
{
    peer_remove(&bob);
    return 0;
}

void bob_again(const struct step *const *steps)
{
    peer_stop(&bob);
    peer_start(&bob, receiver, steps);
}

int64_t arrives(const void *m, size_t n)
{
    const char *const to[] = {bob.address, NULL};
    int64_t message = peer_submits(&alice, m, n, to);
    until(peer_int(&alice, "SELECT state FROM receiver WHERE message=?", message) == RCV_ANNOUNCED);
    assert_int_equal(peer_looks(&bob), 1);
    return peer_int(&bob, "SELECT max(n) FROM incoming WHERE n>?", 0);
}

int64_t arrives_of(size_t body)
{
    free(sent);
    sent = peer_writes(&alice, bob.address, body, &sent_len);
    return arrives(sent, sent_len);
}

/* ---- rows */

struct incoming row_of(int64_t n)
{
    struct incoming in;
    assert_int_equal(in_get(peer_db(&bob), n, &in), 0);
    return in;
}

int64_t tries_of(int64_t n)
{
    return peer_int(&bob, "SELECT tries FROM incoming WHERE n=?", n);
}

int64_t outcome_of(int64_t n)
{
    return peer_int(&bob, "SELECT outcome FROM incoming WHERE n=?", n);
}

const char *why_of(int64_t n)
{
    static char why[400];
    struct incoming in = row_of(n);
    (void)snprintf(why, sizeof why, "%.*s", (int)in.why.n,
                   in.why.p == NULL ? "" : (char *)in.why.p);
    incoming_free(&in);
    return why;
}

struct head_of {
    int64_t n;
    struct buf head;
};

static int head_run(struct db *db, void *arg)
{
    const struct head_of *x = arg;
    return db_run(db, "UPDATE incoming SET head=? WHERE n=?", "bi", x->head.data, x->head.len,
                  x->n);
}

void announced_otherwise(int64_t n, enum announced which)
{
    struct head_of x = {.n = n, .head = BUF_INIT(HEAD_BLOB_MAX)};
    struct buf header = BUF_INIT(HEADER_MAX), skeleton = BUF_INIT(SKELETON_MAX);
    struct error e = {""};
    struct incoming in = row_of(n);
    assert_int_equal(head_unpack(in.head.p, in.head.n, &header, &skeleton, &e), 0);
    if (which == ANNOUNCED_HEADER)
        header.data[header.len - 5] ^= 1;
    else
        skeleton.data[skeleton.len - 1] ^= 1;
    struct span h = {header.data, header.len}, s = {skeleton.data, skeleton.len};
    assert_int_equal(head_pack(&h, &s, &x.head), 0);
    assert_int_equal(commit(bob.sv.store, head_run, &x), 0);
    incoming_free(&in);
    buf_free(&header);
    buf_free(&skeleton);
    buf_free(&x.head);
}

/* ---- the Maildir */

static const char *const part[] = {"new", "cur"};

size_t copies_in(const char *folder, const char *file)
{
    struct stat own, st;
    size_t n = 0;
    assert_int_equal(stat(file, &own), 0);
    for (size_t i = 0; i < 2; i++) {
        char dir[PATH_CAP];
        (void)snprintf(dir, sizeof dir, "%s/Maildir/%s/%s", bob.home, folder, part[i]);
        DIR *d = opendir(dir);
        for (struct dirent *at; d != NULL && (at = readdir(d)) != NULL;)
            n += fstatat(dirfd(d), at->d_name, &st, 0) == 0 && st.st_ino == own.st_ino;
        if (d != NULL)
            (void)closedir(d);
    }
    return n;
}

bool mail_in(const char *folder, const char *begin, struct buf *b)
{
    bool found = false;
    for (size_t i = 0; i < 2 && !found; i++) {
        char dir[PATH_CAP], path[PATH_CAP];
        (void)snprintf(dir, sizeof dir, "%s/Maildir/%s/%s", bob.home, folder, part[i]);
        DIR *d = opendir(dir);
        for (struct dirent *at; !found && d != NULL && (at = readdir(d)) != NULL;) {
            found = at->d_name[0] != '.' && strncmp(at->d_name, begin, strlen(begin)) == 0;
            if (!found || b == NULL)
                continue;
            buf_free(b);
            assert_int_equal(path_join(path, dir, at->d_name, NULL), 0);
            assert_int_equal(file_read(path, b, NULL), 0);
        }
        if (d != NULL)
            (void)closedir(d);
    }
    return found;
}

void is_whole(int64_t n, const struct buf *b)
{
    struct incoming in = row_of(n);
    assert_true(in.trace.n > 0);
    assert_int_equal(b->len, in.trace.n + sent_len);
    assert_memory_equal(b->data, in.trace.p, in.trace.n);
    assert_memory_equal(b->data + in.trace.n, sent, sent_len);
    incoming_free(&in);
}

/* ---- somebody opens it */

static void on_opened(void *ctx, bool ok, const char *why)
{
    struct opened *o = ctx;
    assert_false(o->told);
    o->told = true;
    o->ok = ok;
    (void)snprintf(o->why, sizeof o->why, "%s", why);
}

void open_it(int64_t n, struct opened *o)
{
    struct incoming in = row_of(n);
    *o = (struct opened){0};
    (void)opening_ask(&bob.sv, in.nid, 0, on_opened, o);
    incoming_free(&in);
}

static char text[400];

const char *said(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return text;
}

const char *begins(const char *fmt)
{
    size_t n = strcspn(fmt, "%");
    assert_true(n > 10);
    (void)snprintf(text, sizeof text, "%.*s", (int)n, fmt);
    return text;
}

/* ---- what Alice's peer serves */

void blob_path(const uint8_t hash[HASH_LEN], const char *suffix, char path[PATH_CAP])
{
    home_path(&alice.sv, path, "outbox", hash, HASH_LEN, suffix);
}

void flip(const char *path, off_t at)
{
    uint8_t octet;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &octet, 1, at), 1);
    octet ^= 1;
    assert_int_equal(pwrite(fd, &octet, 1, at), 1);
    (void)close(fd);
}
