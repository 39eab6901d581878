/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tls.h - the certificates of the IMAP face: a private CA and a leaf for this machine's loopback
 * names. The CA signs that leaf and nothing else (its name constraints say so), and is never used
 * as a server's certificate: mail clients refuse that even when they trust it. ECDSA P-256 both. */
#ifndef RESTANTE_DAEMON_TLS_H
#define RESTANTE_DAEMON_TLS_H

#include "base/buf.h"
#include "base/error.h"

/* Makes what is missing below HOME/tls, all 0600: ca.pem and ca.key (20 years), leaf.pem and
 * leaf.key (localhost, 127.0.0.1, ::1; 397 days). A leaf with less than 60 days left, or not signed
 * by this CA, is made again; so is a CA whose files are empty or damaged, and the log says that
 * clients must be told. One that cannot be read now is an error, not replaced: clients trust it. */
int tls_prepare(const char *home, const char *address, struct error *e);
/* SHA-256 fingerprint of HOME/tls/ca.pem as clients show it, "AB:CD:...": out holds 96. */
int tls_ca_fingerprint(const char *home, char out[96], struct error *e);
/* HOME/tls/ca.pem as base64 of its DER octets in one line, appended to out. */
int tls_ca_base64(const char *home, struct buf *out, struct error *e);

#endif
