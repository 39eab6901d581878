/* SPDX-License-Identifier: GPL-3.0-or-later */
/* confine.h - takes from the process what it does not need, once everything is open. */
#ifndef RESTANTE_DHTD_CONFINE_H
#define RESTANTE_DHTD_CONFINE_H

#include <cstddef>

/* No new privileges, a ceiling on memory that fits this store, and only the system calls of the
 * loop. Does nothing under a sanitizer. Logs when the kernel refuses. */
void confine(size_t max_store);

#endif
