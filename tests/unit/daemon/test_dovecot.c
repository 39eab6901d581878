/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_dovecot.c - what must be right before Dovecot is started: the configuration's words and
 * modes, the ports, and what an earlier daemon left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/file.h"
#include "daemon/dovecot.h"
#include "daemon/dovecot_config.h"
#include "daemon/dovecot_leftover.h"
#include <crypt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char home[64];

static int setup(void **state)
{
    char path[PATH_CAP];
    (void)state;
    (void)snprintf(home, sizeof home, "/tmp/restante-dov-XXXXXX");
    if (mkdtemp(home) == NULL)
        return -1;
    (void)snprintf(path, sizeof path, "%s/lib20_restante_plugin.so", home);
    return file_write(path, "x", 1, NULL);
}

static int teardown(void **state)
{
    static const char *const names[] = {"dovecot/modules/lib15_notify_plugin.so",
                                        "dovecot/modules/lib20_restante_plugin.so",
                                        "dovecot/modules",
                                        "dovecot/run/master.pid",
                                        "dovecot/run",
                                        "dovecot/state",
                                        "dovecot/tmp",
                                        "dovecot/passwd",
                                        "dovecot/dovecot.conf",
                                        "dovecot",
                                        "log",
                                        "lib20_restante_plugin.so",
                                        ""};
    char path[PATH_CAP];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", home, names[i]);
        (void)remove(path);
    }
    return 0;
}

static struct dovecot_config config(void)
{
    return (struct dovecot_config){.home = home,
                                   .address = "bob+x@demo",
                                   .password = "open sesame",
                                   .imap_port = 10993,
                                   .submission_port = 10465,
                                   .relay_port = 10025,
                                   .relay_user = "relay",
                                   .relay_password = "s3cret",
                                   .plugin_dir = home,
                                   .plugin_socket = "/tmp/x.sock",
                                   .stub_key = "/tmp/x.key",
                                   .wait_s = 60};
}

static struct buf slurp(const char *name)
{
    struct buf b = BUF_INIT(65536);
    char path[PATH_CAP];
    struct stat st;
    assert_int_equal(dovecot_path(path, home, name, NULL), 0);
    assert_int_equal(file_read(path, &b, NULL), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    return b;
}

static void test_configuration(void **state)
{
    struct dovecot_config c = config();
    struct error e;
    (void)state;
    assert_int_equal(dovecot_write_config(&c, &e), 0);
    struct buf conf = slurp("dovecot.conf");
    assert_non_null(strstr(buf_str(&conf), "\n    port = 10993\n    ssl = yes\n"));
    assert_non_null(strstr(buf_str(&conf), "\n    port = 10465\n    ssl = yes\n"));
    assert_non_null(strstr(buf_str(&conf), "\nsubmission_relay_port = 10025\n"));
    assert_non_null(strstr(buf_str(&conf), "\nsubmission_relay_password = s3cret\n"));
    assert_non_null(strstr(buf_str(&conf), "\nsubmission_max_mail_size = 0\n"));
    assert_non_null(strstr(buf_str(&conf), "\nssl = required\n"));
    assert_null(strstr(buf_str(&conf), "open sesame"));
    struct buf passwd = slurp("passwd");
    assert_null(strstr(buf_str(&passwd), "open sesame"));
    assert_int_equal(strncmp(buf_str(&passwd), "bob+x@demo:{SHA512-CRYPT}$6$", 28), 0);
    const char *hash = buf_str(&passwd) + 25;
    char *end = strchr(hash, ':');
    assert_non_null(end);
    *end = '\0';
    assert_string_equal(crypt("open sesame", hash), hash);
    buf_free(&conf);
    buf_free(&passwd);
    /* again over what is there, as every start does */
    assert_int_equal(dovecot_write_config(&c, &e), 0);
}

/* Of what both versions are told; test_conf_24.c holds what only 2.4 is told. */
static void test_variables_have_braces(void **state)
{
    struct dovecot_config c = config();
    struct error e;
    (void)state;
    assert_int_equal(dovecot_write_config(&c, &e), 0);
    struct buf conf = slurp("dovecot.conf");
    char *rest = (char *)(uintptr_t)buf_str(&conf);
    for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
        bool format = strncmp(line, "log_timestamp = ", 16) == 0; /* strftime(3)'s */
        bool of_23 = strcmp(line, "auth_username_format = %Lu") == 0 && dovecot_writes_in == NULL;
        for (const char *at = line; !format && !of_23 && (at = strchr(at, '%')) != NULL; at++)
            if (at[1] != '{')
                fail_msg("a variable without braces: %s", line);
    }
    buf_free(&conf);
}

static void test_words_that_a_configuration_cannot_hold(void **state)
{
    static const char *const bad[] = {"", "a#b", "a\nb", "a\"b", "a%b", "a:b", "a$b", "a{"};
    struct dovecot_config c;
    struct error e;
    char path[PATH_CAP];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        c = config();
        c.address = bad[i];
        assert_int_equal(dovecot_write_config(&c, &e), -1);
        c = config();
        c.relay_password = bad[i];
        assert_int_equal(dovecot_write_config(&c, &e), -1);
        c = config();
        c.plugin_socket = bad[i];
        assert_int_equal(dovecot_write_config(&c, &e), -1);
    }
    c = config();
    c.address = "a b"; /* a path may have a space, a word not */
    assert_int_equal(dovecot_write_config(&c, &e), -1);
    c = config();
    c.home = "/tmp/a-home-whose-path-is-longer-than-dovecot-could-put-into-a-socket";
    assert_int_equal(strlen(c.home), DOVECOT_HOME_MAX + 1);
    assert_int_equal(dovecot_write_config(&c, &e), -1);
    assert_non_null(strstr(e.text, "too long"));
    assert_int_equal(dovecot_path(path, home, "dovecot.conf", &e), 0);
    assert_false(file_exists(path));
}

static void test_a_missing_plugin_is_named(void **state)
{
    struct dovecot_config c = config();
    struct error e;
    (void)state;
    c.plugin_dir = "/nonexistent";
    assert_int_equal(dovecot_write_config(&c, &e), -1);
    assert_non_null(strstr(e.text, "/nonexistent/lib20_restante_plugin.so is missing"));
}

static void test_the_installed_dovecot_is_the_one_of_the_build(void **state)
{
    struct error e = {.text = ""};
    (void)state;
    if (dovecot_check_version(home, &e) < 0)
        fail_msg("%s", e.text);
}

static void test_a_taken_port_is_named(void **state)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof sa;
    struct dovecot_config c = config();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct error e;
    char word[16];
    (void)state;
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
    c.imap_port = ntohs(sa.sin_port);
    assert_int_equal(dovecot_check_ports(&c, &e), -1);
    (void)snprintf(word, sizeof word, "Port %u ", (unsigned)c.imap_port);
    assert_non_null(strstr(e.text, word));
    assert_non_null(strstr(e.text, "imap_port"));
    (void)close(fd);
    c.submission_port = c.imap_port;
    assert_int_equal(dovecot_check_ports(&c, &e), -1);
}

static void write_pid(int pid)
{
    struct dovecot_config c = config();
    char path[PATH_CAP], text[32];
    assert_int_equal(dovecot_write_config(&c, NULL), 0);
    assert_int_equal(dovecot_path(path, home, "run/master.pid", NULL), 0);
    (void)snprintf(text, sizeof text, "%d\n", pid);
    assert_int_equal(file_write(path, text, strlen(text), NULL), 0);
}

/* A process that sleeps, with this word on its command line. */
static pid_t sleeper(const char *word)
{
    pid_t pid = fork();
    if (pid == 0) {
        (void)execl("/bin/sh", "sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.05; done", word,
                    (char *)NULL);
        _exit(1);
    }
    assert_true(pid > 0);
    (void)usleep(200000);
    return pid;
}

static void test_only_our_own_leftover_is_ended(void **state)
{
    char conf[PATH_CAP], pidfile[PATH_CAP];
    struct error e;
    (void)state;
    (void)signal(SIGCHLD, SIG_IGN); /* no zombies: an ended one is gone, as with a real daemon's */
    assert_int_equal(dovecot_path(conf, home, "dovecot.conf", NULL), 0);
    assert_int_equal(dovecot_path(pidfile, home, "run/master.pid", NULL), 0);
    pid_t pid = sleeper("something-else");
    write_pid(pid);
    assert_int_equal(dovecot_master_pid(home), pid);
    assert_int_equal(dovecot_end_leftover(home, &e), 0);
    assert_int_equal(kill(pid, 0), 0); /* only its number was the same */
    assert_false(file_exists(pidfile));
    (void)kill(pid, SIGKILL);
    pid = sleeper(conf);
    write_pid(pid);
    assert_int_equal(dovecot_end_leftover(home, &e), 0);
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(dovecot_end_leftover(home, &e), 0); /* nothing left */
    (void)signal(SIGCHLD, SIG_DFL);
}

static void test_a_senseless_pid_file_is_no_process(void **state)
{
    static const char *const texts[] = {
        "", "x", "1\n", "-5\n", "0\n", "12x\n", "99999999999999999999\n"};
    char path[PATH_CAP];

    (void)state;
    write_pid(1);
    assert_int_equal(dovecot_path(path, home, "run/master.pid", NULL), 0);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(file_write(path, texts[i], strlen(texts[i]), NULL), 0);
        assert_int_equal(dovecot_master_pid(home), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_configuration, setup, teardown),
        cmocka_unit_test_setup_teardown(test_variables_have_braces, setup, teardown),
        cmocka_unit_test_setup_teardown(test_words_that_a_configuration_cannot_hold, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_missing_plugin_is_named, setup, teardown),
        cmocka_unit_test(test_the_installed_dovecot_is_the_one_of_the_build),
        cmocka_unit_test_setup_teardown(test_a_taken_port_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(test_only_our_own_leftover_is_ended, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_senseless_pid_file_is_no_process, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
