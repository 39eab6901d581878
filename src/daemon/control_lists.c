/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_lists.c - see control_lists.h. Texts of mail may be any octets: what is no UTF-8 becomes
 * '?'. */
#include "daemon/control_lists.h"
#include "base/clock.h"
#include "base/texts.h"
#include "daemon/parts.h"
#include "daemon/checks_watch.h"
#include "daemon/control_invite.h"
#include "daemon/service.h"
#include "flow/receiver/opening.h"
#include "flow/receiver/expunge_scan.h"
#include "flow/peers/standing.h"
#include "store/incoming.h"
#include "store/outgoing.h"
#include "net/http_server.h"
#include "dht/dht.h"
#include <string.h>

static json_t *text(const void *p, size_t n)
{
    if (p == NULL)
        return json_null();
    json_t *s = json_stringn(p, n);
    if (s != NULL)
        return s;
    struct buf b = BUF_INIT(SUMMARY_MAX);
    const uint8_t *c = p;
    for (size_t i = 0; i < n; i++)
        (void)buf_append(&b, c[i] < 0x80 && c[i] >= ' ' ? (const void *)&c[i] : "?", 1);
    s = json_stringn(b.data == NULL ? "" : (const char *)b.data, b.len);
    buf_free(&b);
    return s;
}

static json_t *hex(const uint8_t *p, size_t n)
{
    char out[HASH_HEX + 1];
    hex_encode(p, n, out);
    return json_string(out);
}

/* Why it stands where it does; of an address that waits for its look-up there is always a reason.
 */
static const char *why_of(const struct out_line *l)
{
    return l->why == NULL && l->rcv == RCV_WAITING ? TEXT_UNLOOKED : l->why;
}

static bool add_receiver(void *ctx, const struct out_line *l)
{
    const char *why = why_of(l);
    if (l->rcv == RCV_WAITING && l->why != NULL) /* looked up, and undecided */
        return true;
    (void)json_array_append_new(ctx, json_pack("{s:o,s:s,s:o,s:I}", "id",
                                               hex(l->id, MESSAGE_ID_LEN), "to", l->address, "why",
                                               text(why, why == NULL ? 0 : strlen(why)), "at",
                                               (json_int_t)l->changed_ms));
    return true;
}

json_t *control_checks(const struct checks *h)
{
    json_t *parts = json_array();
    for (size_t i = 0; i < h->count; i++) {
        const struct check *p = &h->part[i];
        (void)json_array_append_new(parts,
                                    json_pack("{s:s,s:s,s:o,s:s}", "part", p->name, "state",
                                              check_state_name(p->state), "what",
                                              text(p->what, strlen(p->what)), "do", p->todo));
    }
    return parts;
}

json_t *control_status(struct service *s)
{
    struct db *db = store_reader(s->services.store);
    struct out_counts out;
    struct in_counts in;
    static const char *const link[] = {"down", "alone", "connected"};
    out_count(db, &out);
    in_count(db, &in);
    json_t *failed = json_array(), *unlooked = json_array();
    out_list(db, RCV_FAILED, add_receiver, failed);
    out_list(db, RCV_WAITING, add_receiver, unlooked);
    struct checks health = {.count = 0};
    checks_watch_parts(s, &health);
    bool ready = checks_worst(&health) != CHECK_FAIL;
    json_t *o = json_pack("{s:b,s:s,s:o,s:s,s:s,s:I,s:b}", "ok", 1, "address", s->config.address,
                          "fingerprint", hex(s->services.fpr, FPR_LEN), "version", RESTANTE_VERSION,
                          "home", s->config.home, "uptime_s",
                          (json_int_t)((clock_mono_ms() - s->started_ms) / 1000), "ready", ready);
    json_object_set_new(o, "ports",
                        json_pack("{s:i,s:i,s:i,s:i}", "imap", s->config.imap_port, "submission",
                                  s->config.submission_port, "http",
                                  http_server_port(s->services.server), "dht", s->config.dht_port));
    json_object_set_new(
        o, "dht",
        json_pack("{s:s,s:i,s:n,s:n,s:s,s:s}", "link", link[dht_link_state(s->services.dht)],
                  "good_nodes", 0, "ns_live", "nr_live", "identity",
                  standing_of(&s->services)->identity_posted ? "posted" : "pending", "descriptor",
                  standing_of(&s->services)->descriptor_posted ? "posted" : "pending"));
    json_object_set_new(o, "parts", parts_json(s));
    json_object_set_new(o, "imap", json_pack("{s:b}", "running", s->dovecot_ready));
    json_object_set_new(o, "outbox",
                        json_pack("{s:I,s:I,s:I}", "messages", (json_int_t)out.messages, "bytes",
                                  (json_int_t)out.bytes, "receivers_pending",
                                  (json_int_t)out.receivers_pending));
    json_object_set_new(o, "inbox",
                        json_pack("{s:I,s:I,s:I,s:I}", "stubs", (json_int_t)in.stubs, "pulling",
                                  (json_int_t)in.wanted, "receipts_pending",
                                  (json_int_t)in.receipts_pending, "vanished",
                                  (json_int_t)expunge_scan_held(&s->services)));
    json_object_set_new(o, "pending", json_integer((json_int_t)out.work + (json_int_t)in.work));
    json_object_set_new(o, "strangers", json_string(s->config.strangers));
    json_object_set_new(o, "invites", control_invite_counts(s));
    json_object_set_new(o, "failed", failed);
    const struct rival *r = &standing_of(&s->services)->rival;
    json_object_set_new(o, "other_key",
                        !r->stands ? json_null()
                                   : json_pack("{s:o,s:I}", "fingerprint", hex(r->fpr, FPR_LEN),
                                               "until_s", (json_int_t)r->until_s));
    json_object_set_new(o, "not_looked_up", unlooked);
    json_object_set_new(o, "health", control_checks(&health));
    json_object_set_new(o, "stopped",
                        standing_of(&s->services)->stop_reason[0] == '\0'
                            ? json_null()
                            : json_string(standing_of(&s->services)->stop_reason));
    return o;
}

struct outbox {
    json_t *messages, *receivers;
    uint8_t id[MESSAGE_ID_LEN];
};

static const char *state_of(const struct out_line *l)
{
    if (l->blob == BLOB_PUBLISHED)
        return "published";
    if (l->blob == BLOB_SEALED)
        return "sealed";
    if (l->blob == BLOB_MISSING)
        return "missing";
    return l->blob == BLOB_GONE || l->state == OUT_DONE ? "done" : "submitted";
}

static bool add_line(void *ctx, const struct out_line *l)
{
    struct outbox *box = ctx;
    if (box->receivers == NULL || memcmp(box->id, l->id, MESSAGE_ID_LEN) != 0) {
        memcpy(box->id, l->id, MESSAGE_ID_LEN);
        box->receivers = json_array();
        (void)json_array_append_new(
            box->messages,
            json_pack("{s:o,s:o,s:I,s:I,s:s,s:o,s:i,s:o}", "id", hex(l->id, MESSAGE_ID_LEN),
                      "subject", text(l->subject, l->subject == NULL ? 0 : strlen(l->subject)),
                      "date_ms", (json_int_t)l->created_ms, "size", (json_int_t)l->size, "state",
                      state_of(l), "hash", l->has_hash ? hex(l->hash, HASH_LEN) : json_null(),
                      "copies", (int)l->copies, "receivers", box->receivers));
    }
    const char *why = why_of(l);
    (void)json_array_append_new(
        box->receivers,
        json_pack("{s:s,s:s,s:I,s:o}", "to", l->address, "state", rcv_state_name(l->rcv), "at_ms",
                  (json_int_t)l->changed_ms, "why", text(why, why == NULL ? 0 : strlen(why))));
    return true;
}

json_t *control_outbox(struct service *s)
{
    struct outbox box = {.messages = json_array()};
    out_list(store_reader(s->services.store), (enum rcv_state)0, add_line, &box);
    return json_pack("{s:b,s:o}", "ok", 1, "messages", box.messages);
}

struct inbox {
    struct service *s;
    json_t *messages;
};

static bool add_incoming(void *ctx, const struct incoming *in)
{
    struct inbox *box = ctx;
    const char *state = in_state_name(in->state);
    if (in->outcome == OUTCOME_DECLINED)
        state = "declined";
    else if (in->outcome == OUTCOME_CANCELLED)
        state = "cancelled";
    else if (in->outcome == OUTCOME_PULLED)
        state = "pulled";
    else if (in->state == IN_STUB && in->wanted)
        state = "pulling";
    int64_t done = openings_progress(&box->s->services, in->nid);
    (void)json_array_append_new(
        box->messages,
        json_pack("{s:o,s:s,s:o,s:I,s:I,s:s,s:I,s:o}", "id", hex(in->nid, HASH_LEN), "from",
                  in->sender, "subject", text(in->subject.p, in->subject.n), "date_ms",
                  (json_int_t)in->arrived_ms, "size", (json_int_t)in->m_size, "state", state,
                  "done", (json_int_t)(done < 0 ? 0 : done), "why",
                  done >= 0 ? json_null() : text(in->why.p, in->why.n)));
    return true;
}

json_t *control_inbox(struct service *s)
{
    struct inbox box = {s, json_array()};
    in_list(store_reader(s->services.store), (enum in_state)0, add_incoming, &box);
    return json_pack("{s:b,s:o}", "ok", 1, "messages", box.messages);
}
