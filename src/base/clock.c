/* SPDX-License-Identifier: GPL-3.0-or-later */
/* clock.c - see clock.h. */
#include "base/clock.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int64_t offset_ms;

static void read_offset(void)
{
    const char *s = getenv("RESTANTE_CLOCK_OFFSET");
    if (s != NULL)
        offset_ms = strtoll(s, NULL, 10);
}

static int64_t now_ms(clockid_t id)
{
    struct timespec t;
    (void)clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_wall_ms(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, read_offset);
    return now_ms(CLOCK_REALTIME) + offset_ms;
}

int64_t clock_mono_ms(void)
{
    return now_ms(CLOCK_MONOTONIC);
}

int64_t clock_boot_ms(void)
{
    return now_ms(CLOCK_BOOTTIME);
}

void clock_rfc5322(int64_t wall_ms, char out[40])
{
    static const char *const day[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const month[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t t = (time_t)(wall_ms / 1000);
    struct tm tm;
    (void)gmtime_r(&t, &tm);
    (void)snprintf(out, 40, "%s, %02d %s %04d %02d:%02d:%02d +0000", day[tm.tm_wday % 7],
                   tm.tm_mday, month[tm.tm_mon % 12], (tm.tm_year + 1900) % 10000, tm.tm_hour,
                   tm.tm_min, tm.tm_sec);
}

void clock_iso8601(int64_t wall_ms, char out[CLOCK_ISO_CAP])
{
    time_t t = (time_t)(wall_ms / 1000);
    struct tm tm;
    (void)gmtime_r(&t, &tm);
    size_t n = strftime(out, CLOCK_ISO_CAP, "%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(out + n, CLOCK_ISO_CAP - n, ".%03dZ", (int)(wall_ms % 1000));
}
