/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mua_text.c - the settings of Thunderbird, mutt, mbsync and msmtp (mua.h). A home's path and an
 * address hold no character that means anything to these formats (home_path_ok, address_parse). */
#include "cli/mua.h"
#include <string.h>

int mua_xml_text(struct buf *out, const char *s)
{
    for (; *s != '\0'; s++) {
        const char *name = *s == '&'   ? "&amp;"
                           : *s == '<' ? "&lt;"
                           : *s == '>' ? "&gt;"
                           : *s == '"' ? "&quot;"
                                       : NULL;
        if (name != NULL ? buf_append(out, name, strlen(name)) < 0 : buf_append(out, s, 1) < 0)
            return -1;
    }
    return 0;
}

static int too_long(struct error *e)
{
    return error_set(e, "The settings do not fit into memory.");
}

/* The user name in the place of a URL's: the '@' of the address must not end it. */
static void url_user(const char *address, char out[ADDRESS_MAX + 4])
{
    size_t at = strcspn(address, "@");
    memcpy(out, address, at);
    memcpy(out + at, "%40", 3);
    memcpy(out + at + 3, address + at + 1, strlen(address + at + 1) + 1);
}

static int server(struct buf *out, const char *element, const char *type, unsigned port)
{
    return buf_printf(out,
                      "    <%s type=\"%s\">\n"
                      "      <hostname>localhost</hostname>\n"
                      "      <port>%u</port>\n"
                      "      <socketType>SSL</socketType>\n"
                      "      <authentication>password-cleartext</authentication>\n"
                      "      <username>%%EMAILADDRESS%%</username>\n"
                      "    </%s>\n",
                      element, type, port, element);
}

int mua_thunderbird(const struct mua *m, struct buf *out, struct error *e)
{
    struct buf group = BUF_INIT(8 * ADDRESS_MAX), who = BUF_INIT(8 * ADDRESS_MAX);
    int rc = -1;
    if (mua_xml_text(&group, address_group(m->c->address)) == 0 &&
        mua_xml_text(&who, m->c->address) == 0 && buf_str(&group) != NULL && buf_str(&who) != NULL)
        rc = buf_printf(out,
                        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                        "<clientConfig version=\"1.1\">\n"
                        "  <emailProvider id=\"%s\">\n"
                        "    <domain>%s</domain>\n"
                        "    <displayName>Restante of %s</displayName>\n"
                        "    <displayShortName>Restante</displayShortName>\n",
                        buf_str(&group), buf_str(&group), buf_str(&who));
    if (rc == 0)
        rc = server(out, "incomingServer", "imap", m->c->imap_port);
    if (rc == 0)
        rc = server(out, "outgoingServer", "smtp", m->c->submission_port);
    if (rc == 0)
        rc = buf_printf(out, "  </emailProvider>\n</clientConfig>\n");
    buf_free(&group);
    buf_free(&who);
    return rc < 0 ? too_long(e) : 0;
}

int mua_mutt(const struct mua *m, struct buf *out, struct error *e)
{
    char user[ADDRESS_MAX + 4];
    url_user(m->c->address, user);
    int rc = buf_printf(
        out,
        "# mutt and neomutt for %s: start with -F and this file, or source it in your muttrc.\n"
        "# This peer's own authority: before anything that connects.\n"
        "set ssl_ca_certificates_file = \"%s\"\n"
        "set ssl_force_tls = yes\n"
        "set from = \"%s\"\n"
        "set use_from = yes\n"
        "set imap_user = \"%s\"\n"
        "set imap_pass = \"`cat '%s'`\"\n"
        "set folder = \"imaps://localhost:%u/\"\n"
        "set spoolfile = \"+INBOX\"\n"
        "set postponed = \"+Drafts\"\n"
        "set record = \"+Sent\"\n"
        "set trash = \"+Trash\"\n"
        "set smtp_url = \"smtps://%s@localhost:%u/\"\n"
        "set smtp_pass = $imap_pass\n"
        "# New mail is told at once, and flags are written while you read.\n"
        "set imap_idle = yes\n"
        "set mail_check = 30\n"
        "mailboxes \"+INBOX\" \"+Requests\" \"+Outgoing\" \"+Drafts\" \"+Sent\" \"+Archive\" "
        "\"+Junk\" \"+Trash\"\n",
        m->c->address, m->ca, m->c->address, m->c->address, m->password, (unsigned)m->c->imap_port,
        user, (unsigned)m->c->submission_port);
    return rc < 0 ? too_long(e) : 0;
}

int mua_mbsync(const struct mua *m, struct buf *out, struct error *e)
{
    int rc = buf_printf(
        out,
        "# mbsync for %s: `mbsync -c THIS-FILE restante`. It wants the folder ~/Mail/%s\n"
        "# to be there: `restante mua mbsync --output FILE` makes it.\n"
        "# mbsync downloads whole mailboxes: every message is pulled, and its sender learns so.\n"
        "IMAPAccount restante\n"
        "Host localhost\n"
        "Port %u\n"
        "User \"%s\"\n"
        "PassCmd \"cat '%s'\"\n"
        "SSLType IMAPS\n"
        "SystemCertificates no\n"
        "CertificateFile \"%s\"\n"
        "# A pull may take a minute.\n"
        "Timeout 120\n"
        "\n"
        "IMAPStore restante-peer\n"
        "Account restante\n"
        "\n"
        "MaildirStore restante-here\n"
        "Path \"~/Mail/%s/\"\n"
        "Inbox \"~/Mail/%s/INBOX\"\n"
        "SubFolders Verbatim\n"
        "\n"
        "# Outgoing is a view of what waits for others: nothing to keep a copy of.\n"
        "Channel restante\n"
        "Far :restante-peer:\n"
        "Near :restante-here:\n"
        "Patterns * !Outgoing\n"
        "Create Near\n"
        "Expunge Both\n"
        "SyncState *\n",
        m->c->address, m->c->address, (unsigned)m->c->imap_port, m->c->address, m->password, m->ca,
        m->c->address, m->c->address);
    return rc < 0 ? too_long(e) : 0;
}

int mua_msmtp(const struct mua *m, struct buf *out, struct error *e)
{
    int rc =
        buf_printf(out,
                   "# msmtp for %s: `msmtp -C THIS-FILE -t`, or as sendmail in a mail client.\n"
                   "account restante\n"
                   "host localhost\n"
                   "port %u\n"
                   "from %s\n"
                   "auth plain\n"
                   "user %s\n"
                   "passwordeval \"cat '%s'\"\n"
                   "tls on\n"
                   "tls_starttls off\n"
                   "tls_trust_file \"%s\"\n"
                   "# An address is looked up while the client waits.\n"
                   "timeout 120\n"
                   "\n"
                   "account default : restante\n",
                   m->c->address, (unsigned)m->c->submission_port, m->c->address, m->c->address,
                   m->password, m->ca);
    return rc < 0 ? too_long(e) : 0;
}
