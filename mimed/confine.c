/* SPDX-License-Identifier: GPL-3.0-or-later */
/* confine.c - what is left to a process that parses foreign mail: its socket, its memory, and the
 * file it was handed. Sanitizers need more than that, so their builds keep only the resource limits
 * that do not get in their way. */
#include "mimed.h"
#include "base/refused.h"
#include <errno.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define MEMORY_MAX (512UL * 1024 * 1024) /* address space */
#define FILES_MAX 16                     /* descriptors */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

static const int allowed_calls[] = {
    SCMP_SYS(read),           SCMP_SYS(pread64),       SCMP_SYS(recvmsg),
    SCMP_SYS(write),          SCMP_SYS(writev),        SCMP_SYS(lseek),
    SCMP_SYS(fstat),          SCMP_SYS(newfstatat),    SCMP_SYS(close),
    SCMP_SYS(munmap),         SCMP_SYS(mremap),        SCMP_SYS(brk),
    SCMP_SYS(madvise),        SCMP_SYS(futex),         SCMP_SYS(exit),
    SCMP_SYS(exit_group),     SCMP_SYS(rt_sigreturn),  SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(getpid),        SCMP_SYS(gettid),
    SCMP_SYS(tgkill),         SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),
    SCMP_SYS(getrandom),
};

static void die(const char *what, int err)
{
    (void)fprintf(stderr, "restante-mime: cannot confine itself, %s fails: %s\n", what,
                  refused_why(err));
    exit(71);
}

static void limit(int what, rlim_t value)
{
    struct rlimit r = {.rlim_cur = value, .rlim_max = value};
    if (setrlimit((__rlimit_resource_t)what, &r) < 0)
        die("setrlimit", errno);
}

static void limit_calls(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    int ret = filter == NULL ? -ENOMEM : 0;
    if (ret == 0)
        ret = seccomp_attr_set(filter, SCMP_FLTATR_API_SYSRAWRC, 1); /* the kernel's errno */
    for (size_t i = 0; ret == 0 && i < sizeof allowed_calls / sizeof *allowed_calls; i++)
        ret = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed_calls[i], 0);
    /* memory, but never memory that can be executed */
    if (ret == 0)
        ret = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                               SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (ret == 0)
        ret = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                               SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (ret == 0)
        ret = seccomp_load(filter);
    seccomp_release(filter);
    if (ret != 0)
        die("seccomp", -ret);
}

void confine(void)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        die("prctl", errno);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_FSIZE, 0);
    limit(RLIMIT_NOFILE, FILES_MAX);
    if (SANITIZED)
        return;
    limit(RLIMIT_AS, MEMORY_MAX);
    limit_calls();
}
