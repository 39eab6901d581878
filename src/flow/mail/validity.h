/* SPDX-License-Identifier: GPL-3.0-or-later */
/* validity.h - how long one message waits to be pulled: by its own header, else by the setting
 * (P-13.6). */
#ifndef RESTANTE_FLOW_VALIDITY_H
#define RESTANTE_FLOW_VALIDITY_H

#include <stddef.h>
#include <stdint.h>

#define VALIDITY_MIN_S 3600                  /* that a message may ask for */
#define VALIDITY_MAX_S (30LL * 86400 - 7200) /* of every message: receivers refuse longer lives */

/* The date-time of RFC 5322 3.3 in s (a zone as +hhmm, GMT, UT, UTC or Z), as seconds since 1970;
 * -1 when it is none, or before 1970. */
int64_t validity_date(const char *s);
/* When the message expires by its field Expires, or Expiry-Date (RFC 4021): seconds since 1970, not
 * nearer than VALIDITY_MIN_S and not further than VALIDITY_MAX_S; 0 when it has neither field, or
 * one that is not a date in the future. */
int64_t validity_asked(const uint8_t *header, size_t n, int64_t now_ms);
/* The expiry of a notification made now. asked_s: of validity_asked, at submission. */
int64_t validity_end(int64_t asked_s, int64_t validity_ms, int64_t now_ms);

#endif
