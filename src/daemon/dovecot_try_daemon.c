/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dovecot_try_daemon.c - see dovecot_try_daemon.h. */
#include "daemon/dovecot_try_daemon.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS 8
#define STUBS 2
#define LINE_MAX_LEN 4096 /* P-7.4 */
#define LOOK_MS 20
#define EXPUNGED_WAIT_MS 5000

struct client {
    int fd; /* -1: free */
    size_t n;
    char line[LINE_MAX_LEN + 1];
};

struct try_daemon {
    int fd, mail_fd;
    void (*mail)(void *ctx, int fd);
    void *mail_ctx;
    pthread_t thread;
    _Atomic bool ending, refuse;
    _Atomic unsigned asked, expunged;
    struct {
        char id[2 * HASH_LEN + 1];
        char path[PATH_CAP], full[PATH_CAP];
    } stub[STUBS];
    size_t stubs; /* complete before the first question */
    struct client client[CLIENTS];
};

/* P-7.3: the message takes the stub's place in one step. */
static bool try_daemon_fill(const struct try_daemon *d, const char *id)
{
    for (size_t i = 0; i < d->stubs; i++)
        if (strncmp(d->stub[i].id, id, sizeof d->stub[i].id - 1) == 0)
            return renameat2(AT_FDCWD, d->stub[i].full, AT_FDCWD, d->stub[i].path,
                             RENAME_EXCHANGE) == 0;
    return false;
}

static void take_line(struct try_daemon *d, struct client *c)
{
    char answer[128];
    int n = 0;
    if (strncmp(c->line, "EXPUNGED ", 9) == 0)
        d->expunged++;
    if (strncmp(c->line, "PULL ", 5) != 0 || strlen(c->line) < 5 + 2 * HASH_LEN)
        return;
    d->asked++;
    const char *id = c->line + 5;
    if (d->refuse || !try_daemon_fill(d, id))
        n = snprintf(answer, sizeof answer, "NO %.64s refused by the trial\n", id);
    else
        n = snprintf(answer, sizeof answer, "OK %.64s\n", id);
    if (send(c->fd, answer, (size_t)n, MSG_NOSIGNAL) < 0)
        return; /* it went away */
}

static void read_client(struct try_daemon *d, struct client *c)
{
    ssize_t n = read(c->fd, c->line + c->n, LINE_MAX_LEN - c->n);
    if (n <= 0) {
        (void)close(c->fd);
        c->fd = -1;
        return;
    }
    c->n += (size_t)n;
    c->line[c->n] = '\0';
    for (char *end; (end = strchr(c->line, '\n')) != NULL;) {
        *end = '\0';
        take_line(d, c);
        c->n -= (size_t)(end + 1 - c->line);
        memmove(c->line, end + 1, c->n + 1);
    }
    if (c->n == LINE_MAX_LEN)
        c->n = 0; /* not of this protocol */
}

static void take_client(struct try_daemon *d)
{
    int fd = accept4(d->fd, NULL, NULL, SOCK_CLOEXEC);
    for (size_t i = 0; fd >= 0 && i < CLIENTS; i++)
        if (d->client[i].fd < 0) {
            d->client[i].fd = fd;
            d->client[i].n = 0;
            return;
        }
    if (fd >= 0)
        (void)close(fd);
}

static void *serve(void *arg)
{
    struct try_daemon *d = arg;
    while (!d->ending) {
        struct pollfd p[CLIENTS + 2] = {{.fd = d->fd, .events = POLLIN}};
        for (size_t i = 0; i < CLIENTS; i++)
            p[i + 1] = (struct pollfd){.fd = d->client[i].fd, .events = POLLIN};
        p[CLIENTS + 1] = (struct pollfd){.fd = d->mail_fd, .events = POLLIN};
        if (poll(p, CLIENTS + 2, LOOK_MS) <= 0)
            continue;
        for (size_t i = 0; i < CLIENTS; i++)
            if (p[i + 1].revents != 0)
                read_client(d, &d->client[i]);
        if (p[0].revents != 0)
            take_client(d);
        int mail = p[CLIENTS + 1].revents == 0 ? -1 : accept4(d->mail_fd, NULL, NULL, SOCK_CLOEXEC);
        if (mail >= 0) {
            d->mail(d->mail_ctx, mail);
            (void)close(mail);
        }
    }
    for (size_t i = 0; i < CLIENTS; i++)
        if (d->client[i].fd >= 0)
            (void)close(d->client[i].fd);
    return NULL;
}

static int listen_at(const char *path)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || strlen(path) >= sizeof sa.sun_path)
        return -1;
    memcpy(sa.sun_path, path, strlen(path) + 1);
    if (bind(fd, (struct sockaddr *)&sa, sizeof sa) == 0 && listen(fd, CLIENTS) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

struct try_daemon *try_daemon_start(const char *plugin_socket, const char *mail_socket,
                                    void (*mail)(void *ctx, int fd), void *ctx, struct error *e)
{
    struct try_daemon *d = mem_new(sizeof *d);
    for (size_t i = 0; i < CLIENTS; i++)
        d->client[i].fd = -1;
    d->mail = mail;
    d->mail_ctx = ctx;
    d->fd = listen_at(plugin_socket);
    d->mail_fd = listen_at(mail_socket);
    if (d->fd >= 0 && d->mail_fd >= 0 && pthread_create(&d->thread, NULL, serve, d) == 0)
        return d;
    (void)error_set(e, "its sockets cannot be opened: %s", strerror(errno));
    if (d->fd >= 0)
        (void)close(d->fd);
    if (d->mail_fd >= 0)
        (void)close(d->mail_fd);
    free(d);
    return NULL;
}

void try_daemon_has(struct try_daemon *d, const uint8_t id[HASH_LEN], const char *path,
                    const char *full)
{
    size_t i = d->stubs;
    if (i == STUBS)
        return;
    hex_encode(id, HASH_LEN, d->stub[i].id);
    (void)snprintf(d->stub[i].path, PATH_CAP, "%s", path);
    (void)snprintf(d->stub[i].full, PATH_CAP, "%s", full);
    d->stubs++;
}

void try_daemon_refuse(struct try_daemon *d, bool refuse)
{
    d->refuse = refuse;
}

unsigned try_daemon_asked(struct try_daemon *d)
{
    return d->asked;
}

bool try_daemon_expunged(struct try_daemon *d)
{
    int64_t end = clock_mono_ms() + EXPUNGED_WAIT_MS;
    while (d->expunged == 0 && clock_mono_ms() < end)
        (void)usleep(LOOK_MS * 1000);
    return d->expunged > 0;
}

void try_daemon_end(struct try_daemon **dp)
{
    struct try_daemon *d = *dp;
    if (d == NULL)
        return;
    *dp = NULL;
    d->ending = true;
    (void)pthread_join(d->thread, NULL);
    (void)close(d->fd);
    (void)close(d->mail_fd);
    free(d);
}
