/* SPDX-License-Identifier: GPL-3.0-or-later */
/* key_import.c - `restante key import`: the key of an earlier home of this address takes the place
 * of the one that init made, as long as nobody has met that. */
#include "cli/key_import.h"
#include "base/crypt.h"
#include "cli/revocation.h"
#include "daemon/home.h"
#include "pgp/pgp.h"
#include <stdio.h>
#include <unistd.h>

#define FILE_CAP (2 * HOME_SECRET_MAX) /* armor is larger */

/* The key, checked for this address, in the forms that a home keeps. */
static int key_take(const char *file, const struct config *c, struct buf *secret,
                    struct buf *public, char fpr_hex[2 * PGP_FPR_LEN + 1], struct error *e)
{
    struct pgp *p = NULL;
    uint8_t fpr[PGP_FPR_LEN];
    struct buf text = BUF_INIT(FILE_CAP);
    int rc = file_read(file, &text, e);
    if (rc == 0)
        rc = pgp_new(&p, e);
    if (rc == 0)
        rc = pgp_load_secret(p, text.data, text.len, e);
    if (rc == 0)
        rc = pgp_secret(p, secret, e);
    if (rc == 0)
        rc = pgp_public(p, public, e);
    struct pgp_pub pub = {public->data, public->len};
    if (rc == 0)
        rc = pgp_check_pub(&pub, c->address, fpr, e);
    if (rc == 0)
        hex_encode(fpr, sizeof fpr, fpr_hex);
    pgp_free(&p);
    buf_wipe(&text);
    return rc;
}

static int replace(const struct config *c, const struct buf *secret, const struct buf *public,
                   struct error *e)
{
    int rc = home_write_secret(c->home, "secret/pub.pgp", public->data, public->len, e);
    if (rc == 0)
        rc = home_write_secret(c->home, "secret/key.pgp", secret->data, secret->len, e);
    if (rc == 0)
        rc = revocation_make(c->home, c, e);
    if (rc < 0) {
        struct error why = *e;
        (void)error_set(e, "%.300s The import is not whole: say it again.", why.text);
    }
    return rc;
}

int own_key_import(const struct config *c, const char *file, struct error *e)
{
    char db[PATH_CAP], fpr_hex[2 * PGP_FPR_LEN + 1];
    struct buf secret = BUF_INIT(HOME_SECRET_MAX), public = BUF_INIT(PUBKEY_MAX);
    int lock = home_lock(c->home, 0, e);
    if (lock < 0)
        return -1;
    int rc = config_path(c, "state.db", db, e);
    if (rc == 0 && file_exists(db))
        rc = error_set(e,
                       "This peer has run with the key it has, which others may know. Make another "
                       "home for the other key: `restante --home DIR init %s`, then `key import` "
                       "there before its first start.",
                       c->address);
    if (rc == 0)
        rc = key_take(file, c, &secret, &public, fpr_hex, e);
    if (rc == 0)
        rc = replace(c, &secret, &public, e);
    if (rc == 0) {
        (void)printf("The peer's key is now %s.\n", fpr_hex);
        revocation_outside(c, c->home);
    }
    (void)close(lock);
    buf_wipe(&secret);
    buf_free(&public);
    return rc;
}
