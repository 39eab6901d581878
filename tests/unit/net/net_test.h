/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net_test.h - what the tests of the network faces share: blocking clients on a thread of their own
 * while the loop runs, and small helpers. */
#ifndef RESTANTE_TESTS_NET_TEST_H
#define RESTANTE_TESTS_NET_TEST_H

/* cmocka wants these four before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

/* A blocking connection with a timeout of 10 s for every operation. */
int net_connect(uint16_t port);
int net_connect_unix(const char *path);
void net_write(int fd, const void *p, size_t n);
void net_puts(int fd, const char *s);
/* Reads a line without CRLF into out; false at the end or after 10 s. */
bool net_gets(int fd, char *out, size_t size);
/* Reads to the end; octets read, or -1 (reset, timeout, more than size). */
ssize_t net_read_all(int fd, void *out, size_t size);

/* Runs fn(arg) on a thread while the loop turns; returns when fn has returned. */
void net_run(uv_loop_t *loop, void (*fn)(void *arg), void *arg);
/* Turns the loop until nothing is left in it, then closes it: fails when a handle was forgotten. */
void net_finish(uv_loop_t *loop);
/* Turns the loop for about so many milliseconds. */
void net_turn(uv_loop_t *loop, unsigned ms);

/* A temporary folder, and its removal with the files in it. */
char *net_tmpdir(void);
void net_rmdir(char *dir);
void net_file(const char *dir, const char *name, const void *p, size_t n);

#endif
