/* SPDX-License-Identifier: GPL-3.0-or-later */
/* log.c - see log.h. A line is one write(), so lines of several threads never mix. */
#include "base/log.h"
#include "base/clock.h"
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int log_fd = STDERR_FILENO;
static char log_path[1024]; /* "" for stderr */
static bool log_journal;    /* stderr is the journal, and the log is a file */
static _Atomic size_t log_size;
static _Atomic enum log_level log_max = LOG_INFO;
static const char *const names[] = {"error", "warn", "info", "debug", "trace"};
static const int priorities[] = {3, 4, 6, 7, 7}; /* syslog(3) */

static size_t log_octets(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 ? (size_t)st.st_size : 0;
}

/* systemd.exec(5): the device and inode of what it gave as standard output or error. */
static bool is_journal(void)
{
    const char *told = getenv("JOURNAL_STREAM");
    unsigned long long dev, ino;
    struct stat st;
    /* NOLINTNEXTLINE(cert-err34-c): a number that does not fit is no file's either */
    return told != NULL && sscanf(told, "%llu:%llu", &dev, &ino) == 2 &&
           fstat(STDERR_FILENO, &st) == 0 && st.st_dev == (dev_t)dev && st.st_ino == (ino_t)ino;
}

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
    log_size = log_octets(fd);
    log_journal = is_journal();
    return 0;
}

int log_turn(const char *path)
{
    char old[sizeof log_path + 2];
    struct stat st;
    if (stat(path, &st) < 0 || st.st_size <= LOG_FILE_MAX ||
        snprintf(old, sizeof old, "%s.1", path) >= (int)sizeof old)
        return 0;
    return rename(path, old) == 0 ? 1 : 0;
}

int log_reopen(enum log_level level)
{
    log_max = level;
    if (log_path[0] == '\0')
        return 0;
    int fd = open(log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -1;
    log_size = log_octets(fd);
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
    if (log_path[0] == '\0')
        return;
    if (log_journal) /* it knows the time, and takes the level in front (sd-daemon(3)) */
        (void)dprintf(STDERR_FILENO, "<%d>%.*s", priorities[level], (int)(end - strlen(at) - 1),
                      line + strlen(at) + 1);
    if (atomic_fetch_add(&log_size, end) > LOG_FILE_MAX) {
        log_size = 0; /* one thread turns it; where it cannot be renamed it goes on */
        if (log_turn(log_path) > 0)
            (void)log_reopen(log_max);
    }
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
    if (log_fd != STDERR_FILENO && !log_journal)
        (void)dprintf(STDERR_FILENO, "restanted: %s\n", text);
}
