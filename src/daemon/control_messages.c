/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_messages.c - see control_messages.h. */
#include "daemon/control_messages.h"
#include "base/clock.h"
#include "base/mem.h"
#include "daemon/control_cancel.h"
#include "flow/receiver/opening.h"
#include "flow/receiver/expunge_scan.h"
#include "flow/sender/recall.h"
#include "store/cancel.h"
#include "store/incoming.h"
#include <stdlib.h>
#include <string.h>

#define PROGRESS_MS 250
#define CLOSING_MS 5000 /* an answer to a cancellation waits so long for the blob to be closed */

/* The row of the message that the beginning of an id means, a sent one or one that came; 0 after an
 * answer was sent. */
static int64_t message_of(struct service *s, struct line_client *c, const json_t *o, bool sent)
{
    const char *id = json_string_value(json_object_get(o, "id"));
    struct db *db = store_reader(s->services.store);
    if (id == NULL || strlen(id) < 4 || strlen(id) > HASH_HEX ||
        strspn(id, "0123456789abcdefABCDEF") != strlen(id)) {
        control_error(c, sent ? "An id is at least 4 hexadecimal digits; see `restante outbox`."
                              : "An id is at least 4 hexadecimal digits; see `restante inbox`.");
        return 0;
    }
    int64_t n = sent ? out_find_prefix(db, id) : in_find_prefix(db, id);
    if (n > 0)
        return n;
    control_error(c, n == -1 ? "Several messages begin with that id; give more digits."
                     : sent  ? "There is no message with that id; see `restante outbox`."
                             : "There is no message with that id; see `restante inbox`.");
    return 0;
}

/* ---- pull and decline */

static void on_opened(void *ctx, bool ok, const char *why)
{
    struct asking *a = ctx;
    a->opening = NULL;
    if (a->client == NULL)
        return; /* freed by on_gone */
    if (ok)
        control_send(a->client, json_pack("{s:b,s:s}", "ok", 1, "id", a->id));
    else
        control_error(a->client, why);
    asking_end(a);
}

static void on_progress(uv_timer_t *t)
{
    struct asking *a = t->data;
    int64_t done = openings_progress(&a->s->services, a->nid);
    if (done >= 0 && a->client != NULL)
        control_send(a->client, json_pack("{s:{s:I,s:I}}", "progress", "done", (json_int_t)done,
                                          "size", (json_int_t)a->size));
}

void control_pull(struct service *s, struct line_client *c, const json_t *o)
{
    struct incoming in;
    struct error e;
    int64_t n = message_of(s, c, o, false);
    if (n == 0)
        return;
    if (in_get(store_reader(s->services.store), n, &in) < 0) {
        control_error(c, store_unread(&e, "The message"));
        return;
    }
    struct asking *a = asking_new(s, c);
    if (a != NULL) {
        memcpy(a->nid, in.nid, HASH_LEN);
        hex_encode(in.nid, HASH_LEN, a->id);
        a->size = in.blob.size;
        a->timer = mem_new(sizeof *a->timer);
        (void)uv_timer_init(s->loop, a->timer);
        a->timer->data = a;
        (void)uv_timer_start(a->timer, on_progress, PROGRESS_MS, PROGRESS_MS);
        uint8_t nid[HASH_LEN];
        memcpy(nid, in.nid, HASH_LEN);
        struct opening *opening = opening_ask(&s->services, nid, 0, on_opened, a);
        if (opening != NULL)
            a->opening = opening;
    }
    incoming_free(&in);
}

static void on_confirmed(void *ctx, int count)
{
    struct asking *a = ctx;
    struct error e;
    a->held = false;
    if (a->client == NULL) {
        asking_end(a);
        return;
    }
    if (count < 0)
        control_error(a->client, store_refused(&e, "the word for what was deleted"));
    else
        control_send(a->client, json_pack("{s:b,s:i}", "ok", 1, "declined", count));
    asking_end(a);
}

static void decline_deleted(struct service *s, struct line_client *c)
{
    struct error e;
    struct asking *a = asking_new(s, c);
    if (a == NULL)
        return;
    a->held = true;
    if (expunge_scan_confirm(&s->services, on_confirmed, a, &e) < 0) {
        control_error(c, e.text);
        asking_end(a);
    }
}

void control_decline(struct service *s, struct line_client *c, const json_t *o)
{
    struct error e;
    if (json_is_true(json_object_get(o, "all_deleted"))) {
        decline_deleted(s, c);
        return;
    }
    int64_t n = message_of(s, c, o, false);
    struct incoming in;
    char id[HASH_HEX + 1];
    if (n == 0)
        return;
    if (in_get(store_reader(s->services.store), n, &in) < 0) {
        control_error(c, store_unread(&e, "The message"));
        return;
    }
    hex_encode(in.nid, HASH_LEN, id);
    incoming_free(&in);
    if (expunge_scan_decline(&s->services, n, &e) < 0)
        control_error(c, e.text);
    else
        control_send(c, json_pack("{s:b,s:s}", "ok", 1, "id", id));
}

/* ---- cancel */

static void cancel_reply(struct asking *a)
{
    const char *to = a->receiver[0] == '\0' ? NULL : a->receiver;
    control_send(a->client, control_cancel_answer(a->s, a->message, to));
    asking_end(a);
}

static void on_closing(uv_timer_t *t)
{
    struct asking *a = t->data;
    if (!cancel_deciding(store_reader(a->s->services.store), a->message) ||
        clock_mono_ms() >= a->until_ms)
        cancel_reply(a);
}

static void on_begun(void *ctx, int begun)
{
    struct asking *a = ctx;
    struct error e;
    a->held = false;
    if (a->client == NULL) {
        asking_end(a);
    } else if (begun < 0) {
        control_error(a->client, store_refused(&e, "that a message is taken back"));
        asking_end(a);
    } else if (begun == 0) {
        cancel_reply(a);
    } else {
        a->timer = mem_new(sizeof *a->timer);
        (void)uv_timer_init(a->s->loop, a->timer);
        a->timer->data = a;
        (void)uv_timer_start(a->timer, on_closing, 20, 20);
    }
}

void control_cancel(struct service *s, struct line_client *c, const json_t *o)
{
    const char *to = json_string_value(json_object_get(o, "to"));
    char address[ADDRESS_MAX + 1] = "";
    int64_t row, n = message_of(s, c, o, true);
    if (n == 0)
        return;
    if (to != NULL &&
        (address_parse(to, address) < 0 ||
         cancel_receivers(store_reader(s->services.store), n, address, &row, 1) == 0)) {
        control_error(c, "The message has no such recipient; see `restante outbox`.");
        return;
    }
    struct asking *a = asking_new(s, c);
    if (a == NULL)
        return;
    a->message = n;
    a->until_ms = clock_mono_ms() + CLOSING_MS;
    a->held = true;
    (void)strcpy(a->receiver, address);
    recall_message(&s->services, n, to == NULL ? NULL : a->receiver, on_begun, a);
}
