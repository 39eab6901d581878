/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_ask.c - see control_ask.h. */
#include "daemon/control_ask.h"
#include "base/mem.h"
#include "daemon/control_policy.h"
#include "flow/receiver/opening.h"
#include <stdlib.h>
#include <string.h>

void control_send(struct line_client *c, json_t *o)
{
    char *text = c == NULL ? NULL : json_dumps(o, JSON_COMPACT);
    if (text != NULL) {
        line_send(c, text, strlen(text));
        line_send(c, "\n", 1);
    }
    free(text);
    json_decref(o);
}

void control_error(struct line_client *c, const char *why)
{
    control_send(c, json_pack("{s:b,s:s}", "ok", 0, "error", why));
}

static void asking_free(struct asking *a)
{
    if (a->timer != NULL)
        uv_close((uv_handle_t *)a->timer, (uv_close_cb)free);
    json_decref(a->reply);
    free(a);
}

void asking_end(struct asking *a)
{
    if (a->client != NULL)
        line_client_set(a->client, NULL);
    asking_free(a);
}

struct asking *asking_new(struct service *s, struct line_client *c)
{
    struct asking *a = line_client_get(c) != NULL ? NULL : mem_new(sizeof *a);
    if (a == NULL) {
        control_error(c, "One request at a time on a connection.");
        return NULL;
    }
    a->s = s;
    a->client = c;
    line_client_set(c, a);
    return a;
}

void asking_answer(void *ctx, json_t *reply)
{
    struct asking *a = ctx;
    control_send(a->client, reply);
    json_decref(a->reply);
    a->reply = NULL;
    asking_end(a);
}

void asking_client_gone(struct line_client *c)
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
