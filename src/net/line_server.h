/* SPDX-License-Identifier: GPL-3.0-or-later */
/* line_server.h - a UNIX socket (0600) that speaks lines: for the Dovecot plugin and the command
 * line. Only the peer's own user is answered (SO_PEERCRED). */
#ifndef RESTANTE_NET_LINE_SERVER_H
#define RESTANTE_NET_LINE_SERVER_H

#include "base/error.h"
#include <stddef.h>
#include <uv.h>

struct line_server;
struct line_client;

struct line_server_config {
    const char *path;     /* a stale socket file there is replaced; a live one is an error */
    size_t max_line;      /* longer lines end the connection; 0 = 65536 */
    unsigned max_clients; /* 0 = 256 */
    /* One line without its LF (and CR), NUL-terminated, guaranteed free of NUL inside. */
    void (*line)(void *ctx, struct line_client *c, char *line, size_t len);
    /* The client is gone; c is invalid afterwards. Never from within line_send or line_close. */
    void (*gone)(void *ctx, struct line_client *c);
    void *ctx;
};

struct line_server *line_server_start(uv_loop_t *loop, const struct line_server_config *c,
                                      struct error *e);
/* Queues bytes (copied). A client that does not read 8 MB of them is dropped. */
void line_send(struct line_client *c, const void *p, size_t n);
/* Ends the connection after what is queued has been sent. gone() follows. */
void line_close(struct line_client *c);
void line_client_set(struct line_client *c, void *p);
void *line_client_get(const struct line_client *c);
/* Ends every connection (gone is called before it returns), removes the socket, and nulls; may be
 * called from a callback. The memory goes as the loop turns. */
void line_server_stop(struct line_server **s);

#endif
