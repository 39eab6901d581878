/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_scheduler_again.c - what the loop starts again, and when: after a failure, a restart, an end
 * that changed nothing; and without a database or memory that takes a delay. */
#include "own_steps.h"
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* A step that fails before start returned. */
static void fail_at_once(struct work *w)
{
    note(w)->w = NULL;
    work_retry(w, "no reason");
}

/* It is tried again by itself, each time after twice the time, and the row tells why. */
static void again_after_a_delay(void **state)
{
    static const struct step a = {.queue = &one, .parallel = 1, .start = fail_at_once};
    static const struct step *const steps[] = {&a, NULL};
    put(1, 1, 1);
    start(steps);
    for (int64_t i = 0; i < 3; i++) {
        until(begun_count == (size_t)i + 1);
        until(value_of("SELECT tries FROM job WHERE n=?", 1) == i + 1);
        int64_t wait = value_of("SELECT due_ms FROM job WHERE n=?", 1) - begun[i].at_ms;
        assert_in_range(wait, (RETRY_MS << i) * 3 / 4, (RETRY_MS << i) * 5 / 4 + 1000);
        assert_int_equal(
            value_of("SELECT n FROM job WHERE n=? AND CAST(why AS TEXT)='no reason'", 1), 1);
    }
    assert_true(begun[1].at_ms - begun[0].at_ms >= RETRY_MS * 3 / 4);
    assert_true(begun[2].at_ms - begun[1].at_ms >= 2 * RETRY_MS * 3 / 4);
    stop();
}

/* 64 times the first delay is the longest. */
static void never_longer_than(void **state)
{
    static const struct step a = {.queue = &one, .parallel = 1, .start = fail_at_once};
    static const struct step *const steps[] = {&a, NULL};
    put(1, 1, 1);
    commit_sql(sv.store, "UPDATE job SET tries=1000000");
    start(steps);
    until(value_of("SELECT tries FROM job WHERE n=?", 1) == 1000001);
    int64_t wait = value_of("SELECT due_ms FROM job WHERE n=?", 1) - begun[0].at_ms;
    assert_in_range(wait, 64 * RETRY_MS * 3 / 4, 64 * RETRY_MS * 5 / 4 + 1000);
    stop();
}

/* What is still due because its delay was not taken is not started at once, and again, and again.
 */
static void no_delay_is_taken(void **state)
{
    static const struct step a = {.queue = &one, .parallel = 1, .start = fail_at_once},
                             b = {.queue = &two, .parallel = 1, .start = hold};
    static const struct step *const steps[] = {&a, &b, NULL};
    put(1, 1, 1);
    commit_sql(sv.store, "CREATE TRIGGER full BEFORE UPDATE ON job BEGIN"
                         " SELECT RAISE(ABORT,'no room'); END");
    start(steps);
    until(begun_count == 1);
    pass(100);
    put(2, 2, 1);
    kick(&sv);
    pass(200);
    assert_int_equal(begun_count, 1); /* nor anything else */
    assert_int_equal(value_of("SELECT tries FROM job WHERE n=?", 1), 0);
    commit_sql(sv.store, "DROP TRIGGER full");
    mono_ahead_ms += PAUSE_MS;
    kick(&sv);
    until(count_of(&b) == 1 && value_of("SELECT tries FROM job WHERE n=?", 1) == 1);
    stop();
}

/* Restart and normal running are one path. */
static void a_restart_takes_up(void **state)
{
    static const struct step a = {.queue = &one, .parallel = 3, .start = hold};
    static const struct step *const steps[] = {&a, NULL};
    for (int64_t n = 1; n <= 4; n++)
        put(1, n, n);
    start(steps);
    until(begun_count == 3);
    end(1);
    until(begun_count == 4);
    stop(); /* three are under way, and never end */
    reopen();
    start(steps);
    until(begun_count == 3);
    assert_int_equal(begun[0].n, 1);
    assert_int_equal(begun[1].n, 3);
    assert_int_equal(begun[2].n, 4);
    stop();
}

static int asked_begun; /* of these rows: ends before start returned, and nothing is committed */
static void end_at_once(struct work *w)
{
    asked_begun++;
    work_end(w);
}

/* A step that ends before its start returned, over and over, keeps nobody else. */
static void an_end_within_the_start(void **state)
{
    static const struct step a = {.queue = &one, .parallel = 2, .start = end_at_once},
                             b = {.queue = &two, .parallel = 1, .start = hold};
    static const struct step *const steps[] = {&a, &b, NULL};
    asked_begun = 0;
    put(1, 1, 1);
    put(1, 2, 2);
    put(1, 3, 3);
    start(steps);
    until(asked_begun >= 20);
    put(2, 9, 1);
    until(count_of(&b) == 1);
    assert_int_equal(under_way(), 1);
    commit_sql(sv.store, "UPDATE job SET lane=0 WHERE lane=1");
    pass(50);
    int now = asked_begun;
    pass(50);
    assert_int_equal(asked_begun, now);
    stop();
}

static const struct step held = {.queue = &one, .parallel = 1, .start = hold};
static const struct step *const held_steps[] = {&held, NULL};

static void fail_without_memory(struct work *w)
{
    calloc_fails_of = 1;
    work_retry(w, "no reason");
}

static void lacks_a_state(void)
{
    calloc_fails_of = 1;
    start(held_steps);
}

static void lacks_a_timer(void)
{
    calloc_fails_of = sizeof(uv_timer_t);
    start(held_steps);
}

static void lacks_a_work(void)
{
    calloc_fails_of = sizeof(struct work);
    start(held_steps);
    pass(5000);
}

static void lacks_a_delay(void)
{
    static const struct step failing = {.queue = &one, .parallel = 1, .start = fail_without_memory};
    static const struct step *const steps[] = {&failing, NULL};
    start(steps);
    pass(5000);
}

/* Without memory for its own state the program ends, whatever lacks it (base/mem.h): nothing is
 * left undone in silence, nothing is tried again and again, and the next start takes it up. */
static void no_memory(void **state)
{
    void (*const lacks[])(void) = {lacks_a_state, lacks_a_timer, lacks_a_work, lacks_a_delay};
    put(1, 1, 1);
    for (size_t i = 0; i < sizeof lacks / sizeof *lacks; i++) {
        int status = 0;
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            struct rlimit no_core = {0, 0};
            (void)setrlimit(RLIMIT_CORE, &no_core);
            (void)signal(SIGABRT, SIG_DFL); /* cmocka catches it */
            (void)uv_loop_fork(&loop);
            lacks[i]();
            _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    }
    start(held_steps);
    until(begun_count == 1);
    stop();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, clean)
    const struct CMUnitTest tests[] = {
        TEST(again_after_a_delay), TEST(never_longer_than),       TEST(no_delay_is_taken),
        TEST(a_restart_takes_up),  TEST(an_end_within_the_start), TEST(no_memory),
    };
    return cmocka_run_group_tests(tests, loop_open, loop_shut);
}
