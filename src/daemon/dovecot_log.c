/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dovecot_log.c - see dovecot_log.h. */
#include "daemon/dovecot_log.h"
#include "base/file.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOK_MAX (16 * 1024)
#define TIME_LEN 27 /* "2026-11-30 06:42:53.000000 ", which dovecot_config.c asks for */

static int open_log(const char *home, int64_t *size_r)
{
    char path[PATH_CAP];
    struct stat st;
    int fd = path_join(path, home, "log/dovecot.log", NULL) < 0
                 ? -1
                 : open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    *size_r = fd >= 0 && fstat(fd, &st) == 0 ? (int64_t)st.st_size : 0;
    return fd;
}

int64_t dovecot_log_size(const char *home)
{
    int64_t size;
    int fd = open_log(home, &size);
    if (fd >= 0)
        (void)close(fd);
    return size;
}

void dovecot_log_complaint(const char *home, int64_t from, char *out, size_t cap)
{
    char text[LOOK_MAX + 1];
    int64_t size;
    int fd = open_log(home, &size);
    int64_t at = size - LOOK_MAX > from ? size - LOOK_MAX : from;
    ssize_t n = fd < 0 ? -1 : pread(fd, text, LOOK_MAX, at);
    const char *best = NULL;
    out[0] = '\0';
    if (fd >= 0)
        (void)close(fd);
    if (n <= 0)
        return;
    text[n] = '\0';
    bool fatal = false;
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
        bool this_fatal = strstr(line, "Fatal: ") != NULL;
        if (this_fatal || (!fatal && strstr(line, "Error: ") != NULL))
            best = strlen(line) > TIME_LEN ? line + TIME_LEN : line;
        fatal |= this_fatal;
    }
    if (best != NULL)
        (void)snprintf(out, cap, "%s", best);
}
