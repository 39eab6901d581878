/* SPDX-License-Identifier: GPL-3.0-or-later */
/* stub-parse.h - the plugin's own reader of a stub file (P-7.1). It knows nothing of Dovecot, so
 * that a unit test can hold it beside src/proto/stub.c. */
#ifndef RESTANTE_STUB_PARSE_H
#define RESTANTE_STUB_PARSE_H

#include <stdbool.h>
#include <stddef.h>

#define STUB_FILE_MAGIC "X-Restante-Stub: 1 "
#define STUB_FILE_MAGIC_LEN (sizeof(STUB_FILE_MAGIC) - 1)
#define STUB_FILE_HEADER_MAX (320u * 1024)
#define STUB_FILE_STRUCTURE_MAX (4u * 1024 * 1024)
#define STUB_FILE_MAX (STUB_FILE_HEADER_MAX + STUB_FILE_STRUCTURE_MAX + 256)

struct stub_file {
    char id_hex[65]; /* notification id, NUL-terminated */
    unsigned char id[32];
    unsigned char mac[32]; /* what the file says */
    size_t line_len;       /* octets before the header */
    size_t header_len;
    size_t structure_len;
};

/* Computes HMAC-SHA-256 over id ‖ header ‖ structure with the local stub key. */
typedef void stub_file_hmac(const unsigned char id[32], const unsigned char *p, size_t n,
                            unsigned char out[32]);

/* Does this file begin like a stub? n may be short of the whole file. */
bool stub_file_begins(const unsigned char *p, size_t n);
/* Reads the whole file p, n. False: it is an ordinary mail (wrong shape or wrong HMAC). */
bool stub_file_parse(const unsigned char *p, size_t n, stub_file_hmac *hmac, struct stub_file *s);

#endif
