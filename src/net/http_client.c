/* SPDX-License-Identifier: GPL-3.0-or-later */
/* http_client.c - drives libcurl's multi interface from the libuv loop and keeps the list of
 * requests. libcurl must not be entered again from its own callbacks: what a caller does in data()
 * is remembered and done after libcurl has returned. */
#include "net/http_client.h"
#include "base/mem.h"
#include "net/http_fetch.h"
#include <stdlib.h>
#include <string.h>

#define PARALLEL_DEFAULT 32

struct http_client {
    uv_loop_t *loop;
    struct http_client_config config;
    char *socks;
    CURLM *multi;
    uv_timer_t timer;
    struct http_fetch *first, *last; /* all requests, oldest first */
    /* The limit is kept here: in libcurl's own queue the connect timeout would already run. */
    unsigned running, max_parallel;
    unsigned handles; /* uv handles not yet closed */
    bool busy;        /* act() is on the stack */
    bool freed;       /* http_client_free was called */
};

/* One of libcurl's sockets. */
struct watch {
    uv_poll_t poll;
    struct http_client *client;
    curl_socket_t fd;
};

static void client_release(struct http_client *c)
{
    if (--c->handles == 0) {
        free(c->socks);
        free(c);
    }
}

static void unlink_fetch(struct http_fetch *f)
{
    struct http_client *c = f->client;
    if (f->prev != NULL)
        f->prev->next = f->next;
    else
        c->first = f->next;
    if (f->next != NULL)
        f->next->prev = f->prev;
    else
        c->last = f->prev;
}

/* A request that waits for news takes nobody's place. */
static unsigned counts(const struct http_fetch *f)
{
    return f->config.wait_s == 0 ? 1 : 0;
}

/* Takes the request away from libcurl and from the list; only its memory is left. */
static void detach(struct http_fetch *f)
{
    if (f->running) {
        curl_multi_remove_handle(f->client->multi, f->easy);
        f->running = false;
        f->client->running -= counts(f);
    }
    unlink_fetch(f);
}

static void destroy(struct http_fetch *f)
{
    detach(f);
    fetch_free(f);
}

static int http_client_begin(struct http_fetch *f)
{
    if (curl_multi_add_handle(f->client->multi, f->easy) != CURLM_OK)
        return -1;
    f->running = true;
    f->client->running += counts(f);
    return 0;
}

static void fetch_finish(struct http_fetch *f, CURLcode result)
{
    bool silent = f->cancelled;
    detach(f);
    if (!silent)
        fetch_report(f, result);
    fetch_free(f);
}

static void teardown(struct http_client *c);

/* Reports what has ended, drops what was cancelled, starts what waits. */
static void reap(struct http_client *c)
{
    CURLMsg *msg;
    int left;
    while (!c->freed && (msg = curl_multi_info_read(c->multi, &left)) != NULL) {
        struct http_fetch *f = NULL;
        CURLcode result = msg->data.result;
        if (msg->msg == CURLMSG_DONE &&
            curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&f) == CURLE_OK)
            fetch_finish(f, result);
    }
    for (struct http_fetch *f = c->first, *next; f != NULL && !c->freed; f = next) {
        next = f->next;
        if (f->cancelled)
            destroy(f);
    }
    for (struct http_fetch *f = c->first; f != NULL && !c->freed;) {
        if (f->running || (counts(f) > 0 && c->running >= c->max_parallel) ||
            http_client_begin(f) == 0) {
            f = f->next;
        } else {
            fetch_finish(f, CURLE_OUT_OF_MEMORY);
            f = c->first; /* done() may have changed the list */
        }
    }
}

static void act(struct http_client *c, curl_socket_t fd, int events)
{
    int running;
    c->busy = true;
    curl_multi_socket_action(c->multi, fd, events, &running);
    reap(c);
    c->busy = false;
    if (c->freed)
        teardown(c);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct watch *w = poll->data;
    int flags = 0;
    if (status < 0) {
        flags = CURL_CSELECT_ERR;
    } else {
        flags |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
        flags |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
    }
    act(w->client, w->fd, flags);
}

static void on_watch_closed(uv_handle_t *h)
{
    struct watch *w = h->data;
    client_release(w->client);
    free(w);
}

static struct watch *watch_new(struct http_client *c, curl_socket_t fd)
{
    struct watch *w = mem_new(sizeof *w);
    if (uv_poll_init_socket(c->loop, &w->poll, fd) != 0) {
        free(w);
        return NULL;
    }
    w->client = c;
    w->fd = fd;
    w->poll.data = w;
    c->handles++;
    return w;
}

/* libcurl wants a socket watched, or no more. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *watch_p)
{
    struct http_client *c = ctx;
    struct watch *w = watch_p;
    int events = 0;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (w != NULL) {
            uv_poll_stop(&w->poll);
            uv_close((uv_handle_t *)&w->poll, on_watch_closed);
            curl_multi_assign(c->multi, fd, NULL);
        }
        return 0;
    }
    if (w == NULL) {
        w = watch_new(c, fd);
        if (w == NULL)
            return -1;
        curl_multi_assign(c->multi, fd, w);
    }
    events |= what & CURL_POLL_IN ? UV_READABLE : 0;
    events |= what & CURL_POLL_OUT ? UV_WRITABLE : 0;
    return uv_poll_start(&w->poll, events, on_poll) == 0 ? 0 : -1;
}

static void on_timeout(uv_timer_t *t)
{
    act(t->data, CURL_SOCKET_TIMEOUT, 0);
}

static int http_client_on_timer(CURLM *multi, long ms, void *ctx)
{
    struct http_client *c = ctx;
    (void)multi;
    if (c->freed || ms < 0) {
        uv_timer_stop(&c->timer);
        return 0;
    }
    return uv_timer_start(&c->timer, on_timeout, (uint64_t)ms, 0) == 0 ? 0 : -1;
}

static int setup_multi(struct http_client *c)
{
    int bad = 0;
    bad |= curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    bad |= curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    bad |= curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, http_client_on_timer);
    bad |= curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    bad |= curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)c->max_parallel + 64);
    return bad == 0 ? 0 : -1;
}

struct http_client *http_client_new(uv_loop_t *loop, const struct http_client_config *config,
                                    struct error *e)
{
    struct http_client *c = mem_new(sizeof *c);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(c);
        error_set(e, "The HTTP client cannot be set up");
        return NULL;
    }
    c->loop = loop;
    c->config = *config;
    c->max_parallel = config->max_parallel != 0 ? config->max_parallel : PARALLEL_DEFAULT;
    c->socks = config->socks != NULL ? strdup(config->socks) : NULL;
    c->config.socks = c->socks;
    uv_timer_init(loop, &c->timer);
    c->timer.data = c;
    c->handles = 1;
    c->multi = curl_multi_init();
    if (c->multi == NULL || setup_multi(c) != 0 || (config->socks != NULL && c->socks == NULL)) {
        error_set(e, "The HTTP client cannot be set up");
        http_client_free(&c);
        return NULL;
    }
    return c;
}

struct http_fetch *http_fetch(struct http_client *c, const struct http_fetch_config *config,
                              struct error *e)
{
    struct http_fetch *f = NULL;
    if (c == NULL)
        (void)error_set(e, "This peer is stopping.");
    else
        f = fetch_new(config, &c->config, e);
    if (f == NULL)
        return NULL;
    f->client = c;
    f->prev = c->last;
    if (f->prev != NULL)
        f->prev->next = f;
    else
        c->first = f;
    c->last = f;
    if (!c->busy && (counts(f) == 0 || c->running < c->max_parallel) && http_client_begin(f) != 0) {
        destroy(f);
        error_set(e, "libcurl cannot start a request");
        return NULL;
    }
    return f;
}

void http_fetch_cancel(struct http_fetch *f)
{
    if (f->client->busy)
        f->cancelled = true;
    else
        destroy(f);
}

static void on_timer_closed(uv_handle_t *h)
{
    client_release(h->data);
}

static void teardown(struct http_client *c)
{
    while (c->first != NULL)
        destroy(c->first);
    if (c->multi != NULL)
        curl_multi_cleanup(c->multi);
    curl_global_cleanup();
    uv_close((uv_handle_t *)&c->timer, on_timer_closed);
}

void http_client_free(struct http_client **c_p)
{
    struct http_client *c = *c_p;
    *c_p = NULL;
    if (c == NULL)
        return;
    c->freed = true;
    for (struct http_fetch *f = c->first; f != NULL; f = f->next)
        f->cancelled = true;
    if (!c->busy)
        teardown(c);
}
