/* SPDX-License-Identifier: GPL-3.0-or-later */
/* helper.c - see helper.h. The socket is watched with uv_poll and written with sendmsg, since libuv
 * itself passes only its own handles along, not the descriptor of a file. */
#include "mime/helper.h"
#include "mime/wire.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/said.h"
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_STEP (64 * 1024)

struct helper {
    uv_process_t process;
    uv_poll_t poll;
    struct said said;
    int sock;
    const char *why; /* we are ending it; NULL while it works */
    bool started;    /* it has said hello */
    bool exited;     /* the process was reaped */
    bool dead;       /* on_gone called, or killed: only waits for its handles */
    unsigned open_handles;
    const uint8_t *out; /* the caller's; what is left to be sent */
    size_t out_len;
    int out_fd; /* goes with the next octet, then -1 */
    struct buf in;
    helper_answer_fn *on_answer;
    helper_gone_fn *on_gone;
    void *ctx;
};

static void on_poll(uv_poll_t *p, int status, int events);

static void helper_on_closed(uv_handle_t *handle)
{
    struct helper *h = handle->data;
    if (--h->open_handles > 0)
        return;
    (void)close(h->sock);
    buf_free(&h->in);
    free(h);
}

/* Ends the conversation; the memory goes when the process was reaped, too. */
static void bury(struct helper *h)
{
    if (h->dead)
        return;
    h->dead = true;
    if (!h->exited)
        (void)uv_process_kill(&h->process, SIGKILL);
    uv_close((uv_handle_t *)&h->poll, helper_on_closed);
}

/* Kills what is left of the process; on_gone is told when it was reaped. */
static void end_it(struct helper *h, const char *why)
{
    if (h->dead || h->why != NULL)
        return;
    h->why = why;
    (void)uv_poll_stop(&h->poll);
    if (!h->exited)
        (void)uv_process_kill(&h->process, SIGKILL);
}

static void on_process_end(uv_process_t *process, int64_t status, int sig)
{
    struct helper *h = process->data;
    const char *words = said_end(&h->said);
    char how[SAID_MAX + 96], why[SAID_MAX + 160];
    said_why(words, status, sig, how, sizeof how);
    (void)snprintf(why, sizeof why, "%s%s%s", h->why != NULL ? h->why : "",
                   h->why != NULL ? ", and " : "", how);
    h->exited = true;
    if (!h->dead) {
        bury(h);
        h->on_gone(h->ctx, h->started, why);
    }
    h->said.pipe.data = h;
    uv_close(said_handle(&h->said), helper_on_closed);
    uv_close((uv_handle_t *)process, helper_on_closed);
}

static void watch(struct helper *h)
{
    int events = UV_READABLE | (h->started && h->out_len > 0 ? UV_WRITABLE : 0);
    if (!h->dead && h->why == NULL)
        (void)uv_poll_start(&h->poll, events, on_poll);
}

/* Sends what the socket takes. 0, or -1 when it is broken. */
static int send_some(struct helper *h)
{
    while (h->out_len > 0) {
        union {
            struct cmsghdr align;
            uint8_t space[CMSG_SPACE(sizeof(int))];
        } control = {0};
        struct iovec iov = {.iov_base = (void *)(uintptr_t)h->out, .iov_len = h->out_len};
        struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

        if (h->out_fd >= 0) {
            msg.msg_control = control.space;
            msg.msg_controllen = sizeof control.space;
            struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
            c->cmsg_level = SOL_SOCKET;
            c->cmsg_type = SCM_RIGHTS;
            c->cmsg_len = CMSG_LEN(sizeof(int));
            memcpy(CMSG_DATA(c), &h->out_fd, sizeof(int));
        }
        ssize_t n = sendmsg(h->sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
        h->out_fd = -1;
        h->out += n;
        h->out_len -= (size_t)n;
    }
    return 0;
}

/* Hands over the frame in h->in if it is complete. 0: go on; -1: not what a helper may say. */
static int take_frame(struct helper *h)
{
    if (h->in.len < 4)
        return 0;
    size_t n = mime_get32(h->in.data);
    if (n < 1 || n > MIME_ANSWER_MAX - 4)
        return -1;
    if (h->in.len < 4 + n)
        return 0;
    if (h->in.len > 4 + n)
        return -1;
    if (!h->started) {
        h->started = n == 1 && h->in.data[4] == MIME_HELLO;
        buf_consume(&h->in, 4 + n);
        return h->started ? 0 : -1;
    }
    if (h->out_len > 0)
        return -1; /* more than one answer, or one before the question */
    if (buf_str(&h->in) == NULL)
        return -1;
    struct buf frame = h->in; /* its own: the callback may end h */
    h->in = (struct buf)BUF_INIT(MIME_ANSWER_MAX);
    int ret = h->on_answer(h->ctx, frame.data + 4, n);
    buf_free(&frame);
    return ret;
}

static void read_some(struct helper *h)
{
    size_t room = h->in.cap - h->in.len < READ_STEP ? h->in.cap - h->in.len : READ_STEP;
    uint8_t *to = room == 0 ? NULL : buf_reserve(&h->in, room);
    if (to == NULL) {
        end_it(h, "it sent too much");
        return;
    }
    ssize_t n = recv(h->sock, to, room, MSG_DONTWAIT);
    if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK))
        return;
    if (n <= 0) {
        end_it(h, "it closed its socket");
        return;
    }
    h->in.len += (size_t)n;
    if (take_frame(h) < 0)
        end_it(h, "it sent what is no answer");
}

static void on_poll(uv_poll_t *p, int status, int events)
{
    struct helper *h = p->data;
    if (status < 0 || ((events & UV_WRITABLE) != 0 && send_some(h) < 0)) {
        end_it(h, "its socket broke");
        return;
    }
    if ((events & UV_READABLE) != 0)
        read_some(h);
    watch(h);
}

static int spawn(struct helper *h, uv_loop_t *loop, const char *path, int child_sock,
                 struct error *e)
{
    char *args[] = {(char *)(uintptr_t)path, NULL};
    char *env[] = {NULL};
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_INHERIT_FD, .data.fd = child_sock},
        {.flags = UV_IGNORE},
        {.flags = UV_IGNORE},
    };
    uv_process_options_t options = {.flags =
                                        UV_PROCESS_DETACHED, /* a terminal's signals are ours */
                                    .exit_cb = on_process_end,
                                    .file = path,
                                    .args = args,
                                    .env = env,
                                    .stdio_count = 3,
                                    .stdio = stdio};
    said_begin(&h->said, loop, "restante-mime", &stdio[2]);
    int ret = uv_spawn(loop, &h->process, &options);

    if (ret < 0)
        return error_set(e, "%s cannot be started: %s", path, uv_strerror(ret));
    said_read(&h->said);
    return 0;
}

static void on_spawn_failed(uv_handle_t *handle)
{
    struct helper *h = handle->data;
    if (--h->open_handles == 0)
        free(h);
}

struct helper *helper_start(uv_loop_t *loop, const char *path, helper_answer_fn *on_answer,
                            helper_gone_fn *on_gone, void *ctx, struct error *e)
{
    int pair[2];
    struct helper *h = mem_new(sizeof *h);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        (void)error_set(e, "No socket for the MIME helper: %s.", strerror(errno));
        free(h);
        return NULL;
    }
    h->in.cap = MIME_ANSWER_MAX;
    h->sock = pair[0];
    h->out_fd = -1;
    h->on_answer = on_answer;
    h->on_gone = on_gone;
    h->ctx = ctx;
    h->process.data = h->poll.data = h;
    int ret = spawn(h, loop, path, pair[1], e);
    (void)close(pair[1]);
    if (ret < 0) {
        (void)close(pair[0]);
        h->open_handles = 2; /* uv_spawn made it a handle */
        h->said.pipe.data = h;
        uv_close((uv_handle_t *)&h->process, on_spawn_failed);
        uv_close(said_handle(&h->said), on_spawn_failed);
        return NULL;
    }
    (void)uv_poll_init(loop, &h->poll, h->sock);
    h->open_handles = 3;
    watch(h);
    return h;
}

void helper_ask(struct helper *h, const uint8_t *frame, size_t n, int fd)
{
    h->out = frame;
    h->out_len = n;
    h->out_fd = fd;
    watch(h);
}

bool helper_started(const struct helper *h)
{
    return h->started;
}

void helper_kill(struct helper **hp)
{
    struct helper *h = *hp;
    *hp = NULL;
    if (h != NULL)
        bury(h);
}
