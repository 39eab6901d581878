/* SPDX-License-Identifier: GPL-3.0-or-later */
/* smtp_server.c - the sockets of the submission listener: accepts, reads, writes, times out.
 * The conversation itself is smtp_session.c's. Memory of a connection: one input buffer, one
 * command line, and replies up to SMTP_OUT_HIGH; when they are full, reading stops. */
#include "net/smtp_server.h"
#include "base/mem.h"
#include "base/texts.h"
#include "base/crypt.h"
#include "base/log.h"
#include "net/bind.h"
#include "net/smtp_session.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "smtp"
#define IN_SIZE (256 * 1024)
#define LINGER_MS 2000
#define SESSIONS_DEFAULT 32
#define IDLE_DEFAULT 600

struct conn {
    struct smtp_session session; /* first: smtp_session * and conn * are one */
    struct smtp_server *server;
    struct conn *prev, *next;
    uv_tcp_t tcp;
    uv_timer_t idle, wake;
    uv_write_t write;
    uv_shutdown_t shutdown;
    struct buf flight; /* what write sends */
    uint8_t *in;
    size_t in_len;
    unsigned handles; /* not yet closed */
    bool reading, writing, closing, lingering;
};

struct smtp_server {
    uv_tcp_t listener;
    uv_loop_t *loop;
    struct smtp_settings settings;
    struct conn *conns;
    unsigned count, max_sessions;
    uint64_t idle_ms;
    uint16_t port;
    bool stopping;
};

static void server_release(struct smtp_server *srv)
{
    if (!srv->stopping || srv->count > 0 || srv->listener.data != NULL)
        return;
    if (srv->settings.password != NULL)
        wipe(srv->settings.password, strlen(srv->settings.password));
    free(srv->settings.password);
    free(srv->settings.user);
    free(srv->settings.name);
    free(srv);
}

static void on_conn_closed(uv_handle_t *h)
{
    struct conn *c = h->data;
    struct smtp_server *srv = c->server;
    if (--c->handles > 0)
        return;
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        srv->conns = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    smtp_session_free(&c->session);
    buf_free(&c->flight);
    if (c->in != NULL)
        wipe(c->in, IN_SIZE);
    free(c->in);
    free(c);
    srv->count--;
    server_release(srv);
}

/* Tells the handler, and closes at once what is not yet sent or read. */
static void conn_close(struct conn *c)
{
    if (c->closing)
        return;
    c->closing = true;
    smtp_session_end(&c->session);
    uv_close((uv_handle_t *)&c->tcp, on_conn_closed);
    uv_close((uv_handle_t *)&c->idle, on_conn_closed);
    uv_close((uv_handle_t *)&c->wake, on_conn_closed);
}

static void pump(struct conn *c);

static void on_shutdown(uv_shutdown_t *req, int status)
{
    if (status < 0 && status != UV_ECANCELED)
        conn_close(req->data);
}

/* The last reply is out. Closing with unread input in the kernel would reset the connection and
 * could take that reply away from the client: read on for a moment, to its end. */
static void linger(struct conn *c)
{
    if (c->lingering || c->closing)
        return;
    c->lingering = true;
    c->shutdown.data = c;
    if (uv_shutdown(&c->shutdown, (uv_stream_t *)&c->tcp, on_shutdown) != 0) {
        conn_close(c);
        return;
    }
    uv_timer_set_repeat(&c->idle, LINGER_MS);
    uv_timer_again(&c->idle);
}

static void on_write(uv_write_t *req, int status)
{
    struct conn *c = req->data;
    c->writing = false;
    c->flight.len = 0;
    if (c->closing)
        return;
    if (status < 0) {
        conn_close(c);
        return;
    }
    pump(c);
}

/* Starts to send the replies that are there, unless others are still on their way. */
static void flush(struct conn *c)
{
    struct buf empty = c->flight;
    if (c->writing || c->closing || c->session.out.len == 0)
        return;
    c->flight = c->session.out;
    c->session.out = empty;
    uv_buf_t b = uv_buf_init((char *)c->flight.data, (unsigned)c->flight.len);
    c->write.data = c;
    c->writing = true;
    if (uv_write(&c->write, (uv_stream_t *)&c->tcp, &b, 1, on_write) != 0) {
        c->writing = false;
        conn_close(c);
    }
}

static void smtp_on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *b)
{
    struct conn *c = h->data;
    (void)hint;
    *b = uv_buf_init((char *)c->in + c->in_len, (unsigned)(IN_SIZE - c->in_len));
}

static void smtp_on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
    struct conn *c = stream->data;
    (void)b;
    if (c->closing || n == 0)
        return;
    if (n < 0) {
        if (!c->session.over)
            log_debug("a client went away without QUIT");
        conn_close(c);
        return;
    }
    if (c->lingering)
        return; /* thrown away, and not counted as a sign of life */
    c->in_len += (size_t)n;
    uv_timer_again(&c->idle);
    pump(c);
}

static void set_reading(struct conn *c)
{
    bool want = c->in_len < IN_SIZE;
    if (want && !c->reading) {
        c->reading = uv_read_start((uv_stream_t *)&c->tcp, smtp_on_alloc, smtp_on_read) == 0;
        if (!c->reading)
            conn_close(c);
    } else if (!want && c->reading) {
        c->reading = false;
        uv_read_stop((uv_stream_t *)&c->tcp);
    }
}

/* Moves on as far as it goes: input to the session, replies to the socket. */
static void pump(struct conn *c)
{
    size_t used;
    if (c->closing || c->lingering)
        return;
    do {
        used = smtp_session_feed(&c->session, c->in, c->in_len);
        c->in_len -= used;
        memmove(c->in, c->in + used, c->in_len);
        flush(c);
    } while (used > 0 && c->in_len > 0 && !c->closing);
    if (c->session.over && !c->closing) {
        smtp_session_end(&c->session);
        if (!c->writing && !c->closing)
            linger(c);
    }
    if (!c->closing)
        set_reading(c);
}

static void on_idle(uv_timer_t *t)
{
    struct conn *c = t->data;
    if (!c->lingering && !c->writing && c->session.wait != SMTP_WAIT_NONE)
        return; /* it waits for us; the timer repeats */
    if (!c->lingering && !c->writing && !c->session.over) {
        log_info("a client was silent for too long");
        smtp_say(&c->session, 421, TEXT_SMTP_IDLE);
        c->session.over = true;
        pump(c);
        return;
    }
    conn_close(c);
}

static void on_wake_timer(uv_timer_t *t)
{
    pump(t->data);
}

/* An answer came from outside pump: settle it from the loop, so that no handler is entered from
 * within its own call of smtp_reply. */
static void on_wake(struct smtp_session *s)
{
    struct conn *c = (struct conn *)s;
    if (!c->closing)
        uv_timer_start(&c->wake, on_wake_timer, 0, 0);
}

/* The client is turned away before it became a session. */
static void turn_away(struct conn *c)
{
    static const char text[] = "421 " TEXT_SMTP_CONNECTIONS "\r\n";
    uv_buf_t b = uv_buf_init((char *)text, sizeof text - 1);
    log_warn("more than %u connections: one was turned away", c->server->max_sessions);
    uv_try_write((uv_stream_t *)&c->tcp, &b, 1);
    c->session.ended = true; /* the handler never heard of it */
    conn_close(c);
}

static struct conn *conn_new(struct smtp_server *srv)
{
    struct conn *c = mem_new(sizeof *c);
    c->server = srv;
    c->in = malloc(IN_SIZE);
    if (c->in == NULL || smtp_session_init(&c->session, &srv->settings) != 0) {
        smtp_session_free(&c->session);
        free(c->in);
        free(c);
        return NULL;
    }
    c->session.wake = on_wake;
    c->flight.cap = c->session.out.cap;
    uv_tcp_init(srv->loop, &c->tcp);
    uv_timer_init(srv->loop, &c->idle);
    uv_timer_init(srv->loop, &c->wake);
    c->tcp.data = c->idle.data = c->wake.data = c;
    c->handles = 3;
    c->next = srv->conns;
    if (c->next != NULL)
        c->next->prev = c;
    srv->conns = c;
    srv->count++;
    return c;
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct smtp_server *srv = listener->data;
    if (status < 0 || srv == NULL || srv->stopping)
        return;
    struct conn *c = conn_new(srv);
    if (c == NULL) {
        log_error("no memory for a connection");
        return;
    }
    if (uv_accept(listener, (uv_stream_t *)&c->tcp) != 0) {
        c->session.ended = true;
        conn_close(c);
        return;
    }
    if (srv->count > srv->max_sessions) {
        turn_away(c);
        return;
    }
    uv_tcp_nodelay(&c->tcp, 1);
    uv_timer_start(&c->idle, on_idle, srv->idle_ms, srv->idle_ms);
    pump(c);
}

static void on_listener_closed(uv_handle_t *h)
{
    struct smtp_server *srv = h->data;
    h->data = NULL;
    server_release(srv);
}

struct smtp_server *smtp_server_start(uv_loop_t *loop, const struct smtp_config *c, struct error *e)
{
    struct smtp_server *srv = mem_new(sizeof *srv);
    srv->loop = loop;
    srv->max_sessions = c->max_sessions != 0 ? c->max_sessions : SESSIONS_DEFAULT;
    srv->idle_ms = 1000ull * (c->idle_seconds != 0 ? c->idle_seconds : IDLE_DEFAULT);
    srv->settings.name = mem_text(c->name);
    srv->settings.user = mem_text(c->user);
    srv->settings.password = mem_text(c->password);
    srv->settings.max_size = c->max_size;
    srv->settings.max_rcpts = c->max_rcpts;
    srv->settings.handler = c->handler;
    srv->settings.ctx = c->ctx;
    uv_tcp_init(loop, &srv->listener);
    srv->listener.data = srv;
    if (listen_loopback(&srv->listener, c->host, c->port, on_connection, &srv->port, e) != 0)
        smtp_server_stop(&srv);
    return srv;
}

uint16_t smtp_server_port(const struct smtp_server *srv)
{
    return srv->port;
}

void smtp_server_stop(struct smtp_server **srv_p)
{
    struct smtp_server *srv = *srv_p;
    *srv_p = NULL;
    if (srv == NULL)
        return;
    srv->stopping = true;
    for (struct conn *c = srv->conns; c != NULL; c = c->next)
        conn_close(c);
    uv_close((uv_handle_t *)&srv->listener, on_listener_closed);
}
