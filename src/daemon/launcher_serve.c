/* SPDX-License-Identifier: GPL-3.0-or-later */
/* launcher_serve.c - the forked process of launcher.h: a loop over one socket and one child. It
 * calls nothing of the daemon's, and allocates nothing. */
#include "daemon/launcher_wire.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOCK_FD 3 /* where the socket stands here */
#define EXIT_NO_EXEC 127
#define EXIT_NO_FORK 71

static void launcher_tell(const struct launch_event *event)
{
    (void)send(SOCK_FD, event, sizeof *event, MSG_NOSIGNAL); /* a daemon that is gone needs none */
}

/* n words of the strings into list, with a NULL behind them. Returns where the next ones begin,
 * NULL when there are fewer, or too many. */
static char *take_words(char *at, const char *end, uint32_t n, char *list[LAUNCH_WORDS_MAX + 1])
{
    if (n > LAUNCH_WORDS_MAX)
        return NULL;
    for (uint32_t i = 0; i < n; i++) {
        const char *nul = memchr(at, '\0', (size_t)(end - at));
        if (nul == NULL)
            return NULL;
        list[i] = at;
        at += nul - at + 1;
    }
    list[n] = NULL;
    return at;
}

/* In the child. `parent` is the launcher: whoever outlives it is told to end. */
static _Noreturn void become(pid_t parent, char **args, char **env, int err_fd)
{
    sigset_t none;
    (void)sigemptyset(&none);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
    (void)setsid();
    if (getppid() != parent)
        _exit(EXIT_NO_EXEC);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(err_fd, 2) < 0)
        _exit(EXIT_NO_EXEC);
    for (int n = 1; n < NSIG; n++)
        (void)signal(n, SIG_DFL);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)execve(args[0], args, env); /* all other descriptors close by themselves */
    (void)dprintf(2, "%s cannot be started: %s\n", args[0], strerror(errno));
    _exit(EXIT_NO_EXEC);
}

static pid_t start(struct launch_order *o, int err_fd)
{
    char *args[LAUNCH_WORDS_MAX + 1], *env[LAUNCH_WORDS_MAX + 1];
    const char *end = o->strings + o->strings_len;
    char *rest = take_words(o->strings, end, o->args, args);
    if (o->args == 0 || rest == NULL || take_words(rest, end, o->env, env) == NULL)
        _exit(EXIT_NO_EXEC); /* not our daemon's */
    /* Not fork(): the handlers that libraries left for it belong to descriptors that are closed
     * here. */
    pid_t parent = getpid(), pid = _Fork();
    if (pid == 0)
        become(parent, args, env, err_fd);
    if (pid < 0) {
        (void)dprintf(err_fd, "%s cannot be started: %s\n", args[0], strerror(errno));
        launcher_tell(&(struct launch_event){.what = LAUNCH_ENDED, .status = EXIT_NO_FORK});
        return 0;
    }
    launcher_tell(&(struct launch_event){.what = LAUNCH_STARTED, .pid = pid});
    return pid;
}

/* One packet, with the descriptor that came with it (-1: none). False: the daemon is gone. */
static bool receive(struct launch_order *o, int *fd_r)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec iov = {.iov_base = o, .iov_len = sizeof *o};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.space,
                         .msg_controllen = sizeof control.space};
    ssize_t n;
    while ((n = recvmsg(SOCK_FD, &msg, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
        ;
    *fd_r = -1;
    const struct cmsghdr *c = n <= 0 ? NULL : CMSG_FIRSTHDR(&msg);
    if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
        memcpy(fd_r, CMSG_DATA(c), sizeof *fd_r);
    return n == (ssize_t)sizeof *o && o->strings_len <= sizeof o->strings;
}

static void reap(pid_t *child)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        if (pid != *child)
            continue;
        *child = 0;
        launcher_tell(&(struct launch_event){.what = LAUNCH_ENDED,
                                             .status = WIFEXITED(status) ? WEXITSTATUS(status) : 0,
                                             .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0});
    }
}

static void obey(pid_t *child)
{
    static struct launch_order order;
    int fd;
    if (!receive(&order, &fd)) {
        if (*child > 0)
            (void)kill(*child, SIGTERM);
        _exit(0);
    }
    if (order.op == LAUNCH_SIGNAL && *child > 0)
        (void)kill(*child, order.signal);
    else if (order.op == LAUNCH_START && *child == 0 && fd >= 0)
        *child = start(&order, fd);
    if (fd >= 0)
        (void)close(fd);
}

/* Nothing of the daemon's stays open but its standard error: above all not the home's lock. */
static void keep_only(int sock)
{
    if (sock != SOCK_FD && dup2(sock, SOCK_FD) < 0)
        _exit(EXIT_NO_FORK);
    if (close_range(SOCK_FD + 1, ~0u, 0) < 0)
        for (int fd = SOCK_FD + 1; fd < 1024; fd++) /* a kernel before 5.9 */
            (void)close(fd);
    (void)fcntl(SOCK_FD, F_SETFD, FD_CLOEXEC);
}

_Noreturn void launcher_serve(int sock)
{
    sigset_t child_ends;
    pid_t child = 0;
    (void)setsid(); /* a terminal's signals are the daemon's alone */
    (void)prctl(PR_SET_NAME, "restante-launch", 0, 0, 0);
    keep_only(sock);
    (void)sigemptyset(&child_ends);
    (void)sigaddset(&child_ends, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &child_ends, NULL);
    struct pollfd fds[2] = {
        {.fd = SOCK_FD, .events = POLLIN},
        {.fd = signalfd(-1, &child_ends, SFD_CLOEXEC | SFD_NONBLOCK), .events = POLLIN}};
    for (;;) {
        struct signalfd_siginfo info;
        if (poll(fds, 2, -1) < 0)
            continue;
        if (fds[1].revents != 0) {
            while (read(fds[1].fd, &info, sizeof info) > 0)
                ;
            reap(&child);
        }
        if (fds[0].revents != 0)
            obey(&child);
    }
}
