/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dht_process.c - see dht_process.h. */
#include "daemon/dht_process.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/said.h"
#include "daemon/program.h"
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "dht"
#define ARGS_MAX 128
#define TEXT_MAX 512
#define WAIT_FIRST_MS 200
#define WAIT_LAST_MS 20000
#define STOP_MS 5000 /* from SIGTERM, while it writes its state, to SIGKILL */

struct dht_process {
    uv_loop_t *loop;
    char program[PATH_CAP];
    char text[ARGS_MAX][TEXT_MAX];
    char *args[ARGS_MAX + 1];
    size_t count;
    uv_process_t child;
    uv_pipe_t tie;                          /* its standard input: closed when we end */
    struct said said;                       /* its standard error */
    char why[440];                          /* how it ended last; "" when it answers */
    uv_timer_t timer;                       /* until it is started again, or killed */
    bool running, stopping, renewing, told; /* told: of why, once */
    int closing;                            /* handles whose close is awaited */
    int64_t started_ms;
    uint64_t wait_ms;
};

static void launch(struct dht_process *p);
static void close_child(struct dht_process *p);

static void argument_add(struct dht_process *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void argument_add(struct dht_process *p, const char *fmt, ...)
{
    if (p->count == ARGS_MAX)
        return;
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(p->text[p->count], TEXT_MAX, fmt, ap);
    va_end(ap);
    p->args[p->count] = p->text[p->count];
    p->count++;
}

static void set_args(struct dht_process *p, const struct config *c)
{
    argument_add(p, "restante-dht");
    argument_add(p, "--tied");
    argument_add(p, "--socket");
    argument_add(p, "%s/run/dht.sock", c->home);
    argument_add(p, "--state");
    argument_add(p, "%s/dht/state", c->home);
    argument_add(p, "--log");
    argument_add(p, "%s/log/dht.log", c->home);
    argument_add(p, "--network");
    argument_add(p, "%u", c->network);
    argument_add(p, "--port");
    argument_add(p, "%u", c->dht_port);
    if (c->dht_bind[0] != '\0') {
        argument_add(p, "--bind");
        argument_add(p, "%s", c->dht_bind);
    }
    if (c->dht_bind6[0] != '\0') {
        argument_add(p, "--bind6");
        argument_add(p, "%s", c->dht_bind6);
    }
    for (size_t i = 0; i < c->bootstrap.count; i++) {
        argument_add(p, "--bootstrap");
        argument_add(p, "%s", c->bootstrap.item[i]);
    }
}

static void dht_process_on_closed(uv_handle_t *h)
{
    struct dht_process *p = h->data;
    if (--p->closing > 0 || !p->stopping)
        return;
    free(p);
}

static void close_all(struct dht_process *p)
{
    p->closing = 1;
    uv_close((uv_handle_t *)&p->timer, dht_process_on_closed);
}

static void dht_process_on_timer(uv_timer_t *t)
{
    launch(t->data);
}

static void child_closed(uv_handle_t *h)
{
    struct dht_process *p = h->data;
    if (--p->closing > 0)
        return;
    if (p->stopping)
        close_all(p);
    else
        (void)uv_timer_start(&p->timer, dht_process_on_timer, p->wait_ms, 0);
}

static const char *what_to_do(const struct dht_process *p)
{
    if (strstr(p->why, "UDP port") != NULL && strstr(p->why, "is taken") != NULL)
        return "End the program that has that port, or choose another with `restante config set "
               "network.dht_port PORT` and `restante restart`; it is tried again by itself.";
    return "Mend what it names (its own log is log/dht.log), or install Restante again "
           "(`make`, then `sudo make install`); it is tried again by itself.";
}

static void child_exited(uv_process_t *child, int64_t status, int signal)
{
    struct dht_process *p = child->data;
    p->running = false;
    if (p->renewing) {
        p->wait_ms = 0;
    } else if (!p->stopping) {
        bool long_enough = clock_mono_ms() - p->started_ms > 10000;
        p->wait_ms = long_enough || p->wait_ms == 0  ? WAIT_FIRST_MS
                     : p->wait_ms * 2 > WAIT_LAST_MS ? WAIT_LAST_MS
                                                     : p->wait_ms * 2;
        said_why(said_end(&p->said), status, signal, p->why, sizeof p->why);
        if (!p->told)
            log_aloud(LOG_AREA, "restante-dht: %s. %s", p->why, what_to_do(p));
        p->told = true;
        log_info("restante-dht: %s; it is started again in %llu ms. Its own log is "
                 "log/dht.log.",
                 p->why, (unsigned long long)p->wait_ms);
    }
    p->renewing = false;
    close_child(p);
}

static void close_child(struct dht_process *p)
{
    p->closing = 3;
    p->said.pipe.data = p;
    uv_close(said_handle(&p->said), child_closed);
    uv_close((uv_handle_t *)&p->child, child_closed);
    uv_close((uv_handle_t *)&p->tie, child_closed);
}

static void launch(struct dht_process *p)
{
    (void)uv_pipe_init(p->loop, &p->tie, 0);
    uv_stdio_container_t io[3] = {
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&p->tie},
        {.flags = UV_IGNORE},
        {.flags = UV_IGNORE}};
    uv_process_options_t o = {.file = p->program,
                              .args = p->args,
                              .flags = UV_PROCESS_DETACHED, /* a terminal's signals are ours */
                              .exit_cb = child_exited,
                              .stdio = io,
                              .stdio_count = 3};
    p->child.data = p->tie.data = p;
    p->started_ms = clock_mono_ms();
    said_begin(&p->said, p->loop, "restante-dht", &io[2]);
    int rc = uv_spawn(p->loop, &p->child, &o);
    p->running = rc == 0;
    if (rc != 0) {
        (void)snprintf(p->why, sizeof p->why, "%.300s cannot be started: %s", p->program,
                       uv_strerror(rc));
        log_error("restante-dht: %s", p->why);
        p->wait_ms = WAIT_LAST_MS;
        close_child(p);
        return;
    }
    said_read(&p->said);
}

struct dht_process *dht_process_start(uv_loop_t *loop, const struct config *c, struct error *e)
{
    struct dht_process *p = mem_new(sizeof *p);
    if (program_find("restante-dht", p->program, e) < 0) {
        free(p);
        return NULL;
    }
    p->loop = loop;
    set_args(p, c);
    (void)uv_timer_init(loop, &p->timer);
    p->timer.data = p;
    launch(p);
    return p;
}

void dht_process_answers(struct dht_process *p)
{
    if (p != NULL)
        p->why[0] = '\0';
    if (p != NULL)
        p->told = false;
}

void dht_process_health(const struct dht_process *p, struct health *health_r)
{
    *health_r = (struct health){HEALTH_OK, "", ""};
    if (p->why[0] == '\0')
        return;
    health_r->state = HEALTH_WRONG;
    (void)snprintf(health_r->cause, sizeof health_r->cause,
                   "restante-dht does not stay up: %s. Without it nobody can be found.", p->why);
    (void)snprintf(health_r->todo, sizeof health_r->todo, "%s", what_to_do(p));
}

int dht_process_pid(const struct dht_process *p)
{
    return p != NULL && p->running ? p->child.pid : 0;
}

bool dht_process_add_node(struct dht_process *p, const char *node)
{
    for (size_t i = 1; i < p->count; i++)
        if (strcmp(p->text[i - 1], "--bootstrap") == 0 && strcmp(p->text[i], node) == 0)
            return false;
    if (p->count + 2 > ARGS_MAX)
        return false;
    argument_add(p, "--bootstrap");
    argument_add(p, "%s", node);
    return true;
}

void dht_process_renew(struct dht_process *p)
{
    if (!p->running || p->stopping || p->renewing)
        return; /* it starts with them anyway */
    log_info("restante-dht starts again, with other nodes to begin at");
    p->renewing = true;
    (void)uv_process_kill(&p->child, SIGTERM);
}

static void on_stop_timer(uv_timer_t *t)
{
    struct dht_process *p = t->data;
    if (!p->running)
        return;
    log_warn("restante-dht does not end; it is killed");
    (void)uv_process_kill(&p->child, SIGKILL);
}

void dht_process_stop(struct dht_process **at)
{
    struct dht_process *p = *at;
    *at = NULL;
    if (p == NULL || p->stopping)
        return;
    p->stopping = true;
    if (p->running) {
        (void)uv_process_kill(&p->child, SIGTERM);
        (void)uv_timer_start(&p->timer, on_stop_timer, STOP_MS, 0);
    } else if (p->closing == 0) {
        close_all(p); /* it waits for its restart */
    }
}
