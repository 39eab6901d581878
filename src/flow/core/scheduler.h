/* SPDX-License-Identifier: GPL-3.0-or-later */
/* scheduler.h - the loop that asks the store what is due and starts the step for it. Restart and
 * normal running are one path: there is no other way to a step. */
#ifndef RESTANTE_FLOW_SCHEDULER_H
#define RESTANTE_FLOW_SCHEDULER_H

#include "flow/core/services.h"

struct work { /* one step under way on one row */
    struct services *services;
    const struct step *step;
    int64_t n; /* row number */
    struct work *next;
};

struct step {
    const char *name;
    bool incoming;                 /* which side's rows */
    int due;                       /* enum out_due, in_due or replica_due */
    unsigned parallel;             /* at most so many at once */
    bool needs_net;                /* not started while the DHT has no link */
    void (*start)(struct work *w); /* must come to work_over, once */
    unsigned parts;                /* enum store_part: what decides what is due */
};

/* The row's next state is committed, or its delay: look again. */
void work_end(struct work *w);
/* For steps that failed: commits the delay (with why for incoming rows), then ends. */
void work_retry(struct work *w, const char *why);
/* One of both: why NULL says that it went well. */
void work_over(struct work *w, const char *why);

/* This step runs on that row now. */
bool work_under_way(const struct services *sv, void (*start)(struct work *w), int64_t n);

int scheduler_start(struct services *sv, struct error *e);
void scheduler_stop(struct services *sv);
void scheduler_free(struct services *sv);

#endif
