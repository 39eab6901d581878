/* SPDX-License-Identifier: GPL-3.0-or-later */
/* queue.c - see queue.h. */
#include "store/queue.h"
#include "store/db.h"
#include <string.h>

/* Of the parameters that a queue may use, those that this text does. */
static sqlite3_stmt *queue_query(struct db *db, const char *text, const struct queue_rules *r,
                                 int64_t now_ms, size_t max)
{
    const int64_t value[] = {now_ms,         (int64_t)max,       r->expiry_grace,
                             r->pull_before, r->pull_before_max, r->trusted_ms};
    sqlite3_stmt *s = db_query(db, text, "");
    int used = s == NULL ? 0 : sqlite3_bind_parameter_count(s);
    for (int i = 0; i < used && i < (int)(sizeof value / sizeof *value); i++)
        (void)sqlite3_bind_int64(s, i + 1, value[i]);
    return s;
}

/* SQLite tells, while it prepares a statement, what that reads. */
static int on_read(void *ctx, int action, const char *table, const char *column, const char *db,
                   const char *by)
{
    unsigned *parts = ctx;
    if (action == SQLITE_READ && table != NULL && table[0] != '\0')
        *parts |= store_part_of(table);
    return SQLITE_OK;
}

static bool add_parts(struct db *db, const char *text)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(db->sql, text, -1, &s, NULL);
    (void)sqlite3_finalize(s);
    return rc == SQLITE_OK;
}

unsigned queue_parts(struct db *db, const struct queue *q)
{
    unsigned parts = 0;
    (void)sqlite3_set_authorizer(db->sql, on_read, &parts);
    bool good = add_parts(db, q->due) && add_parts(db, q->next);
    (void)sqlite3_set_authorizer(db->sql, NULL, NULL);
    return good ? parts : 0;
}

size_t queue_due(struct db *db, const struct queue *q, const struct queue_rules *rules,
                 int64_t now_ms, int64_t *n_r, size_t max, int64_t *next_ms)
{
    size_t n = 0;
    sqlite3_stmt *s = queue_query(db, q->due, rules, now_ms, max);
    while (n < max && db_row(s, NULL))
        n_r[n++] = sqlite3_column_int64(s, 0);
    if (n == max && s != NULL)
        (void)sqlite3_reset(s);
    if (next_ms == NULL)
        return n;
    s = queue_query(db, q->next, rules, now_ms, 0);
    if (db_row(s, NULL)) {
        int64_t next = sqlite3_column_int64(s, 0); /* NULL, hence 0: there is none */
        if (next > now_ms && next < *next_ms)
            *next_ms = next;
        (void)sqlite3_reset(s);
    }
    return n;
}

int queue_delay(struct db *db, const struct queue *q, int64_t n, int64_t due_ms, const char *why)
{
    bool says = strstr(q->delay, "?3") != NULL;
    return db_run(db, q->delay, says ? "iib" : "ii", due_ms, n, why,
                  why == NULL ? (size_t)0 : strlen(why));
}

int64_t queue_tries(struct db *db, const struct queue *q, int64_t n)
{
    return db_int(db, 0, q->tries, "i", n);
}
