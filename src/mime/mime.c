/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mime.c - the queue of questions for restante-mime; helper.c holds the process and its socket.
 *
 * The request at the head of the queue is with the helper, the others wait. A helper that dies over
 * a request gets it once more (in a new process); then, or after its time, it is given up. One that
 * ends before its hello never saw the request: that is told as what it is, what waits is answered,
 * and for some seconds so is what comes. */
#include "mime/helper.h"
#include "base/mem.h"
#include "base/texts.h"
#include "mime/mime.h"
#include "mime/wire.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_AREA "mime"
#define TRIES 2
#define START_PAUSE_MS 5000       /* after it did not start, until a request may try again */
#define START_AGAIN_MS 30000      /* until it is tried without a request */
#define PATIENCE_MS 10000         /* for a small request, */
#define OCTETS_PER_MS (20 * 1000) /* and a second more for each 20 MB */

struct mime_request {
    struct mime_request *next;
    uint8_t verb;
    int fd;            /* owned; -1 of a rendering */
    struct buf frame;  /* as it goes to the helper */
    uint64_t extra_ms; /* for its size */
    unsigned tries;
    mime_fn *fn;
    void *ctx;
    char why[160]; /* not empty: is answered so, without the helper */
    enum mime_verdict verdict;
};

struct mime {
    uv_loop_t *loop;
    char *path;
    struct helper *helper; /* NULL while none runs */
    uint64_t patience_ms;
    uv_timer_t timer; /* of the request under way */
    uv_timer_t again; /* tries once more to start a helper that did not */
    char down[400];   /* why it does not start; "" when it does, or was never tried */
    int64_t down_ms;  /* when that was */
    uv_timer_t later; /* starts work after the caller returned */
    struct mime_request *head, **tail;
    bool busy; /* head is with the helper */
    bool freed;
    unsigned open_handles;
};

static void go_on(struct mime *m);
static void on_again(uv_timer_t *t);

static void request_free(struct mime_request *r)
{
    if (r->fd >= 0)
        (void)close(r->fd);
    buf_free(&r->frame);
    free(r);
}

/* Takes the head off the queue and answers it. The callback may queue more, or free m: the caller
 * of this touches m no further without looking at m->freed. */
static void request_finish(struct mime *m, enum mime_verdict verdict, const char *why,
                           const struct mime_answer *a)
{
    struct mime_request *r = m->head;
    m->head = r->next;
    if (m->head == NULL)
        m->tail = &m->head;
    m->busy = false;
    (void)uv_timer_stop(&m->timer);
    r->fn(r->ctx, verdict, why, a);
    request_free(r);
}

static void on_later(uv_timer_t *t)
{
    struct mime *m = t->data;
    go_on(m);
}

static void go_on_later(struct mime *m)
{
    if (!m->freed)
        (void)uv_timer_start(&m->later, on_later, 0, 0);
}

/* The helper does not start: whoever waits is told so. */
static void not_started(struct mime *m, const char *how)
{
    struct error e;
    size_t waiting = 0;
    log_error("restante-mime (%s) does not start: %s", m->path, how);
    (void)snprintf(m->down, sizeof m->down, "%s", how);
    m->down_ms = clock_mono_ms();
    (void)uv_timer_start(&m->again, on_again, START_AGAIN_MS, 0);
    (void)error_set(&e, TEXT_MIME_START, m->down);
    for (const struct mime_request *r = m->head; r != NULL; r = r->next)
        waiting++;
    go_on_later(m);
    for (; waiting > 0 && m->head != NULL; waiting--) { /* an answer may bring a new request */
        struct mime_request *r = m->head;
        request_finish(m, r->verdict, r->why[0] != '\0' ? r->why : e.text, NULL);
    }
}

static void on_time(uv_timer_t *t)
{
    struct mime *m = t->data;
    if (m->helper != NULL && !helper_started(m->helper)) {
        helper_kill(&m->helper);
        not_started(m, "it says nothing");
        return;
    }
    log_warn("the MIME helper was stopped: a request took longer than %llu s",
             (unsigned long long)((m->patience_ms + m->head->extra_ms) / 1000));
    helper_kill(&m->helper);
    go_on_later(m);
    request_finish(m, MIME_FAILED, TEXT_MIME_SLOW, NULL);
}

/* The helper died, or broke the rules and was ended. */
static void mime_on_gone(void *ctx, bool started, const char *why)
{
    struct mime *m = ctx;
    m->helper = NULL;
    if (!started && (!m->busy || m->head->tries >= TRIES)) {
        not_started(m, why);
        return;
    }
    go_on_later(m);
    if (!m->busy) {
        log_info("the MIME helper ended: %s", why);
        return;
    }
    log_warn(started ? "the MIME helper died over a request (try %u of %d): %s"
                     : "the MIME helper did not start (try %u of %d): %s",
             m->head->tries, TRIES, why);
    if (m->head->tries >= TRIES) {
        request_finish(m, MIME_FAILED, TEXT_MIME_DIED, NULL);
        return;
    }
    m->busy = false;
    (void)uv_timer_stop(&m->timer);
}

/* Takes "from" off the payload; false when it is not as it should be. */
static bool take_from(struct mime_answer *a)
{
    if (a->n < MIME_FROM_LEN || a->p[MIME_FROM_LEN - 1] != '\0')
        return false;
    a->from_count = mime_get32(a->p);
    a->from = (const char *)a->p + 4;
    a->p += MIME_FROM_LEN;
    a->n -= MIME_FROM_LEN;
    for (const char *c = a->from; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return false;
    return (a->from[0] != '\0') == (a->from_count == 1);
}

static void up(struct mime *m)
{
    if (m->down[0] == '\0')
        return;
    m->down[0] = '\0';
    log_info("restante-mime starts again");
}

/* An answer frame, without its length: verb and payload, with a NUL behind it. -1: not an answer to
 * what was asked. */
static int on_answer(void *ctx, const uint8_t *p, size_t n)
{
    struct mime *m = ctx;
    struct mime_answer a = {.p = p + 1, .n = n - 1};
    if (!m->busy)
        return -1;
    up(m);
    if (p[0] == MIME_NO) {
        go_on_later(m);
        request_finish(m, MIME_REFUSED, (const char *)p + 1, NULL);
        return 0;
    }
    if (m->head->verb == MIME_PARSE) {
        if (p[0] != MIME_PARSED || !take_from(&a) || a.n < 16)
            return -1;
        a.header_octets = mime_get64(a.p);
        a.octets = mime_get64(a.p + 8);
        a.p += 16;
        a.n -= 16;
        if (a.header_octets > a.octets || a.header_octets > HEADER_MAX || a.n > SKELETON_MAX)
            return -1;
    } else if (p[0] != MIME_RENDERED || !take_from(&a)) {
        return -1;
    }
    go_on_later(m);
    request_finish(m, MIME_OK, NULL, &a);
    return 0;
}

/* Starts the helper unless one runs. False: it cannot be, and everybody was told. */
static bool have_helper(struct mime *m)
{
    struct error e;
    if (m->helper != NULL)
        return true;
    m->helper = helper_start(m->loop, m->path, on_answer, mime_on_gone, m, &e);
    if (m->helper == NULL)
        not_started(m, e.text);
    return m->helper != NULL;
}

static void on_again(uv_timer_t *t)
{
    mime_start(t->data);
}

/* Hands the head to the helper, starting one if need be. */
static void go_on(struct mime *m)
{
    struct mime_request *r = m->head;
    struct error e;
    if (m->freed || m->busy || r == NULL)
        return;
    if (r->why[0] != '\0') {
        go_on_later(m);
        request_finish(m, r->verdict, r->why, NULL);
        return;
    }
    if (m->helper == NULL && m->down[0] != '\0' && clock_mono_ms() - m->down_ms < START_PAUSE_MS) {
        (void)error_set(&e, TEXT_MIME_START, m->down);
        go_on_later(m);
        request_finish(m, MIME_FAILED, e.text, NULL);
        return;
    }
    if (!have_helper(m))
        return;
    m->busy = true;
    r->tries++;
    (void)uv_timer_start(&m->timer, on_time, m->patience_ms + r->extra_ms, 0);
    helper_ask(m->helper, r->frame.data, r->frame.len, r->fd);
}

static struct mime_request *request_new(uint8_t verb, mime_fn *fn, void *ctx)
{
    struct mime_request *r = mem_new(sizeof *r);
    r->verb = verb;
    r->fd = -1;
    r->verdict = MIME_FAILED;
    r->frame.cap = MIME_REQUEST_MAX;
    r->fn = fn;
    r->ctx = ctx;
    return r;
}

static void queue(struct mime *m, struct mime_request *r)
{
    *m->tail = r;
    m->tail = &r->next;
    go_on_later(m);
}

void mime_skeleton(struct mime *m, int fd, mime_fn *fn, void *ctx)
{
    static const uint8_t frame[MIME_HEAD] = {0, 0, 0, 1, MIME_PARSE};
    if (m == NULL)
        return;
    struct mime_request *r = request_new(MIME_PARSE, fn, ctx);
    char path[40];
    struct stat st;

    /* an open of its own: read-only, and with a position that the caller does not share */
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    r->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (r->fd < 0 || fstat(r->fd, &st) < 0)
        (void)snprintf(r->why, sizeof r->why, "The message cannot be opened: %s.", strerror(errno));
    else if (!S_ISREG(st.st_mode))
        (void)snprintf(r->why, sizeof r->why, "The message is not a regular file.");
    else if (buf_append(&r->frame, frame, sizeof frame) < 0)
        (void)snprintf(r->why, sizeof r->why, "Out of memory.");
    else
        r->extra_ms = (uint64_t)st.st_size / OCTETS_PER_MS;
    queue(m, r);
}

void mime_render(struct mime *m, const void *header, size_t header_len, const uint8_t *skeleton,
                 size_t skeleton_len, mime_fn *fn, void *ctx)
{
    uint8_t head[MIME_HEAD + 4];
    if (m == NULL)
        return;
    struct mime_request *r = request_new(MIME_RENDER, fn, ctx);

    if (header_len > HEADER_MAX || skeleton_len > SKELETON_MAX) {
        (void)snprintf(r->why, sizeof r->why, "The header or the structure is too large.");
        r->verdict = MIME_REFUSED;
        queue(m, r);
        return;
    }
    mime_put32(head, (uint32_t)(1 + 4 + header_len + skeleton_len));
    head[4] = MIME_RENDER;
    mime_put32(head + MIME_HEAD, (uint32_t)header_len);
    if (buf_append(&r->frame, head, sizeof head) < 0 ||
        buf_append(&r->frame, header, header_len) < 0 ||
        buf_append(&r->frame, skeleton, skeleton_len) < 0)
        (void)snprintf(r->why, sizeof r->why, "Out of memory.");
    queue(m, r);
}

struct mime *mime_new(uv_loop_t *loop, const char *helper_path, struct error *e)
{
    struct mime *m = mem_new(sizeof *m);
    m->path = mem_text(helper_path);
    m->loop = loop;
    m->tail = &m->head;
    m->patience_ms = PATIENCE_MS;
    (void)uv_timer_init(loop, &m->timer);
    (void)uv_timer_init(loop, &m->later);
    (void)uv_timer_init(loop, &m->again);
    m->timer.data = m->later.data = m->again.data = m;
    m->open_handles = 3;
    return m;
}

void mime_start(struct mime *m)
{
    if (m != NULL && !m->freed)
        (void)have_helper(m);
}

void mime_health(const struct mime *m, struct health *health_r)
{
    *health_r = (struct health){HEALTH_OK, "", ""};
    if (m->helper != NULL && helper_started(m->helper))
        return;
    if (m->down[0] == '\0') {
        health_r->state =
            m->helper != NULL ? HEALTH_STARTING : HEALTH_OK; /* it starts when it is needed */
        return;
    }
    health_r->state = HEALTH_WRONG;
    (void)snprintf(health_r->cause, sizeof health_r->cause,
                   "restante-mime does not start: %s. Nothing can be sent or shown without it.",
                   m->down);
    (void)snprintf(
        health_r->todo, sizeof health_r->todo,
        "Mend what it names, or install Restante anew (`make`, then `sudo make install`); "
        "it is tried again by itself.");
}

void mime_set_patience(struct mime *m, uint64_t ms)
{
    m->patience_ms = ms;
}

static void mime_on_closed(uv_handle_t *h)
{
    struct mime *m = h->data;
    if (--m->open_handles > 0)
        return;
    free(m->path);
    free(m);
}

void mime_free(struct mime **mp)
{
    struct mime *m = *mp;
    *mp = NULL;
    if (m == NULL)
        return;
    m->freed = true;
    helper_kill(&m->helper);
    while (m->head != NULL)
        request_finish(m, MIME_FAILED, "The peer is stopping.", NULL);
    uv_close((uv_handle_t *)&m->timer, mime_on_closed);
    uv_close((uv_handle_t *)&m->later, mime_on_closed);
    uv_close((uv_handle_t *)&m->again, mime_on_closed);
}
