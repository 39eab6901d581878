/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_file.c - files: whole or not at all, private, and synced before and after they are named. */
#include "base/crypt.h"
#include "base/file.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/restante-file-XXXXXX";

/* The order of fsync and rename is what makes a file survive a crash: both are written down. */
static char calls[64];
static bool sync_fails, killed_at_rename;
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    struct stat st;
    (void)fstat(fd, &st);
    if (strlen(calls) < sizeof calls - 1)
        (void)strcat(calls, S_ISDIR(st.st_mode) ? "d" : "f");
    if (sync_fails) {
        errno = EIO;
        return -1;
    }
    return __real_fsync(fd);
}
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to)
{
    if (killed_at_rename)
        (void)kill(getpid(), SIGKILL);
    (void)strcat(calls, "r");
    return __real_rename(from, to);
}

static unsigned entries(void)
{
    unsigned n = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (struct dirent *at; (at = readdir(d)) != NULL;)
        n += at->d_name[0] != '.';
    (void)closedir(d);
    return n;
}

static void test_write_read(void **state)
{
    char path[PATH_CAP];
    struct error e = {""};
    struct buf b = BUF_INIT(100);
    struct stat st;
    assert_int_equal(path_join(path, dir, "a", &e), 0);
    calls[0] = '\0';
    assert_int_equal(file_write(path, "one", 3, &e), 0);
    assert_string_equal(calls, "frd"); /* the file, its name, the folder */
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(file_write(path, "second", 6, &e), 0);
    assert_int_equal(file_read(path, &b, &e), 0);
    assert_string_equal(buf_str(&b), "second");
    assert_int_equal(entries(), 1);
    buf_free(&b);
    assert_int_equal(file_remove(path, &e), 0);
    assert_int_equal(file_remove(path, &e), 0); /* missing is fine */
    assert_false(file_exists(path));
    assert_int_equal(file_read(path, &b, &e), -1);
    assert_non_null(strstr(e.text, path));
}

/* A disk that cannot sync: the old content stays, and nothing is left beside it. */
static void test_write_fails(void **state)
{
    char path[PATH_CAP];
    struct error e = {""};
    struct buf b = BUF_INIT(100);
    assert_int_equal(path_join(path, dir, "b", &e), 0);
    assert_int_equal(file_write(path, "old", 3, &e), 0);
    sync_fails = true;
    int rc = file_write(path, "new", 3, &e);
    sync_fails = false;
    assert_int_equal(rc, -1);
    assert_non_null(strstr(e.text, "Cannot sync"));
    assert_int_equal(file_read(path, &b, &e), 0);
    assert_string_equal(buf_str(&b), "old");
    assert_int_equal(entries(), 1);
    buf_free(&b);
    assert_int_equal(file_remove(path, &e), 0);
    assert_int_equal(path_join(path, dir, "no/such", &e), 0);
    assert_int_equal(file_write(path, "x", 1, &e), -1);
}

/* kill -9 before the name: the old content stays, and what is left can be told from other files. */
static void test_write_killed(void **state)
{
    char path[PATH_CAP], other[PATH_CAP];
    struct error e = {""};
    struct buf b = BUF_INIT(100);
    int status;
    assert_int_equal(path_join(path, dir, "k.chunks", &e), 0);
    assert_int_equal(path_join(other, dir, "other.0123456789abcde", &e), 0); /* a digit short */
    assert_int_equal(file_write(path, "old", 3, &e), 0);
    assert_int_equal(file_write(other, "x", 1, &e), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        killed_at_rename = true;
        (void)file_write(path, "new", 3, &e);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(entries(), 3);
    assert_int_equal(dir_drop_temporaries(dir, "other", &e), 0);
    assert_int_equal(dir_drop_temporaries(dir, "k", &e), 1);
    assert_int_equal(entries(), 2);
    assert_int_equal(file_read(path, &b, &e), 0);
    assert_string_equal(buf_str(&b), "old");
    buf_free(&b);
    assert_int_equal(file_remove(path, &e), 0);
    assert_int_equal(file_remove(other, &e), 0);
    assert_int_equal(path_join(path, dir, "no such", &e), 0);
    assert_int_equal(dir_drop_temporaries(path, NULL, &e), 0);
    assert_true(file_is_temporary("a.0123456789abcdef"));
    assert_false(file_is_temporary(".0123456789abcdef"));
    assert_false(file_is_temporary("a.0123456789ABCDEF"));
    assert_false(file_is_temporary("a0123456789abcdef"));
}

static void test_cap(void **state)
{
    char path[PATH_CAP], big[40000];
    struct error e = {""};
    struct buf exact = BUF_INIT(sizeof big), small = BUF_INIT(sizeof big - 1);
    memset(big, 'x', sizeof big);
    assert_int_equal(path_join(path, dir, "c", &e), 0);
    assert_int_equal(file_write(path, big, sizeof big, &e), 0);
    assert_int_equal(file_read(path, &exact, &e), 0);
    assert_int_equal(exact.len, sizeof big);
    assert_int_equal(file_read(path, &small, &e), -1);
    assert_non_null(strstr(e.text, "larger than"));
    buf_free(&exact);
    buf_free(&small);
    assert_int_equal(file_remove(path, &e), 0);
}

static void test_paths(void **state)
{
    char out[PATH_CAP], long_name[PATH_CAP];
    struct error e = {""};
    memset(long_name, 'n', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    assert_int_equal(path_join(out, "/a", "b", &e), 0);
    assert_string_equal(out, "/a/b");
    assert_int_equal(path_join(out, "/a", long_name, &e), -1);
    assert_int_equal(file_write(long_name, "", 0, &e), -1);
    long_name[PATH_CAP - 4] = '\0'; /* "/a/" and this and NUL: exactly full */
    assert_int_equal(path_join(out, "/a", long_name, &e), 0);
    assert_int_equal(strlen(out), PATH_CAP - 1);
}

static void test_folders(void **state)
{
    char path[PATH_CAP], file[PATH_CAP];
    struct error e = {""};
    struct stat st;
    assert_int_equal(path_join(path, dir, "sub", &e), 0);
    assert_int_equal(dir_make(path, &e), 0);
    assert_int_equal(dir_make(path, &e), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(dir_sync(path, &e), 0);
    assert_int_equal(path_join(file, path, "f", &e), 0);
    assert_int_equal(file_write(file, "", 0, &e), 0);
    assert_int_equal(dir_make(file, &e), -1); /* a file of that name */
    assert_int_equal(dir_sync(file, &e), -1);
    assert_int_equal(file_remove(file, &e), 0);
    assert_int_equal(file_remove(path, &e), -1); /* not a file */
    assert_int_equal(rmdir(path), 0);
}

static void test_write_all(void **state)
{
    char path[PATH_CAP], back[8] = {0};
    struct error e = {""};
    assert_int_equal(path_join(path, dir, "w", &e), 0);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write_all(fd, "abcdef", 6, &e), 0);
    assert_int_equal(pwrite_all(fd, "XY", 2, 2, &e), 0);
    assert_int_equal(pread(fd, back, 8, 0), 6);
    assert_string_equal(back, "abXYef");
    (void)close(fd);
    assert_int_equal(write_all(fd, "a", 1, &e), -1);
    assert_int_equal(pwrite_all(fd, "a", 1, 0, &e), -1);
    assert_int_equal(file_remove(path, &e), 0);
}

static int make(void **state)
{
    return mkdtemp(dir) == NULL ? -1 : 0;
}

static int unmake(void **state)
{
    return rmdir(dir); /* fails when a test left something */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_read),   cmocka_unit_test(test_write_fails),
        cmocka_unit_test(test_write_killed), cmocka_unit_test(test_cap),
        cmocka_unit_test(test_paths),        cmocka_unit_test(test_folders),
        cmocka_unit_test(test_write_all),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
