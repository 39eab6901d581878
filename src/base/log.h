/* SPDX-License-Identifier: GPL-3.0-or-later */
/* log.h - one line per event on stderr or in a file: time, level, area, text.
 * Levels are privacy tiers too: error, warn and info may name addresses and message ids;
 * debug may name sizes and hosts; trace may show protocol lines. Keys and passwords never appear.
 */
#ifndef RESTANTE_BASE_LOG_H
#define RESTANTE_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_TRACE };

/* A log that has grown beyond this is renamed to PATH.1, which replaces an older one, and begun
 * anew. */
#define LOG_FILE_MAX (8 * 1024 * 1024)

/* Appends to path (0600), or stderr when NULL. Where stderr is the journal (systemd says so in
 * JOURNAL_STREAM), each line goes there too. -1 when the file cannot be opened. Call once. */
int log_open(const char *path, enum log_level level);
/* Renames the log at path to path.1 when it is beyond LOG_FILE_MAX: its writer is to open it anew.
 * 1: it was, 0: not. */
int log_turn(const char *path);
/* Opens the file anew, after somebody has moved it away, and sets the level; with no file, only
 * that. -1: the old one stays open. Other threads may write meanwhile. */
int log_reopen(enum log_level level);
/* Does a line of this level reach the log? For who would work for one in vain. */
bool log_wanted(enum log_level level);
/* "error" ... "trace" -> level, or -1. */
int log_level_parse(const char *name);
/* Thread-safe; control characters in the text are shown as '?', a line is cut at 2 KB. */
void log_write(enum log_level level, const char *area, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* A warning that whoever starts the program reads too: also to stderr, when the log is a file. */
void log_aloud(const char *area, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_ERROR, LOG_AREA, __VA_ARGS__)
#define log_warn(...) log_write(LOG_WARN, LOG_AREA, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, LOG_AREA, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, LOG_AREA, __VA_ARGS__)
#define log_trace(...) log_write(LOG_TRACE, LOG_AREA, __VA_ARGS__)

#endif
