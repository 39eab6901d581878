/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mua.h - settings for the mail clients that people have, ready to use: what `restante mua` prints,
 * writes and installs. None of them holds the password: it is typed once, or read from its file. */
#ifndef RESTANTE_CLI_MUA_H
#define RESTANTE_CLI_MUA_H

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "daemon/config.h"

#define MUA_FILE_CAP (64 * 1024)

struct mua {
    const struct config *c;
    char ca[PATH_CAP];       /* the private authority, PEM */
    char password[PATH_CAP]; /* the file that holds it */
};

/* The text of the settings file, appended to out. 0 or -1 and e. */
int mua_thunderbird(const struct mua *m, struct buf *out, struct error *e); /* isp/GROUP.xml */
int mua_mutt(const struct mua *m, struct buf *out, struct error *e);        /* a muttrc */
int mua_mbsync(const struct mua *m, struct buf *out, struct error *e);      /* an mbsyncrc */
int mua_msmtp(const struct mua *m, struct buf *out, struct error *e);       /* an msmtprc */
int mua_apple(const struct mua *m, struct buf *out, struct error *e);       /* a .mobileconfig */

/* Thunderbird's folder: dir, or when that is "" the first of the usual places that is one. */
int mua_thunderbird_find(char dir[PATH_CAP], struct error *e);
/* What Thunderbird needs below its own folder: isp/GROUP.xml with this text, and the authority's
 * path in the policies. Nothing else in the policies changes, and a file that somebody else wrote
 * is left alone (an error). dir: the folder, or "" to look in the usual places; the one used is in
 * dir afterwards. */
int mua_thunderbird_install(const struct mua *m, const struct buf *xml, char dir[PATH_CAP],
                            struct error *e);

/* Appends s as the text of an XML element or attribute. -1 when out is full. */
int mua_xml_text(struct buf *out, const char *s);

#endif
