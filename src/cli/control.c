/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control.c - see control.h. */
#include "cli/control.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_MAX_LEN (64u * 1024 * 1024) /* a list with very many receivers */

struct control {
    int fd;
    struct buf in;
    size_t searched; /* octets of in that hold no line end */
};

static int connect_to(const char *path, struct error *e)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof sa.sun_path)
        return error_set(e, "The path %.200s is too long for a socket.", path);
    memcpy(sa.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_set(e, "Cannot make a socket: %s.", strerror(errno));
    if (connect(fd, (const struct sockaddr *)&sa, sizeof sa) == 0)
        return fd;
    int why = errno;
    (void)close(fd);
    (void)error_set(e, "Cannot reach %s: %s.", path, strerror(why));
    errno = why; /* the caller looks */
    return -1;
}

int control_open(const struct cli *cli, struct control **c_r, struct error *e)
{
    char path[PATH_CAP];
    if (path_join(path, cli->home, "run/control.sock", e) < 0)
        return -1;
    int fd = connect_to(path, e);
    if (fd < 0 && (errno == ENOENT || errno == ECONNREFUSED))
        return error_set(e,
                         "restanted is not running for this home (%s); start it with `restante "
                         "%s%s%srun`.",
                         cli->home, cli->home_arg == NULL ? "" : "--home ",
                         cli->home_arg == NULL ? "" : cli->home, cli->home_arg == NULL ? "" : " ");
    if (fd < 0)
        return -1;
    struct control *c = mem_new(sizeof *c);
    c->fd = fd;
    c->in.cap = LINE_MAX_LEN;
    *c_r = c;
    return 0;
}

/* Waits for input. 1: there is some; 0: too long; -1: error. */
static int wait_input(int fd, int wait_s)
{
    int64_t end = clock_mono_ms() + (int64_t)wait_s * 1000;
    for (;;) {
        int64_t left = wait_s == 0 ? -1 : end - clock_mono_ms();
        if (wait_s != 0 && left < 0)
            left = 0;
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int n = poll(&p, 1, (int)left);
        if (n < 0 && errno == EINTR)
            continue;
        return n > 0 ? 1 : n;
    }
}

/* One line into line (without its end); 0, or -1 and e. */
static int read_line(struct control *c, struct buf *line, int wait_s, struct error *e)
{
    for (;;) {
        const uint8_t *nl = c->in.len == c->searched
                                ? NULL
                                : memchr(c->in.data + c->searched, '\n', c->in.len - c->searched);
        if (nl != NULL) {
            size_t n = (size_t)(nl - c->in.data);
            int rc = buf_append(line, c->in.data, n);
            buf_consume(&c->in, n + 1);
            c->searched = 0;
            return rc < 0 ? error_set(e, "There is not enough memory.") : 0;
        }
        c->searched = c->in.len;
        int ready = wait_input(c->fd, wait_s);
        if (ready == 0)
            return error_set(e,
                             "restanted did not answer for %d seconds; its log is "
                             "log/restanted.log in the home.",
                             wait_s);
        uint8_t *room = buf_reserve(&c->in, 65536);
        if (room == NULL)
            return error_set(e, "restanted's answer is larger than this program accepts.");
        ssize_t n = ready < 0 ? -1 : read(c->fd, room, 65536);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return error_set(e, "restanted ended while it was answering; its log is "
                                "log/restanted.log in the home.");
        c->in.len += (size_t)n;
    }
}

static int send_request(struct control *c, const json_t *o, struct error *e)
{
    char *text = o == NULL ? NULL : json_dumps(o, JSON_COMPACT);
    if (text == NULL)
        return error_set(e, "There is not enough memory.");
    int rc = write_all(c->fd, text, strlen(text), e);
    if (rc == 0)
        rc = write_all(c->fd, "\n", 1, e);
    free(text);
    if (rc < 0)
        return error_set(e, "restanted closed the connection; its log is log/restanted.log in the "
                            "home.");
    return 0;
}

/* 1: final answer in *o_r; 0: it was progress; -1: e. */
static int take_line(const struct buf *line, json_t **o_r, control_progress_fn *progress, void *ctx,
                     struct error *e)
{
    json_t *o = json_loadb((const char *)line->data, line->len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *ok = json_object_get(o, "ok"), *p = json_object_get(o, "progress");
    int rc = -1;
    if (json_is_true(ok)) {
        *o_r = o;
        return 1;
    }
    if (json_is_object(p)) {
        if (progress != NULL)
            progress(ctx, p);
        rc = 0;
    } else if (json_is_false(ok)) {
        (void)error_set(e, "%s", json_text(o, "error", "restanted refused without a reason."));
    } else {
        (void)error_set(e, "restanted's answer is not understood; is it of the same version as "
                           "this program?");
    }
    json_decref(o);
    return rc;
}

json_t *control_ask(struct control *c, const char *cmd, const char *id, int wait_s,
                    control_progress_fn *progress, void *ctx, struct error *e)
{
    json_t *o =
        id == NULL ? json_pack("{s:s}", "cmd", cmd) : json_pack("{s:s,s:s}", "cmd", cmd, "id", id);
    json_t *answer = control_ask_for(c, o, wait_s, progress, ctx, e);
    json_decref(o);
    return answer;
}

json_t *control_ask_for(struct control *c, const json_t *request, int wait_s,
                        control_progress_fn *progress, void *ctx, struct error *e)
{
    json_t *answer = NULL;
    if (send_request(c, request, e) < 0)
        return NULL;
    for (int rc = 0; rc == 0;) {
        struct buf line = BUF_INIT(LINE_MAX_LEN);
        rc = read_line(c, &line, wait_s, e);
        if (rc == 0)
            rc = take_line(&line, &answer, progress, ctx, e);
        buf_free(&line);
    }
    return answer;
}

pid_t control_peer(const struct control *c)
{
    struct ucred who;
    socklen_t n = sizeof who;
    return getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 ? who.pid : 0;
}

void control_close(struct control **c)
{
    if (*c == NULL)
        return;
    (void)close((*c)->fd);
    buf_free(&(*c)->in);
    free(*c);
    *c = NULL;
}

const char *json_text(const json_t *o, const char *key, const char *absent)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s == NULL ? absent : s;
}

int64_t json_number(const json_t *o, const char *key, int64_t absent)
{
    const json_t *v = json_object_get(o, key);
    return json_is_integer(v) ? json_integer_value(v) : absent;
}
