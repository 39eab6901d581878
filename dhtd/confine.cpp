/* SPDX-License-Identifier: GPL-3.0-or-later */
/* confine.cpp - see confine.h: resource limits, Landlock for files, seccomp for system calls. */
#include "confine.h"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
extern "C" {
#include "base/log.h"
#include "base/refused.h"
}

#define LOG_AREA "dht"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif

namespace
{

[[maybe_unused]] std::string folder_of(const std::string &path)
{
    size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

[[maybe_unused]] void limit(int what, rlim_t max)
{
    rlimit r{max, max}, now{};
    if (getrlimit((__rlimit_resource_t)what, &now) == 0 && now.rlim_max < max)
        return;
    setrlimit((__rlimit_resource_t)what, &r);
}

[[maybe_unused]] void allow_folder(int rules, const std::string &file, uint64_t access)
{
    if (file.empty())
        return;
    landlock_path_beneath_attr rule{};
    rule.allowed_access = access;
    rule.parent_fd = open(folder_of(file).c_str(), O_PATH | O_CLOEXEC);
    if (rule.parent_fd < 0)
        return;
    syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    close(rule.parent_fd);
}

[[maybe_unused]] void restrict_files(const std::string &state, const std::string &socket)
{
    constexpr uint64_t ALL =
        (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1; /* those of the first version */
    landlock_ruleset_attr attr{};
    attr.handled_access_fs = ALL;
    int rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (rules < 0) {
        log_warn("files are not restricted, Landlock fails: %s", refused_why(errno));
        return;
    }
    allow_folder(rules, state,
                 LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
                     LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
                     LANDLOCK_ACCESS_FS_REMOVE_FILE);
    allow_folder(rules, socket, LANDLOCK_ACCESS_FS_REMOVE_FILE);
    if (syscall(SYS_landlock_restrict_self, rules, 0) < 0)
        log_warn("files are not restricted, Landlock fails: %s", refused_why(errno));
    close(rules);
}

/* Sockets, files of the state, memory, time, threads of the writer. No exec, no new sockets but
 * accepted ones, no ptrace, no mounts. */
[[maybe_unused]] const int calls[] = {
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendto),
    SCMP_SYS(sendmsg),
    SCMP_SYS(accept4),
    SCMP_SYS(close),
    SCMP_SYS(shutdown),
    SCMP_SYS(getsockopt),
    SCMP_SYS(getsockname),
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(openat),
    SCMP_SYS(open),
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(stat),
    SCMP_SYS(lstat),
    SCMP_SYS(lseek),
    SCMP_SYS(fsync),
    SCMP_SYS(fdatasync),
    SCMP_SYS(rename),
    SCMP_SYS(renameat),
    SCMP_SYS(renameat2),
    SCMP_SYS(unlink),
    SCMP_SYS(unlinkat),
    SCMP_SYS(fcntl),
    SCMP_SYS(ftruncate),
    SCMP_SYS(mmap),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(mprotect),
    SCMP_SYS(madvise),
    SCMP_SYS(brk),
    SCMP_SYS(futex),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(getrandom),
    SCMP_SYS(clone),
    SCMP_SYS(clone3),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(gettid),
    SCMP_SYS(getpid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getuid),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(getrusage),
    SCMP_SYS(tgkill),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(sysinfo),
    SCMP_SYS(clock_nanosleep),
};

[[maybe_unused]] void restrict_calls()
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!filter)
        throw std::runtime_error("cannot make a filter for system calls");
    int rc = seccomp_attr_set(filter, SCMP_FLTATR_API_SYSRAWRC, 1); /* the kernel's errno */
    for (int call : calls) {
        int one = seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0);
        if (one < 0 && one != -EDOM) /* a call that this architecture does not have */
            rc = one;
    }
    if (rc == 0)
        rc = seccomp_load(filter);
    seccomp_release(filter);
    if (rc < 0 && rc != -EINVAL && rc != -EPERM && rc != -ENOSYS)
        throw std::runtime_error(std::string("cannot filter system calls: ") + strerror(-rc));
    if (rc < 0)
        log_warn("system calls are not restricted, seccomp fails: %s", refused_why(-rc));
}

} // namespace

void confine(size_t max_store, const std::string &state, const std::string &socket)
{
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
#ifdef SANITIZED
    (void)max_store;
    (void)state;
    (void)socket;
#else
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_AS, 4 * (rlim_t)max_store + ((rlim_t)2 << 30));
    restrict_files(state, socket);
    restrict_calls();
#endif
}
