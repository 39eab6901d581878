/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report.c - see report.h. */
#include "flow/sender/report.h"
#include "base/mem.h"
#include "flow/core/path.h"
#include "flow/mail/dsn.h"
#include <stdio.h>
#include <stdlib.h>

void report_end(struct report *t, const char *why)
{
    work_over(t->w, why);
    for (size_t i = 0; i < t->count; i++)
        out_receiver_free(&t->rcpts[i]);
    free(t->rcpts);
    out_message_free(&t->m);
    free(t);
}

int report_read(struct report *t,
                size_t (*find)(struct db *db, int64_t message, int64_t *n_r, size_t max))
{
    struct db *db = store_reader(t->w->services->store);
    int64_t *n = mem_array(RCPTS_MAX, sizeof *n);
    size_t found = find(db, t->m.n, n, RCPTS_MAX);
    t->rcpts = found == 0 ? NULL : calloc(found, sizeof *t->rcpts);
    while (t->rcpts != NULL && t->count < found &&
           rcv_get(db, n[t->count], &t->rcpts[t->count]) == 0)
        t->count++;
    free(n);
    return t->count == found ? 0 : -1;
}

void report_place(struct report *t, int64_t at_ms, const char *suffix, int64_t name_s, char mark,
                  const char *more)
{
    const struct services *sv = t->w->services;
    char path[PATH_CAP], name[128], id[2 * MESSAGE_ID_LEN + 1];
    const struct dsn d = {
        .own = sv->c.address, .m = &t->m, .rcpts = t->rcpts, .count = t->count, .at_ms = at_ms};
    hex_encode(t->m.id, MESSAGE_ID_LEN, id);
    home_path(sv, path, "spool", t->m.id, MESSAGE_ID_LEN, suffix);
    (void)snprintf(name, sizeof name, "%lld.%c%s%s.restante", (long long)name_s, mark, id, more);
    t->rc = dsn_place(&d, sv->c.home, path, name, &t->why);
}
