/* SPDX-License-Identifier: GPL-3.0-or-later */
/* smtp_session.c - the commands of the submission listener and their order (RFC 5321, 4.1.4).
 * One answer may be outstanding; until it is given no further command is looked at, so pipelined
 * commands are answered in order. */
#include "net/smtp_session.h"
#include "base/texts.h"
#include "base/crypt.h"
#include "base/log.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define LOG_AREA "smtp"
#define MISTAKES_MAX 20
#define AUTHS_MAX 3

void smtp_say(struct smtp_session *s, int code, const char *text)
{
    if (buf_printf(&s->out, "%d %s\r\n", code, text) != 0) {
        s->over = true;
    }
    log_trace("S: %d %s", code, text);
}

/* A reply to a command that was wrong; a client that makes only mistakes is sent away. */
static void mistake(struct smtp_session *s, int code, const char *text)
{
    smtp_say(s, code, text);
    if (++s->mistakes >= MISTAKES_MAX) {
        smtp_say(s, 421, TEXT_SMTP_MISTAKES);
        s->over = true;
    }
}

void smtp_transaction_end(struct smtp_session *s)
{
    bool was_open = s->open;

    s->open = s->accepted = s->chunked = s->discard = false;
    s->verdict.code = 0;
    s->rcpts = 0;
    s->total = 0;
    if (was_open) {
        s->set->handler->reset(s->set->ctx, s);
    }
}

static void cmd_hello(struct smtp_session *s, bool extended, const char *args)
{
    if (*args == '\0') {
        mistake(s, 501, TEXT_SMTP_NAME);
        return;
    }
    smtp_transaction_end(s);
    if (s->over) {
        return;
    }
    s->greeted = true;
    s->extended = extended;
    if (!extended) {
        smtp_say(s, 250, s->set->name);
        return;
    }
    buf_printf(&s->out, "250-%s\r\n250-AUTH PLAIN\r\n250-8BITMIME\r\n250-CHUNKING\r\n250-DSN\r\n",
               s->set->name);
    buf_printf(&s->out, "250-ENHANCEDSTATUSCODES\r\n250-PIPELINING\r\n");
    if (s->set->max_size != 0) {
        buf_printf(&s->out, "250 SIZE %" PRIu64 "\r\n", s->set->max_size);
    } else {
        buf_printf(&s->out, "250 SIZE\r\n");
    }
}

static void try_plain(struct smtp_session *s, const char *response)
{
    int r = smtp_check_plain(response, s->set->user, s->set->password);

    if (r == 0) {
        s->authenticated = true;
        smtp_say(s, 235, TEXT_SMTP_WELCOME);
        return;
    }
    if (r < 0) {
        mistake(s, 501, TEXT_SMTP_BASE64);
    } else {
        log_warn("a client failed to authenticate");
        mistake(s, 535, TEXT_SMTP_PASSWORD);
    }
    if (++s->failed_auths >= AUTHS_MAX && !s->over) {
        smtp_say(s, 421, TEXT_SMTP_FAILURES);
        s->over = true;
    }
}

static void cmd_auth(struct smtp_session *s, const char *args)
{
    size_t n = strcspn(args, " ");
    const char *response = args + n + strspn(args + n, " ");

    if (!s->extended || s->authenticated || s->open) {
        mistake(s, 503, TEXT_SMTP_AUTH_ONCE);
    } else if (n != 5 || strncasecmp(args, "PLAIN", 5) != 0) {
        mistake(s, 504, TEXT_SMTP_AUTH_PLAIN);
    } else if (*response == '\0') {
        s->mode = SMTP_RESPONSE;
        smtp_say(s, 334, "");
    } else {
        try_plain(s, response);
    }
}

static void cmd_mail(struct smtp_session *s, const char *args)
{
    struct smtp_mail_args mail;
    struct smtp_refusal no;

    if (s->open) {
        mistake(s, 503, TEXT_SMTP_OPEN);
    } else if (smtp_parse_mail(args, &mail, &no) != 0) {
        mistake(s, no.code, no.text);
    } else if (s->set->max_size != 0 && mail.size > s->set->max_size) {
        smtp_say(s, 552, TEXT_SMTP_LARGE);
    } else {
        s->open = true;
        s->wait = SMTP_WAIT_MAIL;
        memcpy(s->envid, mail.envid, sizeof s->envid);
        s->set->handler->mail(s->set->ctx, s, mail.from, mail.size);
    }
}

static void cmd_rcpt(struct smtp_session *s, const char *args)
{
    char addr[SMTP_ADDR_MAX + 1];
    struct smtp_refusal no;

    if (!s->accepted || s->chunked) {
        mistake(s, 503, TEXT_SMTP_RCPT_LATE);
    } else if (smtp_parse_rcpt(args, addr, &s->asks, &no) != 0) {
        mistake(s, no.code, no.text);
    } else if (s->set->max_rcpts != 0 && s->rcpts >= s->set->max_rcpts) {
        smtp_say(s, 452, TEXT_RCPT_MANY);
    } else {
        s->wait = SMTP_WAIT_RCPT;
        s->set->handler->rcpt(s->set->ctx, s, addr);
    }
}

static void cmd_data(struct smtp_session *s, const char *args)
{
    if (*args != '\0') {
        mistake(s, 501, TEXT_SMTP_DATA_PARAMETER);
    } else if (!s->accepted || s->chunked) {
        mistake(s, 503, TEXT_SMTP_DATA_LATE);
    } else if (s->rcpts == 0) {
        smtp_say(s, 554, TEXT_SMTP_NOBODY);
    } else {
        s->mode = SMTP_DOTTED;
        s->dot = SMTP_BOL;
        smtp_say(s, 354, TEXT_SMTP_DATA);
    }
}

static void cmd_bdat(struct smtp_session *s, const char *args)
{
    uint64_t size;
    bool last;

    if (smtp_parse_bdat(args, &size, &last) != 0) {
        /* Where the next command begins is unknown now. */
        smtp_say(s, 501, TEXT_SMTP_BDAT);
        s->over = true;
        return;
    }
    smtp_chunk_begin(s, size, last);
}

static void cmd_quit(struct smtp_session *s)
{
    smtp_say(s, 221, TEXT_SMTP_BYE);
    s->over = true;
}

/* MAIL, RCPT, DATA and BDAT, which want a client that has shown the password. */
static void transaction_command(struct smtp_session *s, enum smtp_verb verb, const char *args)
{
    if (!s->greeted) {
        mistake(s, 503, TEXT_SMTP_EHLO_FIRST);
    } else if (!s->authenticated) {
        mistake(s, 530, TEXT_SMTP_AUTH_FIRST);
    } else if (verb == SMTP_MAIL) {
        cmd_mail(s, args);
    } else if (verb == SMTP_RCPT) {
        cmd_rcpt(s, args);
    } else if (verb == SMTP_DATA) {
        cmd_data(s, args);
    } else {
        cmd_bdat(s, args);
        return;
    }
    if (verb == SMTP_BDAT) {
        s->over = true; /* the octets that follow are not commands */
    }
}

static void command(struct smtp_session *s, const char *line)
{
    const char *args;
    enum smtp_verb verb = smtp_parse_verb(line, &args);

    log_trace("C: %s", verb == SMTP_AUTH ? "AUTH" : line);
    switch (verb) {
    case SMTP_EHLO:
    case SMTP_HELO:
        cmd_hello(s, verb == SMTP_EHLO, args);
        break;
    case SMTP_AUTH:
        cmd_auth(s, args);
        break;
    case SMTP_MAIL:
    case SMTP_RCPT:
    case SMTP_DATA:
    case SMTP_BDAT:
        transaction_command(s, verb, args);
        break;
    case SMTP_RSET:
        smtp_transaction_end(s);
        smtp_say(s, 250, TEXT_SMTP_RESET);
        break;
    case SMTP_NOOP:
        smtp_say(s, 250, TEXT_SMTP_NOOP);
        break;
    case SMTP_VRFY:
        smtp_say(s, 252, TEXT_SMTP_VRFY);
        break;
    case SMTP_HELP:
        smtp_say(s, 214, TEXT_SMTP_HELP);
        break;
    case SMTP_QUIT:
        cmd_quit(s);
        break;
    case SMTP_UNKNOWN:
        mistake(s, 500, TEXT_SMTP_UNKNOWN);
        break;
    }
}

/* Does the line being collected hold a password? */
static bool is_secret(const struct smtp_session *s)
{
    return s->mode == SMTP_RESPONSE ||
           (s->line.len >= 5 && strncasecmp((const char *)s->line.data, "AUTH ", 5) == 0);
}

/* A whole line stands in s->line, with its LF. */
static void line_complete(struct smtp_session *s)
{
    char *line = (char *)s->line.data;
    size_t n = s->line.len;
    bool response = s->mode == SMTP_RESPONSE;

    s->mode = SMTP_LINE;
    bool crlf = n >= 2 && line[n - 2] == '\r';
    line[crlf ? n - 2 : n - 1] = '\0';
    bool clean = crlf;
    for (size_t i = 0; i + 2 < n && clean; i++) {
        clean = line[i] >= 32 && line[i] < 127;
    }
    if (!clean) {
        mistake(s, 500, TEXT_SMTP_ASCII);
    } else if (!response) {
        command(s, line);
    } else if (strcmp(line, "*") == 0) {
        mistake(s, 501, TEXT_SMTP_AUTH_OVER);
    } else {
        try_plain(s, line);
    }
}

static size_t take_line(struct smtp_session *s, uint8_t *p, size_t n)
{
    uint8_t *lf = memchr(p, '\n', n);
    size_t k = lf != NULL ? (size_t)(lf - p) + 1 : n;
    bool fits = s->mode != SMTP_SKIPLINE && buf_append(&s->line, p, k) == 0;
    bool secret = fits && is_secret(s);

    if (secret) {
        wipe(p, k);
    }
    if (!fits || (!secret && s->line.len > SMTP_LINE_MAX)) {
        s->mode = lf != NULL ? SMTP_LINE : SMTP_SKIPLINE;
        if (lf != NULL) {
            mistake(s, 500, TEXT_SMTP_LONG);
        }
    } else if (lf != NULL) {
        line_complete(s);
    } else {
        return k;
    }
    wipe(s->line.data, s->line.len);
    s->line.len = 0;
    return k;
}

/* Draws the consequences of the handler's answer. */
static void settle(struct smtp_session *s)
{
    enum smtp_wait what = s->wait;
    bool good = s->answer >= 200 && s->answer < 300;

    if (s->answer == 0) {
        return;
    }
    s->wait = SMTP_WAIT_NONE;
    s->over = s->over || s->answer == 421;
    s->answer = 0;
    if (what == SMTP_WAIT_RCPT) {
        s->rcpts += good ? 1 : 0;
    } else if (what == SMTP_WAIT_MAIL && good) {
        s->accepted = true;
    } else {
        smtp_transaction_end(s);
    }
}

size_t smtp_session_feed(struct smtp_session *s, uint8_t *p, size_t n)
{
    size_t used = 0;

    s->feeding = true;
    for (;;) {
        settle(s);
        if (s->over || s->wait != SMTP_WAIT_NONE || used == n || s->out.len >= SMTP_OUT_HIGH) {
            break;
        }
        if (s->mode == SMTP_CHUNK) {
            used += smtp_take_chunk(s, p + used, n - used);
        } else if (s->mode == SMTP_DOTTED) {
            used += smtp_take_dotted(s, p + used, n - used);
        } else {
            used += take_line(s, p + used, n - used);
        }
    }
    s->feeding = false;
    return s->over ? n : used;
}

void smtp_reply(struct smtp_session *s, int code, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    if (s->ended) {
        return;
    }
    if (s->wait == SMTP_WAIT_NONE || s->answer != 0) {
        log_error("an answer %d that nobody waits for was dropped", code);
        return;
    }
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    for (char *p = text; *p != '\0'; p++) {
        if ((unsigned char)*p < 32 || (unsigned char)*p > 126) {
            *p = '?';
        }
    }
    smtp_say(s, code, text);
    s->answer = code;
    if (!s->feeding && s->wake != NULL) {
        s->wake(s);
    }
}

const char *smtp_session_envid(const struct smtp_session *s)
{
    return s->envid;
}

const struct smtp_rcpt_asks *smtp_session_asks(const struct smtp_session *s)
{
    return &s->asks;
}

void smtp_session_set(struct smtp_session *s, void *p)
{
    s->user = p;
}

void *smtp_session_get(const struct smtp_session *s)
{
    return s->user;
}

int smtp_session_init(struct smtp_session *s, const struct smtp_settings *set)
{
    memset(s, 0, sizeof(*s));
    s->set = set;
    s->line.cap = SMTP_AUTH_LINE_MAX;
    s->out.cap = SMTP_OUT_HIGH + 8192;
    /* All of it at once: growing would leave copies of passwords behind. */
    if (buf_reserve(&s->line, SMTP_AUTH_LINE_MAX) == NULL) {
        return -1;
    }
    return buf_printf(&s->out, "220 %s ESMTP\r\n", set->name);
}

void smtp_session_end(struct smtp_session *s)
{
    if (s->ended) {
        return;
    }
    s->ended = s->over = true;
    smtp_transaction_end(s);
    s->set->handler->gone(s->set->ctx, s);
}

void smtp_session_free(struct smtp_session *s)
{
    buf_wipe(&s->line);
    buf_free(&s->out);
}
