/* SPDX-License-Identifier: GPL-3.0-or-later */
/* validity.c - see validity.h. */
#include "flow/mail/validity.h"
#include "flow/mail/header.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Days since 1970 of a date of the Gregorian calendar (month from 1). */
static int64_t days(int64_t y, int64_t m, int64_t d)
{
    y -= m <= 2;
    int64_t era = y / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int month(const char *name)
{
    static const char *const all[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    for (int i = 0; i < 12; i++)
        if (strcasecmp(all[i], name) == 0)
            return i + 1;
    return 0;
}

/* NOLINTBEGIN(cert-err34-c): no more digits are read than fit */

/* Minutes east of Greenwich; -1 when it is not a zone. */
static int zone(const char *s, int *out)
{
    int hours, minutes, end = 0;
    *out = 0;
    if (strcasecmp(s, "GMT") == 0 || strcasecmp(s, "UT") == 0 || strcasecmp(s, "UTC") == 0 ||
        strcasecmp(s, "Z") == 0)
        return 0;
    if ((s[0] != '+' && s[0] != '-') || strspn(s + 1, "0123456789") != 4 || s[5] != '\0' ||
        sscanf(s + 1, "%2d%2d%n", &hours, &minutes, &end) != 2 || end != 4 || minutes > 59)
        return -1;
    *out = (s[0] == '-' ? -1 : 1) * (hours * 60 + minutes);
    return 0;
}

int64_t validity_date(const char *s)
{
    char name[4], where[6];
    int d, y, h, min, sec = 0, east, used = 0;
    const char *comma = strchr(s, ',');
    s = comma != NULL ? comma + 1 : s;
    if (sscanf(s, "%2d %3[A-Za-z] %4d %2d:%2d%n", &d, name, &y, &h, &min, &used) != 5)
        return -1;
    s += used;
    if (*s == ':') {
        if (sscanf(s, ":%2d%n", &sec, &used) != 1)
            return -1;
        s += used;
    }
    if (sscanf(s, " %5[A-Za-z0-9+-]", where) != 1 || zone(where, &east) < 0)
        return -1;
    int m = month(name);
    if (m == 0 || y < 1970 || d < 1 || d > 31 || h < 0 || h > 23 || min < 0 || min > 59 ||
        sec < 0 || sec > 60)
        return -1;
    return days(y, m, d) * 86400 + h * 3600 + min * 60 + sec - east * 60;
}

/* NOLINTEND(cert-err34-c) */

static int64_t within(int64_t end_s, int64_t now_s)
{
    if (end_s < now_s + VALIDITY_MIN_S)
        return now_s + VALIDITY_MIN_S;
    return end_s > now_s + VALIDITY_MAX_S ? now_s + VALIDITY_MAX_S : end_s;
}

int64_t validity_asked(const uint8_t *header, size_t n, int64_t now_ms)
{
    struct buf value = BUF_INIT(128);
    int64_t end = -1;
    if (header_value(header, n, "expires", 100, &value) == 0 ||
        header_value(header, n, "expiry-date", 100, &value) == 0)
        end = validity_date(buf_str(&value) == NULL ? "" : buf_str(&value));
    buf_free(&value);
    return end <= now_ms / 1000 ? 0 : within(end, now_ms / 1000);
}

int64_t validity_end(int64_t asked_s, int64_t validity_ms, int64_t now_ms)
{
    int64_t now_s = now_ms / 1000, max_ms = VALIDITY_MAX_S * 1000;
    if (asked_s != 0)
        return within(asked_s, now_s);
    return now_s + (validity_ms < max_ms ? validity_ms : max_ms) / 1000;
}
