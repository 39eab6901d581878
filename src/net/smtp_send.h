/* SPDX-License-Identifier: GPL-3.0-or-later */
/* smtp_send.h - one short mail, submitted to a server on this computer by SMTP over TLS (RFC 5321,
 * RFC 8314). libcurl writes the MIME and speaks SMTP. Blocks: for the programs, not for the loop.
 */
#ifndef RESTANTE_NET_SMTP_SEND_H
#define RESTANTE_NET_SMTP_SEND_H

#include "base/error.h"
#include <stdint.h>

/* Where to submit, and as whom; the caller's strings, read during the call only. */
struct smtp_account {
    const char *ca;      /* path of the only certificate authority that is believed */
    const char *address; /* user name, and sender */
    const char *password;
    uint16_t port; /* on localhost */
};

/* 0: the server has accepted the mail for `to`; -1: it has not, e says why. subject is ASCII, text
 * UTF-8. Ends within a minute. */
int smtp_send(const struct smtp_account *a, const char *to, const char *subject, const char *text,
              struct error *e);

#endif
