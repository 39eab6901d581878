/* SPDX-License-Identifier: GPL-3.0-or-later */
/* store.c - the store's thread and its group commit; see store.h. */
#include "store/store.h"
#include "base/jobs.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/db.h"
#include "store/schema.h"
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_AREA "store"

#define PARTS 5

struct store {
    struct db writer, reader;
    struct jobs *jobs;
    /* the store's thread: of the batch under way */
    unsigned touched;   /* enum store_part */
    int changed, noted; /* rows: by SQLite's count before it, by on_change() since */
    atomic_uint_fast64_t changes[PARTS];
};

struct transition {
    struct job job;
    store_run_fn *run;
    store_done_fn *done;
    void *arg;
    int rc;
    char cause[DB_CAUSE_CAP]; /* SQLite's text, when rc is not 0 */
};

static _Thread_local const char *done_cause; /* of the transition whose done() runs here */

enum store_part store_part_of(const char *table)
{
    static const struct {
        const char *table;
        enum store_part part;
    } parts[] = {{"message", STORE_MESSAGE},
                 {"receiver", STORE_RECEIVER},
                 {"blob", STORE_BLOB},
                 {"replica", STORE_REPLICA},
                 {"replica_ns", STORE_REPLICA}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strcmp(table, parts[i].table) == 0)
            return parts[i].part;
    return STORE_REST;
}

static void on_change(void *ctx, int what, const char *db, const char *table, sqlite3_int64 row)
{
    struct store *s = ctx;
    s->noted++;
    s->touched |= store_part_of(table);
}

static int batch_begin(void *ctx)
{
    struct store *s = ctx;
    s->touched = 0;
    s->noted = 0;
    s->changed = sqlite3_total_changes(s->writer.sql);
    return db_exec(&s->writer, "BEGIN IMMEDIATE", "") < 0 ? -1 : 0;
}

static int batch_end(void *ctx)
{
    struct store *s = ctx;
    if (sqlite3_get_autocommit(s->writer.sql))
        return -1; /* rolled back already, and the cause is what did it */
    if (db_exec(&s->writer, "COMMIT", "") < 0) {
        (void)db_exec(&s->writer, "ROLLBACK", "");
        return -1;
    }
    /* SQLite does not tell of tables without row ids */
    if (sqlite3_total_changes(s->writer.sql) - s->changed != s->noted)
        s->touched |= STORE_REST;
    for (unsigned i = 0; i < PARTS; i++)
        if ((s->touched & 1u << i) != 0)
            (void)atomic_fetch_add(&s->changes[i], 1);
    return 0;
}

unsigned store_failed_reads(void)
{
    return db_failed_reads();
}

uint64_t store_changes(const struct store *s, unsigned parts)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < PARTS; i++)
        if ((parts & 1u << i) != 0)
            sum += atomic_load(&s->changes[i]);
    return sum;
}

static void transition_fail(struct transition *t)
{
    t->rc = -1;
    if (t->cause[0] == '\0')
        (void)snprintf(t->cause, sizeof t->cause, "%s", db_cause());
}

static void batch_failed(struct job *job)
{
    transition_fail((struct transition *)job);
}

static void transition_run(struct job *job, void *ctx)
{
    struct transition *t = (struct transition *)job;
    struct db *db = &((struct store *)ctx)->writer;
    /* A full disk makes SQLite roll the whole transaction back by itself: whatever ran after that
     * would stand on its own and be reported as failed. The batch is over then; its end says so. */
    if (sqlite3_get_autocommit(db->sql)) {
        transition_fail(t);
        return;
    }
    db_cause_forget();
    if (db_exec(db, "SAVEPOINT one", "") < 0) {
        transition_fail(t);
        return;
    }
    unsigned failed = store_failed_reads();
    t->rc = t->run(db, t->arg);
    if (t->rc != 0 || store_failed_reads() != failed)
        transition_fail(t); /* it may have taken "failed" for "not there" */
    if (sqlite3_get_autocommit(db->sql)) {
        transition_fail(t);
        return;
    }
    if (t->rc != 0)
        (void)db_exec(db, "ROLLBACK TO one", "");
    if (db_exec(db, "RELEASE one", "") < 0)
        transition_fail(t);
}

static void transition_done(struct job *job)
{
    struct transition *t = (struct transition *)job;
    done_cause = t->cause;
    if (t->done != NULL)
        t->done(t->arg, t->rc);
    done_cause = NULL;
    free(t);
}

static void *thread_start(void *arg)
{
    return arg;
}

struct store *store_open(uv_loop_t *loop, const char *path, struct error *e)
{
    struct store *s = mem_new(sizeof *s);
    (void)umask(077);
    struct jobs_config c = {.name = "store",
                            .threads = 1,
                            .thread_start = thread_start,
                            .arg = s,
                            .batch_begin = batch_begin,
                            .batch_end = batch_end,
                            .batch_failed = batch_failed,
                            .batch = 256};
    if (db_open(&s->writer, path, false, e) < 0 || schema_migrate(&s->writer, e) < 0 ||
        db_open(&s->reader, path, true, e) < 0 || (s->jobs = jobs_create(loop, &c, e)) == NULL) {
        store_close(&s);
        return NULL;
    }
    (void)sqlite3_update_hook(s->writer.sql, on_change, s);
    return s;
}

void store_close(struct store **p)
{
    struct store *s = *p;
    if (s == NULL)
        return;
    jobs_free(&s->jobs); /* calls what still waits for a commit: it may read */
    *p = NULL;
    db_close(&s->reader);
    db_close(&s->writer);
    free(s);
}

/* what, and why, as a sentence. */
__attribute__((format(printf, 6, 0))) static const char *
store_sentence(struct error *e, const char *before, const char *behind, const char *cause,
               const char *none, const char *fmt, va_list ap)
{
    static _Thread_local struct error own;
    char what[sizeof e->text / 2];
    if (e == NULL)
        e = &own;
    (void)vsnprintf(what, sizeof what, fmt, ap);
    (void)error_set(e, "%s%s%s: %s.", before, what, behind,
                    cause != NULL && cause[0] != '\0' ? cause : none);
    return e->text;
}

const char *store_refused(struct error *e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *text = store_sentence(e, "The database does not take ", "", done_cause,
                                      "the row changed meanwhile, or there was no memory", fmt, ap);
    va_end(ap);
    return text;
}

const char *store_unread(struct error *e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *text = store_sentence(e, "", " cannot be read from the database", db_cause(),
                                      "it is not there, or there was no memory", fmt, ap);
    va_end(ap);
    return text;
}

struct db *store_reader(struct store *s)
{
    db_cause_forget();
    return &s->reader;
}

void store_look_begin(struct store *s)
{
    (void)db_exec(&s->reader, "BEGIN", "");
}

void store_look_end(struct store *s)
{
    (void)db_exec(&s->reader, "COMMIT", "");
}

void store_do(struct store *s, store_run_fn *run, store_done_fn *done, void *arg)
{
    if (s->jobs == NULL)
        return;
    struct transition *t = mem_new(sizeof *t);
    *t = (struct transition){.job = {.run = transition_run, .done = transition_done},
                             .run = run,
                             .done = done,
                             .arg = arg};
    jobs_submit(s->jobs, &t->job);
}

size_t store_pending(const struct store *s)
{
    return jobs_pending(s->jobs);
}

int meta_get(struct db *db, const char *name, void *p, size_t n)
{
    sqlite3_stmt *q = db_query(db, "SELECT value FROM meta WHERE name=?", "t", name);
    int rc = -1;
    if (db_row(q, NULL)) {
        if ((size_t)sqlite3_column_bytes(q, 0) == n) {
            memcpy(p, sqlite3_column_blob(q, 0), n);
            rc = 0;
        }
        (void)sqlite3_reset(q);
    }
    return rc;
}

int meta_set(struct db *db, const char *name, const void *p, size_t n)
{
    return db_exec(db, "INSERT OR REPLACE INTO meta(name,value) VALUES(?,?)", "tb", name, p, n) < 0
               ? -1
               : 0;
}

void bytes_free(struct bytes *b)
{
    free(b->p);
    *b = (struct bytes){0};
}

int bytes_set(struct bytes *b, const void *p, size_t n)
{
    bytes_free(b);
    if (p == NULL)
        return 0;
    b->p = malloc(n + 1);
    if (b->p == NULL)
        return -1;
    if (n > 0)
        memcpy(b->p, p, n);
    b->p[n] = 0;
    b->n = n;
    return 0;
}

void bytes_copy(struct bytes *b, const void *p, size_t n)
{
    bytes_free(b);
    if (p == NULL)
        return;
    b->p = mem_new(n + 1);
    memcpy(b->p, p, n);
    b->n = n;
}

void store_crash_point(const char *point)
{
    static atomic_int left = -1;
    const char *at = getenv("RESTANTE_CRASH_AT");
    if (at == NULL)
        return;
    size_t n = strcspn(at, ":");
    if (n == 0 || strlen(point) != n || memcmp(at, point, n) != 0)
        return;
    if (left < 0)
        left = at[n] == ':' ? (int)strtol(at + n + 1, NULL, 10) : 1;
    if (--left == 0)
        (void)kill(getpid(), SIGKILL);
}
