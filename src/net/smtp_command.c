/* SPDX-License-Identifier: GPL-3.0-or-later */
/* smtp_command.c - the commands of the submission listener and their order (RFC 5321, 4.1.4). */
#include "base/log.h"
#include "base/texts.h"
#include "net/smtp_session.h"
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#define LOG_AREA "smtp"
#define AUTHS_MAX 3

static void cmd_hello(struct smtp_session *s, bool extended, const char *args)
{
    if (*args == '\0') {
        smtp_mistake(s, 501, TEXT_SMTP_NAME);
        return;
    }
    smtp_transaction_end(s);
    if (s->over)
        return;
    s->greeted = true;
    s->extended = extended;
    if (!extended) {
        smtp_say(s, 250, s->set->name);
        return;
    }
    buf_printf(&s->out, "250-%s\r\n250-AUTH PLAIN\r\n250-8BITMIME\r\n250-CHUNKING\r\n250-DSN\r\n",
               s->set->name);
    buf_printf(&s->out, "250-ENHANCEDSTATUSCODES\r\n250-PIPELINING\r\n");
    if (s->set->max_size != 0)
        buf_printf(&s->out, "250 SIZE %" PRIu64 "\r\n", s->set->max_size);
    else
        buf_printf(&s->out, "250 SIZE\r\n");
}

void smtp_try_plain(struct smtp_session *s, const char *response)
{
    int r = smtp_check_plain(response, s->set->user, s->set->password);
    if (r == 0) {
        s->authenticated = true;
        smtp_say(s, 235, TEXT_SMTP_WELCOME);
        return;
    }
    if (r < 0) {
        smtp_mistake(s, 501, TEXT_SMTP_BASE64);
    } else {
        log_warn("a client failed to authenticate");
        smtp_mistake(s, 535, TEXT_SMTP_PASSWORD);
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
        smtp_mistake(s, 503, TEXT_SMTP_AUTH_ONCE);
    } else if (n != 5 || strncasecmp(args, "PLAIN", 5) != 0) {
        smtp_mistake(s, 504, TEXT_SMTP_AUTH_PLAIN);
    } else if (*response == '\0') {
        s->mode = SMTP_RESPONSE;
        smtp_say(s, 334, "");
    } else {
        smtp_try_plain(s, response);
    }
}

static void cmd_mail(struct smtp_session *s, const char *args)
{
    struct smtp_mail_args mail;
    struct smtp_refusal no;
    if (s->open) {
        smtp_mistake(s, 503, TEXT_SMTP_OPEN);
    } else if (smtp_parse_mail(args, &mail, &no) != 0) {
        smtp_mistake(s, no.code, no.text);
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
        smtp_mistake(s, 503, TEXT_SMTP_RCPT_LATE);
    } else if (smtp_parse_rcpt(args, addr, &s->asks, &no) != 0) {
        smtp_mistake(s, no.code, no.text);
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
        smtp_mistake(s, 501, TEXT_SMTP_DATA_PARAMETER);
    } else if (!s->accepted || s->chunked) {
        smtp_mistake(s, 503, TEXT_SMTP_DATA_LATE);
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
        smtp_mistake(s, 503, TEXT_SMTP_EHLO_FIRST);
    } else if (!s->authenticated) {
        smtp_mistake(s, 530, TEXT_SMTP_AUTH_FIRST);
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
    if (verb == SMTP_BDAT)
        s->over = true; /* the octets that follow are not commands */
}

void smtp_command(struct smtp_session *s, const char *line)
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
        smtp_mistake(s, 500, TEXT_SMTP_UNKNOWN);
        break;
    }
}
