/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pgp_words.h - octets as words that two people read to each other. */
#ifndef RESTANTE_CLI_PGP_WORDS_H
#define RESTANTE_CLI_PGP_WORDS_H

#include <stddef.h>
#include <stdint.h>

/* The word for the octet that stands at this place, from 0. */
const char *pgp_word(uint8_t octet, size_t place);

#endif
