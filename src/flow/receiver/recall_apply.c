/* SPDX-License-Identifier: GPL-3.0-or-later */
/* recall_apply.c - the sender took a message back before it was pulled: that is decided first, so
 * that a pull under way either has won or has lost; answer.c then removes the stub and says so
 * (P-14.5).
 */
#include "base/mem.h"
#include "base/texts.h"
#include "flow/receiver/opening.h"
#include "flow/core/message_log.h"
#include "flow/core/step.h"
#include "store/cancel.h"
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "cancel"

struct recall_applying {
    struct work *w;
    struct incoming in;
    int decided;
};

static int recall_apply_decide_run(struct db *db, void *arg)
{
    struct recall_applying *v = arg;
    v->decided = in_decide(db, v->in.n, OUTCOME_CANCELLED);
    return v->decided < 0 ? -1 : 0;
}

static void recall_apply_decide_done(void *arg, int rc)
{
    struct recall_applying *v = arg;
    store_crash_point("recall_apply.after");
    if (rc != 0) {
        work_retry(v->w, store_refused(NULL, "a cancellation"));
    } else {
        if (v->decided == 1) {
            work_info(v->w, "its sender withdrew it");
            openings_failed(v->w->services, v->in.nid, TEXT_OPEN_TAKEN);
        }
        work_end(v->w);
    }
    incoming_free(&v->in);
    free(v);
}

static void recall_apply_start(struct work *w)
{
    struct recall_applying *v = mem_new(sizeof *v);
    if (in_get(store_reader(w->services->store), w->n, &v->in) < 0) {
        free(v);
        work_retry(w, store_unread(NULL, "Its row"));
        return;
    }
    v->w = w;
    store_crash_point("recall_apply.before");
    store_do(w->services->store, recall_apply_decide_run, recall_apply_decide_done, v);
}

QUEUE(recall_apply);
const struct step step_recall_apply = {
    .queue = &queue_recall_apply,
    .parallel = 8,
    .start = recall_apply_start,
};
