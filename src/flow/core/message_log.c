/* SPDX-License-Identifier: GPL-3.0-or-later */
/* message_log.c - see message_log.h. */
#include "flow/core/message_log.h"
#include <stdarg.h>
#include <stdio.h>

#define TEXT_CAP 1600

__attribute__((format(printf, 4, 0))) static void
write_about(enum log_level level, const char *area, const char *about, const char *fmt, va_list ap)
{
    char text[TEXT_CAP];
    (void)vsnprintf(text, sizeof text, fmt, ap);
    log_write(level, area, "%s: %s", about, text);
}

void message_log(const struct services *sv, enum log_level level, const char *area, enum about what,
                 int64_t n, const char *fmt, ...)
{
    char about[ABOUT_CAP];
    va_list ap;
    if (!log_wanted(level))
        return;
    about_row(store_reader(sv->store), what, n, about);
    va_start(ap, fmt);
    write_about(level, area, about, fmt, ap);
    va_end(ap);
}

void message_log_id(enum log_level level, const char *area, const uint8_t *id, const char *peer,
                    const char *fmt, ...)
{
    char about[ABOUT_CAP];
    va_list ap;
    about_ids(id, NULL, peer, about);
    va_start(ap, fmt);
    write_about(level, area, about, fmt, ap);
    va_end(ap);
}
