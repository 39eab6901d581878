/* SPDX-License-Identifier: GPL-3.0-or-later */
/* notice.c - see notice.h (P-4.3, P-10.5). An entry that is no notification for us is remembered,
 * so that it is not opened again, and otherwise ignored. One whose lock does not come from the p
 * inside is somebody else's copy: ignored, never answered. */
#include "flow/receiver/notice.h"
#include "base/clock.h"
#include "base/log.h"
#include "flow/core/events.h"
#include "flow/mail/header.h"
#include "flow/peers/verify.h"
#include "store/cancel.h"
#include "store/contacts.h"
#include "store/incoming.h"
#include "store/revoked.h"
#include "pgp/pgp.h"
#include "base/jobs.h"
#include "dht/dht.h"
#include "flow/core/job.h"
#include "flow/core/path.h"
#include "base/file.h"
#include "base/mem.h"
#include "proto/entry.h"
#include "proto/invite.h"
#include "store/invites.h"
#include "flow/core/message_log.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_AREA "notice"

struct noticing {
    struct job job;
    struct services *services;
    notice_fn *done;
    char key[DHT_KEY_MAX + 1];
    uint8_t id[DHT_ID_LEN], lock[HASH_LEN];
    int64_t expiry;
    struct bytes value;
    struct buf plain;
    struct incoming in;
    char message_id[ABOUT_DIGITS + 1]; /* its sender's, as its sender's log has it */
    struct bytes msgid;                /* the field Message-ID */
    bool good, again;                  /* again: a notification met before */
    bool may_wait, later;              /* as notice_fn says */
    bool names_key; /* the user has pinned its fingerprint, and the key is here now */
    bool had_old;   /* the entry that this one replaces */
    uint8_t old_p[SECRET_LEN], old_hash[HASH_LEN];
    char old_key[DHT_KEY_MAX + 1];
    int renewed; /* in_again's answer */
    bool claims; /* it says that its signer was invited */
    struct invite_claim claim;
    enum invite_verdict verdict;
    bool cancels; /* it is a cancellation, of in.nid by in.fpr until in.expiry_s */
    struct error why;
};

static void noticing_free(struct noticing *x)
{
    bytes_free(&x->value);
    buf_wipe(&x->plain);
    incoming_free(&x->in);
    bytes_free(&x->msgid);
    wipe(x->old_p, sizeof x->old_p);
    free(x);
}

static int notice_copy(struct bytes *to, const struct span *from)
{
    return from->p == NULL ? 0 : bytes_set(to, from->p, from->n);
}

/* The proof of one who was invited (P-15.3). */
static void read_claim(struct noticing *x, const struct buf *header)
{
    struct buf v = BUF_INIT(INVITE_FIELD_LEN);
    x->claims = header_count(header->data, header->len, INVITE_FIELD) == 1 &&
                header_value(header->data, header->len, INVITE_FIELD, INVITE_FIELD_LEN, &v) == 0 &&
                invite_field_parse((const char *)v.data, v.len, &x->claim) == 0;
    buf_free(&v);
}

/* What the lists of the command line show, from the header inside. */
static void summarize(struct noticing *x)
{
    struct incoming *in = &x->in;
    struct buf header = BUF_INIT(HEADER_MAX), skeleton = BUF_INIT(SKELETON_MAX);
    static const char *const name[] = {"from", "subject", "date", "message-id"};
    struct bytes *const to[] = {&in->from, &in->subject, &in->date, &x->msgid};
    struct error e;
    if (head_unpack(in->head.p, in->head.n, &header, &skeleton, &e) == 0) {
        for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
            struct buf v = BUF_INIT(SUMMARY_MAX);
            if (header_value(header.data, header.len, name[i], SUMMARY_MAX, &v) == 0)
                (void)bytes_set(to[i], v.data == NULL ? (const uint8_t *)"" : v.data, v.len);
            buf_free(&v);
        }
        read_claim(x, &header);
    }
    buf_free(&header);
    buf_free(&skeleton);
}

static int notice_fill_row(struct noticing *x, const struct notification *r,
                           const uint8_t fpr[FPR_LEN])
{
    struct incoming *in = &x->in;
    notification_id(fpr, r->message_id, r->receiver, in->nid);
    hex_encode(r->message_id, ABOUT_DIGITS / 2, x->message_id);
    (void)strcpy(in->sender, r->sender);
    (void)strcpy(in->ns_key, x->key);
    memcpy(in->fpr, fpr, FPR_LEN);
    memcpy(in->p, r->p, SECRET_LEN);
    memcpy(in->m_hash, r->m_hash, HASH_LEN);
    in->blob = r->blobs[0];
    in->m_size = r->m_size;
    in->expiry_s = r->expiry;
    in->arrived_ms = clock_wall_ms();
    in->state = IN_NOTICED;
    in->has_master = r->has_master;
    memcpy(in->master_fpr, r->master_fpr, FPR_LEN);
    int rc = notice_copy(&in->pubkey, &r->pubkey) | notice_copy(&in->pkesk, &r->pkesk);
    if (!r->has_head_blob) {
        rc |= notice_copy(&in->head, &r->head);
        summarize(x);
        return rc;
    }
    in->head_blob = r->head_blob;
    return rc | notice_copy(&in->head_pkesk, &r->head_pkesk) | notice_copy(&in->from, &r->from) |
           notice_copy(&in->subject, &r->subject) | notice_copy(&in->date, &r->date) |
           notice_copy(&x->msgid, &r->msgid);
}

static int check_lock(const struct noticing *x, const struct notification *r, struct error *e)
{
    struct entry_binding b;
    entry_bind_hash(r->p, x->key, x->in.ns_hash, &b);
    bool own = equal_ct(b.lock, x->lock, HASH_LEN);
    wipe(&b, sizeof b);
    if (!own)
        return error_set(e, "It is somebody else's copy (its lock is foreign).");
    return 0;
}

/* Who may take a notification back is who signed it: their ids bind the signer (P-14.5). */
static void open_cancellation(struct noticing *x)
{
    struct cancellation c;
    int rc = verify_cancellation(x->plain.data, x->plain.len, x->services->c.network, x->key,
                                 clock_wall_ms() / 1000, &c, x->in.fpr, &x->why);
    x->later = rc == -2;
    if (rc < 0)
        return;
    memcpy(x->in.nid, c.notification_id, HASH_LEN);
    (void)strcpy(x->in.sender, c.sender);
    x->in.expiry_s = c.expiry;
    x->good = x->cancels = true;
}

static void notice_open_run(struct job *job, void *thread_ctx)
{
    struct noticing *x = (struct noticing *)job;
    struct notification r;
    uint8_t fpr[FPR_LEN];
    x->plain = (struct buf)BUF_INIT(2 * RECORD_MAX);
    sha256(x->value.p, x->value.n, x->in.ns_hash);
    int rc = pgp_decrypt(thread_ctx, x->value.p, x->value.n, &x->plain, &x->why);
    x->later = rc == -2;
    if (rc < 0)
        return;
    if (is_cancellation(x->plain.data, x->plain.len)) {
        open_cancellation(x);
        return;
    }
    rc = verify_notification(x->plain.data, x->plain.len, x->services->c.network, x->key,
                             x->services->c.address, clock_wall_ms() / 1000, &r, fpr, &x->why);
    x->later = rc == -2;
    if (rc < 0 || check_lock(x, &r, &x->why) < 0)
        return;
    x->good = notice_fill_row(x, &r, fpr) == 0;
    x->later = !x->good;
    if (!x->good)
        (void)error_set(&x->why, "Out of memory.");
    wipe(r.p, sizeof r.p);
}

/* The sender's key against the key cache: receiving never pins. A fingerprint that the user named
 * is a pin already, and finds its key here. */
static void notice_judge_key(struct noticing *x)
{
    struct contact c = {.trust = TRUST_VERIFIED};
    struct incoming *in = &x->in;
    struct db *db = store_reader(x->services->store);
    uint8_t fpr[FPR_LEN];
    if (revoked_known(db, in->fpr)) {
        static const char why[] = "It is signed by a key that its owner has revoked.";
        in->state = IN_QUARANTINED;
        (void)bytes_set(&in->why, why, sizeof why - 1);
        return;
    }
    if (contact_pinned_fpr(db, in->sender, fpr) < 0)
        return;
    x->names_key = contact_get(db, in->sender, &c) < 0;
    if (memcmp(fpr, in->fpr, FPR_LEN) == 0) {
        in->trust = x->names_key ? TRUST_VERIFIED : c.trust;
    } else {
        static const char why[] = "It is signed by a key that is not the pinned one of its sender.";
        in->state = IN_QUARANTINED;
        x->names_key = false;
        (void)bytes_set(&in->why, why, sizeof why - 1);
    }
    contact_free(&c);
}

static void read_old(struct db *db, struct noticing *x)
{
    struct incoming old;
    int64_t n = in_find(db, x->in.nid);
    if (n == 0 || in_get(db, n, &old) < 0)
        return;
    x->had_old = memcmp(old.p, x->in.p, SECRET_LEN) != 0;
    memcpy(x->old_p, old.p, SECRET_LEN);
    memcpy(x->old_hash, old.ns_hash, HASH_LEN);
    (void)strcpy(x->old_key, old.ns_key);
    incoming_free(&old);
}

static void notice_on_old_gone(void *ctx, enum dht_result r, const char *why)
{
}

/* The sender that lost its p cannot delete it any more. What stays all the same ends with its life.
 */
static void notice_delete_old(struct noticing *x)
{
    struct entry_binding old;
    entry_bind_hash(x->old_p, x->old_key, x->old_hash, &old);
    dht_del(x->services->dht, x->old_key, x->old_hash, old.token, notice_on_old_gone, NULL);
    wipe(&old, sizeof old);
}

/* The one way in which receiving pins (P-15.4): in the transaction that notes the notification. */
static int use_invite(struct db *db, struct noticing *x)
{
    const struct services *sv = x->services;
    struct incoming *in = &x->in;
    x->claim.network = sv->c.network;
    x->claim.inviter_fpr = sv->fpr;
    x->claim.fpr = in->fpr;
    x->claim.address = in->sender;
    x->verdict = invite_use(db, &x->claim, &in->pubkey, sv->c.address, clock_wall_ms());
    if (x->verdict == INVITE_TAKEN)
        in->trust = TRUST_VERIFIED;
    return x->verdict == INVITE_ERROR ? -1 : 0;
}

static void tell_invite(struct noticing *x)
{
    const char *why = invite_verdict_text(x->verdict);
    if (x->verdict == INVITE_TAKEN)
        id_info(x->in.nid, x->in.sender, "%s was invited: its key is verified", x->in.sender);
    else if (why != NULL)
        id_warn(x->in.nid, x->in.sender, "%s writes with an invitation that does not hold: %s",
                x->in.sender, why);
    event_raise(x->services, EVENT_INVITE_USED);
}

static int notice_commit_run(struct db *db, void *arg)
{
    struct noticing *x = arg;
    int64_t until = x->expiry > 0 ? x->expiry : clock_wall_ms() / 1000 + DHT_LIFE_MAX;
    if (x->later && x->may_wait)
        return 0;
    if (looked_add(db, x->id, until) < 0)
        return -1;
    if (!x->good)
        return 0;
    if (x->cancels) {
        x->again = in_find(db, x->in.nid) != 0;
        return cancelled_add(db, x->in.nid, x->in.fpr, x->in.expiry_s);
    }
    if (x->claims && use_invite(db, x) < 0)
        return -1;
    int added = in_add(db, &x->in);
    if (added == 1 && x->claims && x->verdict == INVITE_TAKEN && /* so that its sender knows */
        in_set_wanted(db, in_find(db, x->in.nid), true) < 0)
        return -1;
    if (added >= 0 && x->names_key && contact_verify(db, x->in.sender, x->in.fpr) < 0)
        return -1;
    x->again = added == 0;
    if (x->again)
        read_old(db, x);
    if (x->again && x->in.state != IN_QUARANTINED)
        added = x->renewed = in_again(db, &x->in, clock_wall_ms());
    return added < 0 ? -1 : 0;
}

static void on_forgotten(void *ctx, enum dht_result r, const char *why)
{
}

/* Remembered, and its notification was never here: nobody will be answered, so it may leave the DHT
 * at once (P-14.5). Otherwise the sender deletes it. */
static void forget_cancellation(const struct noticing *x)
{
    struct entry_binding b;
    entry_bind_hash(x->in.nid, x->key, x->in.ns_hash, &b);
    if (equal_ct(b.lock, x->lock, HASH_LEN) && !x->services->stopping)
        dht_del(x->services->dht, x->key, x->in.ns_hash, b.token, on_forgotten, NULL);
    wipe(&b, sizeof b);
}

static void notice_commit_done(void *arg, int rc)
{
    struct noticing *x = arg;
    store_crash_point("notice.after");
    if (rc == 0 && x->cancels) {
        id_info(x->in.nid, x->in.sender, "its sender takes it back");
        if (!x->again)
            forget_cancellation(x);
    }
    if (rc == 0 && !x->cancels && x->good && !x->again)
        id_info(x->in.nid, x->in.sender, "is announced: %llu bytes, message %s, Message-ID %.*s%s",
                (unsigned long long)x->in.m_size, x->message_id, (int)x->msgid.n,
                x->msgid.n == 0 ? "" : (const char *)x->msgid.p,
                x->in.state == IN_QUARANTINED ? "; its key is not the pinned one" : "");
    if (rc == 0 && x->renewed == 1) {
        id_info(x->in.nid, x->in.sender, "announces a known message again");
        char part[PATH_CAP]; /* of the former blob */
        home_path(x->services, part, "inbox/parts", x->in.nid, HASH_LEN, "");
        (void)unlink(part);
        if (x->had_old)
            notice_delete_old(x);
    }
    if (rc == 0 && x->good && x->claims && !x->cancels)
        tell_invite(x);
    x->done(x->services, x->id, x->later && x->may_wait);
    noticing_free(x);
}

static void notice_open_done(struct job *job)
{
    struct noticing *x = (struct noticing *)job;
    store_crash_point("notice.before");
    if (x->good && !x->cancels)
        notice_judge_key(x);
    else if (!x->good)
        log_info("an entry at %s is ignored: %s", x->key, x->why.text);
    store_do(x->services->store, notice_commit_run, notice_commit_done, x);
}

void notice_open(struct services *sv, const char *key, const struct dht_value *v, bool may_wait,
                 notice_fn *done)
{
    struct noticing *x = mem_new(sizeof *x);
    if (bytes_set(&x->value, v->data, v->len) < 0) {
        free(x);
        done(sv, v->id, true);
        return;
    }
    x->services = sv;
    x->done = done;
    x->may_wait = may_wait;
    (void)strcpy(x->key, key);
    memcpy(x->id, v->id, DHT_ID_LEN);
    memcpy(x->lock, v->lock, HASH_LEN);
    int64_t now = clock_wall_ms() / 1000;
    x->expiry = v->expiry > now && v->expiry < now + DHT_LIFE_MAX ? v->expiry : 0;
    job_run(sv->pgp, &x->job, notice_open_run, notice_open_done, true);
}
