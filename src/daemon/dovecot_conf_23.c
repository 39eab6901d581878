/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dovecot_conf_23.c - the private configuration in the words of Dovecot 2.3 (Debian 12). What both
 * versions' writers have in common is what it means: dovecot.h. */
#include "base/plugin_env.h"
#include "daemon/dovecot_config.h"

const char *const dovecot_writes_in = NULL;

/* Who runs it, where, and what it may be asked for. */
static const char CONF_HEAD[] =
    "# Written by restanted at every start: changes here are lost.\n"
    "base_dir = \"%1$s/dovecot/run\"\n"
    "state_dir = \"%1$s/dovecot/state\"\n"
    "instance_name = restante\n"
    "protocols = imap submission\n"
    "listen = %2$s\n"
    "log_path = \"%1$s/log/dovecot.log\"\n"
    "log_timestamp = \"%%Y-%%m-%%d %%H:%%M:%%S.%%{usecs} \"\n"
    "login_greeting = Restante\n"
    "default_internal_user = %3$s\n"
    "default_internal_group = %4$s\n"
    "default_login_user = %3$s\n"
    "first_valid_uid = 1\n"
    "first_valid_gid = 1\n"
    "stats_writer_socket_path =\n" /* nobody reads statistics, and waiting for them delays an end */
    "default_process_limit = 100\n"
    "default_client_limit = 1000\n"
    "default_vsz_limit = 512M\n"
    "ssl = required\n"
    "ssl_cert = <%1$s/tls/leaf.pem\n"
    "ssl_key = <%1$s/tls/leaf.key\n"
    "ssl_min_protocol = TLSv1.2\n"
    "disable_plaintext_auth = yes\n"
    "auth_mechanisms = plain login\n"
    "auth_username_chars = "
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_@+\n"
    "auth_username_format = %%Lu\n"
    "passdb {\n  driver = passwd-file\n  args = \"%1$s/dovecot/passwd\"\n}\n"
    "userdb {\n  driver = static\n  args = uid=%5$u gid=%6$u "
    "imap_id_log=%%{client_id}\n}\n"
    /* Apple Mail says its name before the login. The plugin finds it in imap_id_log, because what
     * stands there is taken as it is: a variable that a client's name looks like would end the
     * login anywhere else. */
    "imap_id_retain = yes\n";

static const char CONF_MAIL[] =
    "mail_home = \"%1$s\"\n" /* not among args above: these are split at spaces */
    "mail_location = \"maildir:%1$s/Maildir\"\n"
    "mail_temp_dir = \"%1$s/dovecot/tmp\"\n"
    "mail_plugin_dir = \"%1$s/dovecot/modules\"\n"
    "mail_plugins =\n"
    "maildir_copy_with_hardlinks = yes\n"
    "maildir_very_dirty_syncs = no\n"
    "mail_max_userip_connections = 50\n"
    "namespace inbox {\n  inbox = yes\n  separator = /\n"
    "  mailbox Drafts {\n    special_use = \\Drafts\n    auto = subscribe\n  }\n"
    "  mailbox Sent {\n    special_use = \\Sent\n    auto = subscribe\n  }\n"
    "  mailbox Trash {\n    special_use = \\Trash\n    auto = subscribe\n  }\n"
    "  mailbox Junk {\n    special_use = \\Junk\n    auto = subscribe\n  }\n"
    "  mailbox Outgoing {\n    auto = subscribe\n  }\n"
    "  mailbox Requests {\n    auto = subscribe\n  }\n"
    "  mailbox Archive {\n    special_use = \\Archive\n    auto = subscribe\n  }\n"
    "}\n"
    "protocol imap {\n"
    "  mail_plugins = notify restante\n"
    "  imap_fetch_failure = no-after\n"
    "}\n";

static const char CONF_SERVICES[] =
    "service imap-login {\n  chroot =\n  service_count = 0\n  client_limit = 500\n"
    "  process_min_avail = 1\n"
    "  inet_listener imap {\n    port = 0\n  }\n"
    "  inet_listener imaps {\n    port = %1$u\n    ssl = yes\n  }\n}\n"
    "service imap {\n  process_limit = 200\n  vsz_limit = 1G\n}\n"
    "service submission-login {\n  chroot =\n  service_count = 0\n  client_limit = 500\n"
    "  inet_listener submission {\n    port = 0\n  }\n"
    "  inet_listener submissions {\n    port = %2$u\n    ssl = yes\n  }\n}\n"
    "service submission {\n  process_limit = 50\n  vsz_limit = 1G\n}\n"
    /* All clients come from one address: one that tries a wrong password must not slow the others.
     */
    "service anvil {\n  chroot =\n  unix_listener anvil-auth-penalty {\n    mode = 0\n  }\n}\n"
    "service stats {\n  chroot =\n}\n"
    "import_environment = TZ CORE_OUTOFMEM CORE_ERROR DOVECOT_HOSTDOMAIN " PLUGIN_ENV_SOCKET
    " " PLUGIN_ENV_KEY " " PLUGIN_ENV_WAIT "\n"
    /* The daemon's listener does the work: any size, streamed (it offers CHUNKING), RCPT answers
     * passed through even after a while. */
    "submission_relay_host = 127.0.0.1\n"
    "submission_relay_port = %3$u\n"
    "submission_relay_ssl = no\n"
    "submission_relay_user = %4$s\n"
    "submission_relay_password = %5$s\n"
    "submission_relay_command_timeout = 15 mins\n"
    "submission_max_mail_size = 0\n"
    "submission_backend_capabilities = 8BITMIME DSN\n";

/* Numbered arguments (POSIX) keep the texts above readable. */
#pragma GCC diagnostic ignored "-Wformat"
int dovecot_conf_text(struct buf *b, const struct dovecot_config *c,
                      const struct dovecot_user *user)
{
    if (buf_printf(b, CONF_HEAD, c->home, user->listen, user->name, user->group, user->uid,
                   user->gid) < 0 ||
        buf_printf(b, CONF_MAIL, c->home) < 0 ||
        buf_printf(b, CONF_SERVICES, (unsigned)c->imap_port, (unsigned)c->submission_port,
                   (unsigned)c->relay_port, c->relay_user, c->relay_password) < 0)
        return -1;
    return 0;
}
