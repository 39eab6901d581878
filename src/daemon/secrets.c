/* SPDX-License-Identifier: GPL-3.0-or-later */
/* secrets.c - see secrets.h. */
#include "daemon/secrets.h"
#include "base/log.h"
#include "daemon/home.h"
#include "pgp/pgp.h"
#include "base/file.h"
#include <string.h>
#include <sys/stat.h>

#define LOG_AREA "daemon"

static int load_key(struct service *s, struct pgp **pgp_r, struct error *e)
{
    const char *home = s->config.home;
    struct error why = {""};
    s->secret = (struct buf)BUF_INIT(HOME_SECRET_MAX);
    if (home_read_secret(home, "secret/key.pgp", &s->secret, e) < 0 || pgp_new(pgp_r, e) < 0)
        return -1;
    if (s->secret.len > 0 && pgp_load_secret(*pgp_r, s->secret.data, s->secret.len, &why) == 0) {
        pgp_own_fpr(*pgp_r, s->services.fpr);
        return 0;
    }
    size_t n = strlen(why.text);
    if (n > 0 && why.text[n - 1] == '.')
        why.text[n - 1] = '\0';
    return error_set(e,
                     "The secret key %s/secret/key.pgp is %s%.100s. It cannot be made again: put "
                     "the file back from a backup, or a copy that `restante key export --secret` "
                     "wrote.",
                     home, s->secret.len == 0 ? "empty" : "damaged: ", why.text);
}

/* It is part of the secret key: whatever else stands in its file was damaged. */
static int load_public(struct service *s, struct pgp *pgp, struct error *e)
{
    const char *home = s->config.home;
    struct buf file = BUF_INIT(PUBKEY_MAX), own = BUF_INIT(PUBKEY_MAX);
    struct pgp_pub pub;
    uint8_t fpr[PGP_FPR_LEN];
    int rc = home_read_secret(home, "secret/pub.pgp", &file, NULL);
    pub = (struct pgp_pub){file.data, file.len};
    if (rc == 0 && file.len > 0 && pgp_check_pub(&pub, s->config.address, fpr, NULL) == 0 &&
        memcmp(fpr, s->services.fpr, sizeof fpr) == 0) {
        rc = bytes_set(&s->services.pubkey, file.data, file.len);
    } else {
        rc = pgp_public(pgp, &own, e);
        if (rc == 0 && (own.len != file.len || memcmp(own.data, file.data, own.len) != 0)) {
            rc = home_write_secret(home, "secret/pub.pgp", own.data, own.len, e);
            if (rc == 0)
                log_aloud(
                    LOG_AREA,
                    "The public key %s/secret/pub.pgp was damaged; it was made again from the "
                    "secret key.",
                    home);
        }
        if (rc == 0)
            rc = bytes_set(&s->services.pubkey, own.data, own.len);
    }
    buf_free(&file);
    buf_free(&own);
    return rc;
}

static int load_stub_key(struct service *s, struct error *e)
{
    const char *home = s->config.home;
    struct buf key = BUF_INIT(HASH_LEN);
    int rc = home_read_secret(home, "secret/stub.key", &key, e);
    if (rc == 0 && key.len != HASH_LEN)
        rc = error_set(e,
                       "The key %s/secret/stub.key is damaged: it has %zu bytes of %d. No unread "
                       "message can be opened without it: put the file back from a backup.",
                       home, key.len, HASH_LEN);
    if (rc == 0)
        memcpy(s->services.stub_key, key.data, HASH_LEN);
    buf_wipe(&key);
    return rc;
}

static int load_password(struct service *s, struct error *e)
{
    struct buf word = BUF_INIT(60);
    int rc = home_read_secret(s->config.home, "secret/password", &word, e);
    size_t n = word.len;
    while (n > 0 && word.data[n - 1] <= ' ')
        n--;
    if (rc == 0 && n == 0) /* Dovecot would let anybody in who gives none */
        rc = error_set(e, "secret/password is empty: give the mail client a password with "
                          "`restante passwd`, or put the file back from a backup.");
    if (rc == 0)
        memcpy(s->password, word.data, n);
    buf_wipe(&word);
    return rc;
}

int secrets_load(struct service *s, struct error *e)
{
    struct pgp *pgp = NULL;
    int rc = load_key(s, &pgp, e) < 0 || load_public(s, pgp, e) < 0 || load_stub_key(s, e) < 0 ||
                     load_password(s, e) < 0
                 ? -1
                 : 0;
    pgp_free(&pgp);
    return rc;
}

int secrets_check_database(const char *home, const char *path, struct error *e)
{
    char conf[PATH_CAP];
    struct stat st;
    /* Dovecot's configuration is written after the database was opened for the first time. */
    if (path_join(conf, home, "dovecot/dovecot.conf", e) < 0)
        return -1;
    bool there = stat(path, &st) == 0;
    if ((there && st.st_size > 0) || !file_exists(conf))
        return 0;
    return error_set(e,
                     "The database %s is %s, and this peer has run before: a new one would know of "
                     "no message. Put it back from a backup (`restante restore`).",
                     path, there ? "empty" : "not there");
}
