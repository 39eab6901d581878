/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dovecot_fields.h - how many fields of a name Dovecot sees in a header. A file of its own, because
 * Dovecot's headers and stdbool.h do not go together. */
#ifndef RESTANTE_FUZZ_DOVECOT_FIELDS_H
#define RESTANTE_FUZZ_DOVECOT_FIELDS_H

#include <stddef.h>
#include <stdint.h>

unsigned dovecot_count(const uint8_t *header, size_t n, const char *name);

#endif
