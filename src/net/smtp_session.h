/* SPDX-License-Identifier: GPL-3.0-or-later */
/* smtp_session.h - the conversation of one SMTP client without its socket: octets in, replies out,
 * handler called. Private to the listener, its tests and its fuzzer. */
#ifndef RESTANTE_NET_SMTP_SESSION_H
#define RESTANTE_NET_SMTP_SESSION_H

#include "base/buf.h"
#include "net/smtp_parse.h"
#include "net/smtp_server.h"

#define SMTP_OUT_HIGH 32768 /* octets of unsent replies at which no further input is taken */

struct smtp_settings {
    char *name, *user, *password;
    uint64_t max_size;
    unsigned max_rcpts;
    const struct smtp_handler *handler;
    void *ctx;
};

enum smtp_mode {
    SMTP_LINE,     /* a command */
    SMTP_SKIPLINE, /* the rest of one that was too long */
    SMTP_RESPONSE, /* the base64 after "334" */
    SMTP_CHUNK,    /* BDAT's octets */
    SMTP_DOTTED    /* DATA's lines */
};

enum smtp_wait { SMTP_WAIT_NONE, SMTP_WAIT_MAIL, SMTP_WAIT_RCPT, SMTP_WAIT_END };

/* Where in a line of DATA we are; *_CR: a CR was seen that no LF has followed yet. */
enum smtp_dot { SMTP_BOL, SMTP_BOL_DOT, SMTP_BOL_DOT_CR, SMTP_MID, SMTP_MID_CR };

struct smtp_session {
    const struct smtp_settings *set;
    void (*wake)(struct smtp_session *s); /* an answer came from outside smtp_session_feed */
    void *user;
    struct buf line; /* the command so far; one allocation for life, wiped after AUTH */
    struct buf out;  /* replies to be sent; the owner takes them */
    enum smtp_mode mode;
    enum smtp_wait wait; /* the answer that is outstanding */
    int answer;          /* its code once given; settled by the next feed */
    bool feeding, extended, greeted, authenticated;
    bool over;                   /* nothing more is read: send what is in out, then close */
    bool ended;                  /* gone() was called */
    bool open;                   /* mail() was called, reset() not yet */
    bool accepted;               /* mail() was answered 2xx */
    bool chunked;                /* a BDAT was seen in this transaction */
    bool last;                   /* this chunk is the last one */
    bool discard;                /* octets are read and thrown away */
    struct smtp_refusal verdict; /* then said at the end instead of data_end; code 0 = none */
    unsigned rcpts, mistakes, failed_auths;
    char envid[SMTP_ENVID_MAX + 1]; /* of the last MAIL */
    struct smtp_rcpt_asks asks;     /* of the last RCPT */
    uint64_t left;                  /* octets missing from this chunk */
    uint64_t total;                 /* octets of the message so far */
    enum smtp_dot dot;
};

/* Prepares, and puts the greeting into out. -1 without memory. */
int smtp_session_init(struct smtp_session *s, const struct smtp_settings *set);
/* Takes octets; returns how many it took: all, unless an answer is outstanding or out is full (then
 * feed the rest again after the answer or after taking out). Secrets in p are overwritten. n may be
 * 0, to settle an answer. */
size_t smtp_session_feed(struct smtp_session *s, uint8_t *p, size_t n);
/* Calls reset() if needed and gone(), once. */
void smtp_session_end(struct smtp_session *s);
/* Frees what it holds; after smtp_session_end. */
void smtp_session_free(struct smtp_session *s);

/* Used between the files of the session; smtp_reply.c: */
/* A reply of the session's own. */
void smtp_say(struct smtp_session *s, int code, const char *text);
/* A reply to a command that was wrong; a client that makes only mistakes is sent away. */
void smtp_mistake(struct smtp_session *s, int code, const char *text);
/* Ends the transaction: reset() and everything back to before MAIL. */
void smtp_transaction_end(struct smtp_session *s);
/* smtp_command.c: a command line, and the base64 of AUTH in a line of its own. */
void smtp_command(struct smtp_session *s, const char *line);
void smtp_try_plain(struct smtp_session *s, const char *response);
/* smtp_data.c: octets in the modes SMTP_CHUNK and SMTP_DOTTED; returns how many were taken. */
size_t smtp_take_chunk(struct smtp_session *s, const uint8_t *p, size_t n);
size_t smtp_take_dotted(struct smtp_session *s, const uint8_t *p, size_t n);
void smtp_chunk_begin(struct smtp_session *s, uint64_t size, bool last);

#endif
