/* SPDX-License-Identifier: GPL-3.0-or-later */
/* launcher.c - the daemon's side of launcher.h. */
#include "daemon/launcher.h"
#include "base/mem.h"
#include "daemon/confine.h"
#include "daemon/launcher_wire.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct launcher {
    uv_poll_t poll;
    int fd;
    struct launcher_events events;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

int launcher_fork(const char *home, const char *also, struct error *e)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return error_set(e, "Cannot make the launcher of Dovecot: %s.", strerror(errno));
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(pair[0]);
        (void)confine(home, also); /* the daemon does the same, and tells what is refused */
        launcher_serve(pair[1]);
    }
    int err = errno;
    (void)close(pair[1]);
    if (pid > 0)
        return pair[0];
    (void)close(pair[0]);
    return error_set(e, "Cannot make the launcher of Dovecot: %s.", strerror(err));
}

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct launcher *l = poll->data;
    struct launch_event event;
    ssize_t n = status < 0 ? 0 : recv(l->fd, &event, sizeof event, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n != (ssize_t)sizeof event) {
        (void)uv_poll_stop(&l->poll);
        l->events.gone(l->events.ctx);
    } else if (event.what == LAUNCH_STARTED) {
        l->events.started(l->events.ctx, event.pid);
    } else {
        l->events.ended(l->events.ctx, event.status, event.signal);
    }
}

struct launcher *launcher_new(uv_loop_t *loop, int fd, const struct launcher_events *events,
                              struct error *e)
{
    struct launcher *l = mem_new(sizeof *l);
    int ret = uv_poll_init(loop, &l->poll, fd);
    if (ret < 0) {
        (void)error_set(e, "The launcher of Dovecot cannot be watched: %s.", uv_strerror(ret));
        (void)close(fd);
        free(l);
        return NULL;
    }
    l->fd = fd;
    l->events = *events;
    l->poll.data = l;
    (void)uv_poll_start(&l->poll, UV_READABLE, on_event);
    return l;
}

/* Appends the words of a list; returns how many, -1 when they do not fit. */
static int put_words(struct launch_order *o, const char *const words[])
{
    int n = 0;
    for (; words[n] != NULL; n++) {
        size_t len = strlen(words[n]) + 1;
        if (n == LAUNCH_WORDS_MAX || len > sizeof o->strings - o->strings_len)
            return -1;
        memcpy(o->strings + o->strings_len, words[n], len);
        o->strings_len += (uint32_t)len;
    }
    return n;
}

static int give(struct launcher *l, const struct launch_order *o, int fd)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec iov = {.iov_base = (void *)(uintptr_t)o, .iov_len = sizeof *o};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    if (fd >= 0) {
        msg.msg_control = control.space;
        msg.msg_controllen = sizeof control.space;
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        *c = (struct cmsghdr){
            .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd)};
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    return sendmsg(l->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -1 : 0;
}

int launcher_start(struct launcher *l, const char *const args[], const char *const env[],
                   int err_fd, struct error *e)
{
    struct launch_order o = {.op = LAUNCH_START};
    int n_args = put_words(&o, args), n_env = n_args < 0 ? -1 : put_words(&o, env);
    if (n_env < 0)
        return error_set(e, "Cannot start %s: its arguments are too long.", args[0]);
    o.args = (uint32_t)n_args;
    o.env = (uint32_t)n_env;
    if (give(l, &o, err_fd) < 0)
        return error_set(e, "Cannot start %s: %s.", args[0], strerror(errno));
    return 0;
}

void launcher_signal(struct launcher *l, int signal)
{
    struct launch_order o = {.op = LAUNCH_SIGNAL, .signal = signal};
    (void)give(l, &o, -1);
}

static void on_closed(uv_handle_t *h)
{
    struct launcher *l = h->data;
    void (*closed)(void *) = l->closed;
    void *ctx = l->closed_ctx;
    (void)close(l->fd);
    free(l);
    if (closed != NULL)
        closed(ctx);
}

void launcher_free(struct launcher **lp, void (*closed)(void *ctx), void *ctx)
{
    struct launcher *l = *lp;
    *lp = NULL;
    l->closed = closed;
    l->closed_ctx = ctx;
    uv_close((uv_handle_t *)&l->poll, on_closed);
}
