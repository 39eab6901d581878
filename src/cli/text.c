/* SPDX-License-Identifier: GPL-3.0-or-later */
/* text.c - see text.h. */
#include "cli/text.h"
#include <errno.h>
#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

/* One character of UTF-8 (RFC 3629: no overlong forms, no surrogates); returns its length, or 0. */
static size_t decode(const unsigned char *s, uint32_t *cp)
{
    if (s[0] < 0x80) {
        *cp = s[0];
        return 1;
    }
    size_t n = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (s[0] < 0xC2 || s[0] > 0xF4)
        return 0;
    uint32_t v = s[0] & (0xFFu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80) /* also ends at the NUL */
            return 0;
        v = v << 6 | (s[i] & 0x3Fu);
    }
    if (v < least[n] || v > 0x10FFFF || (v >= 0xD800 && v <= 0xDFFF))
        return 0;
    *cp = v;
    return n;
}

/* Characters that change how their neighbours look, or are not seen at all. */
static bool deceptive(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7F && cp < 0xA0) || cp == 0xAD || cp == 0x61C ||
           (cp >= 0x180B && cp <= 0x180F) || (cp >= 0x200B && cp <= 0x200F) ||
           (cp >= 0x2028 && cp <= 0x202E) || (cp >= 0x2060 && cp <= 0x206F) || cp == 0xFEFF ||
           (cp >= 0xFFF0 && cp <= 0xFFFF) || (cp >= 0xE0000 && cp <= 0xE0FFF);
}

static bool utf8_locale(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* The next character as shown: bytes in shown (at most 4), its columns; returns octets read. */
static size_t text_next(const char *s, bool utf8, char shown[5], size_t *columns)
{
    uint32_t cp = 0;
    size_t n = decode((const unsigned char *)s, &cp);
    int w = 1;
    *columns = 1;
    if (cp == '\n' || cp == '\r' || cp == '\t') {
        (void)strcpy(shown, " ");
        return n;
    }
    if (n > 0 && cp >= 0x80)
        w = utf8 ? wcwidth((wchar_t)cp) : -1;
    if (n == 0 || deceptive(cp) || w < 0) {
        (void)strcpy(shown, "?");
        return n == 0 ? 1 : n;
    }
    memcpy(shown, s, n);
    shown[n] = '\0';
    *columns = (size_t)w;
    return n;
}

static size_t measure(const char *s, bool utf8)
{
    size_t sum = 0, w;
    char shown[5];
    while (*s != '\0') {
        s += text_next(s, utf8, shown, &w);
        sum += w;
    }
    return sum;
}

size_t text_columns(const char *s)
{
    return measure(s, utf8_locale());
}

int text_safe(const char *s, size_t columns, struct buf *out)
{
    bool utf8 = utf8_locale();
    const char *mark = utf8 ? "\xE2\x80\xA6" : "..";
    size_t mark_columns = utf8 ? 1 : 2, used = 0, marks = 0;
    bool cut = measure(s, utf8) > columns;
    size_t room = !cut ? columns : columns > mark_columns ? columns - mark_columns : 0;
    while (*s != '\0') {
        char shown[5];
        size_t w, n = text_next(s, utf8, shown, &w);
        if (used + w > room)
            break;
        /* A tower of combining characters would reach into other lines. */
        marks = w == 0 ? marks + 1 : 0;
        if ((w > 0 || (marks <= 4 && used > 0)) && buf_append(out, shown, strlen(shown)) < 0)
            return -1;
        used += w;
        s += n;
    }
    return cut && columns >= mark_columns ? buf_append(out, mark, strlen(mark)) : 0;
}

void text_size(uint64_t octets, char out[16])
{
    static const char *const units[] = {"KB", "MB", "GB", "TB", "PB", "EB"};
    if (octets < 1000) {
        (void)snprintf(out, 16, "%u B", (unsigned)octets);
        return;
    }
    double v = (double)octets / 1000;
    size_t u = 0;
    while (v >= 999.5 && u < 5) {
        v /= 1000;
        u++;
    }
    (void)snprintf(out, 16, v < 99.95 ? "%.1f %s" : "%.0f %s", v, units[u]);
}

void text_span(int64_t seconds, char out[32])
{
    long long s = seconds < 0 ? 0 : seconds;
    if (s < 60)
        (void)snprintf(out, 32, "%lld s", s);
    else if (s < 3600)
        (void)snprintf(out, 32, "%lld min", s / 60);
    else if (s < 86400 && s % 3600 / 60 != 0)
        (void)snprintf(out, 32, "%lld h %lld min", s / 3600, s % 3600 / 60);
    else if (s < 86400)
        (void)snprintf(out, 32, "%lld h", s / 3600);
    else
        (void)snprintf(out, 32, "%lld d", s / 86400);
}

void text_age(int64_t now_ms, int64_t then_ms, char out[40])
{
    char span[32];
    int64_t ahead;
    if (__builtin_sub_overflow(then_ms, now_ms, &ahead) || ahead == INT64_MIN) {
        (void)snprintf(out, 40, "?");
        return;
    }
    text_span((ahead < 0 ? -ahead : ahead) / 1000, span);
    if (ahead > -1000 && ahead < 1000)
        (void)snprintf(out, 40, "now");
    else
        (void)snprintf(out, 40, ahead > 0 ? "in %s" : "%s", span);
}

const char *text_strangers(const char *setting)
{
    return strcmp(setting, "requests") == 0  ? "Mail of strangers goes to the mailbox Requests"
           : strcmp(setting, "nowhere") == 0 ? "Mail of strangers is declined"
                                             : "Mail of strangers goes to the inbox";
}

int text_number(const char *s, int max)
{
    char *end = NULL;
    if (*s < '0' || *s > '9')
        return -1;
    errno = 0;
    long n = strtol(s, &end, 10);
    return errno != 0 || *end != '\0' || n > max ? -1 : (int)n;
}

int64_t text_octets(const char *s)
{
    static const char units[] = "kMGT";
    char *end = NULL;
    if (strcmp(s, "any") == 0)
        return INT64_MAX;
    if (strcmp(s, "none") == 0)
        return 0;
    if (*s < '0' || *s > '9')
        return -1;
    errno = 0;
    int64_t n = strtoll(s, &end, 10);
    const char *unit = *end == '\0' ? NULL : strchr(units, *end == 'K' ? 'k' : *end);
    if (errno != 0 || (*end != '\0' && (unit == NULL || end[1] != '\0')))
        return -1;
    for (const char *u = units; unit != NULL && u <= unit; u++)
        if (__builtin_mul_overflow(n, (int64_t)1000, &n))
            return -1;
    return n;
}
