/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dovecot_conf_23.c - what only Dovecot 2.3 says in these words (Debian 12). */
#include "base/plugin_env.h"
#include "daemon/dovecot_config.h"

const char *const dovecot_writes_in = NULL;

static const char CONF[] =
    "ssl_cert = <%1$s/tls/leaf.pem\n"
    "ssl_key = <%1$s/tls/leaf.key\n"
    "disable_plaintext_auth = yes\n"
    "auth_username_format = %%Lu\n"
    "passdb {\n  driver = passwd-file\n  args = \"%1$s/dovecot/passwd\"\n}\n"
    /* Apple Mail says its name before the login. The plugin finds it in imap_id_log, because what
     * stands there is taken as it is: a variable that a client's name looks like would end the
     * login anywhere else. */
    "userdb {\n  driver = static\n  args = uid=%2$u gid=%3$u imap_id_log=%%{client_id}\n}\n"
    "mail_location = \"maildir:%1$s/Maildir\"\n"
    "mail_plugins =\n"
    "protocol imap {\n  mail_plugins = notify restante\n}\n"
    "service imap-login {\n  service_count = 0\n}\n"
    "service submission-login {\n  service_count = 0\n}\n"
    "import_environment = TZ CORE_OUTOFMEM CORE_ERROR DOVECOT_HOSTDOMAIN " PLUGIN_ENV_SOCKET
    " " PLUGIN_ENV_KEY " " PLUGIN_ENV_WAIT "\n";

/* Numbered arguments (POSIX) keep the text above readable. */
#pragma GCC diagnostic ignored "-Wformat"
int dovecot_conf_version(struct buf *b, const struct dovecot_config *c,
                         const struct dovecot_user *user)
{
    return buf_printf(b, CONF, c->home, user->uid, user->gid);
}
