/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The launcher starts what it is told, says how it ended, and leaves nothing behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/said.h"
#include "daemon/launcher.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct {
    struct launcher *launcher;
    struct said said;
    uv_timer_t limit;
    int pid, ended, gone, status, signal;
    int then; /* the signal that it gets when it has started */
} run;

static void started(void *ctx, int pid)
{
    run.pid = pid;
    if (run.then != 0)
        launcher_signal(run.launcher, run.then);
}

static void ended(void *ctx, int64_t status, int signal)
{
    run.ended++;
    run.status = (int)status;
    run.signal = signal;
    uv_stop(uv_default_loop());
}

static void gone(void *ctx)
{
    run.gone++;
    uv_stop(uv_default_loop());
}

static void late(uv_timer_t *t)
{
    fail_msg("no event came");
}

static int set_up(void **state)
{
    struct launcher_events events = {.started = started, .ended = ended, .gone = gone};
    memset(&run, 0, sizeof run);
    int fd = launcher_fork("/tmp", NULL, NULL);
    run.launcher = fd < 0 ? NULL : launcher_new(uv_default_loop(), fd, &events, NULL);
    (void)uv_timer_init(uv_default_loop(), &run.limit);
    (void)uv_timer_start(&run.limit, late, 20000, 0);
    return run.launcher == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    launcher_free(&run.launcher, NULL, NULL);
    uv_close((uv_handle_t *)&run.limit, NULL);
    return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}

/* Runs a shell command to its end; returns the last line of its standard error. */
static const char *shell(const char *command)
{
    const char *args[] = {"/bin/sh", "-c", command, NULL};
    const char *env[] = {"PATH=/usr/bin:/bin", "WORD=of ours", NULL};
    static char line[SAID_MAX];
    int fd;
    assert_int_equal(said_pipe(&run.said, uv_default_loop(), "sh", &fd), 0);
    assert_int_equal(launcher_start(run.launcher, args, env, fd, NULL), 0);
    (void)close(fd);
    said_read(&run.said);
    (void)uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    (void)snprintf(line, sizeof line, "%s", said_end(&run.said));
    uv_close(said_handle(&run.said), NULL);
    (void)uv_run(uv_default_loop(), UV_RUN_NOWAIT);
    return line;
}

static void test_it_runs_and_tells_the_end(void **state)
{
    assert_string_equal(shell("echo $WORD >&2; exit 5"), "of ours");
    assert_int_equal(run.status, 5);
    assert_int_equal(run.signal, 0);
    assert_true(run.pid > 0);
    assert_string_equal(shell("for i in 3 4 5 6 7 8 9 10 11 12; do "
                              "[ ! -e /proc/$$/fd/$i ] || echo $i is open >&2; done"),
                        ""); /* nothing of ours */
    assert_int_equal(run.ended, 2);
}

static void test_a_signal_reaches_it(void **state)
{
    run.then = SIGKILL;
    (void)shell("while :; do sleep 1; done");
    assert_int_equal(run.signal, SIGKILL);
    launcher_signal(run.launcher, SIGKILL); /* nobody is there */
    run.then = 0;
    (void)shell("exit 0");
    assert_int_equal(run.signal, 0);
}

static void test_what_cannot_be_started_says_why(void **state)
{
    const char *args[] = {"/nonexistent/dovecot", NULL}, *env[] = {NULL};
    int fd;
    assert_int_equal(said_pipe(&run.said, uv_default_loop(), "x", &fd), 0);
    assert_int_equal(launcher_start(run.launcher, args, env, fd, NULL), 0);
    (void)close(fd);
    said_read(&run.said);
    (void)uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    assert_int_equal(run.status, 127);
    assert_string_equal(said_end(&run.said),
                        "/nonexistent/dovecot cannot be started: No such file or directory");
    uv_close(said_handle(&run.said), NULL);
}

static void test_words_without_end_are_refused(void **state)
{
    static char word[8192];
    const char *args[] = {"/bin/sh", word, NULL}, *env[] = {NULL};
    memset(word, 'x', sizeof word - 1);
    assert_int_equal(launcher_start(run.launcher, args, env, 2, NULL), -1);
}

/* However the launcher ends, what it started does not stay. */
static void test_its_end_is_told_and_ends_what_it_started(void **state)
{
    const char *env[] = {"PATH=/usr/bin:/bin", NULL};
    const char *args[] = {"/bin/sh", "-c", "trap 'exit 0' TERM; kill -9 $PPID; sleep 5 & wait",
                          NULL};
    int fd;
    assert_int_equal(said_pipe(&run.said, uv_default_loop(), "sh", &fd), 0);
    assert_int_equal(launcher_start(run.launcher, args, env, fd, NULL), 0);
    (void)close(fd);
    (void)uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    assert_int_equal(run.gone, 1);
    for (int i = 0; i < 200 && kill(run.pid, 0) == 0; i++)
        (void)usleep(20000);
    assert_int_equal(kill(run.pid, 0), -1);
    uv_close(said_handle(&run.said), NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_it_runs_and_tells_the_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_signal_reaches_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_started_says_why, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_words_without_end_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_its_end_is_told_and_ends_what_it_started, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
