/* SPDX-License-Identifier: GPL-3.0-or-later */
/* line_server.c - lines over a UNIX socket on the libuv loop.
 * A connection's fate is decided in one place, client_close; gone() comes from the loop, or from
 * line_server_stop, never from within line_send or line_close. */
#include "net/line_server.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/bind.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOG_AREA "lines"
#define OUT_MAX (8u * 1024 * 1024)
#define OUT_HIGH (1024 * 1024) /* unsent octets at which no further line is read */
#define READ_SIZE 65536
#define LINE_DEFAULT 65536
#define CLIENTS_DEFAULT 256

struct line_client {
    struct line_server *server;
    struct line_client *prev, *next;
    uv_pipe_t pipe;
    uv_write_t write;
    struct buf in, out, flight; /* flight: what write sends */
    void *user;
    bool reading, writing, closing, ending, told, introduced;
};

struct line_server {
    uv_pipe_t listener;
    uv_loop_t *loop;
    struct line_server_config config;
    char *path;
    struct line_client *clients;
    unsigned count;
    bool stopping;
    char scratch[READ_SIZE];
};

static void server_release(struct line_server *s)
{
    if (s->stopping && s->count == 0 && s->listener.data == NULL) {
        free(s->path);
        free(s);
    }
}

static void report_gone(struct line_client *c)
{
    if (c->introduced && !c->told) {
        c->told = true;
        c->server->config.gone(c->server->config.ctx, c);
    }
}

static void on_client_closed(uv_handle_t *h)
{
    struct line_client *c = h->data;
    struct line_server *s = c->server;
    report_gone(c);
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        s->clients = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    buf_wipe(&c->in);
    buf_wipe(&c->out);
    buf_wipe(&c->flight);
    free(c);
    s->count--;
    server_release(s);
}

static void client_close(struct line_client *c)
{
    if (!c->closing) {
        c->closing = true;
        uv_close((uv_handle_t *)&c->pipe, on_client_closed);
    }
}

static void client_settle(struct line_client *c);

static void on_write(uv_write_t *req, int status)
{
    struct line_client *c = req->data;
    c->writing = false;
    c->flight.len = 0;
    if (c->closing)
        return;
    if (status < 0) {
        client_close(c);
        return;
    }
    client_settle(c);
}

static void flush(struct line_client *c)
{
    struct buf empty = c->flight;
    if (c->writing || c->closing || c->out.len == 0)
        return;
    c->flight = c->out;
    c->out = empty;
    uv_buf_t b = uv_buf_init((char *)c->flight.data, (unsigned)c->flight.len);
    c->write.data = c;
    c->writing = true;
    if (uv_write(&c->write, (uv_stream_t *)&c->pipe, &b, 1, on_write) != 0) {
        c->writing = false;
        client_close(c);
    }
}

static void line_on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *b)
{
    struct line_client *c = h->data;
    (void)hint;
    *b = uv_buf_init(c->server->scratch, READ_SIZE);
}

static bool congested(const struct line_client *c)
{
    return c->out.len + c->flight.len >= OUT_HIGH;
}

/* Hands on the whole lines that are there. */
static void take_lines(struct line_client *c)
{
    const struct line_server_config *cfg = &c->server->config;
    size_t used = 0;
    while (!c->closing && !c->ending && !congested(c)) {
        char *line = (char *)c->in.data + used;
        char *lf = c->in.len > used ? memchr(line, '\n', c->in.len - used) : NULL;
        size_t len = lf != NULL ? (size_t)(lf - line) : c->in.len - used;
        if (len > cfg->max_line) {
            log_warn("a client of the control socket sent a line that is too long");
            client_close(c);
            break;
        }
        if (lf == NULL)
            break;
        used += len + 1;
        len -= len > 0 && line[len - 1] == '\r' ? 1 : 0;
        line[len] = '\0';
        if (memchr(line, 0, len) != NULL) {
            log_warn("a client of the control socket sent a NUL");
            client_close(c);
            break;
        }
        cfg->line(cfg->ctx, c, line, len);
    }
    if (used > 0)
        buf_consume(&c->in, used);
}

static void line_on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
    struct line_client *c = stream->data;
    if (c->closing || n == 0)
        return;
    if (n < 0) {
        /* Perhaps it only stopped to write and still reads our answer. */
        uv_read_stop(stream);
        c->reading = false;
        c->ending = true;
        client_settle(c);
        return;
    }
    if (buf_append(&c->in, b->base, (size_t)n) != 0) {
        client_close(c);
        return;
    }
    client_settle(c);
}

/* Moves on as far as it goes: lines to the handler, answers to the socket. */
static void client_settle(struct line_client *c)
{
    take_lines(c);
    flush(c);
    if (c->closing)
        return;
    if (c->ending) {
        if (!c->writing)
            client_close(c);
        return;
    }
    bool want = !congested(c);
    if (want && !c->reading) {
        c->reading = uv_read_start((uv_stream_t *)&c->pipe, line_on_alloc, line_on_read) == 0;
    } else if (!want && c->reading) {
        uv_read_stop((uv_stream_t *)&c->pipe);
        c->reading = false;
    }
}

void line_send(struct line_client *c, const void *p, size_t n)
{
    if (c->closing || n == 0)
        return;
    if (n > OUT_MAX - c->flight.len || buf_append(&c->out, p, n) != 0) {
        log_warn("a client of the control socket does not read its answers: dropped");
        client_close(c);
        return;
    }
    flush(c);
}

void line_close(struct line_client *c)
{
    c->ending = true;
    flush(c);
    if (!c->writing)
        client_close(c);
}

void line_client_set(struct line_client *c, void *p)
{
    c->user = p;
}

void *line_client_get(const struct line_client *c)
{
    return c->user;
}

static bool is_own_user(struct line_client *c)
{
    struct ucred cred;
    socklen_t len = sizeof cred;
    uv_os_fd_t fd;
    return uv_fileno((uv_handle_t *)&c->pipe, &fd) == 0 &&
           getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 && cred.uid == geteuid();
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct line_server *s = listener->data;
    if (status < 0 || s == NULL || s->stopping)
        return;
    struct line_client *c = mem_new(sizeof *c);
    c->server = s;
    c->in.cap = s->config.max_line + 2 + READ_SIZE;
    c->out.cap = c->flight.cap = OUT_MAX;
    uv_pipe_init(s->loop, &c->pipe, 0);
    c->pipe.data = c;
    c->next = s->clients;
    if (c->next != NULL)
        c->next->prev = c;
    s->clients = c;
    s->count++;
    if (uv_accept(listener, (uv_stream_t *)&c->pipe) != 0) {
        client_close(c);
    } else if (!is_own_user(c)) {
        log_warn("another user knocked at the control socket: refused");
        client_close(c);
    } else if (s->count > s->config.max_clients) {
        log_warn("more than %u clients at the control socket: one was refused",
                 s->config.max_clients);
        client_close(c);
    } else {
        c->introduced = true;
        client_settle(c);
    }
}

static void on_listener_closed(uv_handle_t *h)
{
    struct line_server *s = h->data;
    h->data = NULL;
    server_release(s);
}

struct line_server *line_server_start(uv_loop_t *loop, const struct line_server_config *c,
                                      struct error *e)
{
    struct line_server *s = mem_new(sizeof *s);
    s->path = mem_text(c->path);
    int fd = bind_unix(c->path, e);
    if (fd < 0) {
        free(s->path);
        free(s);
        return NULL;
    }
    s->loop = loop;
    s->config = *c;
    s->config.path = s->path;
    s->config.max_line = c->max_line != 0 ? c->max_line : LINE_DEFAULT;
    s->config.max_clients = c->max_clients != 0 ? c->max_clients : CLIENTS_DEFAULT;
    uv_pipe_init(loop, &s->listener, 0);
    s->listener.data = s;
    int r = uv_pipe_open(&s->listener, fd);
    if (r != 0)
        close(fd);
    else
        r = uv_listen((uv_stream_t *)&s->listener, 64, on_connection);
    if (r != 0) {
        error_set(e, "Cannot listen on %s: %s", c->path, uv_strerror(r));
        line_server_stop(&s);
    }
    return s;
}

void line_server_stop(struct line_server **s_p)
{
    struct line_server *s = *s_p;
    *s_p = NULL;
    if (s == NULL)
        return;
    s->stopping = true;
    unlink(s->path);
    for (struct line_client *c = s->clients; c != NULL; c = c->next) {
        client_close(c);
        report_gone(c);
    }
    uv_close((uv_handle_t *)&s->listener, on_listener_closed);
}
