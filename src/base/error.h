/* SPDX-License-Identifier: GPL-3.0-or-later */
/* error.h - what went wrong, as one sentence for a person. Functions return 0 or -1 and fill it. */
#ifndef RESTANTE_BASE_ERROR_H
#define RESTANTE_BASE_ERROR_H

struct error {
    char text[320];
};

/* Writes the sentence (cut at the buffer's end) and returns -1. e may be NULL. */
int error_set(struct error *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
