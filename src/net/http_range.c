/* SPDX-License-Identifier: GPL-3.0-or-later */
/* http_range.c - see http_range.h. */
#include "net/http_range.h"
#include <string.h>
#include <strings.h>

/* Decimal digits at *p, at most 19 of them, so that every sum of two fits. */
static bool digits(const char **p, const char *end, uint64_t *out)
{
    const char *s = *p;
    uint64_t x = 0;
    while (s < end && *s >= '0' && *s <= '9' && s - *p < 19)
        x = x * 10 + (uint64_t)(*s++ - '0');
    bool ok = s > *p && (s == end || *s < '0' || *s > '9');
    *p = s;
    *out = x;
    return ok;
}

static void blanks(const char **p, const char *end)
{
    while (*p < end && (**p == ' ' || **p == '\t'))
        (*p)++;
}

enum range_kind range_parse(const char *value, uint64_t size, uint64_t *first_r, uint64_t *last_r)
{
    uint64_t first, last = UINT64_MAX;
    if (value == NULL || strncasecmp(value, "bytes=", 6) != 0)
        return RANGE_WHOLE;
    const char *p = value + 6, *end = value + strlen(value);
    blanks(&p, end);
    bool suffix = p < end && *p == '-';
    if (suffix)
        p++;
    if (!digits(&p, end, &first))
        return RANGE_WHOLE;
    if (!suffix) {
        if (p == end || *p++ != '-')
            return RANGE_WHOLE;
        if (p < end && *p >= '0' && *p <= '9' && (!digits(&p, end, &last) || last < first))
            return RANGE_WHOLE;
    }
    blanks(&p, end);
    if (p != end)
        return RANGE_WHOLE;
    if (suffix) {
        if (first == 0 || size == 0)
            return RANGE_IMPOSSIBLE;
        *first_r = first < size ? size - first : 0;
        *last_r = size - 1;
        return RANGE_PART;
    }
    if (first >= size)
        return RANGE_IMPOSSIBLE;
    *first_r = first;
    *last_r = last < size ? last : size - 1;
    return RANGE_PART;
}

bool content_range_parse(const char *value, size_t n, uint64_t *first_r, uint64_t *last_r,
                         uint64_t *size_r)
{
    const char *p = value, *end = value + n;
    blanks(&p, end);
    if (end - p < 6 || strncasecmp(p, "bytes ", 6) != 0)
        return false;
    p += 6;
    if (!digits(&p, end, first_r) || p == end || *p++ != '-' || !digits(&p, end, last_r) ||
        p == end || *p++ != '/')
        return false;
    if (p < end && *p == '*') {
        p++;
        *size_r = UINT64_MAX;
    } else if (!digits(&p, end, size_r)) {
        return false;
    }
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
        p++;
    return p == end && *first_r <= *last_r && *last_r < *size_r;
}

bool etag_listed(const char *list, const char *etag)
{
    size_t n = strlen(etag);
    for (const char *p = list; *p != '\0';) {
        p += strspn(p, " \t,");
        if (p[0] == 'W' && p[1] == '/')
            p += 2;
        size_t k = strcspn(p, ",");
        size_t used = k;
        while (used > 0 && (p[used - 1] == ' ' || p[used - 1] == '\t'))
            used--;
        if ((used == 1 && *p == '*') || (used == n && memcmp(p, etag, n) == 0))
            return true;
        p += k;
    }
    return false;
}
