/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_expunge_scan.c - which stubs are declined: those the user expunged, after their grace; never
 * those that vanished with many others, whatever came since (P-10.7). */
#include "turn.h"
#include "flow/core/services.h"
#include "flow/mail/maildir.h"
#include "flow/receiver/policy.h"
#include "flow/receiver/expunge_scan.h"
#include "store/incoming.h"
#include "base/jobs.h"
#include "flow/core/job.h"
#include "flow/core/module.h"
#include "flow/core/path.h"
#include "flow/core/trusted_clock.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct services sv;
static char home[] = "/tmp/restante-sweep-XXXXXX";

static void path_of(char path[PATH_CAP], const char *where, int i)
{
    (void)snprintf(path, PATH_CAP, "%s/Maildir/%s/%d.stub", home, where, i);
}

static void nid_of(uint8_t nid[HASH_LEN], int i)
{
    memset(nid, 0, HASH_LEN);
    nid[0] = (uint8_t)i;
    nid[1] = (uint8_t)(i >> 8);
}

static int add_run(struct db *db, void *arg)
{
    struct incoming in = {.state = IN_NOTICED, .expiry_s = 4000000000};
    struct bytes trace = {(uint8_t *)"t", 1};
    nid_of(in.nid, *(int *)arg);
    (void)strcpy(in.sender, "alice@demo");
    in.pubkey = in.pkesk = trace;
    if (in_add(db, &in) != 1)
        return -1;
    return in_set_stub(db, in_find(db, in.nid), "file", &trace, PLACE_INBOX);
}

static int added;

static void add_done(void *arg, int rc)
{
    assert_int_equal(rc, 0);
    added++;
}

static void add(int from, int to)
{
    int number[200];
    added = 0;
    for (int i = from; i < to; i++) {
        char own[PATH_CAP], path[PATH_CAP];
        uint8_t nid[HASH_LEN];
        nid_of(nid, i);
        home_path(&sv, own, "inbox/stubs", nid, HASH_LEN, "");
        assert_int_equal(file_write(own, "stub", 4, NULL), 0);
        path_of(path, "new", i);
        assert_int_equal(link(own, path), 0);
        number[i - from] = i;
        store_do(sv.store, add_run, add_done, &number[i - from]);
    }
    until(added == to - from);
}

struct expunging {
    struct job job;
    int from, to;
    bool done;
};

static void expunge_run(struct job *job, void *thread_ctx)
{
    struct expunging *x = (struct expunging *)job;
    char path[PATH_CAP];
    for (int i = x->from; i < x->to; i++) {
        path_of(path, "new", i);
        assert_int_equal(unlink(path), 0);
    }
}

static void expunge_done(struct job *job)
{
    ((struct expunging *)job)->done = true;
}

/* On the thread that looks: so that no look sees a part of it. */
static void expunge(int from, int to)
{
    struct expunging x = {.from = from, .to = to};
    job_run(sv.files, &x.job, expunge_run, expunge_done, true);
    until(x.done);
}

static enum in_state state_of(int i)
{
    uint8_t nid[HASH_LEN];
    struct incoming in;
    nid_of(nid, i);
    assert_int_equal(in_get(store_reader(sv.store), in_find(store_reader(sv.store), nid), &in), 0);
    incoming_free(&in);
    return in.state;
}

static const struct module *const modules[] = {&maildir_module, &trusted_clock_module,
                                               &expunge_scan_module, NULL};

static void start(void)
{
    struct error e = {""};
    char path[PATH_CAP];
    struct jobs_config files = {.name = "files", .threads = 1};
    assert_int_equal(path_join(path, home, "state.db", &e), 0);
    sv = (struct services){
        .loop = &loop,
        .c = {.home = home, .expunge_scan = 20, .decline_grace = 300, .trash_grace = 3600 * 1000}};
    sv.store = store_open(&loop, path, &e);
    sv.files = jobs_create(&loop, &files, &e);
    assert_non_null(sv.store);
    assert_non_null(sv.files);
    assert_int_equal(modules_start(&sv, modules, &e), 0);
    expunge_scan_hint(&sv);
}

static void stop(void)
{
    sv.stopping = true;
    modules_stop(&sv, modules);
    jobs_free(&sv.files);
    store_close(&sv.store);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    modules_free(&sv, modules);
}

static int undecided(int from, int to)
{
    int n = 0;
    for (int i = from; i < to; i++)
        n += state_of(i) == IN_STUB;
    return n;
}

/* A stub that is expunged, and declined after the grace: by then whatever happened before it was
 * looked at, and its grace is over too. */
static void expunge_one(int i)
{
    expunge(i, i + 1);
    expunge_scan_hint(&sv);
    until(state_of(i) == IN_ANSWER);
}

static void test_sweep(void **state)
{
    start();
    add(0, 30);
    expunge_one(5);
    assert_int_equal(undecided(0, 30), 29);
    assert_int_equal(expunge_scan_held(&sv), 0);

    char from[PATH_CAP], to[PATH_CAP]; /* a move is no decline, nor is a short stay in Trash */
    (void)snprintf(to, sizeof to, "%s/Maildir/.Trash", home);
    assert_int_equal(dir_make(to, NULL), 0);
    (void)strcat(to, "/cur");
    assert_int_equal(dir_make(to, NULL), 0);
    path_of(from, "new", 7);
    (void)strcat(to, "/7.stub:2,");
    assert_int_equal(rename(from, to), 0);
    expunge_one(4);
    assert_int_equal(state_of(7), IN_STUB);
    assert_int_equal(rename(to, from), 0);
    expunge_one(3); /* it was seen where it was before */

    expunge(6, 29); /* 23 of 27 at once: none */
    until(expunge_scan_held(&sv) == 23);
    add(100, 160); /* new mail does not make it right, and can be declined as ever */
    expunge_one(100);
    assert_int_equal(expunge_scan_held(&sv), 23);
    assert_int_equal(undecided(6, 29), 23);

    stop(); /* nor does a restart */
    start();
    expunge_one(101);
    assert_int_equal(expunge_scan_held(&sv), 23);
    assert_int_equal(undecided(6, 29), 23);

    struct error why; /* the user's word counts */
    uint8_t nid[HASH_LEN];
    nid_of(nid, 6);
    assert_int_equal(expunge_scan_decline(&sv, in_find(store_reader(sv.store), nid), &why), 0);
    until(state_of(6) == IN_ANSWER && expunge_scan_held(&sv) == 22);
    assert_int_equal(undecided(6, 29), 22);
    stop();
}

static void confirmed(void *ctx, int count)
{
    *(int *)ctx = count;
}

/* P-10.25: what a person deletes is declined however many; what a synchronizing program deletes is
 * held until it is confirmed. */
static void test_a_persons_word(void **state)
{
    struct deletion person = {.client = "-", .n = 60, .listed = true};
    struct deletion program = {.client = "-", .n = 25};
    struct error e;
    uint8_t nid[HASH_LEN];
    int count = -2;
    start();
    add(300, 460);
    expunge(300, 360);
    for (int i = 300; i < 360; i++) {
        nid_of(nid, i);
        expunge_scan_told(&sv, nid, &person);
    }
    until(undecided(300, 360) == 0);
    assert_int_equal(expunge_scan_held(&sv), 22); /* of the test before */
    expunge(360, 460);
    for (int i = 360; i < 460; i++) {
        nid_of(nid, i);
        expunge_scan_told(&sv, nid, &program);
    }
    until(expunge_scan_held(&sv) >= 22 + 100);
    assert_int_equal(undecided(360, 460), 100);
    assert_int_equal(expunge_scan_confirm(&sv, confirmed, &count, &e), 0);
    until(count == 22 + 100);
    until(undecided(360, 460) == 0 && expunge_scan_held(&sv) == 0);
    stop();
}

static void test_who_is_a_person(void **state)
{
    const struct {
        struct deletion d;
        bool person;
    } c[] = {
        {{.client = "Thunderbird", .n = 5000}, true},
        {{.client = "Thunderbird", .n = 5000, .refused = true}, true},
        {{.client = "OfflineIMAP", .n = 1}, false},
        {{.client = "imapsync_2.2", .n = 1}, false},
        {{.client = "-", .n = 20}, true},
        {{.client = "-", .n = 21}, false},                                  /* mbsync's way */
        {{.client = "-", .n = 21, .listed = true}, true},                   /* mutt's */
        {{.client = "-", .n = 21, .by_number = true}, true},                /* by hand */
        {{.client = "-", .n = 21, .listed = true, .refused = true}, false}, /* fetchmail's */
        {{.client = "-", .n = 21, .by_number = true, .refused = true}, false},
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++)
        assert_int_equal(policy_person_deletes(&c[i].d), c[i].person);
}

static int make(void **state)
{
    static const char *const sub[] = {"inbox", "inbox/stubs"};
    char path[PATH_CAP];
    if (uv_loop_init(&loop) < 0 || mkdtemp(home) == NULL)
        return -1;
    for (size_t i = 0; i < 2; i++)
        if (path_join(path, home, sub[i], NULL) < 0 || dir_make(path, NULL) < 0)
            return -1;
    return 0;
}

static int unmake(void **state)
{
    char command[64];
    (void)snprintf(command, sizeof command, "rm -rf %s", home);
    return uv_loop_close(&loop) < 0 || system(command) != 0 ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sweep),
                                       cmocka_unit_test(test_a_persons_word),
                                       cmocka_unit_test(test_who_is_a_person)};
    return cmocka_run_group_tests(tests, make, unmake);
}
