/* SPDX-License-Identifier: GPL-3.0-or-later */
/* home_gone.c - see home_gone.h. The lock's file is looked at, by its number: another home may
 * stand at the same place already. */
#include "daemon/home_gone.h"
#include "base/log.h"
#include "daemon/home.h"
#include "flow/core/timer.h"
#include "base/file.h"
#include "base/mem.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LOG_AREA "daemon"
#define LOOK_MS 2000

struct home_gone {
    char path[PATH_CAP];
    dev_t dev;
    ino_t ino;
    uv_timer_t *timer;
    void (*gone)(struct service *s);
};

static void home_gone_look(uv_timer_t *t)
{
    struct service *s = t->data;
    struct stat st;
    bool there = stat(s->home_gone->path, &st) == 0;
    if (s->stopping)
        return;
    if (!there && errno != ENOENT && errno != ENOTDIR)
        return; /* not readable now */
    if (there && st.st_dev == s->home_gone->dev && st.st_ino == s->home_gone->ino)
        return;
    static const char text[] = "the home was removed while the peer ran: the peer ends";
    log_error("%s", text);
    (void)fprintf(stderr, "restanted: %s\n", text); /* the log went with the home */
    s->home_gone->gone(s);
}

int home_gone_start(struct service *s, void (*gone)(struct service *s), struct error *e)
{
    struct home_gone *h = s->home_gone = mem_new(sizeof *h);
    struct stat st;
    if (path_join(h->path, s->config.home, "run/lock", e) < 0)
        return -1;
    if (stat(h->path, &st) < 0)
        return error_set(e, "Cannot look at %s: %s.", h->path, strerror(errno));
    h->gone = gone;
    h->dev = st.st_dev;
    h->ino = st.st_ino;
    h->timer = timer_new(&s->services, s);
    if (h->timer == NULL)
        return error_set(e, "Out of memory.");
    return uv_timer_start(h->timer, home_gone_look, LOOK_MS, LOOK_MS);
}

void home_gone_stop(struct service *s)
{
    if (s->home_gone == NULL)
        return;
    timer_free(&s->home_gone->timer);
    free(s->home_gone);
    s->home_gone = NULL;
}
