/* SPDX-License-Identifier: GPL-3.0-or-later */
/* progress.h - how far a transfer is, on one line of stderr that is drawn again and again when that
 * is a terminal. */
#ifndef RESTANTE_CLI_PROGRESS_H
#define RESTANTE_CLI_PROGRESS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool terminal, drawn;
    int64_t start_ms, drawn_ms;
    int64_t first; /* octets that were here already at the start */
};

void progress_begin(struct progress *p);
/* A control_progress_fn; ctx is the struct progress. */
void progress_show(void *ctx, const json_t *o);
/* Clears the line. */
void progress_end(struct progress *p);

#endif
