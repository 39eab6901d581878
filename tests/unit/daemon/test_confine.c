/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A confined process, and what it starts, changes files in its home and nowhere else. */
#include "daemon/confine.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static char top[] = "/tmp/restante-confine-XXXXXX";

static const char *in(const char *name)
{
    static char path[2][128];
    static int n;
    n = !n;
    (void)snprintf(path[n], sizeof path[n], "%s/%s", top, name);
    return path[n];
}

static int write_to(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    int why = fd < 0 ? errno : 0;
    if (fd >= 0)
        (void)close(fd);
    return why;
}

/* The number of the first thing that is not as it should be; 0: all is well. */
static int inside(void)
{
    if (write_to(in("home/a/file")) != 0 || write_to("/dev/null") != 0)
        return 1;
    if (rename(in("home/a/file"), in("home/b/file")) < 0 ||
        link(in("home/b/file"), in("home/a/link")) < 0)
        return 2;
    if (write_to(in("outside/new")) != EACCES || write_to(in("outside/old")) != EACCES)
        return 3;
    if (unlink(in("outside/old")) == 0 || mkdir(in("outside/folder"), 0700) == 0)
        return 4;
    if (rename(in("home/b/file"), in("outside/file")) == 0)
        return 5;
    int fd = open(in("outside/old"), O_RDONLY);
    if (fd < 0)
        return 6;
    (void)close(fd);
    char command[160];
    (void)snprintf(command, sizeof command, "echo x 2>/dev/null >%s", in("outside/old"));
    return system(command) == 0 ? 7 : 0;
}

/* Dovecot's tree: plain files in one more folder, and nothing else there. */
static int one_gap(void)
{
    if (write_to(in("home/a/file")) != 0 || write_to(in("outside/new")) != 0)
        return 1;
    if (unlink(in("outside/new")) < 0)
        return 2;
    if (mkdir(in("outside/folder"), 0700) == 0 || symlink("x", in("outside/link")) == 0 ||
        mkfifo(in("outside/fifo"), 0600) == 0)
        return 3;
    if (write_to(in("beside")) != EACCES)
        return 4;
    return unlink(in("home/a/file")) < 0 ? 5 : 0;
}

static void assert_confined(const char *also, int (*tries)(void))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(confine(in("home"), also) == NULL ? tries() : 8);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void only_the_home_is_written(void **state)
{
    (void)state;
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 2)
        skip();
    assert_confined(NULL, inside);
}

static void one_more_folder_takes_plain_files(void **state)
{
    (void)state;
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 2)
        skip();
    assert_confined(in("outside"), one_gap);
}

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(top) == NULL || mkdir(in("home"), 0700) < 0 || mkdir(in("home/a"), 0700) < 0 ||
        mkdir(in("home/b"), 0700) < 0 || mkdir(in("outside"), 0700) < 0)
        return -1;
    return write_to(in("outside/old"));
}

static int tear_down(void **state)
{
    (void)state;
    const char *names[] = {"home/a/link", "home/b/file", "outside/old"};
    const char *folders[] = {"home/a", "home/b", "home", "outside", ""};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        (void)unlink(in(names[i]));
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        (void)rmdir(in(folders[i]));
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(only_the_home_is_written),
                                       cmocka_unit_test(one_more_folder_takes_plain_files)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
