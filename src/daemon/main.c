/* SPDX-License-Identifier: GPL-3.0-or-later */
/* main.c - restanted: one peer, for one user. */
#include "base/log.h"
#include "daemon/confine.h"
#include "daemon/dovecot_config.h"
#include "daemon/dovecot_try.h"
#include "daemon/fsck_alone.h"
#include "daemon/home.h"
#include "daemon/launcher.h"
#include "daemon/program.h"
#include "daemon/service.h"
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_AREA "daemon"

static const char usage[] =
    "usage: restanted [--home DIR] [--user NAME] [--foreground]\n"
    "Runs the peer of one user: mail waits here until its recipients call for it.\n\n"
    "  --home DIR      the peer's folder (default $RESTANTE_HOME, else ~/.restante);\n"
    "                  `restante init` makes one\n"
    "  --user NAME     when started by root: the user to become first\n"
    "  --foreground    log to standard error instead of log/restanted.log\n"
    "  --fsck          check the home, print what is wrong as JSON, and end (`restante fsck`\n"
    "                  does this); --repair: repair it\n"
    "  --help, --version\n";

static int main_fail(const char *text)
{
    (void)fprintf(stderr, "restanted: %s\n", text);
    return 1;
}

/* Root must name whom to become; everybody else is who they are. */
static int become(const char *user, struct error *e)
{
    if (geteuid() != 0)
        return user == NULL ? 0 : error_set(e, "--user is for root only.");
    if (user == NULL)
        return error_set(e, "It must not run as root. Start it as the user whose mail it carries, "
                            "or name that user with --user.");
    const struct passwd *pw = getpwnam(user);
    if (pw == NULL || pw->pw_uid == 0)
        return error_set(e, "There is no ordinary user %s.", user);
    if (initgroups(user, pw->pw_gid) < 0 || setgid(pw->pw_gid) < 0 || setuid(pw->pw_uid) < 0)
        return error_set(e, "Cannot become %s: %s.", user, strerror(errno));
    (void)setenv("HOME", pw->pw_dir, 1);
    return chdir("/");
}

static int daemon_run(const char *home, bool foreground)
{
    static struct service s;
    struct error e = {""};
    struct config c;
    char path[PATH_CAP];
    if (home_check(home, &e) < 0 || home_moved(home, &e) < 0 || config_load(&c, home, &e) < 0 ||
        home_make_folders(home, &e) < 0 || home_lock(home, 0, &e) < 0 ||
        home_format_set(home, &e) < 0 || path_join(path, home, "log/restanted.log", &e) < 0)
        return main_fail(e.text);
    int level = log_level_parse(c.log_level);
    if (log_open(foreground ? NULL : path, level < 0 ? LOG_INFO : (enum log_level)level) < 0)
        return main_fail("The log cannot be opened.");
    if (program_plugin_dir(path, &e) < 0 || dovecot_accept(home, path, &e) < 0) {
        log_error("%s", e.text);
        return main_fail(e.text);
    }
    s.launcher = launcher_fork(home, dovecot_writes_in, &e);
    const char *why = s.launcher < 0 ? NULL : confine(home, NULL);
    if (why != NULL)
        log_warn("files outside are not closed off, Landlock fails: %s", why);
    int rc = s.launcher < 0 ? -1 : service_start(&s, home, &e);
    if (rc < 0) {
        log_error("%s", e.text);
        (void)main_fail(e.text);
        service_abort(&s);
        return 1;
    }
    (void)uv_run(s.loop, UV_RUN_DEFAULT);
    service_free(&s);
    log_info("stopped");
    return s.start_anew ? PROGRAM_ANEW : 0;
}

static int run_fsck(const char *home, bool repair)
{
    static struct service s;
    struct error e = {""};
    if (home_check(home, &e) < 0 || home_make_folders(home, &e) < 0 || home_lock(home, 0, &e) < 0 ||
        fsck_alone(&s, home, repair, &e) < 0)
        return main_fail(e.text);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"home", required_argument, NULL, 'H'}, {"user", required_argument, NULL, 'u'},
        {"foreground", no_argument, NULL, 'f'}, {"help", no_argument, NULL, 'h'},
        {"fsck", no_argument, NULL, 'c'},       {"repair", no_argument, NULL, 'r'},
        {"version", no_argument, NULL, 'V'},    {0}};
    const char *home = NULL, *user = NULL;
    bool foreground = false, check = false, repair = false;
    struct error e = {""};
    char found[PATH_CAP];
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (o) {
        case 'H':
            home = optarg;
            break;
        case 'u':
            user = optarg;
            break;
        case 'f':
            foreground = true;
            break;
        case 'c':
            check = true;
            break;
        case 'r':
            repair = true;
            break;
        case 'h':
            (void)fputs(usage, stdout);
            return 0;
        case 'V':
            (void)puts("restanted " RESTANTE_VERSION);
            return 0;
        default:
            return 2;
        }
    }
    if (optind < argc || (repair && !check)) {
        (void)fputs(usage, stderr);
        return 2;
    }
    (void)umask(077);
    (void)signal(SIGHUP, SIG_IGN); /* until it is watched: a closed terminal ends no peer */
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (become(user, &e) < 0 || home_find(home, found, &e) < 0)
        return main_fail(e.text);
    return check ? run_fsck(found, repair) : daemon_run(found, foreground);
}
