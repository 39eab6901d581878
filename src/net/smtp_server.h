/* SPDX-License-Identifier: GPL-3.0-or-later */
/* smtp_server.h - the submission listener that the private Dovecot relays to (RFC 5321, 3030
 * CHUNKING, 6152, 3461, 1870, 4954 PLAIN). Loopback only, one secret per start, everything capped.
 * It knows nothing of spool or store: the handler decides and may answer later. */
#ifndef RESTANTE_NET_SMTP_SERVER_H
#define RESTANTE_NET_SMTP_SERVER_H

#include "base/error.h"
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct smtp_server;
struct smtp_session; /* one connection */

/* Of what a client wants to be told (NOTIFY, RFC 3461 4.1), added up; 0: NEVER. */
#define SMTP_NOTIFY_SUCCESS 1u
#define SMTP_NOTIFY_FAILURE 2u
#define SMTP_NOTIFY_DELAY 4u
#define SMTP_NOTIFY_DEFAULT SMTP_NOTIFY_FAILURE /* when RCPT says nothing */

/* Octets of what a client gives to find in its reports again, as xtext (RFC 3461 4.4, 4.2). */
#define SMTP_ENVID_MAX 100
#define SMTP_ORCPT_MAX 500

/* What one RCPT asks of reports. */
struct smtp_rcpt_asks {
    unsigned notify;                /* SMTP_NOTIFY_* */
    char orcpt[SMTP_ORCPT_MAX + 1]; /* "type;address" without its xtext, "" when not said */
};

/* All callbacks on the loop's thread. Where "answer with smtp_reply" is said, the session waits for
 * that single call; it may come from within the callback or later. If the client vanishes first,
 * gone() is called instead and smtp_reply must not be. */
struct smtp_handler {
    /* MAIL FROM. size 0 = not said. Answer with smtp_reply (250, 4xx, 5xx). */
    void (*mail)(void *ctx, struct smtp_session *s, const char *from, uint64_t size);
    /* RCPT TO. addr: the mailbox as given, in quotes where it needs them, at most 320 octets.
     * Answer with smtp_reply. */
    void (*rcpt)(void *ctx, struct smtp_session *s, const char *addr);
    /* The message's octets in order: with DATA, lines with CRLF and without the extra dots; with
     * BDAT whatever the client sent, bare CR and LF and NUL included. 0, or -1 to refuse: the rest
     * is read and thrown away, and data_end answers. */
    int (*data)(void *ctx, struct smtp_session *s, const uint8_t *p, size_t n);
    /* The message is complete. Answer with smtp_reply: 250 takes responsibility for it. */
    void (*data_end)(void *ctx, struct smtp_session *s);
    /* The transaction is over: forget it. Once for every mail(), whether that was refused, or RSET,
     * a new EHLO, QUIT, a lost connection, a message too large or malformed came, or data_end was
     * answered. Never from within smtp_reply. */
    void (*reset)(void *ctx, struct smtp_session *s);
    /* The session is over; after reset. s is invalid afterwards. */
    void (*gone)(void *ctx, struct smtp_session *s);
};

struct smtp_config {
    const char *host;            /* "127.0.0.1" */
    uint16_t port;               /* 0 = any */
    const char *name;            /* in the greeting */
    const char *user, *password; /* AUTH PLAIN, compared in constant time */
    uint64_t max_size;           /* announced by SIZE and enforced; 0 = no limit */
    unsigned max_sessions;       /* 0 = 32 */
    unsigned max_rcpts;          /* accepted ones of one message; 0 = no limit */
    unsigned idle_seconds;       /* of the client's silence; 0 = 600 */
    const struct smtp_handler *handler;
    void *ctx;
};

/* Binds and listens. NULL and e (naming the port) when it cannot. Strings are copied; handler and
 * ctx must stay until every session is gone. */
struct smtp_server *smtp_server_start(uv_loop_t *loop, const struct smtp_config *c,
                                      struct error *e);
uint16_t smtp_server_port(const struct smtp_server *srv);
/* Ends every session (reset and gone are called before it returns), closes and nulls; may be called
 * from a callback. The memory goes as the loop turns. */
void smtp_server_stop(struct smtp_server **srv);

/* Answers the outstanding command (421 closes the session): code 250..599; text: one line without
 * CR or LF, with its RFC 3463 enhanced code at the front. */
void smtp_reply(struct smtp_session *s, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* ENVID of the MAIL that was handled last, without its xtext; "" when not said. */
const char *smtp_session_envid(const struct smtp_session *s);
/* What the RCPT that is being handled asks. */
const struct smtp_rcpt_asks *smtp_session_asks(const struct smtp_session *s);
/* A pointer of the handler's own per session. */
void smtp_session_set(struct smtp_session *s, void *p);
void *smtp_session_get(const struct smtp_session *s);

#endif
