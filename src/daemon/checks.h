/* SPDX-License-Identifier: GPL-3.0-or-later */
/* checks.h - is this peer really well? One line for each part that mail needs, each with what is
 * wrong and what to do. `restante status` and `restante doctor` show them; the headline is only
 * "ready" when no part says CHECK_FAIL. */
#ifndef RESTANTE_DAEMON_CHECKS_H
#define RESTANTE_DAEMON_CHECKS_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHECKS_MAX 48

enum check_state {
    CHECK_OK,
    CHECK_WARN, /* mail goes, but something should be seen to */
    CHECK_FAIL  /* mail cannot be sent or received */
};

struct check {
    char name[16]; /* "disk", "endpoint", "clock", "dovecot", ... */
    enum check_state state;
    char what[700]; /* a sentence without its full stop */
    char todo[320]; /* what to do, a sentence; "" when nothing is to be done */
};

struct checks {
    struct check part[CHECKS_MAX];
    size_t count;
};

/* One line more; beyond CHECKS_MAX it is dropped. */
void check_add(struct checks *h, const char *name, enum check_state state, const char *todo,
               const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* The worst state of all parts. */
enum check_state checks_worst(const struct checks *h);
/* "ok", "warn", "fail". */
const char *check_state_name(enum check_state s);

/* What a look at a home's disk found; no thread of the loop should make it, it writes and syncs. */
struct disk_look {
    uint64_t free; /* octets that this user may still write */
    bool writable; /* a small file was written, synced and removed */
    char why[320]; /* when not */
};
void disk_look(const char *home, struct disk_look *d);
/* The part "disk" from it. */
void check_disk(struct checks *h, const char *home, const struct disk_look *d);

#endif
