/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mem.h - memory that a program cannot go on without.
 *
 * What foreign input sizes (buffers, rows, records, lists of them) is capped and comes from calls
 * that may fail; that is an error like another: the request is refused, the step is tried again.
 * What is small, of a size that the program itself knows, and holds a promise (who waits for an
 * answer, what a transition is to report, a step's own state) comes from here. Without memory for
 * that nobody is left who could be told: the program says so and ends. Nothing was acknowledged
 * that is not committed, and the next start takes up from the last commit. */
#ifndef RESTANTE_BASE_MEM_H
#define RESTANTE_BASE_MEM_H

#include <stddef.h>

/* Zeroed octets, freed with free(); never NULL. */
void *mem_new(size_t size) __attribute__((malloc, returns_nonnull));
void *mem_array(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
/* p, which mem_new, mem_array or this gave, or NULL, with place for count items; the new ones are
 * not zeroed. */
void *mem_grow(void *p, size_t count, size_t size) __attribute__((returns_nonnull));
/* A copy of a text. */
char *mem_text(const char *text) __attribute__((malloc, returns_nonnull));

#endif
