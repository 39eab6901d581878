/* SPDX-License-Identifier: GPL-3.0-or-later */
/* flow_mail.c - see flow_peer.h: messages, rows, files, and what stands in the DHT. */
#include "flow_peer.h"
#include "base/clock.h"
#include "flow/mail/header.h"
#include "flow/receiver/notice.h"
#include "mime/mime.h"
#include "store/db.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- a message in the spool */

struct submitting {
    struct out_message m;
    struct out_rcpt rcpts[8];
    size_t count;
    struct span header;
    bool done;
};

static void on_skeleton(void *ctx, enum mime_verdict verdict, const char *why,
                        const struct mime_answer *a)
{
    struct submitting *s = ctx;
    if (verdict != MIME_OK)
        fail_msg("%s", why);
    struct span skeleton = {a->p, a->n};
    struct buf head = BUF_INIT(HEAD_BLOB_MAX);
    assert_int_equal(head_pack(&s->header, &skeleton, &head), 0);
    s->m.head.p = buf_steal(&head, &s->m.head.n);
    s->done = true;
}

static void keep(const struct submitting *s, const char *name, struct bytes *to)
{
    struct buf v = BUF_INIT(SUMMARY_MAX);
    if (header_value(s->header.p, s->header.n, name, SUMMARY_MAX, &v) == 0)
        assert_int_equal(bytes_set(to, v.data, v.len), 0);
    buf_free(&v);
}

static int submit_run(struct db *db, void *arg)
{
    struct submitting *s = arg;
    return out_add(db, &s->m, s->rcpts, s->count, clock_wall_ms() + 60000);
}

int64_t peer_submits(struct flow_peer *p, const void *m, size_t n, const char *const *to)
{
    struct submitting s = {.m = {.created_ms = clock_wall_ms(), .size = n}};
    char path[PATH_CAP];
    const uint8_t *end = memmem(m, n, "\r\n\r\n", 4);
    assert_non_null(end);
    s.header = (struct span){m, (size_t)(end - (const uint8_t *)m) + 4};
    random_bytes(s.m.id, sizeof s.m.id);
    sha256(m, n, s.m.hash);
    home_path(&p->sv, path, "spool", s.m.id, MESSAGE_ID_LEN, "");
    assert_int_equal(file_write(path, m, n, NULL), 0);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    mime_skeleton(p->sv.mime, fd, on_skeleton, &s);
    (void)close(fd);
    until(s.done);
    keep(&s, "message-id", &s.m.msgid);
    keep(&s, "subject", &s.m.subject);
    keep(&s, "date", &s.m.date);
    keep(&s, "from", &s.m.from);
    keep(&s, "to", &s.m.to);
    for (; to[s.count] != NULL; s.count++) {
        s.rcpts[s.count] = (struct out_rcpt){.known = true, .notify = NOTIFY_FAILURE};
        (void)strcpy(s.rcpts[s.count].address, to[s.count]);
    }
    assert_int_equal(commit(p->sv.store, submit_run, &s), 0);
    int64_t row = s.m.n;
    out_message_free(&s.m);
    kick(&p->sv);
    return row;
}

char *peer_writes(const struct flow_peer *p, const char *to, size_t body, size_t *n_r)
{
    char *m = malloc(body + 1024), head[1024];
    assert_non_null(m);
    int n = snprintf(head, sizeof head,
                     "From: <%s>\r\nTo: <%s>\r\nSubject: A test\r\nMessage-ID: <%lld@test>\r\n"
                     "Date: Mon, 30 Nov 2026 09:00:00 +0000\r\n\r\n",
                     p->address, to, (long long)random());
    memcpy(m, head, (size_t)n);
    for (size_t i = 0; i < body; i++) /* nothing that compresses much */
        m[(size_t)n + i] = (char)(i % 72 == 70   ? '\r'
                                  : i % 72 == 71 ? '\n'
                                                 : 33 + (int)(random() % 94));
    memcpy(m + n + body, "\r\n", 2);
    *n_r = (size_t)n + body + 2;
    return m;
}

/* ---- what stands in the DHT */

struct looking {
    uint8_t ids[100 * DHT_ID_LEN];
    size_t count;
    bool done;
    enum dht_presence presence;
    struct flow_peer *p;
    const char *key;
};

static size_t notices; /* under way */

static void noticed(struct services *sv, const uint8_t id[DHT_ID_LEN], bool later)
{
    assert_false(later);
    notices--;
    kick(sv); /* as discover.c does */
}

static void on_ids(void *ctx, bool ok, const uint8_t *ids, size_t n)
{
    struct looking *l = ctx;
    assert_true(ok && n <= 100);
    if (n > 0)
        memcpy(l->ids, ids, n * DHT_ID_LEN);
    l->count = n;
    l->done = true;
}

static void on_value(void *ctx, bool ok, const struct dht_value *v)
{
    struct looking *l = ctx;
    if (v == NULL) {
        l->done = true;
        return;
    }
    notices++;
    notice_open(&l->p->sv, l->key, v, false, noticed);
}

size_t peer_list(const char *key)
{
    struct looking l = {0};
    dht_list(peer_dht, key, on_ids, &l);
    until(l.done);
    return l.count;
}

size_t peer_looks(struct flow_peer *p)
{
    char key[DHT_KEY_MAX + 1];
    struct looking l = {.p = p, .key = key};
    int64_t before = peer_int(p, "SELECT count(*) FROM incoming WHERE ?<>0", 1);
    dht_ns_key(key, p->address, 0);
    dht_list(peer_dht, key, on_ids, &l);
    until(l.done);
    l.done = false;
    dht_get(peer_dht, key, l.ids, l.count, on_value, &l);
    until(l.done && notices == 0);
    return (size_t)(peer_int(p, "SELECT count(*) FROM incoming WHERE ?<>0", 1) - before);
}

static void on_presence(void *ctx, bool ok, enum dht_presence presence)
{
    struct looking *l = ctx;
    assert_true(ok);
    l->presence = presence;
    l->done = true;
}

enum dht_presence peer_look(const char *key, const uint8_t id[DHT_ID_LEN])
{
    struct looking l = {0};
    dht_look(peer_dht, key, id, on_presence, &l);
    until(l.done);
    return l.presence;
}

/* ---- rows and files */

struct db *peer_db(const struct flow_peer *p)
{
    return store_reader(p->sv.store);
}

int64_t peer_int(const struct flow_peer *p, const char *sql, int64_t n)
{
    return db_int(peer_db(p), -1, sql, "i", n);
}

enum in_state peer_in_state(const struct flow_peer *p, int64_t n)
{
    return (enum in_state)peer_int(p, "SELECT state FROM incoming WHERE n=?", n);
}

bool peer_file(const struct flow_peer *p, const char *dir, const uint8_t *id, size_t n,
               const char *suffix, struct buf *b)
{
    char path[PATH_CAP];
    home_path(&p->sv, path, dir, id, n, suffix);
    if (b == NULL)
        return file_exists(path);
    buf_free(b);
    return file_read(path, b, NULL) == 0;
}

size_t peer_count(const struct flow_peer *p, const char *dir, const char *part)
{
    char path[PATH_CAP];
    size_t n = 0;
    (void)snprintf(path, sizeof path, "%s/%s", p->home, dir);
    DIR *d = opendir(path);
    if (d == NULL)
        return 0;
    for (struct dirent *at; (at = readdir(d)) != NULL;)
        n += at->d_name[0] != '.' && strstr(at->d_name, part) != NULL;
    (void)closedir(d);
    return n;
}

static void spoiled(const struct flow_peer *p, const char *dir, char path[PATH_CAP],
                    char away[PATH_CAP])
{
    (void)snprintf(path, PATH_CAP, "%s/%s", p->home, dir);
    (void)snprintf(away, PATH_CAP, "%s/%s.away", p->home, dir);
}

void peer_spoil(const struct flow_peer *p, const char *dir)
{
    char path[PATH_CAP], away[PATH_CAP];
    spoiled(p, dir, path, away);
    assert_int_equal(rename(path, away), 0);
    assert_int_equal(file_write(path, "", 0, NULL), 0);
}

void peer_mend(const struct flow_peer *p, const char *dir)
{
    char path[PATH_CAP], away[PATH_CAP];
    spoiled(p, dir, path, away);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rename(away, path), 0);
}
