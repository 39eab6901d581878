/* SPDX-License-Identifier: GPL-3.0-or-later */
/* new_peer.c - see new_peer.h. */
#include "cli/new_peer.h"
#include "cli/revocation.h"
#include "base/crypt.h"
#include "cli/invite.h"
#include "daemon/home.h"
#include "daemon/tls.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *invite_line; /* of the command line */

/* Options that are settings by another name. */
static const struct {
    const char *option, *section, *key;
} shortcuts[] = {
    {"bootstrap", "network", "bootstrap"},
    {"network", "network", "id"},
    {"endpoint", "network", "endpoints"},
    {"http-port", "network", "http_port"},
    {"dht-port", "network", "dht_port"},
    {"imap-port", "mail", "imap_port"},
    {"submission-port", "mail", "submission_port"},
};
#define SHORTCUTS (sizeof shortcuts / sizeof shortcuts[0])

/* --set section.key=value */
static int apply_set(struct config *c, const char *text, struct error *e)
{
    char copy[1024];
    if (strlen(text) >= sizeof copy)
        return error_set(e, "the value is too long");
    memcpy(copy, text, strlen(text) + 1);
    char *equals = strchr(copy, '='), *dot = strchr(copy, '.');
    if (equals == NULL || dot == NULL || dot > equals)
        return error_set(e, "\"%.80s\" is not section.key=value", text);
    *equals = *dot = '\0';
    if (strcmp(copy, "peer") == 0 && strcmp(dot + 1, "address") == 0)
        return error_set(e, "the address is the operand of init");
    return config_set(c, copy, dot + 1, equals + 1, e);
}

/* --listen: all that others reach is at this address only. */
static int apply_listen(struct config *c, const char *address, struct error *e)
{
    bool v6 = strchr(address, ':') != NULL;
    if (config_set(c, "network", "http_bind", address, NULL) < 0)
        return error_set(e, "--listen wants an IPv4 or IPv6 address, not \"%.60s\"", address);
    if (strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0)
        return 0;
    if (v6) /* the node always has an IPv4 side: keep it at home */
        return config_set(c, "network", "dht_bind6", address, e) < 0
                   ? -1
                   : config_set(c, "network", "dht_bind", "127.0.0.1", e);
    return config_set(c, "network", "dht_bind", address, e) < 0
               ? -1
               : config_set(c, "network", "dht_bind6", "none", e);
}

/* --accept: what the new peer needs of it now; the rest when the home is made. */
int new_peer_accept(struct config *c, const char *line, struct error *e)
{
    struct invite v;
    int rc = invite_take(c, line, &v, e);
    wipe(&v, sizeof v);
    if (rc == 0)
        invite_line = line;
    return rc;
}

const char *new_peer_invite(void)
{
    return invite_line;
}

/* Does it fit the address, which may stand behind it on the command line? */
static int leave_invite(const char *dir, const struct config *c, struct error *e)
{
    struct invite v;
    struct config as_if = *c;
    int rc = invite_line == NULL ? 0 : invite_take(&as_if, invite_line, &v, e);
    wipe(&v, sizeof v);
    return rc < 0 || invite_line == NULL ? rc : invite_leave(dir, invite_line, NULL, e);
}

static int apply(void *ctx, const char *name, const char *value, struct error *e)
{
    struct config *c = ctx;
    if (strcmp(name, "listen") == 0)
        return apply_listen(c, value, e);
    if (strcmp(name, "set") == 0)
        return apply_set(c, value, e);
    for (size_t i = 0; i < SHORTCUTS; i++)
        if (strcmp(shortcuts[i].option, name) == 0)
            return config_set(c, shortcuts[i].section, shortcuts[i].key, value, e);
    return new_peer_accept(c, value, e);
}

void new_peer_options(struct config *c, struct cli_option out[NEW_PEER_OPTIONS])
{
    static const char *const others[] = {"listen", "set", "accept"};
    _Static_assert(SHORTCUTS + 3 == NEW_PEER_OPTIONS, "one for each");
    for (size_t i = 0; i < NEW_PEER_OPTIONS; i++)
        out[i] = (struct cli_option){
            .name = i < 3 ? others[i] : shortcuts[i - 3].option, .take = apply, .ctx = c};
}

void new_peer_defaults(struct config *c)
{
    config_defaults(c);
    c->http_port = c->dht_port = c->imap_port = c->submission_port = 0;
}

int new_peer_address(struct config *c, const char *address, struct error *e)
{
    if (config_set(c, "peer", "address", address, NULL) == 0)
        return 0;
    return error_set(e,
                     "\"%.80s\" is not an address: name@group in small letters, digits "
                     "and . _ + -, the group like a host name; all means everybody.",
                     address);
}

static int make_key(const char *dir, const struct config *c, char fpr_hex[2 * PGP_FPR_LEN + 1],
                    struct error *e)
{
    uint8_t fpr[PGP_FPR_LEN];
    struct buf secret = BUF_INIT(HOME_SECRET_MAX), public = BUF_INIT(PUBKEY_MAX);
    int rc = pgp_generate(c->address, &secret, &public, e);
    struct pgp_pub pub = {public.data, public.len};
    if (rc == 0)
        rc = pgp_check_pub(&pub, c->address, fpr, e);
    if (rc == 0)
        rc = home_write_secret(dir, "secret/key.pgp", secret.data, secret.len, e);
    if (rc == 0)
        rc = home_write_secret(dir, "secret/pub.pgp", public.data, public.len, e);
    if (rc == 0)
        hex_encode(fpr, sizeof fpr, fpr_hex);
    buf_wipe(&secret);
    buf_free(&public);
    return rc;
}

static int make_secrets(const char *dir, struct error *e)
{
    uint8_t key[HOME_STUB_KEY_LEN];
    char password[HOME_PASSWORD_LEN + 1];
    random_bytes(key, sizeof key);
    home_new_password(password);
    int rc = home_write_secret(dir, "secret/stub.key", key, sizeof key, e);
    if (rc == 0)
        rc = home_write_secret(dir, "secret/password", password, HOME_PASSWORD_LEN, e);
    wipe(key, sizeof key);
    wipe(password, sizeof password);
    return rc;
}

static int write_config(const char *dir, const struct config *c, struct error *e)
{
    struct buf text = BUF_INIT(CONFIG_FILE_CAP);
    struct config again;
    int rc = config_format(c, &text);
    if (rc < 0)
        (void)error_set(e, "The configuration does not fit into memory.");
    else
        rc = home_write_secret(dir, "config", text.data, text.len, e);
    buf_free(&text);
    return rc < 0 ? -1 : config_load(&again, dir, e); /* what we write, the daemon must take */
}

int new_peer_make(struct config *c, const char *home, char fpr_hex[2 * PGP_FPR_LEN + 1],
                  struct error *e)
{
    struct home_draft d;
    sigset_t ends, before; /* Ctrl-C takes effect when the home is whole, or gone */
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGINT);
    (void)sigaddset(&ends, SIGTERM);
    (void)sigaddset(&ends, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &ends, &before);
    (void)snprintf(c->home, sizeof c->home, "%.*s", HOME_PATH_MAX, home);
    int rc = home_draft_begin(&d, home, e);
    if (rc == 0)
        rc = make_key(d.dir, c, fpr_hex, e);
    if (rc == 0)
        rc = revocation_make(d.dir, c, e);
    if (rc == 0)
        rc = make_secrets(d.dir, e);
    if (rc == 0)
        rc = tls_prepare(d.dir, c->address, e);
    if (rc == 0)
        rc = write_config(d.dir, c, e);
    if (rc == 0)
        rc = leave_invite(d.dir, c, e);
    if (rc == 0)
        rc = home_draft_commit(&d, e);
    home_draft_abandon(&d); /* harmless without one */
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return rc;
}

int new_peer_user(struct error *e)
{
    return geteuid() != 0 ? 0
                          : error_set(e, "A peer is not made by root: become the user who will "
                                         "read its mail, then run the same command again.");
}
