/* SPDX-License-Identifier: GPL-3.0-or-later */
/* blob_step.c - see blob_step.h. */
#include "flow/sender/blob_step.h"
#include "base/mem.h"
#include <stdlib.h>

void *blob_step_new(struct work *w, size_t size)
{
    struct blob_step *x = mem_new(size);
    if (blob_get(store_reader(w->services->store), w->n, &x->b) < 0) {
        free(x);
        work_retry(w, store_unread(NULL, "Its row"));
        return NULL;
    }
    x->w = w;
    return x;
}

void blob_step_end(struct blob_step *x, const char *why)
{
    work_over(x->w, why);
    bytes_free(&x->b.chunks);
    free(x);
}
