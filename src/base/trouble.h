/* SPDX-License-Identifier: GPL-3.0-or-later */
/* trouble.h - the last write that this computer refused: a full or broken disk, wherever in the
 * program it was met. Kept for who tells the user how the peer is doing. Any thread. */
#ifndef RESTANTE_BASE_TROUBLE_H
#define RESTANTE_BASE_TROUBLE_H

#include <stdbool.h>
#include <stdint.h>

struct trouble {
    int64_t mono_ms; /* when, by clock_mono_ms() */
    unsigned count;  /* since the start */
    char text[200];  /* what was refused and why, no full stop */
};

/* Notes that `what` could not be written, by this errno. Errors that are not the disk's (a closed
 * pipe, say) are not noted. Leaves errno alone. */
void trouble_write(const char *what, int error);
/* The same with a text of somebody else's, the database's say. */
void trouble_note(const char *what, const char *why);
/* The last one; false: there was none. */
bool trouble_last(struct trouble *t);

#endif
