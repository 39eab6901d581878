/* SPDX-License-Identifier: GPL-3.0-or-later */
/* client.h - the state of the client of restante-dht, shared by client.c (what is asked),
 * connection.c (the socket), answers.c (what comes back) and state.c, each of which calls only
 * those behind it. */
#ifndef RESTANTE_DHT_CLIENT_H
#define RESTANTE_DHT_CLIENT_H

#include "dht/request.h"
#include <sys/socket.h>
#include <sys/un.h>

#define PAUSE_MIN_MS 100
#define BUCKETS 1024 /* of the table of requests */
#define PATH_MAX_SUN sizeof(((struct sockaddr_un *)NULL)->sun_path)

struct listener {
    char key[FRAME_KEY_MAX + 1];
    uint8_t infohash[INFOHASH_LEN];
    dht_listen_fn *fn;
    void *ctx;
    uint32_t number; /* of the LISTEN on this connection */
    struct listener *next;
};

struct dht_line {   /* one connection; pipe.data is the client, or NULL once it is given up */
    uv_pipe_t pipe; /* first */
    uv_connect_t connecting;
};

struct dht_client {
    struct dht dht; /* first */
    uv_loop_t *loop;
    char path[PATH_MAX_SUN];
    struct dht_line *line; /* NULL between connections; frees itself when closed */
    bool ready;            /* connected, and the other end is one we trust */
    uv_timer_t timer;      /* the pause before connecting again */
    uv_timer_t soon;       /* answers requests that could not be asked, not inside the call */
    unsigned handles;      /* timers still to be closed */
    unsigned pause;
    enum dht_link link;
    dht_link_fn *on_link;
    void *on_link_ctx;
    struct buf in;
    struct dht_request *table[BUCKETS];
    size_t outstanding;
    uint32_t last_number;
    struct dht_request *failing, **failing_end;
    struct listener *listeners;
    size_t listener_count;
    bool freed;
};

/* state.c */
void client_set_link(struct dht_client *c, enum dht_link link);
/* Keeps r until it is answered. */
void client_add(struct dht_client *c, struct dht_request *r);
/* The place in the table where the request with this number hangs, or where it would. */
struct dht_request **client_find(struct dht_client *c, uint32_t number);
struct dht_request *client_take(struct dht_client *c, struct dht_request **slot);
/* Answers all that is outstanding with ok=false. */
void client_fail_all(struct dht_client *c, const char *why);
/* Answers r with ok=false when the loop turns, not inside the call; consumes it. */
void client_fail_soon(struct dht_client *c, struct dht_request *r);
/* Answers at once those that client_fail_soon() keeps. */
void client_fail_waiting(struct dht_client *c);

/* answers.c: -1 when the frame answers nothing that was asked. */
int client_answer(struct dht_client *c, const struct dht_frame *f);

/* connection.c */
void client_connect(struct dht_client *c);
/* Gives the connection up, answers everything outstanding, and connects again after a pause. why
 * may be NULL. */
void client_disconnect(struct dht_client *c, const char *why);
/* Asks and keeps r until it is answered; consumes r in any case. */
void client_ask(struct dht_client *c, struct dht_request *r, struct dht_frame *f);
void client_ask_listen(struct dht_client *c, struct listener *l);

#endif
