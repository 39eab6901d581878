/* SPDX-License-Identifier: GPL-3.0-or-later */
/* keep.c - see keep.h. */
#include "cli/keep.h"
#include "daemon/program.h"
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAUSE_S 1 /* before it is started anew */

extern char **environ;

bool keep_is_managed(void)
{
    const char *pid = getenv("SYSTEMD_EXEC_PID");
    return pid != NULL && strtol(pid, NULL, 10) == (long)getpid();
}

static pid_t start(const char *home, const sigset_t *mask, struct error *e)
{
    char program[PATH_CAP];
    const char *const argv[] = {"restanted", "--home", home, NULL};
    posix_spawnattr_t attributes;
    pid_t pid = -1;
    if (program_find("restanted", program, e) < 0)
        return -1;
    (void)posix_spawnattr_init(&attributes);
    int why = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    if (why == 0)
        why = posix_spawnattr_setsigmask(&attributes, mask);
    if (why == 0)
        why = posix_spawn(&pid, program, NULL, &attributes, (char *const *)argv, environ);
    (void)posix_spawnattr_destroy(&attributes);
    return why == 0 ? pid : error_set(e, "Cannot run %s: %s.", program, strerror(why));
}

/* Its status, as of waitpid. Ctrl-C reaches the peer by itself; what a person or a program sends to
 * this process alone is passed on, and SIGHUP always: the kernel tells only the session's leader.
 */
static int await(pid_t pid, const sigset_t *signals)
{
    int status = 0;
    for (;;) {
        siginfo_t info;
        int got = sigwaitinfo(signals, &info);
        if (got == SIGHUP || (got > 0 && got != SIGCHLD && info.si_code <= 0))
            (void)kill(pid, got);
        if (waitpid(pid, &status, WNOHANG) == pid)
            return status;
    }
}

int keep_peer(const char *home, struct error *e)
{
    static const int which[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};
    sigset_t signals, before;
    (void)sigemptyset(&signals);
    for (size_t i = 0; i < sizeof which / sizeof which[0]; i++)
        (void)sigaddset(&signals, which[i]);
    (void)sigprocmask(SIG_BLOCK, &signals, &before);
    (void)setenv(PROGRAM_KEPT, "1", 1);
    for (;;) {
        pid_t pid = start(home, &before, e);
        if (pid < 0)
            return -1;
        int status = await(pid, &signals);
        if (WIFSIGNALED(status))
            return 128 + WTERMSIG(status);
        if (WEXITSTATUS(status) != PROGRAM_ANEW)
            return WEXITSTATUS(status);
        (void)sleep(PAUSE_S);
    }
}
