/* SPDX-License-Identifier: GPL-3.0-or-later */
/* backup_remind.c - what `restante status` says about backups (backup.h). */
#include "base/clock.h"
#include "cli/backup.h"
#include "cli/text.h"
#include "store/snapshot.h"
#include <stdio.h>
#include <sys/stat.h>

#define WEEK_MS (7ll * 86400 * 1000)
#define MONTH_MS (30ll * 86400 * 1000)

/* Wall-clock milliseconds since a file of the home was written; -1: it is not there. */
static int64_t age_of(const char *home, const char *name)
{
    char path[PATH_CAP];
    struct stat st;
    if (path_join(path, home, name, NULL) < 0 || stat(path, &st) < 0)
        return -1;
    return clock_wall_ms() - (int64_t)st.st_mtime * 1000;
}

void backup_remind(const char *home)
{
    char path[PATH_CAP], age[32];
    int64_t made = age_of(home, BACKUP_STAMP);
    if (made >= MONTH_MS) {
        text_span(made / 1000, age);
        (void)printf("%-12sthe last one is %s old: `restante backup FILE`\n", "backup", age);
    } else if (made < 0 &&
               (age_of(home, "secret/key.pgp") >= WEEK_MS ||
                (path_join(path, home, "state.db", NULL) == 0 && snapshot_has_contacts(path)))) {
        (void)printf("%-12snone was made: without one, a broken disk takes the key and all mail "
                     "with it;\n%-12s`restante backup FILE` makes one while the peer runs\n",
                     "backup", "");
    }
}
