/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_contacts.c - see control_contacts.h. */
#include "daemon/control_contacts.h"
#include "base/mem.h"
#include "daemon/control_invite.h"
#include "flow/peers/revocation.h"
#include "flow/peers/lookup.h"
#include "store/contacts.h"
#include "store/revoked.h"
#include "store/senders.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define OTHERS_MAX 64

static json_t *hex(const uint8_t *fpr)
{
    char out[2 * FPR_LEN + 1];
    if (fpr == NULL)
        return json_null();
    hex_encode(fpr, FPR_LEN, out);
    return json_string(out);
}

struct listed {
    struct service *s;
    json_t *list;
};

static bool contact_list_add(void *ctx, const struct contact *c, const uint8_t *other)
{
    struct listed *l = ctx;
    (void)json_array_append_new(
        l->list, json_pack("{s:s,s:s,s:o,s:o,s:I,s:b}", "address", c->address, "trust",
                           in_trust_name(c->trust), "fingerprint", hex(c->fpr), "other", hex(other),
                           "checked_ms", (json_int_t)c->checked_ms, "pending",
                           (int)control_invite_pending(l->s, c->address)));
    return true;
}

static bool add_blocked(void *ctx, const char *address)
{
    (void)json_array_append_new(ctx, json_string(address));
    return true;
}

json_t *control_contacts(struct service *s)
{
    json_t *list = json_array(), *blocked = json_array();
    struct listed l = {s, list};
    contact_each(store_reader(s->services.store), contact_list_add, &l);
    sender_blocked_each(store_reader(s->services.store), add_blocked, blocked);
    return json_pack("{s:b,s:o,s:o}", "ok", 1, "contacts", list, "blocked", blocked);
}

struct ruling {
    bool block, changed;
    char address[ADDRESS_MAX + 1];
    control_answer_fn *answer;
    void *ctx;
};

static int rule_run(struct db *db, void *arg)
{
    struct ruling *r = arg;
    int rc = r->block ? sender_set(db, r->address, SENDER_BLOCKED) : sender_unblock(db, r->address);
    r->changed = rc == 1;
    return rc < 0 ? -1 : 0;
}

static void rule_done(void *arg, int rc)
{
    struct ruling *r = arg;
    struct error e;
    const char *why = rc != 0      ? store_refused(&e, "the rule for %.254s", r->address)
                      : r->changed ? NULL
                      : r->block   ? "This address is blocked already."
                                   : "This address is not blocked; see `restante contacts`.";
    r->answer(r->ctx, why == NULL ? json_pack("{s:b,s:s}", "ok", 1, "id", r->address)
                                  : json_pack("{s:b,s:s}", "ok", 0, "error", why));
    free(r);
}

void control_block(struct service *s, const json_t *o, bool yes, control_answer_fn *answer,
                   void *ctx)
{
    const char *id = json_string_value(json_object_get(o, "id"));
    struct ruling *r = mem_new(sizeof *r);
    if (id == NULL || address_parse(id, r->address) < 0) {
        answer(ctx, json_pack("{s:b,s:s}", "ok", 0, "error", "An address is name@group."));
        free(r);
        return;
    }
    r->block = yes;
    r->answer = answer;
    r->ctx = ctx;
    store_do(s->services.store, rule_run, rule_done, r);
}

/* Which other key of this address is meant by the beginning of a fingerprint (NULL or empty: the
 * only one). -1 and a sentence when none or several are. */
static int other_key(struct service *s, const char *address, const char *hex, uint8_t fpr[FPR_LEN],
                     struct error *e)
{
    uint8_t all[OTHERS_MAX][FPR_LEN];
    size_t n = contact_others(store_reader(s->services.store), address, all, OTHERS_MAX), found = 0;
    for (size_t i = 0; i < n; i++) {
        char text[2 * FPR_LEN + 1];
        hex_encode(all[i], FPR_LEN, text);
        if (hex != NULL && strncasecmp(text, hex, strlen(hex)) != 0)
            continue;
        memcpy(fpr, all[i], FPR_LEN);
        found++;
    }
    if (found == 1)
        return 0;
    if (found > 1)
        return error_set(
            e,
            "Several other keys of %s were met: compare the fingerprint with its owner, "
            "and give the right one.",
            address);
    return error_set(e, "No other key of %s was met%s.", address,
                     hex == NULL ? "" : " that begins like this");
}

/* ---- a pinned key is changed or forgotten */

static void on_accepted(void *ctx, enum lookup_result result, const char *why)
{
    struct asking *a = ctx;
    a->held = false;
    if (result == LOOKUP_FOUND)
        control_send(a->client, json_pack("{s:b,s:s}", "ok", 1, "id", a->receiver));
    else if (a->client != NULL)
        control_error(a->client, why);
    asking_end(a);
}

static int forget_run(struct db *db, void *arg)
{
    struct asking *a = arg;
    a->message = contact_forget(db, a->receiver);
    return a->message < 0 ? -1 : 0;
}

static void forget_done(void *arg, int rc)
{
    struct asking *a = arg;
    struct error e;
    a->held = false;
    if (a->client != NULL && (rc != 0 || a->message == 0))
        control_error(a->client, rc != 0
                                     ? store_refused(&e, "that %.254s is forgotten", a->receiver)
                                     : "There is no such contact; see `restante contacts`.");
    else
        control_send(a->client, json_pack("{s:b,s:s}", "ok", 1, "id", a->receiver));
    asking_end(a);
}

void control_contact(struct service *s, struct line_client *c, const json_t *o, bool accept)
{
    const char *id = json_string_value(json_object_get(o, "id"));
    char address[ADDRESS_MAX + 1];
    uint8_t fpr[FPR_LEN];
    struct error e;
    if (id == NULL || address_parse(id, address) < 0) {
        control_error(c, "An address is name@group.");
        return;
    }
    if (accept &&
        other_key(s, address, json_string_value(json_object_get(o, "fingerprint")), fpr, &e) < 0) {
        control_error(c, e.text);
        return;
    }
    struct asking *a = asking_new(s, c);
    if (a == NULL)
        return;
    a->held = true;
    (void)strcpy(a->receiver, address);
    if (accept)
        lookup_accept(&s->services, address, fpr, on_accepted, a);
    else
        store_do(s->services.store, forget_run, forget_done, a);
}

/* ---- a fingerprint that its owner has told */

static void on_verified(void *ctx, bool known, const char *why)
{
    struct asking *a = ctx;
    a->held = false;
    if (why == NULL)
        control_send(a->client,
                     json_pack("{s:b,s:s,s:b}", "ok", 1, "id", a->receiver, "known", known));
    else if (a->client != NULL)
        control_error(a->client, why);
    asking_end(a);
}

void control_contact_add(struct service *s, struct line_client *c, const json_t *o)
{
    const char *id = json_string_value(json_object_get(o, "id"));
    const char *hex = json_string_value(json_object_get(o, "fingerprint"));
    char address[ADDRESS_MAX + 1];
    uint8_t fpr[FPR_LEN];
    if (id == NULL || address_parse(id, address) < 0) {
        control_error(c, "An address is name@group.");
        return;
    }
    if (hex == NULL || hex_decode(hex, fpr, FPR_LEN) < 0) {
        control_error(c, "A fingerprint is 40 digits of 0 to 9 and A to F; its owner sees it with "
                         "`restante key fingerprint`.");
        return;
    }
    if (strcmp(address, s->services.c.address) == 0) {
        control_error(c, "This is your own address: its key is the one in this home.");
        return;
    }
    if (revoked_known(store_reader(s->services.store), fpr)) {
        control_error(c,
                      "Its owner has revoked the key with that fingerprint: ask for the new one.");
        return;
    }
    struct asking *a = asking_new(s, c);
    if (a == NULL)
        return;
    a->held = true;
    (void)strcpy(a->receiver, address);
    lookup_verify(&s->services, address, fpr, on_verified, a);
}

/* ---- a key ends */

static void on_revoked(void *ctx, const char *address, const uint8_t fpr[FPR_LEN], bool put,
                       const char *why)
{
    struct asking *a = ctx;
    a->held = false;
    if (why == NULL)
        control_send(a->client, json_pack("{s:b,s:s,s:o,s:b}", "ok", 1, "id", address,
                                          "fingerprint", hex(fpr), "put", put));
    else if (a->client != NULL)
        control_error(a->client, why);
    asking_end(a);
}

void control_revoke(struct service *s, struct line_client *c, const json_t *o)
{
    const char *text = json_string_value(json_object_get(o, "record"));
    uint8_t record[RECORD_MAX];
    size_t n = text == NULL ? 0 : strlen(text) / 2;
    struct error e;
    if (n == 0 || n > sizeof record || hex_decode(text, record, n) < 0) {
        control_error(c, "That is no revocation; `restante init` says where it keeps one.");
        return;
    }
    struct asking *a = asking_new(s, c);
    if (a == NULL)
        return;
    a->held = true;
    if (revocation_take(&s->services, record, n, json_is_true(json_object_get(o, "own")),
                        on_revoked, a, &e) < 0)
        on_revoked(a, NULL, NULL, false, e.text);
}
