/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dovecot.c - runs the private Dovecot as a child: waits until it answers, starts it again with
 * growing pauses when it dies, ends it cleanly, and clears away one that an earlier daemon left. */
#include "daemon/dovecot.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/plugin_env.h"
#include "base/said.h"
#include "daemon/dovecot_config.h"
#include "daemon/dovecot_leftover.h"
#include "daemon/dovecot_log.h"
#include "daemon/launcher.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOG_AREA "dovecot"
#define PROBE_MS 25               /* between looks whether it answers */
#define PROBE_LIMIT_MS 2000       /* for one look */
#define PROBE_WARN_MS (20 * 1000) /* it takes unusually long */
#define STOP_MS (10 * 1000)       /* from SIGTERM to SIGKILL */
#define PAUSE_MIN_MS 1000         /* before a restart, doubled each time */
#define PAUSE_MAX_MS (60 * 1000)
#define STEADY_MS (60 * 1000) /* running so long forgets the pauses */

enum state { DOWN, STARTING, UP, STOPPING, LOST };

struct dovecot {
    uv_loop_t *loop;
    struct dovecot_config config; /* with copies of the strings that are needed later */
    char home[PATH_CAP], conf[PATH_CAP], plugin_socket[PATH_CAP], stub_key[PATH_CAP];
    char auth_socket[PATH_CAP]; /* who answers there is ready for logins */
    enum state state;
    struct launcher *launcher;
    int pid;          /* 0: none, or not known yet */
    struct said said; /* its standard error */
    bool said_open;   /* said is a handle of the loop: it runs, or is being cleared away */
    char why[440];    /* how it ended last; "" once it answers */
    int64_t log_at;   /* octets in its log when it was started */
    uv_timer_t timer;
    uv_pipe_t probe;
    uv_connect_t connect;
    bool probing;
    int64_t started_ms;
    uint64_t pause_ms;
    bool stop_wanted;
    bool slow_said;
    void (*stopped)(void *ctx);
    void *stopped_ctx;
};

static void start_again(uv_timer_t *timer);
static void dovecot_look(uv_timer_t *timer);
static void look_soon(struct dovecot *d);

static void last_close(void *p)
{
    struct dovecot *d = p;
    void (*stopped)(void *) = d->stopped;
    void *ctx = d->stopped_ctx;

    free(d);
    if (stopped != NULL)
        stopped(ctx);
}

static void timer_closed(uv_handle_t *h)
{
    struct dovecot *d = h->data;
    if (d->launcher == NULL)
        last_close(d);
    else
        launcher_free(&d->launcher, last_close, d);
}

/* Called when the program is gone and no probe is under way. */
static void dovecot_end(struct dovecot *d)
{
    if (!d->probing && !d->said_open && !uv_is_closing((uv_handle_t *)&d->timer))
        uv_close((uv_handle_t *)&d->timer, timer_closed);
}

static void said_closed(uv_handle_t *h)
{
    struct dovecot *d = h->data;
    d->said_open = false;
    if (d->stop_wanted) {
        dovecot_end(d);
        return;
    }
    if (d->config.died != NULL)
        d->config.died(d->config.ctx);
    if (d->state == LOST)
        return;
    d->state = DOWN;
    if (clock_mono_ms() - d->started_ms > STEADY_MS)
        d->pause_ms = PAUSE_MIN_MS;
    log_warn("Dovecot has ended; it is started again in %llu s",
             (unsigned long long)(d->pause_ms / 1000));
    (void)uv_timer_start(&d->timer, start_again, d->pause_ms, 0);
    d->pause_ms = d->pause_ms * 2 < PAUSE_MAX_MS ? d->pause_ms * 2 : PAUSE_MAX_MS;
}

static void close_said(struct dovecot *d)
{
    d->pid = 0;
    (void)uv_timer_stop(&d->timer);
    if (!d->said_open) {
        if (d->stop_wanted)
            dovecot_end(d);
        return;
    }
    d->said.pipe.data = d;
    uv_close(said_handle(&d->said), said_closed);
}

static void on_started(void *ctx, int pid)
{
    ((struct dovecot *)ctx)->pid = pid;
}

static void on_ended(void *ctx, int64_t status, int signal)
{
    struct dovecot *d = ctx;
    if (!d->stop_wanted) {
        char line[SAID_MAX] = "";
        const char *words = said_end(&d->said);
        if (words[0] == '\0')
            dovecot_log_complaint(d->home, d->log_at, line, sizeof line);
        said_why(words[0] == '\0' ? line : words, status, signal, d->why, sizeof d->why);
        log_error("Dovecot: %s%s", d->why,
                  dovecot_log_size(d->home) > d->log_at ? "; see log/dovecot.log" : "");
    }
    close_said(d);
}

static void dovecot_on_gone(void *ctx)
{
    struct dovecot *d = ctx;
    d->state = LOST;
    if (!d->stop_wanted)
        log_aloud(LOG_AREA,
                  "The process that starts Dovecot has ended, so mail clients find nobody. "
                  "Say `restante restart`.");
    close_said(d);
}

static int spawn(struct dovecot *d, struct error *e)
{
    const char *args[] = {DOVECOT_BINARY, "-F", "-c", d->conf, NULL};
    char tz[128], plugin_socket[PATH_CAP + 32], plugin_key[PATH_CAP + 32], wait[48];
    /* Unless it is told a domain, Dovecot asks the name service for one, and where no name server
     * answers it does nothing else for 20 s, not even end. Nobody but clients here ever sees it. */
    const char *env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                         "DOVECOT_HOSTDOMAIN=localhost",
                         plugin_socket,
                         plugin_key,
                         wait,
                         NULL,
                         NULL};
    int fd = -1;
    (void)snprintf(plugin_socket, sizeof plugin_socket, PLUGIN_ENV_SOCKET "=%s", d->plugin_socket);
    (void)snprintf(plugin_key, sizeof plugin_key, PLUGIN_ENV_KEY "=%s", d->stub_key);
    (void)snprintf(wait, sizeof wait, PLUGIN_ENV_WAIT "=%lld", (long long)d->config.wait_s);
    if (getenv("TZ") != NULL && snprintf(tz, sizeof tz, "TZ=%s", getenv("TZ")) < (int)sizeof tz)
        env[5] = tz;
    d->log_at = dovecot_log_size(d->home);
    int ret = said_pipe(&d->said, d->loop, "Dovecot", &fd);
    d->said_open = true;
    if (ret < 0)
        (void)error_set(e, "Cannot start Dovecot: %s.", uv_strerror(ret));
    else
        ret = launcher_start(d->launcher, args, env, fd, e);
    if (fd >= 0)
        (void)close(fd);
    if (ret < 0) {
        (void)snprintf(d->why, sizeof d->why, "%s", e->text);
        close_said(d);
        return -1;
    }
    said_read(&d->said);
    d->state = STARTING;
    d->slow_said = false;
    d->started_ms = clock_mono_ms();
    look_soon(d);
    return 0;
}

static void start_again(uv_timer_t *timer)
{
    struct dovecot *d = timer->data;
    struct error e;

    if (spawn(d, &e) < 0)
        log_error("%s", e.text);
}

static void probe_closed(uv_handle_t *h)
{
    struct dovecot *d = h->data;

    d->probing = false;
    if (d->stop_wanted)
        dovecot_end(d);
    else if (d->state == STARTING)
        look_soon(d);
}

static void probe_end(struct dovecot *d)
{
    if (d->probing && !uv_is_closing((uv_handle_t *)&d->probe))
        uv_close((uv_handle_t *)&d->probe, probe_closed);
}

static void probe_space(uv_handle_t *h, size_t n, uv_buf_t *b)
{
    static char space[64]; /* what is read here is not looked at */

    *b = uv_buf_init(space, sizeof(space));
}

static void probe_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
    struct dovecot *d = stream->data;

    /* The auth process greets, and the master listens for clients since before it existed. */
    if (n > 0 && d->state == STARTING && d->pid > 0 && dovecot_master_pid(d->home) == d->pid) {
        d->state = UP;
        d->why[0] = '\0';
        (void)uv_timer_stop(&d->timer);
        log_info("Dovecot answers after %lld ms", (long long)(clock_mono_ms() - d->started_ms));
        if (d->config.ready != NULL)
            d->config.ready(d->config.ctx);
    }
    if (n != 0)
        probe_end(d);
}

static void probe_done(uv_connect_t *req, int status)
{
    struct dovecot *d = req->data;

    if (status == UV_ECANCELED)
        return; /* probe_end was there first */
    if (status < 0 || uv_read_start((uv_stream_t *)&d->probe, probe_space, probe_read) < 0)
        probe_end(d);
}

static void dovecot_look(uv_timer_t *timer)
{
    struct dovecot *d = timer->data;

    if (d->state != STARTING)
        return;
    if (d->probing) { /* without an answer for long */
        probe_end(d);
        return;
    }
    if (!d->slow_said && clock_mono_ms() - d->started_ms > PROBE_WARN_MS) {
        d->slow_said = true;
        log_warn("Dovecot does not answer yet: see %s/log/dovecot.log", d->home);
    }
    (void)uv_pipe_init(d->loop, &d->probe, 0);
    d->probe.data = d;
    d->connect.data = d;
    d->probing = true;
    uv_pipe_connect(&d->connect, &d->probe, d->auth_socket, probe_done);
    (void)uv_timer_start(&d->timer, dovecot_look, PROBE_LIMIT_MS, 0);
}

static void look_soon(struct dovecot *d)
{
    (void)uv_timer_start(&d->timer, dovecot_look, PROBE_MS, 0);
}

/* With what is needed after the start; NULL: no memory, or a path that is too long. */
static struct dovecot *new (uv_loop_t *loop, const struct dovecot_config *c, struct error *e)
{
    struct dovecot *d = mem_new(sizeof *d);
    d->loop = loop;
    d->config = (struct dovecot_config){
        .wait_s = c->wait_s, .ready = c->ready, .died = c->died, .ctx = c->ctx};
    d->pause_ms = PAUSE_MIN_MS;
    if (dovecot_path(d->conf, c->home, "dovecot.conf", e) == 0 &&
        dovecot_path(d->auth_socket, c->home, "run/login/login", e) == 0 &&
        snprintf(d->home, sizeof d->home, "%s", c->home) < (int)sizeof d->home &&
        snprintf(d->plugin_socket, sizeof d->plugin_socket, "%s",
                 dovecot_beneath(c->home, c->plugin_socket)) < (int)sizeof d->plugin_socket &&
        snprintf(d->stub_key, sizeof d->stub_key, "%s", dovecot_beneath(c->home, c->stub_key)) <
            (int)sizeof d->stub_key)
        return d;
    (void)error_set(e, "The path of the home is too long.");
    free(d);
    return NULL;
}

struct dovecot *dovecot_start(uv_loop_t *loop, const struct dovecot_config *c, struct error *e)
{
    struct dovecot *d = NULL;
    if (geteuid() == 0)
        (void)error_set(e, "Dovecot must not run as root here: become an ordinary user first.");
    else if (dovecot_check_version(c->home, e) == 0 && dovecot_end_leftover(c->home, e) == 0 &&
             dovecot_check_ports(c, e) == 0 && dovecot_write_config(c, e) == 0)
        d = new (loop, c, e);
    if (d == NULL) {
        (void)close(c->launcher);
        return NULL;
    }
    struct launcher_events events = {
        .started = on_started, .ended = on_ended, .gone = dovecot_on_gone, .ctx = d};
    d->launcher = launcher_new(loop, c->launcher, &events, e);
    if (d->launcher == NULL) {
        free(d);
        return NULL;
    }
    (void)uv_timer_init(loop, &d->timer);
    d->timer.data = d;
    if (spawn(d, e) < 0) {
        dovecot_stop(&d, NULL, NULL);
        return NULL;
    }
    return d;
}

void dovecot_health(const struct dovecot *d, struct health *health_r)
{
    *health_r = (struct health){d->state == UP ? HEALTH_OK : HEALTH_STARTING, "", ""};
    if (d->state == LOST) {
        *health_r = (struct health){HEALTH_WRONG, "The process that starts Dovecot has ended.",
                                    "Say `restante restart`."};
        return;
    }
    if (d->state == UP || (d->why[0] == '\0' && !d->slow_said))
        return;
    health_r->state = HEALTH_WRONG;
    (void)snprintf(health_r->cause, sizeof health_r->cause, "Dovecot does not start: %s.",
                   d->why[0] != '\0' ? d->why : "it runs, and does not answer");
    if (dovecot_writes_in != NULL && strstr(d->why, "binary config file") != NULL)
        (void)snprintf(health_r->todo, sizeof health_r->todo,
                       "Dovecot writes the configuration that it has read to a file in %s: make "
                       "room there, and let everybody write (`chmod 1777 %s`, as root); it is "
                       "tried again by itself.",
                       dovecot_writes_in, dovecot_writes_in);
    else
        (void)snprintf(
            health_r->todo, sizeof health_r->todo,
            "Mend what it names%s; it is tried again by itself, and `restante restart` writes "
            "its configuration again.",
            dovecot_log_size(d->home) > 0 ? " (its own log is log/dovecot.log)" : "");
}

int dovecot_pid(const struct dovecot *d)
{
    return d->pid;
}

void dovecot_reopen_log(struct dovecot *d)
{
    if (d->state == UP)
        launcher_signal(d->launcher, SIGUSR1); /* what `doveadm log reopen` does */
}

static void stop_timeout(uv_timer_t *timer)
{
    struct dovecot *d = timer->data;

    log_warn("Dovecot does not end; it is killed");
    launcher_signal(d->launcher, SIGKILL);
}

void dovecot_stop(struct dovecot **dp, void (*stopped)(void *ctx), void *ctx)
{
    struct dovecot *d = *dp;

    if (d == NULL) {
        if (stopped != NULL)
            stopped(ctx);
        return;
    }
    *dp = NULL;
    d->stop_wanted = true;
    d->stopped = stopped;
    d->stopped_ctx = ctx;
    (void)uv_timer_stop(&d->timer);
    probe_end(d);
    if (d->said_open && !uv_is_closing(said_handle(&d->said)) && d->state != LOST) {
        d->state = STOPPING;
        launcher_signal(d->launcher, SIGTERM);
        (void)uv_timer_start(&d->timer, stop_timeout, STOP_MS, 0);
    } else {
        dovecot_end(d);
    }
}
