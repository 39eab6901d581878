/* SPDX-License-Identifier: GPL-3.0-or-later */
/* checks.c - see checks.h. */
#include "daemon/checks.h"
#include "base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MIB (1024 * 1024)
#define FREE_WARN (256ULL * MIB)
#define FREE_FAIL (2ULL * MIB) /* below, a commit of the database may not fit any more */
#define PROBE_OCTETS 65536

void check_add(struct checks *h, const char *name, enum check_state state, const char *todo,
               const char *fmt, ...)
{
    if (h->count == CHECKS_MAX)
        return;
    struct check *p = &h->part[h->count++];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(p->what, sizeof p->what, fmt, ap);
    va_end(ap);
    (void)snprintf(p->name, sizeof p->name, "%s", name);
    p->state = state;
    (void)snprintf(p->todo, sizeof p->todo, "%s", todo);
}

enum check_state checks_worst(const struct checks *h)
{
    enum check_state worst = CHECK_OK;
    for (size_t i = 0; i < h->count; i++)
        if (h->part[i].state > worst)
            worst = h->part[i].state;
    return worst;
}

const char *check_state_name(enum check_state s)
{
    return s == CHECK_OK ? "ok" : s == CHECK_WARN ? "warn" : "fail";
}

void disk_look(const char *home, struct disk_look *d)
{
    static const uint8_t octets[PROBE_OCTETS];
    struct statvfs st;
    struct error e = {""};
    char path[PATH_CAP];
    *d = (struct disk_look){0};
    if (statvfs(home, &st) == 0)
        d->free = (uint64_t)st.f_bavail * st.f_frsize;
    /* a temporary name of file_write: what a crash leaves, the next start removes */
    if (path_join(path, home, "dovecot/probe", &e) == 0 &&
        file_write(path, octets, sizeof octets, &e) == 0 && file_remove(path, &e) == 0)
        d->writable = true;
    else
        (void)snprintf(d->why, sizeof d->why, "%s", e.text);
}

void check_disk(struct checks *h, const char *home, const struct disk_look *d)
{
    unsigned long long mib = d->free / MIB;
    size_t n = strlen(d->why);
    int len = (int)(n > 0 && d->why[n - 1] == '.' ? n - 1 : n);
    if (!d->writable)
        check_add(h, "disk", CHECK_FAIL,
                  "Make room on this disk, or make it writable; mail goes on by itself then.",
                  "nothing can be written in %.120s, %llu MiB are free: %.*s", home, mib, len,
                  d->why);
    else if (d->free < FREE_FAIL)
        check_add(h, "disk", CHECK_FAIL, "Make room on this disk; mail goes on by itself then.",
                  "the disk of %.120s is full: %llu KiB are free", home,
                  (unsigned long long)(d->free / 1024));
    else if (d->free < FREE_WARN)
        check_add(h, "disk", CHECK_WARN, "Make room on this disk before it is full.",
                  "the disk of %.120s is nearly full: %llu MiB are free", home, mib);
    else
        check_add(h, "disk", CHECK_OK, "", "%llu MiB free", mib);
}
