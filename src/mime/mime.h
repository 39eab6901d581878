/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mime.h - the daemon's side of restante-mime, the confined helper that parses MIME with Dovecot's
 * own parser, so that what a stub announces is what Dovecot computes later. Restarted when it dies;
 * one request at a time is on the way, the rest wait. */
#ifndef RESTANTE_MIME_MIME_H
#define RESTANTE_MIME_MIME_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct mime;

/* ok=false: why is a sentence; otherwise the answer's bytes, valid during the call. */
typedef void mime_fn(void *ctx, bool ok, const char *why, const uint8_t *p, size_t n);

/* Starts the helper at this path lazily. NULL without memory. */
struct mime *mime_new(uv_loop_t *loop, const char *helper_path, struct error *e);
/* Parses the message in fd (a duplicate is passed on; the caller keeps fd) whose header must end
 * within 256 KiB: answers its skeleton (proto/skeleton.h: each part's header, octets, lines). */
void mime_skeleton(struct mime *m, int fd, mime_fn *fn, void *ctx);
/* Renders skeleton + m's own header to the text of BODYSTRUCTURE (RFC 3501, without outer
 * parentheses), exactly as Dovecot would for the full message. Copies its input. */
void mime_render(struct mime *m, const void *header, size_t header_len, const uint8_t *skeleton,
                 size_t skeleton_len, mime_fn *fn, void *ctx);
/* Ends the helper; outstanding requests are answered with ok=false. Nulls. */
void mime_free(struct mime **m);

#endif
