/* SPDX-License-Identifier: GPL-3.0-or-later */
/* helper.h - one restante-mime process and the socket to it. */
#ifndef RESTANTE_MIME_HELPER_H
#define RESTANTE_MIME_HELPER_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct helper;

/* A frame came: verb and payload (n >= 1), a NUL behind them. -1 ends the helper as gone. The
 * callback may call helper_kill. */
typedef int helper_answer_fn(void *ctx, const uint8_t *p, size_t n);
/* The process or its socket ended by itself: the helper is being freed, do not use it again.
 * started: it had said hello; why: how it ended, with the last line of its standard error. */
typedef void helper_gone_fn(void *ctx, bool started, const char *why);

/* NULL and e when the program cannot be started. */
struct helper *helper_start(uv_loop_t *loop, const char *path, helper_answer_fn *on_answer,
                            helper_gone_fn *on_gone, void *ctx, struct error *e);
/* Has it said hello? What is asked before waits for that. */
bool helper_started(const struct helper *h);
/* Sends a frame, with fd unless it is -1. Frame and fd must live until answer, gone or kill. One at
 * a time. Calls nothing back before it returned. */
void helper_ask(struct helper *h, const uint8_t *frame, size_t n, int fd);
/* Kills the process and frees; on_gone is not called. Nulls; does nothing with NULL. */
void helper_kill(struct helper **h);

#endif
