/* SPDX-License-Identifier: GPL-3.0-or-later */
/* confine.h - takes from the process what it does not need, once everything is open. */
#ifndef RESTANTE_DHTD_CONFINE_H
#define RESTANTE_DHTD_CONFINE_H

#include <cstddef>
#include <string>

/* No new privileges, no dumps, a ceiling on memory that fits this store, no files but those in the
 * folders of state and socket ("" = none), and only the system calls of the loop. Does nothing
 * under a sanitizer. What the kernel does not offer is logged. Throws std::runtime_error when the
 * filter cannot be set although the kernel has it. */
void confine(size_t max_store, const std::string &state, const std::string &socket);

#endif
