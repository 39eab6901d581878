/* SPDX-License-Identifier: GPL-3.0-or-later */
/* submit.c - see submit.h. A session's transaction is a struct submission; while a job or a look-up
 * for it is under way and the client goes, it is orphaned and frees itself later. */
#include "flow/sender/submit.h"
#include "base/clock.h"
#include "flow/core/message_log.h"
#include "base/mem.h"
#include "base/texts.h"
#include "flow/sender/seal_stream.h"
#include "flow/mail/header.h"
#include "flow/sender/spool.h"
#include "flow/mail/validity.h"
#include "flow/peers/standing.h"
#include "mime/mime.h"
#include "base/jobs.h"
#include "flow/core/job.h"
#include "flow/core/step.h"
#include "base/file.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define LOG_AREA "submit"

static void submission_free(struct submission *s)
{
    if (s->lookup != NULL)
        lookup_cancel(s->lookup);
    if (s->sealing)
        seal_stream_drop(s->services, s->m.id);
    if (s->fd >= 0)
        (void)close(s->fd);
    if (s->path[0] != '\0')
        (void)unlink(s->path);
    sha256_end(&s->hash, NULL);
    buf_free(&s->header);
    out_message_free(&s->m);
    recipients_free(&s->to);
    free(s);
}

static void on_mail(void *ctx, struct smtp_session *session, const char *from, uint64_t size)
{
    struct services *sv = ctx;
    char address[ADDRESS_MAX + 1];
    if (standing_of(sv)->stop_reason[0] != '\0') {
        smtp_reply(session, 451, TEXT_STOPPED, standing_of(sv)->stop_reason);
        return;
    }
    if (address_parse(from, address) < 0 || strcmp(address, sv->c.address) != 0) {
        smtp_reply(session, 550, TEXT_SENDER_OTHER, sv->c.address);
        return;
    }
    struct submission *s = mem_new(sizeof *s);
    s->services = sv;
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

/* why: what a person must decide before it is sent; NULL: nothing. */
static void add_rcpt(struct submission *s, bool known, const char *why)
{
    struct error text;
    int code =
        recipients_add(&s->to, s->services, s->asked, known, smtp_session_asks(s->session), &text);
    if (code == 250 && why != NULL)
        smtp_reply(s->session, code, TEXT_RCPT_UNDECIDED, why);
    else
        smtp_reply(s->session, code, "%s", text.text);
}

static void submit_on_key(void *ctx, enum lookup_result result, const char *why)
{
    struct submission *s = ctx;
    s->lookup = NULL;
    switch (result) {
    case LOOKUP_FOUND:
        add_rcpt(s, true, NULL);
        break;
    case LOOKUP_INCOMPLETE:
        add_rcpt(s, false, NULL);
        break;
    case LOOKUP_UNDECIDED:
        add_rcpt(s, false, why);
        break;
    case LOOKUP_NONE:
        smtp_reply(s->session, 550, TEXT_RCPT_UNKNOWN, why);
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
        int code =
            recipients_add_all(&s->to, s->services, s->asked, smtp_session_asks(session), &text);
        smtp_reply(session, code, "%s", text.text);
    } else if (address_parse(addr, s->asked) < 0) {
        smtp_reply(session, 553, TEXT_RCPT_FORM, addr);
    } else if (strcmp(s->asked, s->services->c.address) == 0) {
        add_rcpt(s, true, NULL);
    } else {
        s->lookup = lookup_key(s->services, s->asked, submit_on_key, s);
    }
}

static int submit_on_data(void *ctx, struct smtp_session *session, const uint8_t *p, size_t n)
{
    struct submission *s = smtp_session_get(session);
    return s == NULL ? -1 : spool_data(s, p, n);
}

/* The answer to the end of data, or nothing when nobody waits for it. */
static void submit_answer(struct submission *s, int code, const char *text)
{
    s->busy = false;
    if (s->own.done != NULL)
        s->own.done(s->own.ctx, code == 250, text);
    if (s->session == NULL)
        submission_free(s);
    else
        smtp_reply(s->session, code, "%s", text);
}

static int submit_commit_run(struct db *db, void *arg)
{
    struct submission *s = arg;
    s->m.created_ms = clock_wall_ms();
    if (out_add(db, &s->m, s->to.item, s->to.count, s->m.created_ms + s->services->c.sent_wait) < 0)
        return -1;
    return s->own.also == NULL ? 0 : s->own.also(db, &s->m, s->own.ctx);
}

static void submit_commit_done(void *arg, int rc)
{
    struct submission *s = arg;
    store_crash_point("submit.after");
    if (rc != 0) {
        submit_answer(s, 451, TEXT_SPOOL);
        return;
    }
    char hex[2 * MESSAGE_ID_LEN + 1], text[80];
    hex_encode(s->m.id, MESSAGE_ID_LEN, hex);
    id_info(s->m.id, NULL, "submitted: %llu bytes for %zu recipients, Message-ID %.*s",
            (unsigned long long)s->m.size, s->to.count, (int)s->m.msgid.n,
            s->m.msgid.n == 0 ? "" : (const char *)s->m.msgid.p);
    s->path[0] = '\0'; /* the spool file is the store's now, and the blob the next step's */
    s->sealing = false;
    kick(s->services);
    (void)snprintf(text, sizeof text, TEXT_TAKEN, hex);
    submit_answer(s, 250, text);
}

static void sync_run(struct job *job, void *thread_ctx)
{
    struct submission *s = (struct submission *)job;
    char dir[PATH_CAP];
    if (fsync(s->fd) < 0)
        (void)submission_refuse(s, 452, TEXT_SPOOL_FULL);
    else if (path_join(dir, s->services->c.home, "spool", &s->why) < 0 ||
             dir_sync(dir, &s->why) < 0)
        (void)submission_refuse(s, 451, TEXT_SPOOL);
}

static void sync_done(struct job *job)
{
    struct submission *s = (struct submission *)job;
    store_crash_point("submit.before");
    if (s->code != 0)
        submit_answer(s, s->code, s->why.text);
    else
        store_do(s->services->store, submit_commit_run, submit_commit_done, s);
}

static void submit_keep_field(const struct submission *s, const char *name, struct bytes *to)
{
    struct buf b = BUF_INIT(SUMMARY_MAX);
    if (header_value(s->header.data, s->header.len, name, SUMMARY_MAX, &b) == 0)
        (void)bytes_set(to, b.data == NULL ? (const uint8_t *)"" : b.data, b.len);
    buf_free(&b);
}

/* What makes the name before the address of From something else than a name; only for the sentence
 * that says so. */
static char unquoted(const struct buf *header)
{
    struct buf v = BUF_INIT(SUMMARY_MAX);
    char found = '\0';
    bool quoted = false;
    if (header_value(header->data, header->len, "from", SUMMARY_MAX, &v) < 0)
        return '\0';
    for (size_t i = 0; i < v.len && found == '\0' && v.data[i] != '<'; i++) {
        quoted = quoted != (v.data[i] == '"');
        if (!quoted && strchr(":[]@", v.data[i]) != NULL && v.data[i] != '\0' &&
            memchr(v.data + i, '<', v.len - i) != NULL)
            found = (char)v.data[i];
    }
    buf_free(&v);
    return found;
}

/* Whose address a client will display must be the signer's (design: who wrote it). */
static int check_from(struct submission *s, const struct mime_answer *a)
{
    char from[ADDRESS_MAX + 1];
    if (a->from_count == 1 && address_parse(a->from, from) == 0 &&
        strcmp(from, s->services->c.address) == 0)
        return 0;
    if (s->services->c.allow_foreign_from)
        return 1;
    char c = unquoted(&s->header);
    struct error text;
    (void)error_set(&text, c == '\0' || a->from_count == 1 ? TEXT_FROM : TEXT_FROM_QUOTES, c);
    return submission_refuse(s, 550, text.text);
}

static void submit_on_skeleton(void *ctx, enum mime_verdict verdict, const char *why,
                               const struct mime_answer *a)
{
    struct submission *s = ctx;
    struct error e;
    if (verdict == MIME_REFUSED) {
        (void)error_set(&e, TEXT_FORM, why);
        submit_answer(s, 554, e.text);
        return;
    }
    if (verdict == MIME_FAILED) {
        (void)error_set(&e, TEXT_HELPER, why);
        submit_answer(s, 451, e.text);
        return;
    }
    int foreign = check_from(s, a);
    if (foreign < 0 || (foreign == 1 && spool_add_sender(s) < 0)) {
        submit_answer(s, s->code, s->why.text);
        return;
    }
    struct span header = {s->header.data, s->header.len}, skeleton = {a->p, a->n};
    struct buf head = BUF_INIT(HEAD_BLOB_MAX);
    if (head_pack(&header, &skeleton, &head) < 0) {
        buf_free(&head);
        submit_answer(s, 552, TEXT_PARTS_LARGE);
        return;
    }
    s->m.head.p = buf_steal(&head, &s->m.head.n);
    submit_keep_field(s, "message-id", &s->m.msgid);
    submit_keep_field(s, "subject", &s->m.subject);
    submit_keep_field(s, "date", &s->m.date);
    submit_keep_field(s, "from", &s->m.from);
    submit_keep_field(s, "references", &s->m.refs);
    submit_keep_field(s, "to", &s->m.to);
    s->m.expires_s = validity_asked(s->header.data, s->header.len, clock_wall_ms());
    sha256_end(&s->hash, s->m.hash);
    job_run(s->services->files, &s->job, sync_run, sync_done, true);
}

static void on_data_end(void *ctx, struct smtp_session *session)
{
    struct submission *s = smtp_session_get(session);
    if (s == NULL) {
        smtp_reply(session, 503, TEXT_SMTP_MAIL_FIRST);
        return;
    }
    if (spool_end(s) < 0) {
        smtp_reply(session, s->code, "%s", s->why.text);
        return;
    }
    s->busy = true;
    mime_skeleton(s->services->mime, s->fd, submit_on_skeleton, s);
}

void submit_own(struct services *sv, const struct own_mail *mail)
{
    static const struct smtp_rcpt_asks asks = {.notify = SMTP_NOTIFY_FAILURE};
    struct submission *s = mem_new(sizeof *s);
    s->services = sv;
    s->fd = -1;
    s->own = *mail;
    s->header.cap = HEADER_MAX;
    random_bytes(s->m.id, sizeof s->m.id);
    int code = recipients_add(&s->to, sv, mail->receiver, false, &asks, &s->why);
    if (code != 250)
        submit_answer(s, code, s->why.text);
    else if (spool_data(s, mail->p, mail->n) < 0 || spool_end(s) < 0)
        submit_answer(s, s->code, s->why.text);
    else
        mime_skeleton(sv->mime, s->fd, submit_on_skeleton, s);
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
                                            .data = submit_on_data,
                                            .data_end = on_data_end,
                                            .reset = on_reset,
                                            .gone = on_gone};
