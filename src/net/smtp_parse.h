/* SPDX-License-Identifier: GPL-3.0-or-later */
/* smtp_parse.h - command lines of SMTP to values: no state, no sockets, nothing allocated.
 * Lines come without CRLF, NUL-terminated, and hold only printable ASCII and spaces (the session
 * checks that first). */
#ifndef RESTANTE_NET_SMTP_PARSE_H
#define RESTANTE_NET_SMTP_PARSE_H

#include "net/smtp_server.h"
#include <stdbool.h>
#include <stdint.h>

#define SMTP_LINE_MAX 2048       /* octets of a command line with its CRLF */
#define SMTP_AUTH_LINE_MAX 12288 /* of an AUTH line or its continuation (RFC 4954, 4) */
#define SMTP_ADDR_MAX 320        /* octets of a mailbox: 64 + @ + 255 */

enum smtp_verb {
    SMTP_EHLO,
    SMTP_HELO,
    SMTP_AUTH,
    SMTP_MAIL,
    SMTP_RCPT,
    SMTP_DATA,
    SMTP_BDAT,
    SMTP_RSET,
    SMTP_NOOP,
    SMTP_VRFY,
    SMTP_HELP,
    SMTP_QUIT,
    SMTP_UNKNOWN
};

/* Why a line is refused: the reply's code and its text with the enhanced code (static). */
struct smtp_refusal {
    int code;
    const char *text;
};

struct smtp_mail_args {
    char from[SMTP_ADDR_MAX + 1];   /* "" for <> */
    uint64_t size;                  /* SIZE= (RFC 1870), 0 when not said */
    char envid[SMTP_ENVID_MAX + 1]; /* ENVID= without its xtext, "" when not said */
};

/* The command at the line's start; *args_r is what follows its spaces ("" for nothing). */
enum smtp_verb smtp_parse_verb(const char *line, const char **args_r);
/* "FROM:<path> [params]": SIZE (RFC 1870), BODY (6152), RET and ENVID (3461), AUTH (4954). */
int smtp_parse_mail(const char *args, struct smtp_mail_args *out, struct smtp_refusal *no);
/* "TO:<path> [params]": NOTIFY and ORCPT (RFC 3461). addr gets the mailbox; a local
 * part that needs its quotes keeps them. */
int smtp_parse_rcpt(const char *args, char addr[SMTP_ADDR_MAX + 1], struct smtp_rcpt_asks *asks_r,
                    struct smtp_refusal *no);
/* "size [LAST]" (RFC 3030). -1 when it is anything else. */
int smtp_parse_bdat(const char *args, uint64_t *size_r, bool *last_r);
/* The base64 of a PLAIN response (RFC 4616) against the only user there is, in constant time.
 * 0 right, 1 wrong, -1 not well-formed. */
int smtp_check_plain(const char *base64, const char *user, const char *password);

#endif
