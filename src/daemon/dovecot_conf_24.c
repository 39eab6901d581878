/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dovecot_conf_24.c - what only Dovecot 2.4 says in these words (Debian 13).
 *
 * Every % belongs to %{...}: a variable in the form of 2.3 (%Lu) is taken as the text it is,
 * without a word, and then every login fails. */
#include "base/plugin_env.h"
#include "daemon/dovecot_config.h"

/* It writes the configuration that it has read to an unlinked file there, whatever that says. */
const char *const dovecot_writes_in = "/tmp";

static const char CONF[] =
    "dovecot_config_version = 2.4.1\n"
    "dovecot_storage_version = 2.4.1\n"
    "ssl_server_cert_file = \"%1$s/tls/leaf.pem\"\n"
    "ssl_server_key_file = \"%1$s/tls/leaf.key\"\n"
    "auth_allow_cleartext = no\n"
    "auth_username_format = \"%%{user | lower}\"\n"
    "passdb of_home {\n  driver = passwd-file\n  passwd_file_path = \"%1$s/dovecot/passwd\"\n}\n"
    /* Apple Mail says its name before the login. imap_id_log is no setting of this version: the
     * plugin finds the field by the name that it has in 2.3. */
    "userdb of_home {\n  driver = static\n  fields {\n    uid = %2$u\n    gid = %3$u\n"
    "    imap_id_log = \"%%{client_id}\"\n  }\n}\n"
    "mail_driver = maildir\n"
    "mail_path = \"%1$s/Maildir\"\n"
    "protocol imap {\n  mail_plugins {\n    notify = yes\n    restante = yes\n  }\n}\n"
    "service imap-login {\n  restart_request_count = unlimited\n}\n"
    "service submission-login {\n  restart_request_count = unlimited\n}\n"
    "import_environment {\n  TZ = \"%%{env:TZ}\"\n"
    "  DOVECOT_HOSTDOMAIN = \"%%{env:DOVECOT_HOSTDOMAIN}\"\n"
    "  " PLUGIN_ENV_SOCKET " = \"%%{env:" PLUGIN_ENV_SOCKET "}\"\n"
    "  " PLUGIN_ENV_KEY " = \"%%{env:" PLUGIN_ENV_KEY "}\"\n"
    "  " PLUGIN_ENV_WAIT " = \"%%{env:" PLUGIN_ENV_WAIT "}\"\n}\n";

/* Numbered arguments (POSIX) keep the text above readable. */
#pragma GCC diagnostic ignored "-Wformat"
int dovecot_conf_version(struct buf *b, const struct dovecot_config *c,
                         const struct dovecot_user *user)
{
    return buf_printf(b, CONF, c->home, user->uid, user->gid);
}
