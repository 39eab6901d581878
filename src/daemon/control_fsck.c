/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_fsck.c - see control_fsck.h. */
#include "daemon/control_fsck.h"
#include "daemon/checks.h"
#include "flow/recovery/fsck.h"
#include "base/jobs.h"
#include "base/mem.h"
#include "flow/core/job.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct checking {
    struct job job;
    struct fsck x;
    const char *home;
    struct disk_look disk;
    bool repair, records;
    control_answer_fn *answer;
    void *ctx;
};

/* A disk that takes no writes: nothing that is mended would stay so. 1 when it is added. */
static int add_disk(json_t *faults, const char *home, const struct disk_look *d)
{
    struct checks h = {.count = 0};
    check_disk(&h, home, d);
    if (h.count == 0 || h.part[0].state != CHECK_FAIL)
        return 0;
    return json_array_append_new(faults, json_pack("{s:s,s:s,s:s,s:s,s:b}", "kind", "disk", "what",
                                                   "the home", "wrong", h.part[0].what, "help",
                                                   h.part[0].todo, "repaired", 0)) == 0;
}

static json_t *checking_reply(const struct checking *c)
{
    const struct fsck *x = &c->x;
    json_t *faults = json_array();
    for (size_t i = 0; i < x->count; i++) {
        const struct fsck_fault *f = &x->fault[i];
        char what[sizeof f->what];
        (void)snprintf(what, sizeof what, "%s", f->what);
        for (char *at = what; *at != '\0'; at++)
            if (*at < ' ' || *at > '~') /* a mail client's folder may be called anything */
                *at = '?';
        (void)json_array_append_new(
            faults, json_pack("{s:s,s:s,s:s,s:s,s:b}", "kind", fsck_kind_name(f->kind), "what",
                              what, "wrong", fsck_kind_text(f->kind), "help",
                              fsck_kind_help(f->kind, f->repaired), "repaired", f->repaired));
    }
    int disk = add_disk(faults, c->home, &c->disk);
    return json_pack("{s:b,s:o,s:I,s:b}", "ok", 1, "faults", faults, "left",
                     (json_int_t)fsck_left(x) + disk, "records", c->records);
}

static void checking_finish(struct checking *c, const char *why)
{
    json_t *o = why == NULL ? checking_reply(c) : json_pack("{s:b,s:s}", "ok", 0, "error", why);
    c->answer(c->ctx, o);
    fsck_free(&c->x);
    free(c);
}

static void on_repaired(void *ctx, int rc)
{
    struct error e;
    checking_finish(ctx, rc == 0 ? NULL : store_refused(&e, "the repairs"));
}

/* Rows and files are looked at and mended in one turn of the loop: no step comes between. */
static void on_records(void *ctx, bool complete)
{
    struct checking *c = ctx;
    struct error e;
    c->records = complete;
    if (c->x.services->stopping)
        checking_finish(c, "This peer is stopping.");
    else if (fsck_look(&c->x, &e) < 0)
        checking_finish(c, e.text);
    else if (c->repair && c->x.count > 0)
        fsck_repair(&c->x, on_repaired, c);
    else
        checking_finish(c, NULL);
}

static struct checking *checking_new(struct service *s, bool repair, control_answer_fn *answer,
                                     void *ctx)
{
    struct checking *c = mem_new(sizeof *c);
    *c = (struct checking){.x = {.services = &s->services},
                           .home = s->config.home,
                           .repair = repair,
                           .answer = answer,
                           .ctx = ctx};
    return c;
}

static void read_run(struct job *job, void *thread_ctx)
{
    struct checking *c = (struct checking *)job;
    disk_look(c->home, &c->disk);
    fsck_stubs_read(&c->x);
}

static void read_done(struct job *job)
{
    struct checking *c = (struct checking *)job;
    fsck_records(&c->x, on_records, c);
}

void control_fsck(struct service *s, bool repair, control_answer_fn *answer, void *ctx)
{
    struct checking *c = checking_new(s, repair, answer, ctx);
    c->x.running = true;
    job_run(s->services.files, &c->job, read_run, read_done, false);
}

void control_fsck_alone(struct service *s, bool repair, control_answer_fn *answer, void *ctx)
{
    struct checking *c = checking_new(s, repair, answer, ctx);
    c->x.thorough = true;
    disk_look(c->home, &c->disk);
    fsck_stubs_read(&c->x);
    on_records(c, false);
}
