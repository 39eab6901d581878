/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_ask.h - a request on the control socket, and the answer to it. One that waits (a pull, a
 * look into the DHT, the store) is a struct asking, which outlives its client. */
#ifndef RESTANTE_DAEMON_CONTROL_ASK_H
#define RESTANTE_DAEMON_CONTROL_ASK_H

#include "daemon/service.h"
#include <jansson.h>

struct asking {
    struct service *s;
    struct line_client *client; /* NULL: gone */
    struct opening *opening;
    struct offline *offline;
    uv_timer_t *timer; /* progress of a pull */
    uint8_t nid[HASH_LEN];
    uint64_t size;
    char id[HASH_HEX + 1];
    json_t *
        reply; /* a status that waits for the DHT; not NULL: an answer will come, whoever is gone */
    bool check; /* of a status: look into the DHT */
    uint32_t shard;
    size_t ns_live;
    int64_t message;                /* that is taken back; or how many contacts were forgotten */
    char receiver[ADDRESS_MAX + 1]; /* or contact */
    int64_t until_ms;
    bool held; /* the store works for it */
};

/* A line to the client; takes o over. c NULL: it is gone. */
void control_send(struct line_client *c, json_t *o);
/* The same with a sentence that says what is wrong. */
void control_error(struct line_client *c, const char *why);

/* The client's request from now on; NULL after it was told that it has one already. */
struct asking *asking_new(struct service *s, struct line_client *c);
/* Was answered, or needs no answer: the client may ask again. */
void asking_end(struct asking *a);
/* Its client went: ends what it waits for, unless a reply or the store still comes to it. */
void asking_client_gone(struct line_client *c);
/* A control_answer_fn: sends the reply to the asking ctx, and ends it. */
void asking_answer(void *ctx, json_t *reply);

#endif
