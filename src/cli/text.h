/* SPDX-License-Identifier: GPL-3.0-or-later */
/* text.h - text from strangers made safe for a terminal, and numbers made readable. */
#ifndef RESTANTE_CLI_TEXT_H
#define RESTANTE_CLI_TEXT_H

#include "base/buf.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Appends s in at most columns columns; what is cut is marked. Control characters, bad UTF-8, and
 * invisible or direction-changing characters become '?', line breaks and tabs a space; so does '?'
 * stand for what the locale cannot show. -1 when out is full. */
int text_safe(const char *s, size_t columns, struct buf *out);
/* Columns that safe text takes. */
size_t text_columns(const char *s);

/* "512 B", "4.2 KB", "1.3 GB": units of 1000. */
void text_size(uint64_t octets, char out[16]);
/* A size as a user gives it: "500k", "20M", "any" (INT64_MAX), "none" (0); -1: it is none. */
int64_t text_octets(const char *s);
/* A whole number, digits alone, of at most max; -1: it is none. */
int text_number(const char *s, int max);
/* "5 s", "12 min", "3 h 20 min", "9 d". */
void text_span(int64_t seconds, char out[32]);
/* How long ago: text_span, "now", or for what lies ahead "in 5 min". */
void text_age(int64_t now_ms, int64_t then_ms, char out[40]);

/* What the setting mail.strangers means. */
const char *text_strangers(const char *setting);

#endif
