/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_maildir.c - the client's folders: a stub is filled wherever it stands, while somebody
 * changes flags, under its name and with its times (P-7.6). */
#include "base/clock.h"
#include "flow/core/services.h"
#include "flow/mail/maildir.h"
#include "flow/core/module.h"
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char home[] = "/tmp/restante-maildir-XXXXXX";
static const struct module *const modules[] = {&maildir_module, NULL};
static struct services sv;

static const char *at(const char *path)
{
    static char out[4][PATH_CAP];
    static int i;
    i = (i + 1) % 4;
    (void)snprintf(out[i], PATH_CAP, "%s/%s", home, path);
    return out[i];
}

static void put(const char *path, const char *text)
{
    struct error e;
    assert_int_equal(file_write(at(path), text, strlen(text), &e), 0);
}

static bool holds(const char *path, const char *text)
{
    struct buf b = BUF_INIT(1000);
    bool same = file_read(at(path), &b, NULL) == 0 && strcmp(buf_str(&b), text) == 0;
    buf_free(&b);
    return same;
}

static unsigned count(const char *path)
{
    unsigned n = 0;
    DIR *d = opendir(at(path));
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        n += e->d_name[0] != '.';
    (void)closedir(d);
    return n;
}

static int clean(void **state)
{
    char command[200];
    struct error e;
    (void)snprintf(command, sizeof command, "rm -rf %s/*", home);
    if (system(command) != 0)
        return -1;
    sv = (struct services){.c = {.home = home}};
    if (modules_start(&sv, modules, &e) < 0)
        return -1;
    if (mkdir(at("lost"), 0700) < 0)
        return -1;
    put("own", "stub");
    put("full", "the whole message");
    struct timespec t[2] = {{.tv_sec = 1000}, {.tv_sec = 1234567}};
    return utimensat(AT_FDCWD, at("own"), t, 0);
}

static int end(void **state)
{
    modules_free(&sv, modules);
    return 0;
}

static void folder(const char *name)
{
    char sub[100];
    struct error e;
    assert_int_equal(dir_make(at(name), &e), 0);
    for (int i = 0; i < 3; i++) {
        (void)snprintf(sub, sizeof sub, "%s/%s", name, i == 0 ? "cur" : i == 1 ? "new" : "tmp");
        assert_int_equal(dir_make(at(sub), &e), 0);
    }
}

static void test_add(void **state)
{
    struct error e;
    struct stat a, b;
    assert_int_equal(maildir_add(home, "", at("own"), "one", NULL, &e), 0);
    assert_int_equal(maildir_add(home, "", at("own"), "one", NULL, &e), 0); /* again: the same */
    assert_int_equal(maildir_add(home, ".Sent", at("own"), "two", "S", &e), 0);
    assert_int_equal(stat(at("own"), &a), 0);
    assert_int_equal(stat(at("Maildir/new/one"), &b), 0);
    assert_int_equal(a.st_ino, b.st_ino);
    assert_int_equal(stat(at("Maildir/.Sent/cur/two:2,S"), &b), 0);
    assert_int_equal(a.st_nlink, 3);
    assert_int_equal(maildir_add(home, "", at("missing"), "three", NULL, &e), -1);
}

static void test_fill_everywhere(void **state)
{
    static const char *const copy[] = {"Maildir/cur/one:2,S", "Maildir/new/one.again",
                                       "Maildir/.Work/cur/9.copy:2,FS", "Maildir/.Work/new/x",
                                       "Maildir/.Trash/cur/y:2,T"};
    struct error e;
    struct stat before, after;
    folder("Maildir/.Work");
    folder("Maildir/.Trash");
    put("Maildir/cur/other", "another message");
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(link(at("own"), at(copy[i])), 0);
    assert_int_equal(stat(at("own"), &before), 0);
    assert_int_equal(maildir_fill(home, at("own"), at("full"), "one", &e), 0);
    for (size_t i = 0; i < 5; i++) {
        assert_true(holds(copy[i], "the whole message"));
        assert_int_equal(stat(at(copy[i]), &after), 0);
        assert_int_equal(after.st_mtim.tv_sec, before.st_mtim.tv_sec); /* INTERNALDATE */
    }
    assert_true(holds("Maildir/cur/other", "another message"));
    assert_true(holds("own", "stub"));
    assert_int_equal(stat(at("own"), &after), 0);
    assert_int_equal(after.st_nlink, 1);
    assert_int_equal(count("Maildir/tmp"), 0);
    /* a crash before the commit: once more changes nothing */
    assert_int_equal(maildir_fill(home, at("own"), at("full"), "one", &e), 1);
    assert_true(holds(copy[0], "the whole message"));
}

static void test_fill_nothing(void **state)
{
    struct error e;
    put("Maildir/cur/other", "another message");
    assert_int_equal(maildir_fill(home, at("own"), at("full"), "one", &e), 1); /* expunged */
    assert_int_equal(maildir_fill(home, at("gone"), at("full"), "one", &e), 1);
    assert_true(holds("Maildir/cur/other", "another message"));
    assert_int_equal(link(at("own"), at("Maildir/new/one")), 0);
    assert_int_equal(maildir_fill(home, at("own"), at("missing"), "one", &e), -1);
    assert_true(holds("Maildir/new/one", "stub")); /* nothing half done */
}

/* A link that is in no folder, as a backup program makes one: what stands in folders is filled. */
static void test_fill_foreign_link(void **state)
{
    struct error e;
    assert_int_equal(link(at("own"), at("backup")), 0);
    assert_int_equal(link(at("own"), at("Maildir/new/one")), 0);
    assert_int_equal(maildir_fill(home, at("own"), at("full"), "one", &e), 2);
    assert_true(holds("Maildir/new/one", "the whole message"));
    assert_true(holds("backup", "stub"));
}

#define FILES 60
static atomic_bool stop;

/* Another program puts its own file where the stub stood, and the stub back, again and again. */
static void *swaps(void *arg)
{
    char path[PATH_CAP], side[PATH_CAP];
    (void)snprintf(path, sizeof path, "%s/Maildir/new/one", home);
    (void)snprintf(side, sizeof side, "%s/side", home);
    while (!atomic_load(&stop))
        (void)renameat2(AT_FDCWD, path, AT_FDCWD, side, RENAME_EXCHANGE);
    return NULL;
}

/* What is swapped out is looked at before it is removed: it is somebody's mail unless it is the
 * stub. */
static void test_fill_beside_another(void **state)
{
    pthread_t thread;
    struct error e;
    for (int i = 0; i < 300; i++) {
        put("side", "a letter");
        assert_int_equal(link(at("own"), at("Maildir/new/one")), 0);
        atomic_store(&stop, false);
        assert_int_equal(pthread_create(&thread, NULL, swaps, NULL), 0);
        (void)maildir_fill(home, at("own"), at("full"), "one", &e);
        atomic_store(&stop, true);
        (void)pthread_join(thread, NULL);
        bool here = holds("side", "a letter") || holds("Maildir/new/one", "a letter");
        if (!here && count("lost") == 0 && count("Maildir/tmp") == 0)
            fail_msg("round %d: the letter is gone", i);
        (void)unlink(at("side"));
        (void)unlink(at("Maildir/new/one"));
        char command[200];
        (void)snprintf(command, sizeof command, "rm -rf %s/lost/* %s/Maildir/tmp/*", home, home);
        assert_int_equal(system(command), 0);
    }
}

/* A client that sets and clears flags all the time. */
static void *flags(void *arg)
{
    static const char *const flag[] = {"", "S", "F", "FS", "RS"};
    for (unsigned round = 0; !atomic_load(&stop); round++) {
        for (int i = 0; i < FILES; i++) {
            char from[PATH_CAP], to[PATH_CAP];
            (void)snprintf(from, sizeof from, "%s/Maildir/cur/m%d:2,%s", home, i, flag[round % 5]);
            (void)snprintf(to, sizeof to, "%s/Maildir/cur/m%d:2,%s", home, i,
                           flag[(round + 1) % 5]);
            (void)rename(from, to);
        }
    }
    return NULL;
}

static void test_fill_while_flags_change(void **state)
{
    pthread_t t;
    struct error e = {""};
    char path[64];
    for (int i = 0; i < FILES; i++) {
        char own[64];
        (void)snprintf(own, sizeof own, "own%d", i);
        put(own, "stub");
        (void)snprintf(path, sizeof path, "Maildir/cur/m%d:2,", i);
        assert_int_equal(link(at(own), at(path)), 0);
    }
    atomic_store(&stop, false);
    assert_int_equal(pthread_create(&t, NULL, flags, NULL), 0);
    for (int i = 0; i < FILES; i++) {
        char own[64], hint[64];
        (void)snprintf(own, sizeof own, "own%d", i);
        (void)snprintf(hint, sizeof hint, "m%d", i);
        assert_int_equal(maildir_fill(home, at(own), at("full"), hint, &e), 0);
    }
    atomic_store(&stop, true);
    (void)pthread_join(t, NULL);
    assert_int_equal(count("Maildir/cur"), FILES); /* none lost, none doubled */
    assert_int_equal(count("Maildir/tmp"), 0);
    DIR *d = opendir(at("Maildir/cur"));
    for (struct dirent *at_; (at_ = readdir(d)) != NULL;) {
        char name[300];
        (void)snprintf(name, sizeof name, "Maildir/cur/%s", at_->d_name);
        assert_true(at_->d_name[0] == '.' || holds(name, "the whole message"));
    }
    (void)closedir(d);
}

static bool replaced_by(const char *notice)
{
    return holds(notice, "not opened in time");
}

/* A notice stands where the stub stood, the inbox first, and never in Trash alone. */
static void test_replace(void **state)
{
    struct error e;
    struct stat st;
    folder("Maildir/.Work");
    folder("Maildir/.Trash");
    put("note", "not opened in time");
    assert_int_equal(link(at("own"), at("Maildir/.Work/cur/a:2,S")), 0);
    assert_int_equal(link(at("own"), at("Maildir/.Trash/cur/b:2,S")), 0);
    assert_int_equal(maildir_replace(home, at("own"), at("note"), "n", &e), 0);
    assert_true(replaced_by("Maildir/.Work/new/n"));
    assert_int_equal(count("Maildir/.Work/cur") + count("Maildir/.Trash/cur"), 0);
    assert_int_equal(stat(at("own"), &st), 0);
    assert_int_equal(st.st_nlink, 1);
    /* after a crash the notice has its copy already */
    assert_int_equal(link(at("own"), at("Maildir/new/a")), 0);
    assert_int_equal(maildir_replace(home, at("own"), at("note"), "n", &e), 0);
    assert_int_equal(count("Maildir/new"), 0);
    put("other", "not opened in time");
    assert_int_equal(link(at("own"), at("Maildir/.Trash/cur/b:2,S")), 0);
    assert_int_equal(maildir_replace(home, at("own"), at("other"), "o", &e), 0);
    assert_int_equal(count("Maildir/new") + count("Maildir/.Trash/cur"), 0);
    assert_int_equal(count("Maildir/.Trash/new"), 0);
    /* a copy that has no name for a moment may stand anywhere next: nothing goes before it is seen
     */
    assert_int_equal(link(at("own"), at("Maildir/tmp/moving")), 0);
    assert_int_equal(link(at("own"), at("Maildir/.Trash/cur/b:2,S")), 0);
    assert_int_equal(maildir_replace(home, at("own"), at("other"), "o", &e), -1);
    assert_int_equal(count("Maildir/.Trash/cur"), 1);
    assert_int_equal(rename(at("Maildir/tmp/moving"), at("Maildir/cur/a:2,")), 0);
    assert_int_equal(maildir_replace(home, at("own"), at("other"), "o", &e), 0);
    assert_true(replaced_by("Maildir/new/o"));
}

/* As Dovecot keeps them: names by number in a file, letters in the names of messages. */
static void test_keyword(void **state)
{
    struct error e;
    char flag[2], line[64];
    assert_int_equal(maildir_keyword(home, ".Requests", "$Foreign", flag, &e), 0);
    assert_string_equal(flag, "a");
    assert_true(holds("Maildir/.Requests/dovecot-keywords", "0 $Foreign\n"));
    assert_int_equal(maildir_add(home, ".Requests", at("own"), "one", flag, &e), 0);
    assert_true(holds("Maildir/.Requests/cur/one:2,a", "stub"));
    /* the client's own ones stay, and the first free number is taken */
    put("Maildir/.Requests/dovecot-keywords", "0 blue\n2 $forwarded\nrubbish\n99 x\n");
    assert_int_equal(maildir_keyword(home, ".Requests", "$Forwarded", flag, &e), 0);
    assert_string_equal(flag, "c");
    assert_int_equal(maildir_keyword(home, ".Requests", "$Foreign", flag, &e), 0);
    assert_string_equal(flag, "b");
    assert_true(holds("Maildir/.Requests/dovecot-keywords",
                      "0 blue\n2 $forwarded\nrubbish\n99 x\n1 $Foreign\n"));
    /* somebody else is writing; what a dead one left is taken away */
    put("Maildir/.Requests/dovecot-keywords.lock", "");
    assert_int_equal(maildir_keyword(home, ".Requests", "other", flag, &e), -1);
    struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    assert_int_equal(utimensat(AT_FDCWD, at("Maildir/.Requests/dovecot-keywords.lock"), old, 0), 0);
    for (int i = 3; i < 26; i++) {
        (void)snprintf(line, sizeof line, "k%d", i);
        assert_int_equal(maildir_keyword(home, ".Requests", line, flag, &e), 0);
        assert_int_equal(flag[0], 'a' + i);
    }
    assert_int_equal(maildir_keyword(home, ".Requests", "one too many", flag, &e), -1);
    assert_int_equal(access(at("Maildir/.Requests/dovecot-keywords.lock"), F_OK), -1);
}

static void test_find(void **state)
{
    put("Maildir/cur/1.A.host,S=5:2,S", "x");
    put("Maildir/cur/1.A.host,S=55:2,S", "x");
    assert_int_equal(maildir_find(home, "", "1.A.host,S=5", false), 1);
    assert_int_equal(maildir_find(home, "", "1.A.host", false), 0); /* a beginning is not it */
    assert_int_equal(maildir_find(home, ".No", "1.A.host,S=5", false), 0);
    assert_int_equal(maildir_find(home, "", "1.A.host,S=5", true), 1);
    assert_int_equal(maildir_find(home, "", "1.A.host,S=5", false), 0);
    assert_int_equal(maildir_find(home, "", "1.A.host,S=55", false), 1);
}

static void test_sent_has(void **state)
{
    struct services here = {.c.home = home};
    struct error e;
    assert_int_equal(modules_start(&here, modules, &e), 0);
    assert_false(maildir_sent_has(&here, "<1@demo>", 0, INT64_MAX)); /* there is no Sent */
    folder("Maildir/.Sent");
    put("Maildir/.Sent/cur/a:2,S",
        "From: x\r\nMessage-ID: <1@demo>\r\n\r\nMessage-ID: <2@demo>\r\n");
    assert_true(maildir_sent_has(&here, "<1@demo>", 0, INT64_MAX));
    assert_false(maildir_sent_has(&here, "<2@demo>", 0, INT64_MAX)); /* in the body */
    assert_false(maildir_sent_has(&here, "<1@dem", 0, INT64_MAX));
    assert_false(maildir_sent_has(&here, "<1@demo>", INT64_MAX, INT64_MAX));
    put("Maildir/.Sent/cur/17.O0123456789abcdef0123456789abcdef.restante,S=28,W=28:2,S",
        "Message-ID: <3@demo>\r\n\r\n"); /* the daemon's own copy */
    assert_false(maildir_sent_has(&here, "<3@demo>", 0, INT64_MAX));
    put("Maildir/.Sent/cur/17.O0123456789.restante,S=28:2,S", "Message-ID: <3@demo>\r\n\r\n");
    assert_true(maildir_sent_has(&here, "<3@demo>", 0, INT64_MAX));
    /* a look that began after the submission serves; one of before it does not */
    put("Maildir/.Sent/cur/b:2,S", "Message-ID: <4@demo>\r\n\r\n");
    assert_false(maildir_sent_has(&here, "<4@demo>", 0, 0));
    assert_true(maildir_sent_has(&here, "<4@demo>", 0, clock_wall_ms() + 1));
    modules_free(&here, modules);
}

static void test_trash(void **state)
{
    struct stat st;
    unsigned elsewhere, trash;
    folder("Maildir/.Trash");
    folder("Maildir/.Junk");
    assert_int_equal(stat(at("own"), &st), 0);
    maildir_trash_read(&sv);
    assert_false(maildir_trash_has(&sv, st.st_ino));
    assert_int_equal(link(at("own"), at("Maildir/.Junk/cur/a:2,")), 0);
    maildir_trash_read(&sv);
    assert_true(maildir_trash_has(&sv, st.st_ino));
    assert_int_equal(link(at("own"), at("Maildir/new/b")), 0);
    assert_int_equal(link(at("own"), at("Maildir/.Trash/new/c")), 0);
    maildir_count(home, st.st_ino, &elsewhere, &trash);
    assert_int_equal(elsewhere, 1);
    assert_int_equal(trash, 2);
}

static int make(void **state)
{
    return mkdtemp(home) == NULL ? -1 : 0;
}

static int unmake(void **state)
{
    char command[64];
    (void)snprintf(command, sizeof command, "rm -rf %s", home);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_add, clean, end),
        cmocka_unit_test_setup_teardown(test_fill_everywhere, clean, end),
        cmocka_unit_test_setup_teardown(test_fill_nothing, clean, end),
        cmocka_unit_test_setup_teardown(test_fill_foreign_link, clean, end),
        cmocka_unit_test_setup_teardown(test_fill_beside_another, clean, end),
        cmocka_unit_test_setup_teardown(test_fill_while_flags_change, clean, end),
        cmocka_unit_test_setup_teardown(test_replace, clean, end),
        cmocka_unit_test_setup_teardown(test_keyword, clean, end),
        cmocka_unit_test_setup_teardown(test_find, clean, end),
        cmocka_unit_test_setup_teardown(test_sent_has, clean, end),
        cmocka_unit_test_setup_teardown(test_trash, clean, end),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
