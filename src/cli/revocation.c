/* SPDX-License-Identifier: GPL-3.0-or-later */
/* revocation.c - see revocation.h. */
#include "cli/revocation.h"
#include "base/clock.h"
#include "base/crypt.h"
#include "cli/control.h"
#include "daemon/home.h"
#include "pgp/pgp.h"
#include "proto/records.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IN_HOME "secret/revocation"
#define SHORT_FPR 16 /* digits of the fingerprint in a file's name */
#define ANSWER_WAIT_S 60

static int sign(const struct buf *secret, const struct buf *public, const struct config *c,
                struct buf *out, struct error *e)
{
    struct pgp *pgp = NULL;
    struct buf payload = BUF_INIT(RECORD_MAX), sig = BUF_INIT(SIGNATURE_MAX);
    char key[DHT_KEY_MAX + 1];
    struct record_place at = {c->network, key};
    struct revocation r = {.pubkey = {public->data, public->len}, .made = clock_wall_ms() / 1000};
    (void)strcpy(r.address, c->address);
    int rc = dht_key(key, "key:", c->address) < 0 || revocation_encode(&r, &at, &payload) < 0
                 ? error_set(e, "A revocation cannot be written for this key.")
                 : 0;
    if (rc == 0)
        rc = pgp_new(&pgp, e);
    if (rc == 0)
        rc = pgp_load_secret(pgp, secret->data, secret->len, e);
    if (rc == 0)
        rc = pgp_sign(pgp, payload.data, payload.len, &sig, e);
    struct span p = {payload.data, payload.len}, s = {sig.data, sig.len};
    if (rc == 0 && record_wrap(&p, &s, out) < 0)
        rc = error_set(e, "A revocation of this key is too large.");
    pgp_free(&pgp);
    buf_free(&payload);
    buf_free(&sig);
    return rc;
}

int revocation_make(const char *dir, const struct config *c, struct error *e)
{
    struct buf secret = BUF_INIT(HOME_SECRET_MAX), public = BUF_INIT(PUBKEY_MAX),
               out = BUF_INIT(RECORD_MAX);
    int rc = home_read_secret(dir, "secret/key.pgp", &secret, e);
    if (rc == 0)
        rc = home_read_secret(dir, "secret/pub.pgp", &public, e);
    if (rc == 0)
        rc = sign(&secret, &public, c, &out, e);
    if (rc == 0)
        rc = home_write_secret(dir, IN_HOME, out.data, out.len, e);
    buf_wipe(&secret);
    buf_free(&public);
    buf_free(&out);
    return rc;
}

/* The folder outside the home, made if need be. */
static int folder(char out[PATH_CAP], struct error *e)
{
    const char *xdg = getenv("XDG_DATA_HOME"), *user = getenv("HOME");
    char base[PATH_CAP];
    if (xdg != NULL && xdg[0] == '/') {
        if (path_join(out, xdg, "restante", e) < 0)
            return -1;
        return dir_make(xdg, e) < 0 ? -1 : dir_make(out, e);
    }
    if (user == NULL || user[0] != '/')
        return error_set(e, "HOME is not set.");
    static const char *const parts[] = {".local", "share", "restante"};
    (void)snprintf(base, sizeof base, "%s", user);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (path_join(out, base, parts[i], e) < 0 || dir_make(out, e) < 0)
            return -1;
        (void)snprintf(base, sizeof base, "%s", out);
    }
    return 0;
}

static int own_fpr(const struct config *c, const char *home, char hex[2 * PGP_FPR_LEN + 1],
                   struct error *e)
{
    struct buf public = BUF_INIT(PUBKEY_MAX);
    uint8_t fpr[PGP_FPR_LEN];
    int rc = home_read_secret(home, "secret/pub.pgp", &public, e);
    struct pgp_pub pub = {public.data, public.len};
    if (rc == 0)
        rc = pgp_check_pub(&pub, c->address, fpr, e);
    if (rc == 0)
        hex_encode(fpr, sizeof fpr, hex);
    buf_free(&public);
    return rc;
}

static void tell_former(const char *dir, const char *own_name, size_t prefix)
{
    DIR *d = opendir(dir);
    if (d == NULL)
        return;
    bool first = true;
    for (const struct dirent *f = readdir(d); f != NULL; f = readdir(d)) {
        if (strncmp(f->d_name, own_name, prefix) != 0 || strcmp(f->d_name, own_name) == 0 ||
            strlen(f->d_name) != prefix + SHORT_FPR || file_is_temporary(f->d_name))
            continue;
        if (first)
            (void)puts(
                "\nAnother key of this address was made here before. If its home is gone, end that "
                "key, or\nnobody who is new can write to you without choosing a fingerprint: when "
                "this peer runs, say");
        first = false;
        (void)printf("  restante key revoke %s/%s\n", dir, f->d_name);
    }
    (void)closedir(d);
}

void revocation_outside(const struct config *c, const char *home)
{
    struct error e;
    struct buf b = BUF_INIT(RECORD_MAX);
    char dir[PATH_CAP], path[PATH_CAP], name[ADDRESS_MAX + 64], fpr[2 * PGP_FPR_LEN + 1];
    int rc = own_fpr(c, home, fpr, &e);
    if (rc == 0)
        rc = home_read_secret(home, IN_HOME, &b, &e);
    if (rc == 0)
        rc = folder(dir, &e);
    if (rc == 0) {
        (void)snprintf(name, sizeof name, "revocation-%s-%.*s", c->address, SHORT_FPR, fpr);
        rc = path_join(path, dir, name, &e) < 0 ? -1 : file_write(path, b.data, b.len, &e);
    }
    buf_free(&b);
    if (rc < 0) {
        (void)fprintf(stderr,
                      "restante: The key's revocation stands in the home only (" IN_HOME "): %s\n",
                      e.text);
        return;
    }
    (void)printf(
        "\nThe key's revocation is in %s.\nKeep it: if this home is ever lost, `restante key "
        "revoke FILE` in the next one ends this key.\n",
        path);
    tell_former(dir, name, strlen(name) - SHORT_FPR);
}

/* ---- restante key revoke */

static int sure(const char *address)
{
    char answer[16] = "";
    if (isatty(STDIN_FILENO) != 1)
        return -1;
    (void)printf(
        "This ends the key of %s in this home for ever: mail to it and from it stops, and no\n"
        "backup brings it back. Type yes to go on: ",
        address);
    (void)fflush(stdout);
    return fgets(answer, sizeof answer, stdin) != NULL && strcmp(answer, "yes\n") == 0 ? 0 : -1;
}

static int revocation_ask(struct cli *cli, const struct buf *record, bool own, struct error *e)
{
    struct control *c = NULL;
    char *hex = malloc(2 * record->len + 1);
    json_t *answer = NULL;
    if (hex == NULL)
        return error_set(e, "Out of memory.");
    hex_encode(record->data, record->len, hex);
    if (control_open(cli, &c, e) == 0) {
        json_t *o = json_pack("{s:s,s:s,s:b}", "cmd", "revoke", "record", hex, "own", own);
        answer = control_ask_for(c, o, ANSWER_WAIT_S, NULL, NULL, e);
        json_decref(o);
    }
    control_close(&c);
    free(hex);
    if (answer == NULL)
        return -1;
    (void)printf("The key %s of %s is revoked%s.\n",
                 json_string_value(json_object_get(answer, "fingerprint")),
                 json_string_value(json_object_get(answer, "id")),
                 json_is_true(json_object_get(answer, "put"))
                     ? ", and everybody can see it"
                     : "; it is announced as soon as this peer is connected");
    json_decref(answer);
    return 0;
}

int revocation_revoke(struct cli *cli, const char *file)
{
    struct error e;
    struct config c;
    struct buf record = BUF_INIT(RECORD_MAX);
    if (cli_config(cli, &c) < 0)
        return CLI_FAILED;
    if (file == NULL && !cli->yes && sure(c.address) < 0)
        return cli_usage("key",
                         "Nothing was revoked: say --yes to revoke this home's own key, or name "
                         "the file of another revocation.");
    int rc = file != NULL ? file_read(file, &record, &e)
                          : home_read_secret(cli->home, IN_HOME, &record, &e);
    if (rc < 0 && file == NULL) /* a home that was made before there were any */
        rc = revocation_make(cli->home, &c, &e) < 0
                 ? -1
                 : home_read_secret(cli->home, IN_HOME, &record, &e);
    if (rc == 0)
        rc = revocation_ask(cli, &record, file == NULL, &e);
    buf_free(&record);
    return rc < 0 ? cli_fail(&e) : CLI_OK;
}
