/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dovecot_leftover.c - a daemon that was killed may leave its Dovecot running: find it by the
 * number it wrote down and by the configuration file on its command line, and end it. */
#include "daemon/dovecot_leftover.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/dovecot_config.h"
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LOG_AREA "dovecot"
#define TERM_MS 6000 /* it has so long to end by itself */
#define KILL_MS 5000
#define PORT_MS 5000
#define STEP_MS 20

static void pause_ms(long ms)
{
    struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&ts, NULL);
}

int dovecot_master_pid(const char *home)
{
    struct buf b = BUF_INIT(64);
    char path[PATH_CAP], *end;
    long pid = 0;
    const char *text;
    if (dovecot_path(path, home, "run/master.pid", NULL) == 0 && file_exists(path) &&
        file_read(path, &b, NULL) == 0 && (text = buf_str(&b)) != NULL) {
        pid = strtol(text, &end, 10);
        if (end == text || (*end != '\n' && *end != '\0') || pid < 2 || pid > 0x7fffffff)
            pid = 0;
    }
    buf_free(&b);
    return (int)pid;
}

/* Is conf one of the process's arguments? A zombie has none. */
static bool runs_on(int pid, const char *conf)
{
    struct buf b = BUF_INIT(65536);
    char path[64];
    size_t at = 0;
    bool found = false;
    (void)snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
    if (file_read(path, &b, NULL) == 0 && buf_str(&b) != NULL) {
        while (!found && at < b.len) {
            const char *arg = (const char *)b.data + at;
            found = strcmp(arg, conf) == 0;
            at += strlen(arg) + 1;
        }
    }
    buf_free(&b);
    return found;
}

static bool wait_gone(int pid, const char *conf, int64_t ms)
{
    int64_t until = clock_mono_ms() + ms;
    while (runs_on(pid, conf)) {
        if (clock_mono_ms() >= until)
            return false;
        pause_ms(STEP_MS);
    }
    return true;
}

int dovecot_end_leftover(const char *home, struct error *e)
{
    char conf[PATH_CAP], path[PATH_CAP];
    int pid = dovecot_master_pid(home);
    if (pid == 0)
        return 0;
    if (dovecot_path(conf, home, "dovecot.conf", e) < 0 ||
        dovecot_path(path, home, "run/master.pid", e) < 0)
        return -1;
    if (runs_on(pid, conf)) {
        log_warn("a Dovecot of an earlier run is still there (process %d); it is ended", pid);
        (void)kill(pid, SIGTERM);
        if (!wait_gone(pid, conf, TERM_MS)) {
            (void)kill(pid, SIGKILL);
            if (!wait_gone(pid, conf, KILL_MS))
                return error_set(e,
                                 "A Dovecot of an earlier run (process %d) does not end: end it "
                                 "with `kill -9 %d` and start again.",
                                 pid, pid);
        }
    }
    return file_remove(path, e);
}

/* 0, or the errno of listening there. */
static int try_port(uint16_t port)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, err = 0;
    if (fd < 0)
        return errno;
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)&sa, sizeof sa) < 0 || listen(fd, 1) < 0)
        err = errno;
    (void)close(fd);
    return err;
}

static int check_port(uint16_t port, const char *setting, struct error *e)
{
    int64_t until = clock_mono_ms() + PORT_MS;
    int err;
    while ((err = try_port(port)) == EADDRINUSE && clock_mono_ms() < until)
        pause_ms(STEP_MS);
    if (err == EADDRINUSE)
        return error_set(e,
                         "Port %u of 127.0.0.1 is taken by another program: end that, or set "
                         "another %s in the configuration.",
                         (unsigned)port, setting);
    if (err == EACCES)
        return error_set(e, "Port %u needs root: set a %s above 1023 in the configuration.",
                         (unsigned)port, setting);
    if (err != 0)
        return error_set(e, "Cannot listen on port %u of 127.0.0.1: %s.", (unsigned)port,
                         strerror(err));
    return 0;
}

int dovecot_check_ports(const struct dovecot_config *c, struct error *e)
{
    if (c->imap_port == c->submission_port)
        return error_set(e, "imap_port and submission_port must not both be %u.",
                         (unsigned)c->imap_port);
    return check_port(c->imap_port, "imap_port", e) < 0
               ? -1
               : check_port(c->submission_port, "submission_port", e);
}
