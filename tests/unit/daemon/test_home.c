/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_home.c - a home appears whole or not at all, secrets are refused when others could read
 * them, and a file system without links or exchange is refused (link and renameat2 are wrapped). */
#include "daemon/home.h"
#include "daemon/program.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int __real_link(const char *from, const char *to);
int __wrap_link(const char *from, const char *to);
int __real_renameat2(int a, const char *from, int b, const char *to, unsigned flags);
int __wrap_renameat2(int a, const char *from, int b, const char *to, unsigned flags);

static int link_errno, exchange_errno; /* 0: works */
static char base[PATH_CAP];

int __wrap_link(const char *from, const char *to)
{
    errno = link_errno;
    return link_errno != 0 ? -1 : __real_link(from, to);
}

int __wrap_renameat2(int a, const char *from, int b, const char *to, unsigned flags)
{
    errno = exchange_errno;
    return exchange_errno != 0 ? -1 : __real_renameat2(a, from, b, to, flags);
}

static const char *at(const char *name)
{
    static char path[4][PATH_CAP];
    static unsigned turn;
    char *p = path[turn++ % 4];
    assert_int_equal(path_join(p, base, name, NULL), 0);
    return p;
}

static size_t entries(const char *dir)
{
    size_t n = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    while (readdir(d) != NULL)
        n++;
    (void)closedir(d);
    return n - 2;
}

static unsigned mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return (unsigned)st.st_mode & 07777;
}

static int make_base(void **state)
{
    char dir[] = "/tmp/restante-home-XXXXXX";
    link_errno = exchange_errno = 0;
    (void)umask(077);
    if (mkdtemp(dir) == NULL)
        return -1;
    memcpy(base, dir, sizeof dir);
    return 0;
}

static int remove_base(void **state)
{
    char command[2 * PATH_CAP + 32];
    (void)snprintf(command, sizeof command, "chmod -R u+rwx %s; rm -rf %s", base, base);
    return system(command);
}

static void make_home(const char *home)
{
    struct home_draft d;
    struct error e;
    assert_int_equal(home_draft_begin(&d, home, &e), 0);
    assert_int_equal(home_write_secret(d.dir, "config", "x", 1, &e), 0);
    assert_int_equal(home_draft_commit(&d, &e), 0);
    home_draft_abandon(&d);
}

static void test_appears_whole(void **state)
{
    struct home_draft d;
    struct error e;
    char home[PATH_CAP];
    memcpy(home, at("h"), sizeof home);
    assert_int_equal(home_draft_begin(&d, home, &e), 0);
    assert_false(file_exists(home));
    assert_int_equal(mode_of(d.dir), 0700);
    assert_int_equal(home_write_secret(d.dir, "secret/password", "pw", 2, &e), 0);
    assert_int_equal(home_write_secret(d.dir, "config", "x", 1, &e), 0);
    assert_int_equal(home_check(home, &e), -1);
    assert_non_null(strstr(e.text, "restante init"));
    assert_int_equal(home_draft_commit(&d, &e), 0);
    home_draft_abandon(&d); /* harmless now */
    assert_int_equal(entries(base), 1);
    assert_int_equal(home_check(home, &e), 0);
    assert_int_equal(mode_of(home), 0700);
    assert_int_equal(mode_of(at("h/secret")), 0700);
    assert_int_equal(mode_of(at("h/secret/password")), 0600);
    assert_true(file_exists(at("h/Maildir/cur")) && file_exists(at("h/inbox/stubs")));
    assert_int_equal(home_draft_begin(&d, home, &e), -1);
    assert_non_null(strstr(e.text, "already is a Restante home"));
    home_draft_abandon(&d);
    assert_int_equal(home_check(home, &e), 0);
}

static void test_abandoned_leaves_nothing(void **state)
{
    struct home_draft d;
    struct error e;
    assert_int_equal(home_draft_begin(&d, at("h"), &e), 0);
    assert_int_equal(home_write_secret(d.dir, "secret/key.pgp", "k", 1, &e), 0);
    home_draft_abandon(&d);
    assert_int_equal(entries(base), 0);
}

static void test_leftovers(void **state)
{
    struct error e;
    /* A killed init's draft goes; one at work, and files that only look alike, stay. */
    assert_int_equal(mkdir(at("h.new-dead01"), 0700), 0);
    assert_int_equal(file_write(at("h.new-dead01/key"), "k", 1, &e), 0);
    assert_int_equal(mkdir(at("h.new-live01"), 0700), 0);
    assert_int_equal(mkdir(at("h.new-toolong"), 0700), 0);
    assert_int_equal(mkdir(at("hh.new-dead02"), 0700), 0);
    int fd = open(at("h.new-live01"), O_RDONLY | O_DIRECTORY);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    make_home(at("h"));
    assert_false(file_exists(at("h.new-dead01")));
    assert_true(file_exists(at("h.new-live01")));
    assert_true(file_exists(at("h.new-toolong")));
    assert_true(file_exists(at("hh.new-dead02")));
    (void)close(fd);
}

static void test_targets(void **state)
{
    struct error e;
    assert_int_equal(mkdir(at("empty"), 0755), 0);
    make_home(at("empty")); /* an empty folder may be taken, and is closed then */
    assert_int_equal(mode_of(at("empty")), 0700);
    assert_int_equal(mkdir(at("full"), 0700), 0);
    assert_int_equal(file_write(at("full/letter"), "x", 1, &e), 0);
    assert_int_equal(home_target_ok(at("full"), &e), -1);
    assert_non_null(strstr(e.text, "not empty"));
    assert_int_equal(file_write(at("file"), "x", 1, &e), 0);
    assert_int_equal(home_target_ok(at("file"), &e), -1);
    assert_int_equal(symlink(at("nowhere"), at("dangling")), 0);
    assert_int_equal(home_target_ok(at("dangling"), &e), -1);
    assert_int_equal(home_target_ok("/tmp/with#mark", &e), -1);
    assert_int_equal(home_target_ok("/tmp/with\"quote", &e), -1);
    assert_int_equal(home_target_ok("relative", &e), -1);
    char longest[HOME_PATH_MAX + 2];
    memset(longest, 'x', sizeof longest);
    memcpy(longest, "/tmp/", 5);
    longest[HOME_PATH_MAX + 1] = '\0';
    assert_int_equal(home_target_ok(longest, &e), -1);
    longest[HOME_PATH_MAX] = '\0';
    assert_int_equal(home_target_ok(longest, &e), 0);
}

static void test_find(void **state)
{
    struct error e;
    char out[PATH_CAP], want[PATH_CAP];
    assert_int_equal(chdir(base), 0);
    assert_int_equal(home_find("x/", out, &e), 0);
    (void)snprintf(want, sizeof want, "%.1000s/x", base);
    assert_string_equal(out, want);
    assert_int_equal(home_find("no/x", out, &e), -1);
    assert_non_null(strstr(e.text, "no/x"));
    assert_int_equal(home_find("x/..", out, &e), -1);
    assert_int_equal(home_find("/zzz-nothing", out, &e), 0);
    assert_string_equal(out, "/zzz-nothing");
    assert_int_equal(setenv("RESTANTE_HOME", base, 1), 0);
    assert_int_equal(home_find(NULL, out, &e), 0);
    assert_string_equal(out, base);
    assert_int_equal(unsetenv("RESTANTE_HOME"), 0);
    assert_int_equal(setenv("HOME", base, 1), 0);
    assert_int_equal(home_find(NULL, out, &e), 0);
    (void)snprintf(want, sizeof want, "%.1000s/.restante", base);
    assert_string_equal(out, want);
    assert_int_equal(chdir("/"), 0);
}

static void test_secrets_are_closed(void **state)
{
    struct error e;
    struct buf b = BUF_INIT(10);
    char home[PATH_CAP];
    memcpy(home, at("h"), sizeof home);
    make_home(home);
    assert_int_equal(home_write_secret(home, "secret/a", "12345", 5, &e), 0);
    assert_int_equal(home_read_secret(home, "secret/a", &b, &e), 0);
    assert_int_equal(b.len, 5);
    assert_int_equal(chmod(at("h/secret/a"), 0640), 0);
    assert_int_equal(home_read_secret(home, "secret/a", &b, &e), -1);
    assert_non_null(strstr(e.text, "chmod 600"));
    assert_int_equal(symlink("a", at("h/secret/link")), 0);
    assert_int_equal(home_read_secret(home, "secret/link", &b, &e), -1);
    assert_int_equal(mkfifo(at("h/secret/fifo"), 0600), 0);
    assert_int_equal(home_read_secret(home, "secret/fifo", &b, &e), -1);
    assert_int_equal(home_read_secret(home, "secret/none", &b, &e), -1);
    assert_int_equal(home_write_secret(home, "secret/large", "123456", 6, &e), 0);
    assert_int_equal(home_read_secret(home, "secret/large", &b, &e), -1);
    assert_non_null(strstr(e.text, "larger"));
    buf_wipe(&b);
    assert_int_equal(chmod(home, 0750), 0);
    assert_int_equal(home_check(home, &e), -1);
    assert_non_null(strstr(e.text, "chmod 700"));
}

static void test_file_system_is_probed(void **state)
{
    struct home_draft d;
    struct error e;
    link_errno = EPERM;
    assert_int_equal(home_draft_begin(&d, at("h"), &e), -1);
    assert_non_null(strstr(e.text, "hard links"));
    link_errno = 0;
    exchange_errno = EINVAL;
    assert_int_equal(home_draft_begin(&d, at("h"), &e), -1);
    assert_non_null(strstr(e.text, "exchange"));
    assert_int_equal(entries(base), 0);
    exchange_errno = 0;
    assert_int_equal(home_probe(base, &e), 0);
    assert_int_equal(entries(base), 0);
}

static void test_password(void **state)
{
    char a[HOME_PASSWORD_LEN + 1], b[HOME_PASSWORD_LEN + 1];
    home_new_password(a);
    home_new_password(b);
    assert_int_equal(strlen(a), HOME_PASSWORD_LEN);
    assert_string_not_equal(a, b);
    assert_int_equal(strspn(a, "abcdefghijkmnpqrstuvwxyz23456789-"), HOME_PASSWORD_LEN);
    assert_true(a[5] == '-' && a[11] == '-' && a[17] == '-' && a[23] == '-');
}

static void test_programs(void **state)
{
    struct error e;
    char out[PATH_CAP];
    assert_int_equal(file_write(at("restante-xyz"), "#!/bin/sh\n", 10, &e), 0);
    assert_int_equal(setenv("RESTANTE_LIBEXEC", base, 1), 0);
    assert_int_equal(program_find("restante-xyz", out, &e), -1); /* not executable */
    assert_non_null(strstr(e.text, "restante-xyz is not installed"));
    assert_int_equal(chmod(at("restante-xyz"), 0700), 0);
    assert_int_equal(program_find("restante-xyz", out, &e), 0);
    assert_string_equal(out, at("restante-xyz"));
    assert_int_equal(setenv("RESTANTE_PLUGIN_DIR", "/some/where", 1), 0);
    assert_int_equal(program_plugin_dir(out, &e), 0);
    assert_string_equal(out, "/some/where");
    assert_int_equal(unsetenv("RESTANTE_LIBEXEC") + unsetenv("RESTANTE_PLUGIN_DIR"), 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, make_base, remove_base)
    const struct CMUnitTest tests[] = {
        CASE(test_appears_whole), CASE(test_abandoned_leaves_nothing),
        CASE(test_leftovers),     CASE(test_targets),
        CASE(test_find),          CASE(test_secrets_are_closed),
        CASE(test_password),      CASE(test_file_system_is_probed),
        CASE(test_programs),
    };
    return cmocka_run_group_tests_name("home", tests, NULL, NULL);
}
