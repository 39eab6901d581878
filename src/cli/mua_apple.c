/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mua_apple.c - a configuration profile for Apple's mail (mua.h): the account, and the authority as
 * a trusted root. Its identifiers come from the address, so that a new one replaces the old. */
#include "base/crypt.h"
#include "cli/mua.h"
#include "daemon/tls.h"
#include <stdio.h>
#include <string.h>

#define UUID_LEN 37 /* with NUL */

/* A name-based UUID (RFC 9562, version 8) of the address and what it stands for. */
static void uuid_of(const char *address, const char *what, char out[UUID_LEN])
{
    char text[ADDRESS_MAX + 32], hex[HASH_HEX + 1];
    uint8_t h[HASH_LEN];
    int n = snprintf(text, sizeof text, "restante %s %s", what, address);
    sha256(text, (size_t)n, h);
    h[6] = (uint8_t)((h[6] & 0x0f) | 0x80);
    h[8] = (uint8_t)((h[8] & 0x3f) | 0x80);
    hex_encode(h, sizeof h, hex);
    (void)snprintf(out, UUID_LEN, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
                   hex + 20);
}

static int key_text(struct buf *out, const char *key, const char *value)
{
    if (buf_printf(out, "      <key>%s</key><string>", key) < 0 || mua_xml_text(out, value) < 0)
        return -1;
    return buf_printf(out, "</string>\n");
}

static int key_number(struct buf *out, const char *key, unsigned value)
{
    return buf_printf(out, "      <key>%s</key><integer>%u</integer>\n", key, value);
}

static int key_true(struct buf *out, const char *key)
{
    return buf_printf(out, "      <key>%s</key><true/>\n", key);
}

/* What every payload must have. */
static int payload(struct buf *out, const char *address, const char *type, const char *what,
                   const char *name)
{
    char uuid[UUID_LEN], id[ADDRESS_MAX + 64];
    uuid_of(address, what, uuid);
    (void)snprintf(id, sizeof id, "restante.%s.%s", what, address);
    return key_text(out, "PayloadType", type) < 0 || key_number(out, "PayloadVersion", 1) < 0 ||
                   key_text(out, "PayloadIdentifier", id) < 0 ||
                   key_text(out, "PayloadUUID", uuid) < 0
               ? -1
               : key_text(out, "PayloadDisplayName", name);
}

static int account(const struct config *c, struct buf *out)
{
    static const char *const sides[] = {"Incoming", "Outgoing"};
    char key[64];
    if (payload(out, c->address, "com.apple.mail.managed", "account", "Mail account") < 0 ||
        key_text(out, "EmailAccountType", "EmailTypeIMAP") < 0 ||
        key_text(out, "EmailAccountDescription", c->address) < 0 ||
        key_text(out, "EmailAddress", c->address) < 0 ||
        key_true(out, "OutgoingPasswordSameAsIncomingPassword") < 0)
        return -1;
    for (size_t i = 0; i < 2; i++) {
        unsigned port = i == 0 ? c->imap_port : c->submission_port;
        const struct {
            const char *name, *value;
        } texts[] = {{"HostName", "localhost"}, {"Username", c->address}};
        for (size_t t = 0; t < 2; t++) {
            (void)snprintf(key, sizeof key, "%sMailServer%s", sides[i], texts[t].name);
            if (key_text(out, key, texts[t].value) < 0)
                return -1;
        }
        (void)snprintf(key, sizeof key, "%sMailServerPortNumber", sides[i]);
        if (key_number(out, key, port) < 0)
            return -1;
        (void)snprintf(key, sizeof key, "%sMailServerUseSSL", sides[i]);
        if (key_true(out, key) < 0)
            return -1;
        (void)snprintf(key, sizeof key, "%sMailServerAuthentication", sides[i]);
        if (key_text(out, key, "EmailAuthPassword") < 0)
            return -1;
    }
    return 0;
}

static int profile(const struct config *c, const char *ca, struct buf *out)
{
    if (buf_printf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                        "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
                        "\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
                        "<plist version=\"1.0\">\n<dict>\n  <key>PayloadContent</key>\n"
                        "  <array>\n    <dict>\n") < 0 ||
        payload(out, c->address, "com.apple.security.root", "authority",
                "This peer's own authority") < 0 ||
        buf_printf(out, "      <key>PayloadContent</key><data>%s</data>\n    </dict>\n    <dict>\n",
                   ca) < 0 ||
        account(c, out) < 0 || buf_printf(out, "    </dict>\n  </array>\n") < 0)
        return -1;
    if (payload(out, c->address, "Configuration", "profile", "Restante") < 0 ||
        key_text(out, "PayloadDescription",
                 "The mail account of a Restante peer on this computer, and its own authority, "
                 "which can vouch for this computer only.") < 0)
        return -1;
    return buf_printf(out, "</dict>\n</plist>\n");
}

int mua_apple(const struct mua *m, struct buf *out, struct error *e)
{
    struct buf ca = BUF_INIT(MUA_FILE_CAP);
    int rc = tls_ca_base64(m->c->home, &ca, e);
    if (rc == 0 && (buf_str(&ca) == NULL || profile(m->c, buf_str(&ca), out) < 0))
        rc = error_set(e, "The settings do not fit into memory.");
    buf_free(&ca);
    return rc;
}
