/* SPDX-License-Identifier: GPL-3.0-or-later */
/* child.c - see child.h. */
#include "cli/child.h"
#include "base/clock.h"
#include "daemon/program.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS 50

extern char **environ;

/* Starts argv with its output in pipe_w (-1: where ours goes). The child's pid or -1. */
static pid_t child_exec(const char *const argv[], int pipe_w, struct error *e)
{
    posix_spawn_file_actions_t actions;
    pid_t pid = -1;
    int why = posix_spawn_file_actions_init(&actions);
    if (why == 0 && pipe_w >= 0) {
        why = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
        if (why == 0)
            why = posix_spawn_file_actions_adddup2(&actions, pipe_w, 1);
        if (why == 0)
            why = posix_spawn_file_actions_adddup2(&actions, pipe_w, 2);
    }
    if (why == 0)
        why = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    return why == 0 ? pid : error_set(e, "Cannot run %s: %s.", argv[0], strerror(why));
}

/* Takes what is in the pipe; what out has no room for is dropped. */
static void drain(int fd, struct buf *out)
{
    char piece[4096];
    ssize_t n;
    while (out != NULL && (n = read(fd, piece, sizeof piece)) > 0) {
        size_t room = out->cap - out->len;
        (void)buf_append(out, piece, (size_t)n < room ? (size_t)n : room);
    }
}

static int await(const char *name, pid_t pid, int fd, int wait_s, struct buf *out, struct error *e)
{
    int64_t end = clock_mono_ms() + (int64_t)wait_s * 1000;
    int status = 0;
    for (;;) {
        pid_t got = waitpid(pid, &status, WNOHANG);
        drain(fd, out);
        if (got == pid)
            break;
        if (got < 0 && errno != EINTR)
            return error_set(e, "Cannot wait for %s: %s.", name, strerror(errno));
        if (clock_mono_ms() >= end) {
            (void)kill(pid, SIGKILL);
            (void)waitpid(pid, &status, 0);
            return error_set(e, "%s did not end within %d seconds.", name, wait_s);
        }
        struct pollfd p = {.fd = fd, .events = POLLIN};
        (void)poll(&p, fd < 0 ? 0 : 1, LOOK_MS);
        if (fd >= 0 && (p.revents & POLLHUP) != 0)
            (void)poll(NULL, 0, 5); /* its output is closed: it is about to end */
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : error_set(e, "%s was killed.", name);
}

int child_wait(const char *const argv[], int wait_s, struct buf *out, struct error *e)
{
    int fds[2] = {-1, -1};
    if (out != NULL && pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
        return error_set(e, "Cannot make a pipe: %s.", strerror(errno));
    if (out != NULL) /* the writer may wait; the reader does not */
        (void)fcntl(fds[1], F_SETFL, 0);
    pid_t pid = child_exec(argv, fds[1], e);
    if (fds[1] >= 0)
        (void)close(fds[1]);
    int rc = pid < 0 ? -1 : await(argv[0], pid, fds[0], wait_s, out, e);
    if (fds[0] >= 0)
        (void)close(fds[0]);
    return rc;
}

pid_t child_peer(const char *home, struct error *e)
{
    char program[PATH_CAP], log[PATH_CAP];
    if (program_find("restante", program, e) < 0 || path_join(log, home, "log/start.log", e) < 0)
        return -1;
    const char *const argv[] = {"restante", "--home", home, "run", NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    pid_t pid = -1;
    (void)posix_spawnattr_init(&attributes);
    int why = posix_spawn_file_actions_init(&actions);
    if (why == 0)
        why = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
    if (why == 0)
        why = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (why == 0)
        why =
            posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (why == 0)
        why = posix_spawn_file_actions_adddup2(&actions, 1, 2);
    if (why == 0)
        why = posix_spawn(&pid, program, &actions, &attributes, (char *const *)argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attributes);
    return why == 0 ? pid : error_set(e, "Cannot run %s: %s.", program, strerror(why));
}

bool child_found(const char *name)
{
    const char *path = getenv("PATH");
    char dir[PATH_CAP], full[PATH_CAP];
    for (const char *p = path; p != NULL && *p != '\0';) {
        size_t n = strcspn(p, ":");
        if (n > 0 && n < sizeof dir) {
            memcpy(dir, p, n);
            dir[n] = '\0';
            if (path_join(full, dir, name, NULL) == 0 && access(full, X_OK) == 0)
                return true;
        }
        p += n + (p[n] == ':' ? 1 : 0);
    }
    return false;
}
