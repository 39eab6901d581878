/* SPDX-License-Identifier: GPL-3.0-or-later */
/* job.c - see job.h. */
#include "flow/core/job.h"

void job_run(struct jobs *where, struct job *job, void (*run)(struct job *, void *),
             void (*done)(struct job *), bool small)
{
    *job = (struct job){.run = run, .done = done, .small = small};
    jobs_submit(where, job);
}
