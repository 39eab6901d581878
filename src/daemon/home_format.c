/* SPDX-License-Identifier: GPL-3.0-or-later */
/* home_format.c - see home.h: the number of what a home's files are written in. */
#include "base/buf.h"
#include "daemon/home.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT_CAP 64

/* The number; 0: the file is damaged. A home without one is older than the file: 1. */
static unsigned long read_format(const char *path)
{
    struct buf b = BUF_INIT(FORMAT_CAP);
    unsigned long n = 0;
    char *end = NULL;
    if (!file_exists(path))
        return 1;
    if (file_read(path, &b, NULL) == 0 && buf_str(&b) != NULL && buf_str(&b)[0] >= '1' &&
        buf_str(&b)[0] <= '9')
        n = strtoul(buf_str(&b), &end, 10);
    if (end == NULL || strcmp(end, "\n") != 0)
        n = 0;
    buf_free(&b);
    return n;
}

int home_format_check(const char *home, struct error *e)
{
    char path[PATH_CAP];
    if (path_join(path, home, "format", e) < 0)
        return -1;
    unsigned long found = read_format(path);
    if (found == 0)
        return error_set(e,
                         "%s is damaged: it is to hold one number. If no newer Restante has used "
                         "this home, remove the file; else restore a backup.",
                         path);
    if (found > HOME_FORMAT)
        return error_set(e,
                         "The home %.120s was used by a newer Restante (format %lu, this one "
                         "knows %d): install that one again, or restore a backup of before.",
                         home, found, HOME_FORMAT);
    return 0;
}

int home_format_set(const char *home, struct error *e)
{
    char path[PATH_CAP], text[16];
    if (path_join(path, home, "format", e) < 0)
        return -1;
    if (file_exists(path) && read_format(path) == HOME_FORMAT)
        return 0;
    (void)snprintf(text, sizeof text, "%d\n", HOME_FORMAT);
    return file_write(path, text, strlen(text), e);
}
