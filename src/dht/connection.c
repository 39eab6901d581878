/* SPDX-License-Identifier: GPL-3.0-or-later */
/* connection.c - the client's socket: connecting, and again when it ends, asking and reading. */
#include "dht/client.h"
#include "base/log.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_AREA "dht"
#define PAUSE_MAX_MS 2000
#define REQUESTS_MAX 20000            /* outstanding */
#define UNSENT_MAX ((size_t)32 << 20) /* octets waiting in the socket */

static void free_handle(uv_handle_t *handle)
{
    free(handle); /* the struct dht_line, whose first member it is */
}

static void on_pause_over(uv_timer_t *timer)
{
    client_connect(timer->data);
}

void client_disconnect(struct dht_client *c, const char *why)
{
    c->ready = false;
    if (c->line != NULL) {
        c->line->pipe.data = NULL;
        uv_close((uv_handle_t *)&c->line->pipe, free_handle);
        c->line = NULL;
        if (why != NULL)
            log_debug("the connection to restante-dht ended: %s", why);
    }
    buf_free(&c->in);
    if (!c->freed) {
        uv_timer_start(&c->timer, on_pause_over, c->pause, 0);
        c->pause = c->pause * 2 < PAUSE_MAX_MS ? c->pause * 2 : PAUSE_MAX_MS;
    }
    client_set_link(c, DHT_DOWN);
    client_fail_all(c, "restante-dht is not running");
}

struct frame_writing {
    uv_write_t write;
    uint8_t *data;
};

static void on_written(uv_write_t *write, int status)
{
    struct frame_writing *w = write->data;
    struct dht_client *c = write->handle->data;
    free(w->data);
    free(w);
    if (status < 0 && status != UV_ECANCELED && c != NULL)
        client_disconnect(c, uv_strerror(status));
}

static int send_frame(struct dht_client *c, const struct dht_frame *f)
{
    struct buf out = BUF_INIT(FRAME_HEAD + DHT_FRAME_MAX);
    size_t n = 0;
    uv_stream_t *stream = c->line != NULL ? (uv_stream_t *)&c->line->pipe : NULL;
    if (!c->ready || uv_stream_get_write_queue_size(stream) > UNSENT_MAX ||
        dht_frame_encode(&out, f) < 0) {
        buf_free(&out);
        return -1;
    }
    struct frame_writing *w = mem_new(sizeof *w);
    w->data = buf_steal(&out, &n);
    w->write.data = w;
    uv_buf_t b = uv_buf_init((char *)w->data, (unsigned)n);
    if (uv_write(&w->write, stream, &b, 1, on_written) < 0) {
        free(w->data);
        free(w);
        return -1;
    }
    return 0;
}

void client_ask(struct dht_client *c, struct dht_request *r, struct dht_frame *f)
{
    f->verb = r->verb;
    do
        f->request = r->number = ++c->last_number;
    while (f->request == 0 || *client_find(c, f->request) != NULL);
    if (c->freed) {
        request_fail(r, "the connection is being closed");
        request_free(r);
    } else if (c->outstanding >= REQUESTS_MAX || send_frame(c, f) < 0) {
        client_fail_soon(c, r);
    } else {
        client_add(c, r);
    }
}

void client_ask_listen(struct dht_client *c, struct listener *l)
{
    struct dht_frame f = {.verb = FRAME_LISTEN};
    memcpy(f.key, l->key, sizeof f.key);
    struct dht_request *r = request_new(FRAME_LISTEN, l->key, NULL);
    client_ask(c, r, &f);
    l->number = f.request;
}

static void take_all(struct dht_client *c)
{
    struct dht_line *line = c->line;
    size_t at = 0;
    while (c->line == line && !c->freed) {
        struct error e;
        struct dht_frame f;
        size_t n = 0;
        int rc = dht_frame_split(c->in.data + at, c->in.len - at, &n, &e);
        if (rc == 0 && n == 0)
            break;
        if (rc == 0)
            rc = dht_frame_decode(c->in.data + at + FRAME_HEAD, n - FRAME_HEAD, &f, &e);
        if (rc == 0 && client_answer(c, &f) < 0)
            rc = error_set(&e, "an answer to nothing that was asked");
        if (rc < 0) {
            log_warn("restante-dht sent an invalid message: %s", e.text);
            client_disconnect(c, NULL);
            return;
        }
        at += n;
    }
    if (c->line == line && !c->freed)
        buf_consume(&c->in, at);
}

static void client_on_alloc(uv_handle_t *handle, size_t hint, uv_buf_t *b)
{
    struct dht_client *c = handle->data;
    (void)hint;
    size_t n = c == NULL ? 0 : c->in.cap - c->in.len;
    n = n < 65536 ? n : 65536;
    uint8_t *p = n > 0 ? buf_reserve(&c->in, n) : NULL;
    *b = uv_buf_init((char *)p, p != NULL ? (unsigned)n : 0);
}

static void client_on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
    struct dht_client *c = stream->data;
    (void)b;
    if (c == NULL || n == 0)
        return;
    if (n < 0) {
        client_disconnect(c, uv_strerror((int)n));
        return;
    }
    c->in.len += (size_t)n;
    take_all(c);
}

/* Is the process at the other end ours, or root's? */
static bool trusted(uv_pipe_t *pipe)
{
    uv_os_fd_t fd;
    struct ucred who;
    socklen_t n = sizeof who;
    if (uv_fileno((uv_handle_t *)pipe, &fd) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) < 0)
        return false;
    return who.uid == geteuid() || who.uid == 0;
}

static void on_connected(uv_connect_t *connecting, int status)
{
    struct dht_client *c = connecting->handle->data;
    if (c == NULL || status == UV_ECANCELED)
        return;
    uv_pipe_t *pipe = &c->line->pipe;
    if (status == 0 && !trusted(pipe)) {
        log_error("the socket %s is served by another user: not used", c->path);
        status = UV_EPERM;
    }
    if (status == 0)
        status = uv_read_start((uv_stream_t *)pipe, client_on_alloc, client_on_read);
    if (status < 0) {
        client_disconnect(c, uv_strerror(status));
        return;
    }
    c->ready = true;
    for (struct listener *l = c->listeners; l != NULL; l = l->next)
        client_ask_listen(c, l);
}

void client_connect(struct dht_client *c)
{
    struct dht_line *line = mem_new(sizeof *line);
    if (uv_pipe_init(c->loop, &line->pipe, 0) < 0) {
        free(line);
        client_disconnect(c, NULL);
        return;
    }
    c->line = line;
    line->pipe.data = c;
    uv_pipe_connect(&line->connecting, &line->pipe, c->path, on_connected);
}
