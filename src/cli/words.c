/* SPDX-License-Identifier: GPL-3.0-or-later */
/* words.c - see words.h. */
#include "cli/words.h"
#include <iconv.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define WORD_MAX 1024 /* RFC 2047 says 75; others write longer ones */
#define CHARSET_MAX 40

struct word {
    char charset[CHARSET_MAX + 1];
    char encoding; /* 'B' or 'Q' */
    const char *text;
    size_t len;   /* of text */
    size_t whole; /* from "=?" to behind "?=" */
};

/* Is there an encoded word at s? */
static bool find_word(const char *s, struct word *w)
{
    if (s[0] != '=' || s[1] != '?')
        return false;
    size_t n = strcspn(s + 2, "?* \t");
    const char *p = s + 2 + n;
    if (n == 0 || n > CHARSET_MAX)
        return false;
    memcpy(w->charset, s + 2, n);
    w->charset[n] = '\0';
    if (*p == '*') /* a language tag, RFC 2231 section 5 */
        p += strcspn(p, "? \t");
    if (p[0] != '?' || p[1] == '\0' || p[2] != '?')
        return false;
    w->encoding = (char)(p[1] & ~0x20);
    w->text = p + 3;
    w->len = strcspn(w->text, "? \t");
    if (w->text[w->len] != '?' || w->text[w->len + 1] != '=' || w->len > WORD_MAX)
        return false;
    w->whole = (size_t)(w->text + w->len + 2 - s);
    return w->encoding == 'B' || w->encoding == 'Q';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c & ~0x20);
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int decode_q(const struct word *w, struct buf *raw)
{
    for (size_t i = 0; i < w->len; i++) {
        char c = w->text[i] == '_' ? ' ' : w->text[i];
        if (c == '=') {
            int hi = i + 2 < w->len ? hex_digit(w->text[i + 1]) : -1;
            int lo = i + 2 < w->len + 1 && hi >= 0 ? hex_digit(w->text[i + 2]) : -1;
            if (hi < 0 || lo < 0)
                return -1;
            c = (char)(hi << 4 | lo);
            i += 2;
        }
        if (buf_append(raw, &c, 1) < 0)
            return -1;
    }
    return 0;
}

static int decode_b(const struct word *w, struct buf *raw)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    unsigned have = 0;
    for (size_t i = 0; i < w->len && w->text[i] != '='; i++) {
        const char *at = memchr(alphabet, w->text[i], 64);
        if (at == NULL)
            return -1;
        bits = bits << 6 | (uint32_t)(at - alphabet);
        have += 6;
        if (have >= 8) {
            have -= 8;
            uint8_t octet = (uint8_t)(bits >> have);
            if (buf_append(raw, &octet, 1) < 0)
                return -1;
        }
    }
    return 0;
}

/* The C library loads a module for each character set: a stranger may name only those that mail is
 * really written in. */
static bool charset_known(const char *name)
{
    static const char *const sets[] = {
        "utf-8",     "us-ascii", "gb2312", "gbk",    "gb18030", "big5",        "euc-jp",
        "shift_jis", "euc-kr",   "koi8-r", "koi8-u", "tis-620", "iso-2022-jp", "ks_c_5601-1987",
    };
    static const char *const families[] = {"iso-8859-", "windows-125"};
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++)
        if (strcasecmp(name, sets[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        size_t n = strlen(families[i]),
               digits = strspn(name + (strlen(name) < n ? 0 : n), "0123456789");
        if (strncasecmp(name, families[i], n) == 0 && digits >= 1 && digits <= 2 &&
            name[n + digits] == '\0')
            return true;
    }
    return false;
}

static int to_utf8(const char *charset, struct buf *raw, struct buf *out)
{
    char text[8 * WORD_MAX], *to = text, *from = (char *)raw->data;
    size_t to_left = sizeof text, from_left = raw->len;
    iconv_t cd = charset_known(charset) ? iconv_open("UTF-8", charset) : (iconv_t)-1;
    if (cd == (iconv_t)-1)
        return -1;
    int rc = raw->len > 0 && iconv(cd, &from, &from_left, &to, &to_left) == (size_t)-1 ? -1 : 0;
    (void)iconv_close(cd);
    if (rc == 0 && memchr(text, '\0', (size_t)(to - text)) != NULL)
        rc = -1;
    return rc < 0 ? -1 : buf_append(out, text, (size_t)(to - text));
}

static int decode_word(const struct word *w, struct buf *out)
{
    struct buf raw = BUF_INIT(WORD_MAX);
    int rc = w->encoding == 'Q' ? decode_q(w, &raw) : decode_b(w, &raw);
    if (rc == 0)
        rc = to_utf8(w->charset, &raw, out);
    buf_free(&raw);
    return rc;
}

int words_decode(const char *s, struct buf *out)
{
    bool after_word = false;
    while (*s != '\0') {
        struct word w;
        size_t space = strspn(s, " \t\r\n");
        if (after_word && space > 0 && find_word(s + space, &w))
            s += space; /* white space between two encoded words is not shown */
        if (find_word(s, &w) && decode_word(&w, out) == 0) {
            s += w.whole;
            after_word = true;
            continue;
        }
        after_word = false;
        if (buf_append(out, s, 1) < 0)
            return -1;
        s++;
    }
    return 0;
}
