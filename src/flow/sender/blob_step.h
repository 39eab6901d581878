/* SPDX-License-Identifier: GPL-3.0-or-later */
/* blob_step.h - what the steps on one of our own blobs share: its row is read, files are changed on
 * a worker, the next state is committed. */
#ifndef RESTANTE_FLOW_BLOB_STEP_H
#define RESTANTE_FLOW_BLOB_STEP_H

#include "flow/core/scheduler.h"
#include "store/outgoing.h"
#include "base/jobs.h"
#include "flow/core/step.h"

struct blob_step { /* the first member of a step's own struct, or the whole of it */
    struct job job;
    struct work *w; /* its row: the blob */
    struct out_blob b;
    int rc; /* of the job */
    struct error why;
};

/* size: of the step's own struct, the rest of which becomes zero. NULL when the row cannot be read:
 * then w is over. */
void *blob_step_new(struct work *w, size_t size);
/* Ends its work (why as in work_over) and frees it. */
void blob_step_end(struct blob_step *x, const char *why);

#endif
