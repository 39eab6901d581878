/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dovecot_log.h - what the private Dovecot complained about in its own log. */
#ifndef RESTANTE_DAEMON_DOVECOT_LOG_H
#define RESTANTE_DAEMON_DOVECOT_LOG_H

#include <stddef.h>
#include <stdint.h>

/* Octets in HOME/log/dovecot.log; 0 when there is none. */
int64_t dovecot_log_size(const char *home);
/* The last line behind octet from that says Fatal, else the last that says Error, without its time
 * and cut at cap; "" when there is none. Looks at the last 16 KB only. */
void dovecot_log_complaint(const char *home, int64_t from, char *out, size_t cap);

#endif
