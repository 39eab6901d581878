/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dovecot.c - runs the private Dovecot as a child: waits until it answers, starts it again with
 * growing pauses when it dies, ends it cleanly, and clears away one that an earlier daemon left. */
#include "daemon/dovecot.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/said.h"
#include "daemon/dovecot_config.h"
#include "daemon/dovecot_leftover.h"
#include "daemon/dovecot_log.h"
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
/* util-linux's, on every Debian: Dovecot is told when this daemon dies, however it dies. */
#define SETPRIV "/usr/bin/setpriv"

enum state { DOWN, STARTING, UP, STOPPING };

struct dovecot {
    uv_loop_t *loop;
    struct dovecot_config config; /* with copies of the strings that are needed later */
    char home[PATH_CAP], conf[PATH_CAP];
    char auth_socket[PATH_CAP]; /* who answers there is ready for logins */
    enum state state;
    uv_process_t process;
    bool process_open; /* process is a handle of the loop */
    struct said said;  /* its standard error; a handle while process is one */
    unsigned closing;  /* of these two */
    char why[440];     /* how it ended last; "" once it answers */
    int64_t log_at;    /* octets in its log when it was started */
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
static void look(uv_timer_t *timer);
static void look_soon(struct dovecot *d);

static void last_close(uv_handle_t *h)
{
    struct dovecot *d = h->data;
    void (*stopped)(void *) = d->stopped;
    void *ctx = d->stopped_ctx;

    free(d);
    if (stopped != NULL)
        stopped(ctx);
}

/* Called when the process is gone and no probe is under way. */
static void end(struct dovecot *d)
{
    if (!d->probing && !d->process_open && !uv_is_closing((uv_handle_t *)&d->timer))
        uv_close((uv_handle_t *)&d->timer, last_close);
}

static void process_closed(uv_handle_t *h)
{
    struct dovecot *d = h->data;

    if (--d->closing > 0)
        return;
    d->process_open = false;
    d->state = DOWN;
    if (d->stop_wanted) {
        end(d);
        return;
    }
    if (clock_mono_ms() - d->started_ms > STEADY_MS)
        d->pause_ms = PAUSE_MIN_MS;
    log_warn("Dovecot has ended; it is started again in %llu s",
             (unsigned long long)(d->pause_ms / 1000));
    (void)uv_timer_start(&d->timer, start_again, d->pause_ms, 0);
    d->pause_ms = d->pause_ms * 2 < PAUSE_MAX_MS ? d->pause_ms * 2 : PAUSE_MAX_MS;
    if (d->config.died != NULL)
        d->config.died(d->config.ctx);
}

static void close_process(struct dovecot *d)
{
    d->closing = 2;
    d->said.pipe.data = d;
    uv_close((uv_handle_t *)&d->process, process_closed);
    uv_close(said_handle(&d->said), process_closed);
}

static void process_exit(uv_process_t *process, int64_t status, int term_signal)
{
    struct dovecot *d = process->data;

    if (!d->stop_wanted) {
        char line[SAID_MAX] = "";
        const char *words = said_end(&d->said);
        if (words[0] == '\0')
            dovecot_log_complaint(d->home, d->log_at, line, sizeof line);
        said_why(words[0] == '\0' ? line : words, status, term_signal, d->why, sizeof d->why);
        log_error("Dovecot: %s; see %s/log/dovecot.log", d->why, d->home);
    }
    (void)uv_timer_stop(&d->timer);
    close_process(d);
}

static int spawn(struct dovecot *d, struct error *e)
{
    char *with_setpriv[] = {SETPRIV, "--pdeathsig", "TERM",  DOVECOT_BINARY,
                            "-F",    "-c",          d->conf, NULL};
    /* Unless it is told a domain, Dovecot asks the name service for one, and where no name server
     * answers it does nothing else for 20 s, not even end. Nobody but clients here ever sees it. */
    char *env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DOVECOT_HOSTDOMAIN=localhost", NULL,
                   NULL};
    char tz[128];
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_IGNORE}, {.flags = UV_IGNORE}, {.flags = UV_IGNORE}};
    uv_process_options_t o = {.flags =
                                  UV_PROCESS_DETACHED, /* a terminal's signals are ours alone */
                              .exit_cb = process_exit,
                              .env = env,
                              .stdio = stdio,
                              .stdio_count = 3};
    int ret;

    o.args = access(SETPRIV, X_OK) == 0 ? with_setpriv : with_setpriv + 3;
    o.file = o.args[0];
    if (getenv("TZ") != NULL && snprintf(tz, sizeof(tz), "TZ=%s", getenv("TZ")) < (int)sizeof(tz))
        env[2] = tz;
    d->process.data = d;
    d->log_at = dovecot_log_size(d->home);
    said_begin(&d->said, d->loop, "Dovecot", &stdio[2]);
    ret = uv_spawn(d->loop, &d->process, &o);
    d->process_open = true; /* libuv wants the handle closed even after a failure */
    if (ret < 0) {
        (void)snprintf(d->why, sizeof d->why, "%s cannot be started: %s", o.file, uv_strerror(ret));
        close_process(d);
        return error_set(e, "Cannot start Dovecot: %s.", uv_strerror(ret));
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
        end(d);
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
    if (n > 0 && d->state == STARTING && dovecot_master_pid(d->home) == d->process.pid) {
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

static void look(uv_timer_t *timer)
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
    (void)uv_timer_start(&d->timer, look, PROBE_LIMIT_MS, 0);
}

static void look_soon(struct dovecot *d)
{
    (void)uv_timer_start(&d->timer, look, PROBE_MS, 0);
}

struct dovecot *dovecot_start(uv_loop_t *loop, const struct dovecot_config *c, struct error *e)
{
    struct dovecot *d;

    if (geteuid() == 0) {
        (void)error_set(e, "Dovecot must not run as root here: become an ordinary user first.");
        return NULL;
    }
    if (dovecot_check_version(e) < 0 || dovecot_end_leftover(c->home, e) < 0 ||
        dovecot_check_ports(c, e) < 0 || dovecot_write_config(c, e) < 0)
        return NULL;
    d = calloc(1, sizeof(*d));
    if (d == NULL) {
        (void)error_set(e, "There is not enough memory to start Dovecot.");
        return NULL;
    }
    d->loop = loop;
    d->config = (struct dovecot_config){.imap_port = c->imap_port,
                                        .submission_port = c->submission_port,
                                        .ready = c->ready,
                                        .died = c->died,
                                        .ctx = c->ctx};
    d->pause_ms = PAUSE_MIN_MS;
    if (dovecot_path(d->conf, c->home, "dovecot.conf", e) < 0 ||
        dovecot_path(d->auth_socket, c->home, "run/login/login", e) < 0) {
        free(d);
        return NULL;
    }
    memcpy(d->home, c->home, strlen(c->home) + 1); /* dovecot_write_config checked its length */
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
    if (d->state == UP || (d->why[0] == '\0' && !d->slow_said))
        return;
    health_r->state = HEALTH_WRONG;
    (void)snprintf(health_r->cause, sizeof health_r->cause, "Dovecot does not start: %s.",
                   d->why[0] != '\0' ? d->why : "it runs, and does not answer");
    (void)snprintf(health_r->todo, sizeof health_r->todo,
                   "Mend what it names (its own words stand in log/dovecot.log); it is tried again "
                   "by itself, and `restante restart` writes its configuration anew.");
}

int dovecot_pid(const struct dovecot *d)
{
    return d->state == DOWN ? 0 : d->process.pid;
}

void dovecot_reopen_log(struct dovecot *d)
{
    if (d->state == UP)
        (void)uv_process_kill(&d->process, SIGUSR1); /* what `doveadm log reopen` does */
}

static void stop_timeout(uv_timer_t *timer)
{
    struct dovecot *d = timer->data;

    log_warn("Dovecot does not end; it is killed");
    (void)uv_process_kill(&d->process, SIGKILL);
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
    if (d->process_open && !uv_is_closing((uv_handle_t *)&d->process)) {
        d->state = STOPPING;
        (void)uv_process_kill(&d->process, SIGTERM);
        (void)uv_timer_start(&d->timer, stop_timeout, STOP_MS, 0);
    } else {
        end(d);
    }
}
