/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report.h - what the steps share that write a report on one message (mail/dsn.h) into the inbox:
 * its rows are read, the file is written on a worker, then who stands in it is committed as told.
 */
#ifndef RESTANTE_FLOW_REPORT_H
#define RESTANTE_FLOW_REPORT_H

#include "base/jobs.h"
#include "flow/core/step.h"
#include "store/outgoing.h"

struct report {
    struct job job;
    struct work *w; /* its row: the message */
    struct out_message m;
    struct out_receiver *rcpts; /* who stands in it */
    size_t count;
    int rc; /* of the job */
    struct error why;
};

/* The step is over (why as in work_over); frees it, whatever was read. */
void report_end(struct report *t, const char *why);
/* Reads the rows of those who stand in it, whose numbers `find` gives. 0, or -1 when one cannot be
 * read. */
int report_read(struct report *t,
                size_t (*find)(struct db *db, int64_t message, int64_t *n_r, size_t max));
/* Puts it into the inbox, under a name that follows from the rows: "<at_s>.<mark><message id>
 * <more>.restante", by way of the spool's file <id><suffix>. Sets t->rc and t->why. Worker thread.
 */
void report_place(struct report *t, int64_t at_ms, const char *suffix, int64_t name_s, char mark,
                  const char *more);

#endif
