/* SPDX-License-Identifier: GPL-3.0-or-later */
/* http_post.c - POST /receipt (P-6.8). The server's thread reads a body of a few hundred octets,
 * unparsed, and suspends the connection; whoever decides takes it (http_server_post), commits, and
 * gives the answer (http_server_reply), which the server's thread then sends. */
#include "base/clock.h"
#include "net/http_serve.h"
#include "proto/limits.h"
#include <stdlib.h>
#include <string.h>

#define POST_MS 10000 /* a commit takes no longer, or is not waited for */

/* The body's length as announced, 1 to RECEIPTS_BODY_MAX; 0: another one, or none. */
static size_t body_length(struct MHD_Connection *conn)
{
    const char *text =
        MHD_lookup_connection_value(conn, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    size_t n = 0, digits = text == NULL ? 0 : strspn(text, "0123456789");
    if (digits == 0 || digits > 5 || text[digits] != '\0' ||
        MHD_lookup_connection_value(conn, MHD_HEADER_KIND, MHD_HTTP_HEADER_TRANSFER_ENCODING) !=
            NULL)
        return 0;
    for (size_t i = 0; i < digits; i++)
        n = n * 10 + (size_t)(text[i] - '0');
    return n <= RECEIPTS_BODY_MAX ? n : 0;
}

/* With the lock: it has come whole and waits. */
static enum MHD_Result enqueue(struct http_server *s, struct MHD_Connection *conn,
                               struct http_request *q)
{
    if (s->on_post == NULL || s->stopping || s->post_count == HTTP_POSTS_MAX)
        return http_answer_empty(conn, MHD_HTTP_SERVICE_UNAVAILABLE, NULL, NULL);
    q->conn = conn;
    q->number = ++s->last_number;
    q->until_ms = clock_mono_ms() + POST_MS;
    s->posts[s->post_count++] = q;
    MHD_suspend_connection(conn);
    s->on_post(s->post_ctx);
    return MHD_YES;
}

static enum MHD_Result send_reply(struct MHD_Connection *conn, const struct http_request *q)
{
    if (q->have == 0)
        return http_answer_empty(conn, q->status, NULL, NULL);
    struct MHD_Response *r =
        MHD_create_response_from_buffer(q->have, q->body, MHD_RESPMEM_MUST_COPY);
    if (r != NULL)
        MHD_add_response_header(r, "Content-Type", "application/cbor");
    return http_send(conn, q->status, r);
}

enum MHD_Result http_post(struct http_server *s, struct MHD_Connection *conn,
                          struct http_request *q, const char *upload, size_t *upload_len)
{
    size_t n = *upload_len;
    if (!q->posting) { /* the header has come */
        *upload_len = 0;
        q->posting = true;
        q->want = body_length(conn);
        if (q->want == 0)
            return http_answer_empty(conn, MHD_HTTP_CONTENT_TOO_LARGE, NULL, NULL);
        q->body = malloc(q->want);
        return q->body != NULL ? MHD_YES : MHD_NO;
    }
    if (n > 0) {
        if (n > q->want - q->have)
            return MHD_NO;
        memcpy(q->body + q->have, upload, n);
        q->have += n;
        *upload_len = 0;
        return MHD_YES;
    }
    if (q->have < q->want && q->number == 0)
        return MHD_NO;
    pthread_mutex_lock(&s->lock);
    enum MHD_Result result = MHD_YES;
    if (q->number == 0)
        result = enqueue(s, conn, q);
    else if (q->status != 0)
        result = send_reply(conn, q);
    pthread_mutex_unlock(&s->lock);
    return result;
}

/* With the lock: it waits no more. */
static void resume(struct http_server *s, size_t i, unsigned status)
{
    struct http_request *q = s->posts[i];
    q->status = status;
    s->post_count--;
    memmove(&s->posts[i], &s->posts[i + 1], (s->post_count - i) * sizeof s->posts[0]);
    MHD_resume_connection(q->conn);
}

void http_posts_until(struct http_server *s, int64_t now_ms)
{
    for (size_t i = s->post_count; i-- > 0;) {
        if (s->posts[i]->until_ms <= now_ms) {
            s->posts[i]->have = 0;
            resume(s, i, MHD_HTTP_SERVICE_UNAVAILABLE);
        }
    }
}

void http_server_on_post(struct http_server *s, void (*fn)(void *ctx), void *ctx)
{
    pthread_mutex_lock(&s->lock);
    s->on_post = fn;
    s->post_ctx = ctx;
    pthread_mutex_unlock(&s->lock);
}

uint64_t http_server_post(struct http_server *s, uint8_t *body, size_t *n_r)
{
    uint64_t number = 0;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->post_count && number == 0; i++) {
        struct http_request *q = s->posts[i];
        if (!q->taken) {
            q->taken = true;
            number = q->number;
            memcpy(body, q->body, q->have);
            *n_r = q->have;
        }
    }
    pthread_mutex_unlock(&s->lock);
    return number;
}

void http_server_reply(struct http_server *s, uint64_t number, unsigned status, const uint8_t *p,
                       size_t n)
{
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->post_count; i++) {
        struct http_request *q = s->posts[i];
        if (q->number == number) {
            uint8_t *answer = n > 0 && n <= RECEIPTS_BODY_MAX ? malloc(n) : NULL;
            free(q->body);
            q->body = answer;
            q->have = answer != NULL ? n : 0;
            if (answer != NULL)
                memcpy(answer, p, n);
            resume(s, i, n == 0 || answer != NULL ? status : MHD_HTTP_SERVICE_UNAVAILABLE);
            break;
        }
    }
    pthread_mutex_unlock(&s->lock);
}
