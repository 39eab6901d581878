/* SPDX-License-Identifier: GPL-3.0-or-later */
/* job.h - work for another thread. */
#ifndef RESTANTE_FLOW_JOB_H
#define RESTANTE_FLOW_JOB_H

#include "base/jobs.h"

/* A job of one's own: allocates nothing, run on `where`. */
void job_run(struct jobs *where, struct job *job, void (*run)(struct job *, void *),
             void (*done)(struct job *), bool small);

#endif
