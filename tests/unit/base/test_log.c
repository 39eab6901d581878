/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_log.c - a log turns when it has grown, and goes to the journal too where stderr is that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/file.h"
#include "base/log.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_AREA "test"

static char dir[] = "/tmp/restante-log-XXXXXX", path[PATH_CAP], older[PATH_CAP];

static int64_t size_of(const char *name)
{
    struct stat st;
    return stat(name, &st) == 0 ? st.st_size : -1;
}

/* What was written to the file that stands for the journal. */
static void take_journal(const char *name, struct buf *b)
{
    assert_int_equal(file_read(name, b, NULL), 0);
    assert_non_null(buf_str(b));
}

static void test_goes_to_the_journal_and_turns(void **state)
{
    char journal[PATH_CAP], stream[64];
    struct buf b = BUF_INIT(64 * 1024 * 1024);
    struct stat st;
    (void)state;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(path_join(path, dir, "a.log", NULL) + path_join(older, dir, "a.log.1", NULL) +
                         path_join(journal, dir, "journal", NULL),
                     0);
    int before = dup(STDERR_FILENO), fd = open(journal, O_WRONLY | O_CREAT | O_APPEND, 0600);
    assert_true(before >= 0 && fd >= 0 && fstat(fd, &st) == 0);
    assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
    (void)snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev,
                   (unsigned long long)st.st_ino);
    assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
    assert_int_equal(log_open(path, LOG_INFO), 0);
    log_info("hello");
    log_debug("unseen");
    log_aloud(LOG_AREA, "once");
    take_journal(journal, &b);
    assert_string_equal(buf_str(&b), "<6>info test: hello\n<4>warn test: once\n");
    buf_free(&b);

    char text[1500];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (size_t n = 0; n < LOG_FILE_MAX + 4 * sizeof text; n += sizeof text)
        log_info("%s", text);
    assert_true(size_of(older) > LOG_FILE_MAX);
    assert_true(size_of(path) >= 0 && size_of(path) < LOG_FILE_MAX);
    log_info("after");
    assert_int_equal(file_read(path, &b, NULL), 0);
    assert_non_null(strstr(buf_str(&b), "info test: after\n"));
    buf_free(&b);
    assert_int_equal(log_turn(path), 0); /* it is small */

    assert_int_equal(dup2(before, STDERR_FILENO), STDERR_FILENO);
    (void)close(before);
    (void)close(fd);
    dir_remove_tree(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_goes_to_the_journal_and_turns)};
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
