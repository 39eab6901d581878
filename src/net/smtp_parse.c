/* SPDX-License-Identifier: GPL-3.0-or-later */
/* smtp_parse.c - paths, parameters and credentials of the submission listener's commands.
 * Every parameter is checked although most are not used: what cannot be understood is refused at
 * once and not after two gigabytes. */
#include "net/smtp_parse.h"
#include "base/texts.h"
#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *name;
    enum smtp_verb verb;
} verbs[] = {
    {"EHLO", SMTP_EHLO}, {"HELO", SMTP_HELO}, {"AUTH", SMTP_AUTH}, {"MAIL", SMTP_MAIL},
    {"RCPT", SMTP_RCPT}, {"DATA", SMTP_DATA}, {"BDAT", SMTP_BDAT}, {"RSET", SMTP_RSET},
    {"NOOP", SMTP_NOOP}, {"VRFY", SMTP_VRFY}, {"HELP", SMTP_HELP}, {"QUIT", SMTP_QUIT},
};

enum smtp_verb smtp_parse_verb(const char *line, const char **args_r)
{
    size_t n = strcspn(line, " ");
    *args_r = line + n + strspn(line + n, " ");
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (n == strlen(verbs[i].name) && strncasecmp(line, verbs[i].name, n) == 0)
            return verbs[i].verb;
    return SMTP_UNKNOWN;
}

static int smtp_refuse(struct smtp_refusal *no, int code, const char *text)
{
    no->code = code;
    no->text = text;
    return -1;
}

/* One octet more at the end of an address. */
static int push(char *out, size_t *len, char c)
{
    if (*len >= SMTP_ADDR_MAX)
        return -1;
    out[(*len)++] = c;
    return 0;
}

/* May it stand in a dot-string, outside quotes? */
static bool is_plain(char c)
{
    return c > ' ' && c != 0x7f && strchr("<>()[]\\,;:@\"", c) == NULL;
}

/* A quoted-string as a local part. What would be the same without its quotes loses them. Else they
 * stay: "alice@family" in quotes is nobody's address, and must not be taken for the one in them. */
static const char *parse_quoted(const char *p, char *out, size_t *len)
{
    size_t from = *len;
    bool plain = true;
    const char *begin = p++;
    for (; *p != '\0' && *p != '"'; p++) {
        if (*p == '\\' && *++p == '\0')
            return NULL;
        plain = plain && is_plain(*p);
        if (push(out, len, *p) != 0)
            return NULL;
    }
    if (*p++ != '"')
        return NULL;
    if (!plain) {
        *len = from;
        for (; begin < p; begin++)
            if (push(out, len, *begin) != 0)
                return NULL;
    }
    return p;
}

/* A local part, dot-string or quoted-string (RFC 5321, 4.1.2); returns what follows, or NULL. */
static const char *parse_local(const char *p, char *out, size_t *len)
{
    if (*p == '"')
        return parse_quoted(p, out, len);
    for (; *p != '\0' && *p != '@' && *p != '>'; p++)
        if (strchr(" <()[]\\,;:\"", *p) != NULL || push(out, len, *p) != 0)
            return NULL;
    return p;
}

/* "<" [source route ":"] mailbox ">"; returns what follows, or NULL. */
static const char *parse_path(const char *p, char out[SMTP_ADDR_MAX + 1])
{
    size_t len = 0;
    if (*p++ != '<')
        return NULL;
    if (*p == '@') { /* a source route is to be read and ignored (RFC 5321, 4.1.1.3) */
        p += strcspn(p, ":>\" ");
        if (*p++ != ':')
            return NULL;
    }
    if (*p != '>') {
        p = parse_local(p, out, &len);
        if (p == NULL || len == 0)
            return NULL;
        if (*p == '@') {
            size_t at = len;
            for (; *p != '\0' && *p != '>'; p++)
                if (strchr(" <()\\,;\"", *p) != NULL || (*p == '@' && len != at) ||
                    push(out, &len, *p) != 0)
                    return NULL;
            if (len == at + 1)
                return NULL; /* nothing behind the @ */
        }
    }
    out[len] = '\0';
    return *p == '>' && (p[1] == '\0' || p[1] == ' ') ? p + 1 : NULL;
}

/* The value of an upper-case hex digit, or -1. */
static int hex_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* xtext (RFC 3461, 4): printable octets, with "+" and two upper-case hex digits for the others. One
 * octet of it: how many it takes (0: it is none), and what it stands for. */
static size_t xtext_octet(const char *v, size_t n, int *c_r)
{
    if (*v != '+') {
        *c_r = (unsigned char)*v;
        return *v >= 33 && *v <= 126 && *v != '=' ? 1 : 0;
    }
    int high = n < 3 ? -1 : hex_value(v[1]), low = n < 3 ? -1 : hex_value(v[2]);
    *c_r = 16 * high + low;
    return high < 0 || low < 0 ? 0 : 3;
}

/* Any xtext that is not empty; its octets mean nothing here. */
static bool is_xtext(const char *v, size_t n)
{
    size_t at = 0;
    int c;
    for (size_t taken = 1; at < n && taken > 0; at += taken) {
        taken = xtext_octet(v + at, n - at, &c);
        if (taken == 0)
            return false;
    }
    return n > 0;
}

/* The text behind xtext that a report repeats in one of its lines: printable octets and white space
 * (RFC 3461, 4.2 and 4.4). out: room for n octets and NUL; it is "" when this says false. */
static bool take_xtext(const char *v, size_t n, char *out)
{
    size_t len = 0;
    int c;
    out[0] = '\0';
    for (size_t at = 0; at < n;) {
        size_t taken = xtext_octet(v + at, n - at, &c);
        if (taken == 0 || ((c < 32 || c > 126) && c != '\t')) {
            out[0] = '\0';
            return false;
        }
        out[len++] = (char)c;
        at += taken;
    }
    out[len] = '\0';
    return n > 0;
}

/* 1 to 20 decimal digits that fit. */
static int parse_number(const char *v, size_t n, uint64_t *out)
{
    uint64_t x = 0;
    if (n == 0 || n > 20)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (v[i] < '0' || v[i] > '9' || __builtin_mul_overflow(x, 10, &x) ||
            __builtin_add_overflow(x, (uint64_t)(v[i] - '0'), &x))
            return -1;
    *out = x;
    return 0;
}

static bool same(const char *v, size_t n, const char *word)
{
    return n == strlen(word) && strncasecmp(v, word, n) == 0;
}

/* NEVER, or a list of SUCCESS, FAILURE and DELAY (RFC 3461, 4.1). */
static bool parse_notify(const char *v, size_t n, unsigned *notify_r)
{
    *notify_r = 0;
    if (same(v, n, "NEVER"))
        return true;
    for (;;) {
        size_t k = 0;
        while (k < n && v[k] != ',')
            k++;
        unsigned one = same(v, k, "SUCCESS")   ? SMTP_NOTIFY_SUCCESS
                       : same(v, k, "FAILURE") ? SMTP_NOTIFY_FAILURE
                       : same(v, k, "DELAY")   ? SMTP_NOTIFY_DELAY
                                               : 0;
        if (one == 0)
            return false;
        *notify_r |= one;
        if (k == n)
            return true;
        v += k + 1;
        n -= k + 1;
    }
}

/* address-type ";" xtext (RFC 3461, 4.2). */
static bool parse_orcpt(const char *v, size_t n, char out[SMTP_ORCPT_MAX + 1])
{
    const char *semi = memchr(v, ';', n);
    if (semi == NULL || semi == v || n > SMTP_ORCPT_MAX)
        return false;
    for (const char *p = v; p < semi; p++)
        if (!isalnum((unsigned char)*p) && *p != '-')
            return false;
    size_t type = (size_t)(semi + 1 - v);
    bool ok = take_xtext(semi + 1, n - type, out + type);
    memcpy(out, v, ok ? type : 0);
    return ok;
}

struct param {
    const char *key, *value;
    size_t key_len, value_len;
};

/* The next "KEY[=value]" of *p: 1 and *out, 0 at the end, -1 when it is not one. */
static int next_param(const char **p, struct param *out)
{
    const char *s = *p + strspn(*p, " ");
    size_t n = strcspn(s, " ");
    const char *eq = memchr(s, '=', n);
    *p = s + n;
    if (n == 0)
        return 0;
    out->key = s;
    out->key_len = eq != NULL ? (size_t)(eq - s) : n;
    out->value = eq != NULL ? eq + 1 : s + n;
    out->value_len = (size_t)(s + n - out->value);
    for (size_t i = 0; i < out->key_len; i++)
        if (!isalnum((unsigned char)s[i]) && (i == 0 || s[i] != '-'))
            return -1;
    return out->key_len > 0 && (eq == NULL || out->value_len > 0) ? 1 : -1;
}

/* A parameter that stands in the table: its number, or -1. */
static int param_number(const struct param *q, const char *const *names, int count)
{
    for (int i = 0; i < count; i++)
        if (same(q->key, q->key_len, names[i]))
            return i;
    return -1;
}

static const char syntax[] = TEXT_SMTP_SYNTAX;
static const char unknown[] = TEXT_SMTP_PARAMETER;

/* One parameter of MAIL by its number in mail_names. */
static const char *const mail_names[] = {"SIZE", "BODY", "RET", "ENVID", "AUTH"};

static bool mail_param(int number, const struct param *q, struct smtp_mail_args *out)
{
    const char *v = q->value;
    size_t n = q->value_len;
    switch (number) {
    case 0:
        return parse_number(v, n, &out->size) == 0;
    case 1:
        return same(v, n, "7BIT") || same(v, n, "8BITMIME");
    case 2:
        return same(v, n, "FULL") || same(v, n, "HDRS");
    case 3:
        return n <= SMTP_ENVID_MAX && take_xtext(v, n, out->envid);
    default:
        return same(v, n, "<>") || is_xtext(v, n);
    }
}

int smtp_parse_mail(const char *args, struct smtp_mail_args *out, struct smtp_refusal *no)
{
    struct param q;
    unsigned seen = 0;
    int more;
    memset(out, 0, sizeof *out);
    const char *p = strncasecmp(args, "FROM:", 5) == 0 ? parse_path(args + 5, out->from) : NULL;
    if (p == NULL)
        return smtp_refuse(no, 501, TEXT_SMTP_MAIL);
    while ((more = next_param(&p, &q)) > 0) {
        int number = param_number(&q, mail_names, 5);
        if (number < 0)
            return smtp_refuse(no, 555, unknown);
        if ((seen & 1u << number) != 0 || !mail_param(number, &q, out))
            return smtp_refuse(no, 501, syntax);
        seen |= 1u << number;
    }
    return more < 0 ? smtp_refuse(no, 501, syntax) : 0;
}

int smtp_parse_rcpt(const char *args, char addr[SMTP_ADDR_MAX + 1], struct smtp_rcpt_asks *asks,
                    struct smtp_refusal *no)
{
    static const char *const names[] = {"NOTIFY", "ORCPT"};
    struct param q;
    unsigned seen = 0;
    int more;
    *asks = (struct smtp_rcpt_asks){.notify = SMTP_NOTIFY_DEFAULT};
    const char *p = strncasecmp(args, "TO:", 3) == 0 ? parse_path(args + 3, addr) : NULL;
    if (p == NULL || addr[0] == '\0')
        return smtp_refuse(no, 501, TEXT_SMTP_RCPT);
    while ((more = next_param(&p, &q)) > 0) {
        int number = param_number(&q, names, 2);
        if (number < 0)
            return smtp_refuse(no, 555, unknown);
        bool ok = number == 0 ? parse_notify(q.value, q.value_len, &asks->notify)
                              : parse_orcpt(q.value, q.value_len, asks->orcpt);
        if ((seen & 1u << number) != 0 || !ok)
            return smtp_refuse(no, 501, syntax);
        seen |= 1u << number;
    }
    return more < 0 ? smtp_refuse(no, 501, syntax) : 0;
}

int smtp_parse_bdat(const char *args, uint64_t *size_r, bool *last_r)
{
    size_t n = strcspn(args, " ");
    const char *rest = args + n + strspn(args + n, " ");
    if (parse_number(args, n, size_r) != 0 || *size_r > INT64_MAX)
        return -1;
    size_t word = strcspn(rest, " ");
    *last_r = word > 0;
    if (rest[word + strspn(rest + word, " ")] != '\0')
        return -1;
    return word == 0 || same(rest, word, "LAST") ? 0 : -1;
}
