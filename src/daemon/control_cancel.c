/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_cancel.c - see control_cancel.h. Every sentence is true at the moment when it is said. */
#include "daemon/control_cancel.h"
#include "base/clock.h"
#include "store/cancel.h"
#include <stdio.h>
#include <stdlib.h>

static void sentence(const struct out_receiver *r, char out[400])
{
    char at[40];
    clock_rfc5322(r->changed_ms, at);
    int why = (int)(r->why.n > 200 ? 200 : r->why.n);
    const char *text = r->why.p == NULL ? "" : (const char *)r->why.p;
    switch (r->state) {
    case RCV_WITHDRAWING:
        (void)snprintf(out, 400, "withdrawing: the recipient's answer is waited for");
        return;
    case RCV_CANCELLED:
        (void)snprintf(out, 400, "cancelled, %s",
                       r->nid[0] == 0 && r->ns.n == 0 ? "it was not announced yet"
                       : why > 0                      ? "nobody ever began to fetch it"
                                                      : "confirmed by the recipient's peer");
        return;
    case RCV_PULLED:
        (void)snprintf(out, 400, "too late, pulled at %s", at);
        return;
    case RCV_ANSWERED:
        (void)snprintf(out, 400, "too late, the recipient was there at %s", at);
        return;
    case RCV_DECLINED:
        (void)snprintf(out, 400, "too late, declined at %s", at);
        return;
    case RCV_EXPIRED:
        (void)snprintf(out, 400, "too late, expired at %s", at);
        return;
    case RCV_FAILED:
        (void)snprintf(out, 400, "too late, it failed: %.*s", why, text);
        return;
    case RCV_UNCONFIRMED:
        (void)snprintf(out, 400, "withdrawn, unconfirmed");
        return;
    case RCV_WAITING:
    case RCV_READY:
    case RCV_SEALED:
    case RCV_ANNOUNCED:
        break;
    }
    (void)snprintf(out, 400, "%s", rcv_state_name(r->state));
}

json_t *control_cancel_answer(struct service *s, int64_t message, const char *address)
{
    struct db *db = store_reader(s->services.store);
    struct out_message m;
    char id[2 * MESSAGE_ID_LEN + 1] = "";
    json_t *list = json_array();
    int64_t *rows = calloc(RCPTS_MAX, sizeof *rows);
    size_t n = rows == NULL ? 0 : cancel_receivers(db, message, address, rows, RCPTS_MAX);
    for (size_t i = 0; i < n; i++) {
        struct out_receiver r;
        char text[400];
        if (rcv_get(db, rows[i], &r) < 0)
            continue;
        sentence(&r, text);
        (void)json_array_append_new(list, json_pack("{s:s,s:s,s:I,s:s}", "to", r.address, "state",
                                                    rcv_state_name(r.state), "at_ms",
                                                    (json_int_t)r.changed_ms, "answer", text));
        out_receiver_free(&r);
    }
    free(rows);
    if (out_get(db, message, &m) == 0) {
        hex_encode(m.id, MESSAGE_ID_LEN, id);
        out_message_free(&m);
    }
    return json_pack("{s:b,s:s,s:o}", "ok", 1, "id", id, "receivers", list);
}
