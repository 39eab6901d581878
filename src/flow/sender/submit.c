/* SPDX-License-Identifier: GPL-3.0-or-later */
/* submit.c - see submit.h. A session's transaction is a struct submission; while a job or a look-up
 * for it is under way and the client goes, it is orphaned and frees itself later. */
#include "flow/sender/submit.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/texts.h"
#include "flow/sender/header.h"
#include "flow/sender/lookup.h"
#include "flow/sender/receivers.h"
#include "flow/validity.h"
#include "store/outgoing.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define LOG_AREA "submit"

struct submission {
    struct job job;
    struct flow *flow;
    struct smtp_session *session; /* NULL: the client is gone */
    struct lookup *lookup;
    bool busy; /* a job, the MIME helper or the store holds it */
    char asked[ADDRESS_MAX + 1];
    struct receivers to;
    struct out_message m;
    char path[PATH_CAP];
    int fd;
    bool header_done, after_cr;
    struct buf header;
    struct sha256 *hash;
    int code; /* of a refusal; 0 = none */
    struct error why;
};

static void submission_free(struct submission *s)
{
    if (s->lookup != NULL)
        lookup_cancel(s->lookup);
    if (s->fd >= 0)
        (void)close(s->fd);
    if (s->path[0] != '\0')
        (void)unlink(s->path);
    sha256_end(&s->hash, NULL);
    buf_free(&s->header);
    out_message_free(&s->m);
    receivers_free(&s->to);
    free(s);
}

static int refuse(struct submission *s, int code, const char *text)
{
    if (s->code == 0) {
        s->code = code;
        (void)error_set(&s->why, "%s", text);
    }
    return -1;
}

static void on_mail(void *ctx, struct smtp_session *session, const char *from, uint64_t size)
{
    struct flow *f = ctx;
    char address[ADDRESS_MAX + 1];
    if (f->stop_reason[0] != '\0') {
        smtp_reply(session, 451, TEXT_STOPPED, f->stop_reason);
        return;
    }
    if (address_parse(from, address) < 0 || strcmp(address, f->c.address) != 0) {
        smtp_reply(session, 550, TEXT_SENDER_OTHER, f->c.address);
        return;
    }
    struct submission *s = calloc(1, sizeof *s);
    if (s == NULL) {
        smtp_reply(session, 451, TEXT_MEMORY);
        return;
    }
    s->flow = f;
    s->session = session;
    s->fd = -1;
    s->header.cap = HEADER_MAX + 64 * 1024; /* room for the Bcc fields that go */
    random_bytes(s->m.id, sizeof s->m.id);
    smtp_session_set(session, s);
    const char *envid = smtp_session_envid(session);
    if (bytes_set(&s->m.envid, envid, strlen(envid)) < 0)
        smtp_reply(session, 451, TEXT_MEMORY);
    else
        smtp_reply(session, 250, TEXT_SENDER_OK);
}

static void add_rcpt(struct submission *s, bool known)
{
    struct error text;
    int code =
        receivers_add(&s->to, s->flow, s->asked, known, smtp_session_asks(s->session), &text);
    smtp_reply(s->session, code, "%s", text.text);
}

static void on_key(void *ctx, enum lookup_result result, const char *why)
{
    struct submission *s = ctx;
    s->lookup = NULL;
    switch (result) {
    case LOOKUP_FOUND:
        add_rcpt(s, true);
        break;
    case LOOKUP_INCOMPLETE:
        add_rcpt(s, false);
        break;
    case LOOKUP_NONE:
        smtp_reply(s->session, 550, TEXT_RCPT_UNKNOWN, why);
        break;
    case LOOKUP_REFUSED:
        smtp_reply(s->session, 550, TEXT_RCPT_REFUSED, why);
        break;
    }
}

static void on_rcpt(void *ctx, struct smtp_session *session, const char *addr)
{
    struct submission *s = smtp_session_get(session);
    struct error text;
    if (s == NULL) {
        smtp_reply(session, 503, TEXT_SMTP_MAIL_FIRST);
    } else if (address_parse_all(addr, s->asked) == 0) {
        int code = receivers_add_all(&s->to, s->flow, s->asked, smtp_session_asks(session), &text);
        smtp_reply(session, code, "%s", text.text);
    } else if (address_parse(addr, s->asked) < 0) {
        smtp_reply(session, 553, TEXT_RCPT_FORM, addr);
    } else if (strcmp(s->asked, s->flow->c.address) == 0) {
        add_rcpt(s, true);
    } else {
        s->lookup = lookup_key(s->flow, s->asked, on_key, s);
    }
}

/* The header is complete: m's header goes to the spool file. */
static int begin_message(struct submission *s, size_t header_len)
{
    struct flow *f = s->flow;
    struct buf made = BUF_INIT(HEADER_MAX);
    struct header_rules rules = {
        .domain = address_group(f->c.address), .now_ms = clock_wall_ms(), .sender = NULL};
    struct error e;
    if (header_make(s->header.data, header_len, &rules, &made, &e) < 0) {
        struct error text;
        buf_free(&made);
        (void)error_set(&text, TEXT_FORM, e.text);
        return refuse(s, 554, text.text);
    }
    flow_path(f, s->path, "spool", s->m.id, sizeof s->m.id, "");
    s->fd = open(s->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    s->hash = sha256_new();
    if (s->fd < 0) {
        log_error("cannot make %s: %s", s->path, strerror(errno));
        s->path[0] = '\0';
        (void)refuse(s, 451, TEXT_SPOOL);
    } else if (write_all(s->fd, made.data, made.len, &e) < 0) {
        log_error("%s: %s", s->path, e.text);
        (void)refuse(s, 452, TEXT_SPOOL_FULL);
    }
    sha256_add(s->hash, made.data, made.len);
    s->m.size = made.len;
    (void)buf_reserve(&s->header, 0);
    struct buf old = s->header;
    s->header = made; /* from here on: m's header */
    s->header_done = true;
    /* what was collected of the body */
    int rc = s->code != 0 ? -1 : 0;
    if (rc == 0 && old.len > header_len) {
        rc = write_all(s->fd, old.data + header_len, old.len - header_len, &e);
        sha256_add(s->hash, old.data + header_len, old.len - header_len);
        s->m.size += old.len - header_len;
        if (rc < 0)
            (void)refuse(s, 452, TEXT_SPOOL_FULL);
    }
    buf_free(&old);
    return rc;
}

/* NUL and a line feed without carriage return have no place in m. */
static int check_octets(struct submission *s, const uint8_t *p, size_t n)
{
    if (memchr(p, '\0', n) != NULL)
        return refuse(s, 554, TEXT_NUL);
    bool cr = s->after_cr;
    for (const uint8_t *at = p, *end = p + n, *nl; (nl = memchr(at, '\n', (size_t)(end - at)));
         at = nl + 1)
        if (nl == p ? !cr : nl[-1] != '\r')
            return refuse(s, 554, TEXT_CRLF);
    s->after_cr = n > 0 && p[n - 1] == '\r';
    return 0;
}

/* Octets of the header with its empty line, 0 while it is not complete. */
static size_t header_end(const struct buf *b, size_t from)
{
    if (b->len >= 2 && b->data[0] == '\r' && b->data[1] == '\n')
        return 2;
    from = from < 3 ? 0 : from - 3;
    const uint8_t *p = b->len < 4 ? NULL : memmem(b->data + from, b->len - from, "\r\n\r\n", 4);
    return p == NULL ? 0 : (size_t)(p - b->data) + 4;
}

static int on_data(void *ctx, struct smtp_session *session, const uint8_t *p, size_t n)
{
    struct submission *s = smtp_session_get(session);
    struct error e;
    if (s == NULL || s->code != 0 || check_octets(s, p, n) < 0)
        return -1;
    if (!s->header_done) {
        size_t from = s->header.len;
        if (buf_append(&s->header, p, n) < 0)
            return refuse(s, 552, TEXT_HEADER_LARGE);
        size_t end = header_end(&s->header, from);
        return end == 0 ? 0 : begin_message(s, end);
    }
    if (write_all(s->fd, p, n, &e) < 0) {
        log_error("%s: %s", s->path, e.text);
        return refuse(s, 452, TEXT_SPOOL_FULL);
    }
    sha256_add(s->hash, p, n);
    s->m.size += n;
    return 0;
}

/* The answer to the end of data, or nothing when nobody waits for it. */
static void answer(struct submission *s, int code, const char *text)
{
    s->busy = false;
    if (s->session == NULL)
        submission_free(s);
    else
        smtp_reply(s->session, code, "%s", text);
}

static int commit_run(struct db *db, void *arg)
{
    struct submission *s = arg;
    s->m.created_ms = clock_wall_ms();
    return out_add(db, &s->m, s->to.item, s->to.count, s->m.created_ms + s->flow->c.sent_wait);
}

static void commit_done(void *arg, int rc)
{
    struct submission *s = arg;
    store_crash_point("submit.after");
    if (rc != 0) {
        answer(s, 451, TEXT_SPOOL);
        return;
    }
    char hex[2 * MESSAGE_ID_LEN + 1], text[80];
    hex_encode(s->m.id, MESSAGE_ID_LEN, hex);
    log_info("message %s: %llu octets for %zu receivers", hex, (unsigned long long)s->m.size,
             s->to.count);
    s->path[0] = '\0'; /* the spool file is the store's now */
    flow_kick(s->flow);
    (void)snprintf(text, sizeof text, TEXT_TAKEN, hex);
    answer(s, 250, text);
}

static void sync_run(struct job *job, void *thread_ctx)
{
    struct submission *s = (struct submission *)job;
    char dir[PATH_CAP];
    if (fsync(s->fd) < 0)
        (void)refuse(s, 452, TEXT_SPOOL_FULL);
    else if (path_join(dir, s->flow->c.home, "spool", &s->why) < 0 || dir_sync(dir, &s->why) < 0)
        (void)refuse(s, 451, TEXT_SPOOL);
}

static void sync_done(struct job *job)
{
    struct submission *s = (struct submission *)job;
    store_crash_point("submit.before");
    if (s->code != 0)
        answer(s, s->code, s->why.text);
    else
        store_do(s->flow->store, commit_run, commit_done, s);
}

static void keep(const struct submission *s, const char *name, struct bytes *to)
{
    struct buf b = BUF_INIT(SUMMARY_MAX);
    if (header_value(s->header.data, s->header.len, name, SUMMARY_MAX, &b) == 0)
        (void)bytes_set(to, b.data == NULL ? (const uint8_t *)"" : b.data, b.len);
    buf_free(&b);
}

/* Whose address a client will display must be the signer's (design: who wrote it). */
static int check_from(struct submission *s, const struct mime_answer *a)
{
    char from[ADDRESS_MAX + 1];
    if (a->from_count == 1 && address_parse(a->from, from) == 0 &&
        strcmp(from, s->flow->c.address) == 0)
        return 0;
    if (s->flow->c.allow_foreign_from)
        return 1;
    return refuse(s, 550, TEXT_FROM);
}

/* A foreign From is allowed: the header is made again, with Sender, and the file with it. */
static int add_sender(struct submission *s)
{
    struct buf made = BUF_INIT(HEADER_MAX);
    struct header_rules rules = {.domain = "", .sender = s->flow->c.address};
    char path[PATH_CAP];
    struct error e;
    flow_path(s->flow, path, "spool", s->m.id, sizeof s->m.id, ".sender");
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    /* the first Received field went in the first pass: keep a later one by putting one in front */
    struct buf in = BUF_INIT(HEADER_MAX + 64);
    int rc = fd < 0 ? -1 : 0;
    rc |= buf_printf(&in, "Received: by this peer\r\n");
    rc |= buf_append(&in, s->header.data, s->header.len);
    if (rc == 0)
        rc = header_make(in.data, in.len, &rules, &made, &e);
    if (rc == 0)
        rc = write_all(fd, made.data, made.len, &e);
    sha256_end(&s->hash, NULL);
    s->hash = sha256_new();
    sha256_add(s->hash, made.data, made.len);
    uint64_t size = made.len;
    char piece[65536];
    off_t at = (off_t)s->header.len;
    for (ssize_t n; rc == 0 && (n = pread(s->fd, piece, sizeof piece, at)) != 0; at += n) {
        rc = n < 0 ? -1 : write_all(fd, piece, (size_t)n, &e);
        if (rc == 0)
            sha256_add(s->hash, piece, (size_t)n);
        size += n < 0 ? 0 : (uint64_t)n;
    }
    if (rc == 0 && rename(path, s->path) == 0) {
        (void)close(s->fd);
        s->fd = fd;
        s->m.size = size;
        buf_free(&s->header);
        s->header = made;
    } else {
        rc = refuse(s, 451, TEXT_SPOOL);
        (void)unlink(path);
        if (fd >= 0)
            (void)close(fd);
        buf_free(&made);
    }
    buf_free(&in);
    return rc;
}

static void on_skeleton(void *ctx, enum mime_verdict verdict, const char *why,
                        const struct mime_answer *a)
{
    struct submission *s = ctx;
    struct error e;
    if (verdict == MIME_REFUSED) {
        (void)error_set(&e, TEXT_FORM, why);
        answer(s, 554, e.text);
        return;
    }
    if (verdict == MIME_FAILED) {
        (void)error_set(&e, TEXT_HELPER, why);
        answer(s, 451, e.text);
        return;
    }
    int foreign = check_from(s, a);
    if (foreign < 0 || (foreign == 1 && add_sender(s) < 0)) {
        answer(s, s->code, s->why.text);
        return;
    }
    struct span header = {s->header.data, s->header.len}, skeleton = {a->p, a->n};
    struct buf head = BUF_INIT(HEAD_BLOB_MAX);
    if (head_pack(&header, &skeleton, &head) < 0) {
        buf_free(&head);
        answer(s, 552, TEXT_PARTS_LARGE);
        return;
    }
    s->m.head.p = buf_steal(&head, &s->m.head.n);
    keep(s, "message-id", &s->m.msgid);
    keep(s, "subject", &s->m.subject);
    keep(s, "date", &s->m.date);
    keep(s, "from", &s->m.from);
    keep(s, "references", &s->m.refs);
    keep(s, "to", &s->m.to);
    s->m.expires_s = validity_asked(s->header.data, s->header.len, clock_wall_ms());
    sha256_end(&s->hash, s->m.hash);
    flow_job(s->flow->files, &s->job, sync_run, sync_done, true);
}

static void on_data_end(void *ctx, struct smtp_session *session)
{
    struct submission *s = smtp_session_get(session);
    if (s == NULL) {
        smtp_reply(session, 503, TEXT_SMTP_MAIL_FIRST);
        return;
    }
    if (s->code == 0 && !s->header_done) { /* a message without an empty line is all header */
        if (s->header.len < 2 || memcmp(s->header.data + s->header.len - 2, "\r\n", 2) != 0)
            (void)buf_append(&s->header, "\r\n", 2);
        (void)buf_append(&s->header, "\r\n", 2);
        (void)begin_message(s, s->header.len);
    }
    if (s->code != 0) {
        smtp_reply(session, s->code, "%s", s->why.text);
        return;
    }
    s->busy = true;
    mime_skeleton(s->flow->mime, s->fd, on_skeleton, s);
}

static void on_reset(void *ctx, struct smtp_session *session)
{
    struct submission *s = smtp_session_get(session);
    smtp_session_set(session, NULL);
    if (s == NULL)
        return;
    s->session = NULL;
    if (s->lookup != NULL) {
        lookup_cancel(s->lookup);
        s->lookup = NULL;
    }
    if (!s->busy)
        submission_free(s);
}

static void on_gone(void *ctx, struct smtp_session *session)
{
    on_reset(ctx, session);
}

const struct smtp_handler submit_handler = {.mail = on_mail,
                                            .rcpt = on_rcpt,
                                            .data = on_data,
                                            .data_end = on_data_end,
                                            .reset = on_reset,
                                            .gone = on_gone};
