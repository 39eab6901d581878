/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mime.h - the daemon's side of restante-mime, the confined helper that parses MIME with Dovecot's
 * own parser, so that what a stub announces is what Dovecot computes later. Restarted when it dies;
 * one request at a time is on the way, the rest wait. */
#ifndef RESTANTE_MIME_MIME_H
#define RESTANTE_MIME_MIME_H

#include "base/error.h"
#include "base/health.h"
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct mime;

enum mime_verdict {
    MIME_OK,
    MIME_REFUSED, /* the helper looked at it and says no: it will say so again */
    MIME_FAILED   /* the helper could not be started, died twice over it, took too long, or ends:
                     why says which, and blames the message only for what came over it */
};

struct mime_answer { /* valid during the call; p has a NUL behind it that n does not count */
    const uint8_t *p;
    size_t n;
    uint64_t header_octets; /* of mime_skeleton: m's header with its empty line, */
    uint64_t octets;        /* and all of m */
    /* Mailbox addresses in all From fields of m's own header, as Dovecot parses them; counting ends
     * somewhere above 1,000. 1 only when a mail program can hardly read it otherwise: there is one
     * From field, in it one address that stands there in one piece, without a route, and nothing
     * else but a display name and comments; and the header has no NUL, no CR without LF, and no
     * white space at its beginning. 0 where it would be 1 but for that. */
    unsigned from_count;
    const char *from; /* when from_count is 1: local@domain as written, no controls, at most 320
                         octets; else "" */
};

/* Called once per request, never before the request function returned. a is NULL unless MIME_OK;
 * why is a sentence otherwise. */
typedef void mime_fn(void *ctx, enum mime_verdict verdict, const char *why,
                     const struct mime_answer *a);

/* Nothing is started before mime_start or the first request. */
struct mime *mime_new(uv_loop_t *loop, const char *helper_path, struct error *e);
/* Starts the helper at this path now, so that mime_health knows whether it does; while it does not,
 * tries again every half minute. */
void mime_start(struct mime *m);
/* How the helper is doing. Wrong: it does not start; requests are answered with MIME_FAILED then.
 */
void mime_health(const struct mime *m, struct health *health_r);
/* How long a request may take, not counting a second for each 20 MB of message; 10 s unless set. */
void mime_set_patience(struct mime *m, uint64_t ms);
/* Parses the message in fd, a regular file holding exactly m in CRLF (opened again for the helper:
 * the caller keeps fd and its position, and may close it at once): answers its skeleton
 * (proto/skeleton.h: each part's header, octets, lines). Refused: a header over HEADER_MAX, more
 * than PARTS_MAX parts, a skeleton over SKELETON_MAX, a NUL or a bare LF. With m == NULL (after
 * mime_free) this and mime_render are dropped, without an answer. */
void mime_skeleton(struct mime *m, int fd, mime_fn *fn, void *ctx);
/* Renders skeleton + m's own header to the text of BODYSTRUCTURE (RFC 3501, without outer
 * parentheses), exactly as Dovecot would for the full message. Copies its input. */
void mime_render(struct mime *m, const void *header, size_t header_len, const uint8_t *skeleton,
                 size_t skeleton_len, mime_fn *fn, void *ctx);
/* Ends the helper; outstanding requests are answered with MIME_FAILED. Nulls; the memory goes when
 * the loop has closed the handles. */
void mime_free(struct mime **m);

#endif
