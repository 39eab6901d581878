/* SPDX-License-Identifier: GPL-3.0-or-later */
/* http_range.h - the Range header of a request and the Content-Range header of an answer, for one
 * range of octets (RFC 9110, 14). No I/O. */
#ifndef RESTANTE_NET_HTTP_RANGE_H
#define RESTANTE_NET_HTTP_RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum range_kind {
    RANGE_WHOLE,     /* absent, malformed, several ranges, another unit: send everything */
    RANGE_PART,      /* send *first_r .. *last_r */
    RANGE_IMPOSSIBLE /* 416 */
};

/* Range: value (NULL when absent) against a file of that size. */
enum range_kind range_parse(const char *value, uint64_t size, uint64_t *first_r, uint64_t *last_r);
/* "bytes first-last/size" or "bytes first-last/" and a star, of n octets without NUL; false when it
 * is anything else, or first > last, or last >= size. *size_r is UINT64_MAX for the star. */
bool content_range_parse(const char *value, size_t n, uint64_t *first_r, uint64_t *last_r,
                         uint64_t *size_r);
/* Does the list of entity tags (If-None-Match, If-Range) name this one, or anything ("*")? */
bool etag_listed(const char *list, const char *etag);

#endif
