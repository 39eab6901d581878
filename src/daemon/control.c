/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control.c - see control.h. Requests that wait (a pull, a look into the DHT) keep a struct asking;
 * it outlives its client. */
#include "daemon/control.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/control_cancel.h"
#include "daemon/control_contacts.h"
#include "daemon/control_fsck.h"
#include "daemon/control_group.h"
#include "daemon/control_lists.h"
#include "daemon/control_policy.h"
#include "daemon/service.h"
#include "flow/sender/lookup.h"
#include "flow/receiver/opening.h"
#include "flow/peers/presence.h"
#include "flow/receiver/sweep.h"
#include "flow/sender/withdraw.h"
#include "store/cancel.h"
#include "store/contacts.h"
#include "store/incoming.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "control"
#define LINE_MAX_OCTETS 4096
#define PROGRESS_MS 250
#define CLOSING_MS 5000 /* an answer to a cancellation waits so long for the blob to be closed */

struct asking {
    struct service *s;
    struct line_client *client; /* NULL: gone */
    struct opening *opening;
    struct offline *offline;
    uv_timer_t *timer; /* progress of a pull */
    uint8_t nid[HASH_LEN];
    uint64_t size;
    char id[HASH_HEX + 1];
    json_t *reply; /* a status that waits for the DHT */
    uint32_t shard;
    size_t ns_live;
    int64_t message;                /* that is taken back; or how many contacts were forgotten */
    char receiver[ADDRESS_MAX + 1]; /* or contact */
    int64_t until_ms;
    bool held; /* the store works for it */
    bool busy;
};

static void send_json(struct line_client *c, json_t *o)
{
    char *text = c == NULL ? NULL : json_dumps(o, JSON_COMPACT);
    if (text != NULL) {
        line_send(c, text, strlen(text));
        line_send(c, "\n", 1);
    }
    free(text);
    json_decref(o);
}

static void send_error(struct line_client *c, const char *why)
{
    send_json(c, json_pack("{s:b,s:s}", "ok", 0, "error", why));
}

static void asking_free(struct asking *a)
{
    if (a->timer != NULL)
        uv_close((uv_handle_t *)a->timer, (uv_close_cb)free);
    json_decref(a->reply);
    free(a);
}

static void asked(struct asking *a)
{
    if (a->client != NULL)
        line_client_set(a->client, NULL);
    asking_free(a);
}

static struct asking *ask(struct service *s, struct line_client *c)
{
    struct asking *a = line_client_get(c) != NULL ? NULL : calloc(1, sizeof *a);
    if (a == NULL) {
        send_error(c, "One request at a time on a connection.");
        return NULL;
    }
    a->s = s;
    a->client = c;
    line_client_set(c, a);
    return a;
}

/* ---- status: what stands here, and what stands in the DHT */

static void status_send(struct asking *a)
{
    send_json(a->client, a->reply);
    a->reply = NULL;
    asked(a);
}

static void on_nr(void *ctx, bool ok, const uint8_t *ids, size_t n)
{
    struct asking *a = ctx;
    if (ok)
        (void)json_object_set_new(json_object_get(a->reply, "dht"), "nr_live",
                                  json_integer((json_int_t)n));
    status_send(a);
}

static void on_ns(void *ctx, bool ok, const uint8_t *ids, size_t n)
{
    struct asking *a = ctx;
    char key[DHT_KEY_MAX + 1];
    a->ns_live += n;
    if (ok && a->shard + 1 < a->s->flow.shards && !a->s->stopping) {
        dht_ns_key(key, a->s->config.address, ++a->shard);
        dht_list(a->s->flow.dht, key, on_ns, a);
        return;
    }
    if (ok)
        (void)json_object_set_new(json_object_get(a->reply, "dht"), "ns_live",
                                  json_integer((json_int_t)a->ns_live));
    if (a->s->stopping) {
        status_send(a);
        return;
    }
    (void)dht_key(key, "nr:", a->s->config.address);
    dht_list(a->s->flow.dht, key, on_nr, a);
}

static void on_dht(void *ctx, bool ok, const struct dht_status *st)
{
    struct asking *a = ctx;
    char key[DHT_KEY_MAX + 1];
    if (ok) {
        (void)json_object_set_new(json_object_get(a->reply, "dht"), "good_nodes",
                                  json_integer(st->good_nodes));
        (void)json_object_set_new(json_object_get(a->reply, "ports"), "dht",
                                  json_integer(st->port4 != 0 ? st->port4 : st->port6));
    }
    if (!ok || a->s->stopping) {
        status_send(a);
        return;
    }
    dht_ns_key(key, a->s->config.address, 0);
    dht_list(a->s->flow.dht, key, on_ns, a);
}

static void status(struct service *s, struct line_client *c)
{
    struct asking *a = ask(s, c);
    if (a == NULL)
        return;
    a->reply = control_status(s);
    dht_get_status(s->flow.dht, on_dht, a);
}

/* ---- pull and decline */

static void on_opened(void *ctx, bool ok, const char *why)
{
    struct asking *a = ctx;
    a->opening = NULL;
    if (a->client == NULL)
        return; /* freed by on_gone */
    if (ok)
        send_json(a->client, json_pack("{s:b,s:s}", "ok", 1, "id", a->id));
    else
        send_error(a->client, why);
    a->busy = false;
    asked(a);
}

static void on_progress(uv_timer_t *t)
{
    struct asking *a = t->data;
    int64_t done = openings_progress(&a->s->flow, a->nid);
    if (done >= 0 && a->client != NULL)
        send_json(a->client, json_pack("{s:{s:I,s:I}}", "progress", "done", (json_int_t)done,
                                       "size", (json_int_t)a->size));
}

/* The message a prefix of an id means; 0 after an answer was sent. */
static int64_t message_of(struct service *s, struct line_client *c, const json_t *o)
{
    const char *id = json_string_value(json_object_get(o, "id"));
    struct db *db = store_reader(s->flow.store);
    int64_t n = id == NULL || strlen(id) < 4 || strlen(id) > HASH_HEX ||
                        strspn(id, "0123456789abcdefABCDEF") != strlen(id)
                    ? -2
                    : in_find_prefix(db, id);
    if (n > 0)
        return n;
    send_error(c, n == -2   ? "An id is at least 4 hexadecimal digits; see `restante inbox`."
                  : n == -1 ? "Several messages begin with that id; give more digits."
                            : "There is no message with that id; see `restante inbox`.");
    return 0;
}

static void pull(struct service *s, struct line_client *c, const json_t *o)
{
    struct incoming in;
    int64_t n = message_of(s, c, o);
    if (n == 0 || in_get(store_reader(s->flow.store), n, &in) < 0)
        return;
    struct asking *a = ask(s, c);
    if (a != NULL) {
        memcpy(a->nid, in.nid, HASH_LEN);
        hex_encode(in.nid, HASH_LEN, a->id);
        a->size = in.blob.size;
        a->timer = calloc(1, sizeof *a->timer);
        if (a->timer != NULL) {
            (void)uv_timer_init(s->loop, a->timer);
            a->timer->data = a;
            (void)uv_timer_start(a->timer, on_progress, PROGRESS_MS, PROGRESS_MS);
        }
        uint8_t nid[HASH_LEN];
        memcpy(nid, in.nid, HASH_LEN);
        struct opening *opening = opening_ask(&s->flow, nid, 0, on_opened, a);
        if (opening != NULL)
            a->opening = opening;
    }
    incoming_free(&in);
}

static void decline(struct service *s, struct line_client *c, const json_t *o)
{
    struct error e;
    int64_t n = message_of(s, c, o);
    if (n == 0)
        return;
    if (sweep_decline(&s->flow, n, &e) < 0)
        send_error(c, e.text);
    else
        send_json(c, json_pack("{s:b}", "ok", 1));
}

/* ---- groups */

static void on_group(void *ctx, json_t *reply)
{
    struct asking *a = ctx;
    json_decref(a->reply);
    a->reply = reply;
    status_send(a);
}

static void group(struct service *s, struct line_client *c, const json_t *o)
{
    struct asking *a = ask(s, c);
    if (a == NULL)
        return;
    a->reply = json_object(); /* on_group's: it outlives a client that goes */
    control_group(s, o, on_group, a);
}

/* ---- fsck */

static void fsck(struct service *s, struct line_client *c, const json_t *o)
{
    struct asking *a = ask(s, c);
    if (a == NULL)
        return;
    a->reply = json_object(); /* on_group's: it outlives a client that goes */
    control_fsck(s, json_is_true(json_object_get(o, "repair")), on_group, a);
}

/* ---- policy */

static void on_offline_progress(void *ctx, json_t *progress)
{
    struct asking *a = ctx;
    send_json(a->client, progress);
}

static void on_offline(void *ctx, json_t *reply)
{
    struct asking *a = ctx;
    send_json(a->client, reply);
    asked(a);
}

static void policy(struct service *s, struct line_client *c, const json_t *o)
{
    struct asking *a = ask(s, c);
    if (a == NULL)
        return;
    if (json_is_true(json_object_get(o, "offline"))) {
        struct offline *offline = control_offline(s, on_offline_progress, on_offline, a);
        if (offline != NULL)
            a->offline = offline;
        return;
    }
    a->reply = json_object();
    control_policy(s, o, on_group, a);
}

/* ---- cancel: answered as soon as it is known whether anybody ever began to fetch it */

static void cancel_reply(struct asking *a)
{
    const char *to = a->receiver[0] == '\0' ? NULL : a->receiver;
    send_json(a->client, control_cancel_answer(a->s, a->message, to));
    asked(a);
}

static void on_closing(uv_timer_t *t)
{
    struct asking *a = t->data;
    if (!cancel_deciding(store_reader(a->s->flow.store), a->message) ||
        clock_mono_ms() >= a->until_ms)
        cancel_reply(a);
}

static void on_begun(void *ctx, int begun)
{
    struct asking *a = ctx;
    a->held = false;
    if (a->client == NULL) {
        asking_free(a);
    } else if (begun < 0) {
        send_error(a->client, "This peer's database cannot be written; see its log.");
        asked(a);
    } else if (begun == 0 || (a->timer = calloc(1, sizeof *a->timer)) == NULL) {
        cancel_reply(a);
    } else {
        (void)uv_timer_init(a->s->loop, a->timer);
        a->timer->data = a;
        (void)uv_timer_start(a->timer, on_closing, 20, 20);
    }
}

/* The row of the message meant by the request's id; 0 after an answer was sent. */
static int64_t sent_message_of(struct service *s, struct line_client *c, const json_t *o)
{
    const char *id = json_string_value(json_object_get(o, "id"));
    int64_t n = id == NULL || strlen(id) < 4 || strlen(id) > HASH_HEX ||
                        strspn(id, "0123456789abcdefABCDEF") != strlen(id)
                    ? -2
                    : out_find_prefix(store_reader(s->flow.store), id);
    if (n > 0)
        return n;
    send_error(c, n == -2   ? "An id is at least 4 hexadecimal digits; see `restante outbox`."
                  : n == -1 ? "Several messages begin with that id; give more digits."
                            : "There is no message with that id; see `restante outbox`.");
    return 0;
}

static void cancel(struct service *s, struct line_client *c, const json_t *o)
{
    const char *to = json_string_value(json_object_get(o, "to"));
    char address[ADDRESS_MAX + 1] = "";
    int64_t row, n = sent_message_of(s, c, o);
    if (n == 0)
        return;
    if (to != NULL && (address_parse(to, address) < 0 ||
                       cancel_receivers(store_reader(s->flow.store), n, address, &row, 1) == 0)) {
        send_error(c, "The message has no such receiver; see `restante outbox`.");
        return;
    }
    struct asking *a = ask(s, c);
    if (a == NULL)
        return;
    a->message = n;
    a->until_ms = clock_mono_ms() + CLOSING_MS;
    a->held = true;
    (void)strcpy(a->receiver, address);
    withdraw_message(&s->flow, n, to == NULL ? NULL : a->receiver, on_begun, a);
}

/* ---- contacts */

static void on_accepted(void *ctx, enum lookup_result result, const char *why)
{
    struct asking *a = ctx;
    a->held = false;
    if (result == LOOKUP_FOUND)
        send_json(a->client, json_pack("{s:b,s:s}", "ok", 1, "id", a->receiver));
    else if (a->client != NULL)
        send_error(a->client, why);
    asked(a);
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
    a->held = false;
    if (a->client != NULL && (rc != 0 || a->message == 0))
        send_error(a->client, rc != 0 ? "This peer's database cannot be written; see its log."
                                      : "There is no such contact; see `restante contacts`.");
    else
        send_json(a->client, json_pack("{s:b,s:s}", "ok", 1, "id", a->receiver));
    asked(a);
}

static void contact(struct service *s, struct line_client *c, const json_t *o, bool accept)
{
    const char *id = json_string_value(json_object_get(o, "id"));
    char address[ADDRESS_MAX + 1];
    uint8_t fpr[FPR_LEN];
    struct error e;
    if (id == NULL || address_parse(id, address) < 0) {
        send_error(c, "An address is name@group.");
        return;
    }
    if (accept &&
        control_other_key(s, address, json_string_value(json_object_get(o, "fingerprint")), fpr,
                          &e) < 0) {
        send_error(c, e.text);
        return;
    }
    struct asking *a = ask(s, c);
    if (a == NULL)
        return;
    a->held = true;
    (void)strcpy(a->receiver, address);
    if (accept)
        lookup_accept(&s->flow, address, fpr, on_accepted, a);
    else
        store_do(s->flow.store, forget_run, forget_done, a);
}

static void block(struct service *s, struct line_client *c, const json_t *o, bool yes)
{
    struct asking *a = ask(s, c);
    if (a == NULL)
        return;
    a->reply = json_object();
    control_block(s, o, yes, on_group, a);
}

/* ---- the socket */

static void on_request(struct service *s, struct line_client *c, const json_t *o)
{
    const char *cmd = json_string_value(json_object_get(o, "cmd"));
    if (cmd == NULL) {
        send_error(c, "The request names no command.");
    } else if (s->stopping) {
        send_error(c, "This peer is stopping.");
    } else if (strcmp(cmd, "status") == 0) {
        status(s, c);
    } else if (strcmp(cmd, "outbox") == 0) {
        send_json(c, control_outbox(s));
    } else if (strcmp(cmd, "inbox") == 0) {
        send_json(c, control_inbox(s));
    } else if (strcmp(cmd, "pull") == 0) {
        pull(s, c, o);
    } else if (strcmp(cmd, "decline") == 0) {
        decline(s, c, o);
    } else if (strcmp(cmd, "cancel") == 0) {
        cancel(s, c, o);
    } else if (strcmp(cmd, "contacts") == 0) {
        send_json(c, control_contacts(s));
    } else if (strcmp(cmd, "contact-accept") == 0 || strcmp(cmd, "contact-forget") == 0) {
        contact(s, c, o, strcmp(cmd, "contact-accept") == 0);
    } else if (strcmp(cmd, "contact-block") == 0 || strcmp(cmd, "contact-unblock") == 0) {
        block(s, c, o, strcmp(cmd, "contact-block") == 0);
    } else if (strcmp(cmd, "group") == 0) {
        group(s, c, o);
    } else if (strcmp(cmd, "fsck") == 0) {
        fsck(s, c, o);
    } else if (strcmp(cmd, "policy") == 0) {
        policy(s, c, o);
    } else if (strcmp(cmd, "takeover") == 0) {
        presence_takeover(&s->flow);
        send_json(c, json_pack("{s:b}", "ok", 1));
    } else if (strcmp(cmd, "stop") == 0) {
        send_json(c, json_pack("{s:b}", "ok", 1));
        log_info("stopped from the command line");
        service_stop(s);
    } else {
        send_error(c, "This restanted does not know that command; is it older than restante?");
    }
}

static void on_line(void *ctx, struct line_client *c, char *line, size_t len)
{
    json_error_t e;
    json_t *o = json_loadb(line, len, JSON_REJECT_DUPLICATES, &e);
    if (!json_is_object(o))
        send_error(c, "The request is not a JSON object.");
    else
        on_request(ctx, c, o);
    json_decref(o);
}

static void on_gone(void *ctx, struct line_client *c)
{
    struct asking *a = line_client_get(c);
    if (a == NULL)
        return;
    a->client = NULL;
    if (a->reply != NULL || a->held)
        return; /* the answer of the DHT or the store frees it */
    if (a->opening != NULL)
        opening_cancel(a->opening);
    if (a->offline != NULL)
        control_offline_cancel(a->offline);
    asking_free(a);
}

int control_start(struct service *s, struct error *e)
{
    char path[PATH_CAP];
    if (config_path(&s->config, "run/control.sock", path, e) < 0)
        return -1;
    struct line_server_config c = {.path = path,
                                   .max_line = LINE_MAX_OCTETS,
                                   .max_clients = 50,
                                   .line = on_line,
                                   .gone = on_gone,
                                   .ctx = s};
    s->control = line_server_start(s->loop, &c, e);
    return s->control == NULL ? -1 : 0;
}
