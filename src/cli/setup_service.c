/* SPDX-License-Identifier: GPL-3.0-or-later */
/* setup_service.c - starts the peer, by the user's service manager where there is one (setup.h).
 * The unit is the installed one; for a home elsewhere it gets a drop-in. */
#include "base/clock.h"
#include "cli/control.h"
#include "cli/setup.h"
#include "cli/child.h"
#include "daemon/home.h"
#include "daemon/program.h"
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNIT "restante.service"
#define MANAGER_WAIT_S 20
#define RESTART_WAIT_S 120 /* it ends the old one first */
#define OUTPUT_CAP (64 * 1024)
#define ENDING_WAIT_S 30
#define LOOK_MS 200

/* What `systemctl --user` or loginctl says: 0 when it ends well, with its output in out. */
static int ask_manager(const char *const argv[], struct buf *out)
{
    struct error e;
    return child_wait(argv, MANAGER_WAIT_S, out, &e) == 0 ? 0 : -1;
}

static int user_systemctl(const char *verb, const char *option, struct buf *out)
{
    const char *const argv[] = {"systemctl",
                                "--user",
                                verb,
                                option == NULL ? UNIT : option,
                                option == NULL || option[0] != '-' ? NULL : UNIT,
                                NULL};
    return ask_manager(argv, out);
}

/* A log-in through su has no XDG_RUNTIME_DIR; the manager may be there all the same. */
static void find_runtime_dir(void)
{
    char dir[64];
    struct stat st;
    (void)snprintf(dir, sizeof dir, "/run/user/%lu", (unsigned long)geteuid());
    if (getenv("XDG_RUNTIME_DIR") == NULL && stat(dir, &st) == 0 && st.st_uid == geteuid())
        (void)setenv("XDG_RUNTIME_DIR", dir, 1);
}

/* NULL: it can be used; else why not. */
static const char *manager_missing(void)
{
    struct buf out = BUF_INIT(OUTPUT_CAP);
    const char *const reach[] = {"systemctl", "--user", "show-environment", NULL};
    const char *why = NULL;
    find_runtime_dir();
    if (!child_found("systemctl") || ask_manager(reach, &out) < 0)
        why = "there is no systemd for users on this computer, or not in this log-in";
    else if (user_systemctl("cat", NULL, &out) < 0)
        why = UNIT " is not installed (`make install` does)";
    buf_free(&out);
    return why;
}

/* The home that the unit runs: RESTANTE_HOME in its environment, else the usual one. */
static void unit_home(char home[PATH_CAP])
{
    static const char name[] = "RESTANTE_HOME=";
    struct buf out = BUF_INIT(OUTPUT_CAP);
    const char *const argv[] = {"systemctl", "--user", "show", "--property=Environment",
                                UNIT,        NULL};
    const char *user = getenv("HOME");
    (void)snprintf(home, PATH_CAP, "%s/.restante", user == NULL ? "" : user);
    if (ask_manager(argv, &out) == 0 && buf_str(&out) != NULL) {
        const char *at = strstr(buf_str(&out), name);
        if (at != NULL)
            (void)snprintf(home, PATH_CAP, "%.*s",
                           (int)strcspn(at + strlen(name), at[-1] == '"' ? "\"" : " \n"),
                           at + strlen(name));
    }
    buf_free(&out);
}

/* ~/.config/systemd/user/restante.service.d/home.conf */
static int write_drop_in(const char *home, struct error *e)
{
    static const char *const steps[] = {"systemd", "user", UNIT ".d"};
    char dir[PATH_CAP], next[PATH_CAP], text[PATH_CAP + 64];
    const char *xdg = getenv("XDG_CONFIG_HOME"), *user = getenv("HOME");
    if (xdg != NULL && xdg[0] == '/')
        (void)snprintf(dir, sizeof dir, "%s", xdg);
    else if (user == NULL || path_join(dir, user, ".config", e) < 0)
        return error_set(e, "HOME is not set.");
    if (dir_make(dir, e) < 0)
        return -1;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (path_join(next, dir, steps[i], e) < 0 || dir_make(next, e) < 0)
            return -1;
        memcpy(dir, next, sizeof dir);
    }
    (void)snprintf(text, sizeof text, "[Service]\nEnvironment=\"RESTANTE_HOME=%s\"\n", home);
    if (path_join(next, dir, "home.conf", e) < 0 || file_write(next, text, strlen(text), e) < 0)
        return -1;
    struct buf out = BUF_INIT(OUTPUT_CAP);
    const char *const reload[] = {"systemctl", "--user", "daemon-reload", NULL};
    int rc = ask_manager(reload, &out);
    buf_free(&out);
    return rc == 0 ? 0 : error_set(e, "`systemctl --user daemon-reload` failed.");
}

static void linger(const struct setup *s)
{
    const struct passwd *pw = getpwuid(geteuid());
    struct buf out = BUF_INIT(OUTPUT_CAP);
    if (pw == NULL || !child_found("loginctl"))
        return;
    const char *const show[] = {"loginctl", "show-user", pw->pw_name, "--property=Linger", NULL};
    const char *const enable[] = {"loginctl", "--no-ask-password", "enable-linger", NULL};
    bool on = ask_manager(show, &out) == 0 && buf_str(&out) != NULL &&
              strstr(buf_str(&out), "Linger=yes") != NULL;
    bool wanted = s->linger == SETUP_YES ||
                  (s->linger == SETUP_ASK &&
                   setup_confirm(s, "Shall the peer also run while you are not logged in", true));
    if (on)
        (void)puts("It also runs while you are not logged in.");
    else if (!wanted)
        (void)puts("It runs while you are logged in; `loginctl enable-linger` lets it run always.");
    else if (ask_manager(enable, &out) == 0)
        (void)puts("It also runs while you are not logged in (loginctl enable-linger).");
    else
        (void)printf("It runs while you are logged in; for always, an administrator runs\n"
                     "  sudo loginctl enable-linger %s\n",
                     pw->pw_name);
    buf_free(&out);
}

void setup_end_orphan(const char *home)
{
    char served[PATH_CAP];
    struct buf out = BUF_INIT(OUTPUT_CAP);
    const char *const stop[] = {"systemctl", "--user", "stop", UNIT, NULL};
    if (manager_missing() == NULL && user_systemctl("is-active", NULL, &out) == 0) {
        unit_home(served);
        if (strcmp(served, home) == 0 && child_wait(stop, RESTART_WAIT_S, &out, NULL) == 0)
            (void)puts("The service ran a peer whose home was removed; that one was ended.");
    }
    buf_free(&out);
}

/* 1: the service runs it; 0: the manager cannot, and was told why; -1 and e. */
static int by_manager(const struct setup *s, struct error *e)
{
    char served[PATH_CAP], config[PATH_CAP];
    const char *why = manager_missing();
    struct buf out = BUF_INIT(OUTPUT_CAP);
    if (why != NULL) {
        (void)printf("No service was set up: %s.\n", why);
        return 0;
    }
    unit_home(served);
    if (strcmp(served, s->cli->home) != 0) {
        if (user_systemctl("is-enabled", NULL, &out) == 0 &&
            path_join(config, served, "config", NULL) == 0 && file_exists(config)) {
            (void)printf("No service was set up: the one of this user runs the home %s.\n", served);
            buf_free(&out);
            return 0;
        }
        if (write_drop_in(s->cli->home, e) < 0) {
            buf_free(&out);
            return -1;
        }
    }
    buf_free(&out);
    const char *const enable[] = {"systemctl", "--user", "enable", "--now", UNIT, NULL};
    if (child_wait(enable, 2 * MANAGER_WAIT_S, &out, e) != 0) {
        (void)error_set(e,
                        "The service does not start: %.200s; look with `journalctl --user -u "
                        "restante`.",
                        buf_str(&out) == NULL ? "" : buf_str(&out));
        buf_free(&out);
        return -1;
    }
    buf_free(&out);
    (void)puts("The service " UNIT " runs the peer, from now on at each log-in.");
    linger(s);
    return 1;
}

void setup_disable(const char *home)
{
    char served[PATH_CAP];
    struct buf out = BUF_INIT(OUTPUT_CAP);
    if (manager_missing() == NULL) {
        unit_home(served);
        if (strcmp(served, home) == 0)
            (void)user_systemctl("disable", NULL, &out);
    }
    buf_free(&out);
}

static void last_line(const char *home, const char *name, char out[512])
{
    char path[PATH_CAP];
    struct buf text = BUF_INIT(OUTPUT_CAP);
    out[0] = '\0';
    if (path_join(path, home, name, NULL) == 0 && file_read(path, &text, NULL) == 0 &&
        buf_str(&text) != NULL) {
        char *s = (char *)text.data;
        size_t n = strlen(s);
        while (n > 0 && s[n - 1] == '\n')
            s[--n] = '\0';
        const char *nl = strrchr(s, '\n');
        (void)snprintf(out, 512, "%s", nl == NULL ? s : nl + 1);
    }
    buf_free(&text);
}

/* 1: mail clients can connect; 0: not yet. */
static int doors_open(struct cli *cli)
{
    struct control *c = NULL;
    struct error e;
    json_t *o = NULL;
    if (control_open(cli, &c, &e) == 0)
        o = control_ask(c, "status", NULL, 10, NULL, NULL, &e);
    control_close(&c);
    int open = json_is_true(json_object_get(json_object_get(o, "imap"), "running")) ? 1 : 0;
    json_decref(o);
    return open;
}

/* pid: the peer that was started here, 0: the manager's or one that ran before. */
static int wait_up(const struct setup *s, pid_t pid, struct error *e)
{
    int64_t end = clock_mono_ms() + (int64_t)s->wait_s * 1000;
    char line[512];
    while (doors_open(s->cli) == 0) {
        if (pid > 0 && waitpid(pid, NULL, WNOHANG) == pid) {
            last_line(s->cli->home, "log/start.log", line);
            return error_set(e, "The peer does not start: %.300s", line);
        }
        if (clock_mono_ms() >= end)
            return error_set(e,
                             "The peer was started, but mail clients cannot connect to it after %d "
                             "seconds; see log/restanted.log in %s, then run `restante setup` "
                             "again.",
                             s->wait_s, s->cli->home);
        (void)usleep(LOOK_MS * 1000);
    }
    (void)puts("The peer runs.");
    return 0;
}

bool setup_is_managed(pid_t pid)
{
    const char *const argv[] = {"systemctl", "--user", "show", "--property=MainPID",
                                "--value",   UNIT,     NULL};
    struct buf out = BUF_INIT(OUTPUT_CAP);
    bool ours = pid > 0 && manager_missing() == NULL && ask_manager(argv, &out) == 0 &&
                buf_str(&out) != NULL && strtol(buf_str(&out), NULL, 10) == (long)pid;
    buf_free(&out);
    return ours;
}

int setup_restart_managed(const struct setup *s, struct error *e)
{
    const char *const argv[] = {"systemctl", "--user", "restart", UNIT, NULL};
    struct buf out = BUF_INIT(OUTPUT_CAP);
    int rc = child_wait(argv, RESTART_WAIT_S, &out, e);
    if (rc > 0)
        (void)error_set(e,
                        "The service was not restarted: %.200s; look with `journalctl --user -u "
                        "restante`.",
                        buf_str(&out) == NULL ? "" : buf_str(&out));
    buf_free(&out);
    return rc == 0 ? wait_up(s, 0, e) : -1;
}

int setup_start_background(const struct setup *s, struct error *e)
{
    pid_t pid = child_peer(s->cli->home, e);
    if (pid < 0 || wait_up(s, pid, e) < 0)
        return -1;
    (void)puts("It was started in the background and goes on when you log out.");
    return 0;
}

static int in_background(const struct setup *s, struct error *e)
{
    char program[PATH_CAP];
    pid_t pid = child_peer(s->cli->home, e);
    if (pid < 0 || program_find("restanted", program, e) < 0 || wait_up(s, pid, e) < 0)
        return -1;
    (void)printf("It was started in the background and goes on when you log out. To have it "
                 "started with the\ncomputer, put this line into `crontab -e`:\n\n"
                 "  @reboot %s --home %s\n",
                 program, s->cli->home);
    return 0;
}

int setup_run_peer(const struct setup *s, struct error *e)
{
    struct control *c = NULL;
    struct error none;
    bool runs = control_open(s->cli, &c, &none) == 0;
    control_close(&c);
    if (runs)
        return wait_up(s, 0, e);
    int lock = home_lock(s->cli->home, ENDING_WAIT_S, e); /* one that ends just now */
    if (lock < 0)
        return -1;
    (void)close(lock);
    int rc = by_manager(s, e);
    if (rc < 0)
        return -1;
    return rc == 1 ? wait_up(s, 0, e) : in_background(s, e);
}
