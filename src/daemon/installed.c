/* SPDX-License-Identifier: GPL-3.0-or-later */
/* installed.c - see installed.h. */
#include "daemon/installed.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/dovecot_config.h"
#include "daemon/program.h"
#include "flow/core/timer.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_AREA "daemon"
#define LOOK_MS 2000
#define STEADY_LOOKS 3             /* without a further change */
#define GONE_MS (60 * 1000)        /* an update never leaves a program missing for so long */
#define INSTALLING_MS (600 * 1000) /* then whatever dpkg says, nobody goes on with it soon */
#define LIBDOVECOT "/usr/lib/dovecot/libdovecot.so.0"
#define LIBSTORAGE "/usr/lib/dovecot/libdovecot-storage.so.0"
#define PACKAGES "dovecot-core dovecot-imapd dovecot-submissiond restante"
#define FILES_MAX 9

struct file_id {
    bool there;
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec changed;
};

struct installed {
    char path[FILES_MAX][PATH_CAP];
    size_t count, own; /* the first `own` are Restante's */
    struct file_id began[FILES_MAX], last[FILES_MAX];
    unsigned steady;    /* looks since the last change */
    int64_t changed_ms; /* when the first change was seen; 0: none */
    bool told;
    char which[PATH_CAP];
    uv_timer_t *timer;
    void (*stop)(struct service *s);
};

static struct file_id identify(const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return (struct file_id){.there = false};
    return (struct file_id){.there = true,
                            .dev = st.st_dev,
                            .ino = st.st_ino,
                            .size = st.st_size,
                            .changed = st.st_mtim};
}

static bool same(const struct file_id *a, const struct file_id *b)
{
    return a->there == b->there && a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

/* Is dpkg half through one of the packages? */
static bool is_installing(void)
{
    /* NOLINTNEXTLINE(cert-env33-c): a command without a variable */
    FILE *f = popen("dpkg-query -W -f '${db:Status-Abbrev}\\n' " PACKAGES " 2>/dev/null", "re");
    char line[64];
    bool half = false;
    while (f != NULL && fgets(line, sizeof line, f) != NULL) /* "ii " is whole, "un ", "rc " gone */
        half = half || (line[1] != 'i' && line[1] != 'n' && line[1] != 'c');
    if (f != NULL)
        (void)pclose(f);
    return half;
}

static bool own_are_gone(const struct installed *i)
{
    for (size_t n = 0; n < i->own; n++)
        if (!i->last[n].there)
            return true;
    return false;
}

/* Whoever started this peer starts it again when it asks for that: systemd, or `restante run`. */
static bool is_kept(void)
{
    const char *pid = getenv("SYSTEMD_EXEC_PID");
    return (pid != NULL && strtol(pid, NULL, 10) == (long)getpid()) || getenv(PROGRAM_KEPT) != NULL;
}

static void act(struct service *s, struct installed *i)
{
    if (own_are_gone(i)) {
        if (clock_mono_ms() - i->changed_ms < GONE_MS)
            return;
        log_aloud(LOG_AREA,
                  "Restante was removed from this computer (%s): the peer ends. Its home "
                  "stays.",
                  i->which);
        i->stop(s);
        return;
    }
    if (is_installing() && clock_mono_ms() - i->changed_ms < INSTALLING_MS)
        return;
    if (is_kept()) {
        log_info("%s was replaced: the peer restarts", i->which);
        s->start_anew = true;
        i->stop(s);
    } else if (!i->told) {
        i->told = true;
        log_aloud(LOG_AREA, "%s was replaced while the peer runs: say `restante restart`.",
                  i->which);
    }
}

static void installed_look(uv_timer_t *t)
{
    struct service *s = t->data;
    struct installed *i = s->installed;
    bool moved = false, differs = false;
    if (s->stopping)
        return;
    for (size_t n = 0; n < i->count; n++) {
        struct file_id now = identify(i->path[n]);
        moved = moved || !same(&now, &i->last[n]);
        i->last[n] = now;
        if (!differs && !same(&now, &i->began[n])) {
            differs = true;
            memcpy(i->which, i->path[n], sizeof i->which);
        }
    }
    i->steady = moved ? 0 : i->steady + 1;
    if (!differs)
        i->changed_ms = 0; /* it was put back */
    else if (i->changed_ms == 0)
        i->changed_ms = clock_mono_ms();
    if (differs && i->steady >= STEADY_LOOKS)
        act(s, i);
}

static void installed_add(struct installed *i, const char *path)
{
    i->began[i->count] = i->last[i->count] = identify(path);
    if (i->last[i->count].there) /* another Dovecot may have its libraries elsewhere */
        (void)snprintf(i->path[i->count++], PATH_CAP, "%s", path);
}

static int add_all(struct installed *i, struct error *e)
{
    static const char *const programs[] = {"restanted", "restante-dht", "restante-mime"};
    static const char *const others[] = {DOVECOT_BINARY, DOVECOT_IMAP, LIBDOVECOT, LIBSTORAGE};
    char path[PATH_CAP], dir[PATH_CAP];
    for (size_t n = 0; n < sizeof programs / sizeof programs[0]; n++) {
        if (program_find(programs[n], path, e) < 0)
            return -1;
        installed_add(i, path);
    }
    if (program_plugin_dir(dir, e) < 0 || path_join(path, dir, DOVECOT_PLUGIN, e) < 0)
        return -1;
    installed_add(i, path);
    i->own = i->count;
    for (size_t n = 0; n < sizeof others / sizeof others[0]; n++)
        installed_add(i, others[n]);
    return 0;
}

int installed_start(struct service *s, void (*stop)(struct service *s), struct error *e)
{
    struct installed *i = s->installed = calloc(1, sizeof *i);
    if (i == NULL)
        return error_set(e, "Out of memory.");
    i->stop = stop;
    if (add_all(i, e) < 0)
        return -1;
    i->timer = timer_new(&s->services, s);
    if (i->timer == NULL)
        return error_set(e, "Out of memory.");
    return uv_timer_start(i->timer, installed_look, LOOK_MS, LOOK_MS);
}

void installed_health(const struct service *s, struct health *health_r)
{
    const struct installed *i = s->installed;
    *health_r = (struct health){HEALTH_OK, "", ""};
    if (i == NULL || !i->told)
        return;
    health_r->state = HEALTH_WRONG;
    (void)snprintf(health_r->cause, sizeof health_r->cause,
                   "%.400s was replaced while the peer ran.", i->which);
    (void)snprintf(health_r->todo, sizeof health_r->todo,
                   "Say `restante restart`; started by systemd or `restante run`, a peer does that "
                   "by itself.");
}

void installed_stop(struct service *s)
{
    if (s->installed == NULL)
        return;
    timer_free(&s->installed->timer);
    free(s->installed);
    s->installed = NULL;
}
