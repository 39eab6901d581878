/* SPDX-License-Identifier: GPL-3.0-or-later */
/* log.c - see log.h. A line is one write(), so lines of several threads never mix. */
#include "base/log.h"
#include "base/clock.h"
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int log_fd = STDERR_FILENO;
static char log_path[1024]; /* "" for stderr */
static _Atomic enum log_level log_max = LOG_INFO;
static const char *const names[] = {"error", "warn", "info", "debug", "trace"};

int log_open(const char *path, enum log_level level)
{
    log_max = level;
    if (path == NULL)
        return 0;
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -1;
    log_fd = fd;
    (void)snprintf(log_path, sizeof log_path, "%s", path);
    return 0;
}

int log_reopen(enum log_level level)
{
    log_max = level;
    if (log_path[0] == '\0')
        return 0;
    int fd = open(log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -1;
    int rc = dup3(fd, log_fd, O_CLOEXEC);
    (void)close(fd);
    return rc < 0 ? -1 : 0;
}

bool log_wanted(enum log_level level)
{
    return level <= log_max;
}

int log_level_parse(const char *name)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return (int)i;
    return -1;
}

void log_write(enum log_level level, const char *area, const char *fmt, ...)
{
    if (level > log_max)
        return;
    char line[2048], at[CLOCK_ISO_CAP];
    clock_iso8601(clock_wall_ms(), at);
    size_t n = (size_t)snprintf(line, sizeof line, "%s %s %s: ", at, names[level], area);
    va_list ap;
    va_start(ap, fmt);
    int got = vsnprintf(line + n, sizeof line - n - 1, fmt, ap);
    va_end(ap);
    size_t end = n + (got < 0 ? 0 : (size_t)got);
    if (end > sizeof line - 2)
        end = sizeof line - 2;
    for (size_t i = n; i < end; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    line[end++] = '\n';
    ssize_t w = write(log_fd, line, end);
    (void)w; /* nowhere to report it */
}

void log_aloud(const char *area, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    for (char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    log_write(LOG_WARN, area, "%s", text);
    if (log_fd != STDERR_FILENO)
        (void)dprintf(STDERR_FILENO, "restanted: %s\n", text);
}
