/* SPDX-License-Identifier: GPL-3.0-or-later */
/* words.h - encoded words of header fields (RFC 2047) for the eye. */
#ifndef RESTANTE_CLI_WORDS_H
#define RESTANTE_CLI_WORDS_H

#include "base/buf.h"

/* Appends s to out with its encoded words decoded to UTF-8; what cannot be decoded stays as it is.
 * The result is not safe for a terminal yet. -1 when out is full. */
int words_decode(const char *s, struct buf *out);

#endif
