/* SPDX-License-Identifier: GPL-3.0-or-later */
/* confine.c - see confine.h: Landlock. A parser of foreign octets that is taken over, here or in
 * Dovecot, then reaches the files of this home and no others; the DHT and the MIME parser have
 * tighter walls of their own. */
#include "daemon/confine.h"
#include "base/refused.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WRITES                                                                                     \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                               \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | \
     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |   \
     LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)
#define PLAIN_FILES                                                                                \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG)
/* Of the second and third version; older headers do not name them. */
#define REFER (1ull << 13)
#define TRUNCATE (1ull << 14)

static int allow(int rules, const char *path, uint64_t access)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return -1;
    struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = fd};
    long rc = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    (void)close(fd);
    return rc < 0 ? -1 : 0;
}

const char *confine(const char *home, const char *also)
{
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 2) /* the first one allows no renaming between folders at all */
        return version < 0 ? refused_why(errno) : "the kernel's is of version 1";
    uint64_t truncate = version >= 3 ? TRUNCATE : 0;
    uint64_t access = WRITES | REFER | truncate;
    struct landlock_ruleset_attr attr = {.handled_access_fs = access};
    int rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    const char *why = NULL;
    if (rules < 0 || allow(rules, home, access) < 0 ||
        allow(rules, "/dev/null", LANDLOCK_ACCESS_FS_WRITE_FILE | truncate) < 0 ||
        (also != NULL && allow(rules, also, PLAIN_FILES | truncate) < 0) ||
        syscall(SYS_landlock_restrict_self, rules, 0) < 0)
        why = refused_why(errno);
    if (rules >= 0)
        (void)close(rules);
    return why;
}
