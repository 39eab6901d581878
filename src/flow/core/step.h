/* SPDX-License-Identifier: GPL-3.0-or-later */
/* step.h - a step of a message's way. Its file exports one struct step, steps.c has the list. A
 * step never calls another: it commits the next state, and the scheduler finds what is due. */
#ifndef RESTANTE_FLOW_STEP_H
#define RESTANTE_FLOW_STEP_H

#include "flow/core/services.h"
#include "store/queue.h"

struct work { /* one step under way on one row */
    struct services *services;
    const struct step *step;
    int64_t n; /* row number */
    struct work *next;
};

enum step_rank {
    STEP_NORMAL,
    STEP_FIRST, /* somebody waits for it: mail on its way to the DHT */
    STEP_LAST,  /* only shows the store's state: waits while a STEP_FIRST is busy, for some time */
};

struct step {
    const struct queue *queue; /* the rows on which it waits */
    unsigned parallel;         /* at most so many at once */
    bool needs_net;            /* not started while the DHT has no link, or sv->may_go says no */
    enum step_rank rank;
    bool (*may)(const struct services *sv); /* NULL, or: not started while it says no */
    void (*start)(struct work *w);          /* must come to work_over, once */
};

/* The row's next state is committed, or its delay: look again. */
void work_end(struct work *w);
/* For steps that failed: commits the delay (with why for incoming rows), then ends. */
void work_retry(struct work *w, const char *why);
/* One of both: why NULL says that it went well. */
void work_over(struct work *w, const char *why);

/* Is the step of this queue under way on that row? */
bool work_under_way(const struct services *sv, const struct queue *queue, int64_t n);

/* May steps go on that touch the network? See services.may_go. */
bool may_go(const struct services *sv);
/* Something new is due. */
void kick(struct services *sv);

#endif
