/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dovecot_config.c - writes the private Dovecot's configuration: everything runs as the one
 * ordinary user, listens on loopback with TLS only, and keeps all it writes below the home. Of the
 * programs that open the mailbox only imap exists here, and it has the plugin (P-7.11). */
#include "daemon/dovecot_config.h"
#include "base/buf.h"
#include "base/crypt.h"
#include "daemon/dovecot.h"
#include <arpa/inet.h>
#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CONF_MAX 16384
#define SLACK_NS 50000000
#define SAFE_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._+@,=-"
#define SAFE_PATH SAFE_CHARS " " /* in quotes */

/* What both versions understand: where it is, what it may be asked for, the mailboxes, and the way
 * to the daemon's listener. The rest is written by dovecot_conf_*.c. */
static const char CONF_COMMON[] =
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
    "ssl_min_protocol = TLSv1.2\n"
    "auth_mechanisms = plain login\n"
    "auth_username_chars = "
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_@+\n"
    "imap_id_retain = yes\n" /* for client_id in dovecot_conf_*.c */
    "imap_fetch_failure = no-after\n"
    "mail_home = \"%1$s\"\n"
    "mail_temp_dir = \"%1$s/dovecot/tmp\"\n"
    "mail_plugin_dir = \"%1$s/dovecot/modules\"\n"
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
    "}\n";

static const char CONF_SERVICES[] =
    "service imap-login {\n  chroot =\n  client_limit = 500\n"
    "  process_min_avail = 1\n"
    "  inet_listener imap {\n    port = 0\n  }\n"
    "  inet_listener imaps {\n    port = %1$u\n    ssl = yes\n  }\n}\n"
    "service imap {\n  process_limit = 200\n  vsz_limit = 1G\n}\n"
    "service submission-login {\n  chroot =\n  client_limit = 500\n"
    "  inet_listener submission {\n    port = 0\n  }\n"
    "  inet_listener submissions {\n    port = %2$u\n    ssl = yes\n  }\n}\n"
    "service submission {\n  process_limit = 50\n  vsz_limit = 1G\n}\n"
    /* All clients come from one address: one that tries a wrong password must not slow the others.
     */
    "service anvil {\n  chroot =\n  unix_listener anvil-auth-penalty {\n    mode = 0\n  }\n}\n"
    "service stats {\n  chroot =\n}\n"
    /* The daemon's listener does the work: any size, streamed (it offers CHUNKING), RCPT answers
     * passed through even after a while. Without the list of capabilities clients are told none
     * before they log in; BINARYMIME is not among them, because 2.4.1 damages binary bodies. */
    "submission_relay_host = 127.0.0.1\n"
    "submission_relay_port = %3$u\n"
    "submission_relay_ssl = no\n"
    "submission_relay_user = %4$s\n"
    "submission_relay_password = %5$s\n"
    "submission_relay_command_timeout = 15 mins\n"
    "submission_max_mail_size = 0\n"
    "submission_backend_capabilities = 8BITMIME DSN\n";

int dovecot_path(char out[PATH_CAP], const char *home, const char *name, struct error *e)
{
    char dir[PATH_CAP];
    return path_join(dir, home, "dovecot", e) < 0 ? -1 : path_join(out, dir, name, e);
}

const char *dovecot_beneath(const char *home, const char *path)
{
    size_t n = strlen(home);
    return strncmp(path, home, n) == 0 && path[n] == '/' ? path + n + 1 : path;
}

/* Does this machine have IPv6 loopback? */
static bool has_ipv6(void)
{
    struct sockaddr_in6 sa = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool ok = bind(fd, (const struct sockaddr *)&sa, sizeof sa) == 0;
    (void)close(fd);
    return ok;
}

/* Only characters that mean nothing to Dovecot's configuration, so nothing needs quoting. */
static int check_word(const char *what, const char *value, const char *safe, struct error *e)
{
    size_t ok = strspn(value, safe);
    if (value[0] == '\0')
        return error_set(e, "The %s is empty.", what);
    if (value[ok] != '\0')
        return error_set(e,
                         "The %s %s holds a character that Dovecot's configuration cannot: use "
                         "letters, digits, spaces and /._+@,=- only.",
                         what, value);
    return 0;
}

static int check_config(const struct dovecot_config *c, struct error *e)
{
    if (c->home[0] != '/')
        return error_set(e, "The home %s is not an absolute path.", c->home);
    if (strlen(c->home) > DOVECOT_HOME_MAX)
        return error_set(e,
                         "The path of the home is too long (%zu bytes): Dovecot's sockets below "
                         "it allow %d. Move the home to a shorter path.",
                         strlen(c->home), DOVECOT_HOME_MAX);
    if (strlen(c->plugin_socket) >= sizeof(((struct sockaddr_un *)0)->sun_path))
        return error_set(e, "The path of the plugin's socket is too long: %s.", c->plugin_socket);
    if (c->wait_s < 1 || c->wait_s > 3600)
        return error_set(e, "open_wait must be between 1 and 3600 seconds.");
    if (check_word("home", c->home, SAFE_PATH, e) < 0 ||
        check_word("address", c->address, SAFE_CHARS, e) < 0 ||
        check_word("plugin socket", dovecot_beneath(c->home, c->plugin_socket), SAFE_CHARS, e) <
            0 ||
        check_word("stub key", dovecot_beneath(c->home, c->stub_key), SAFE_CHARS, e) < 0 ||
        check_word("relay user", c->relay_user, SAFE_CHARS, e) < 0 ||
        check_word("relay password", c->relay_password, SAFE_CHARS, e) < 0)
        return -1;
    return 0;
}

static int make_folders(const char *home, struct error *e)
{
    static const char *const names[] = {"", "run", "state", "tmp", "modules"};
    char path[PATH_CAP];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (dovecot_path(path, home, names[i], e) < 0)
            return -1;
        if (names[i][0] == '\0')
            path[strlen(path) - 1] = '\0'; /* without the last slash */
        if (dir_make(path, e) < 0)
            return -1;
    }
    /* Dovecot insists, and warns otherwise; the home above it is closed to others. */
    if (dovecot_path(path, home, "run", e) < 0)
        return -1;
    if (chmod(path, 0755) < 0)
        return error_set(e, "Cannot set the mode of %s: %s.", path, strerror(errno));
    return path_join(path, home, "log", e) < 0 ? -1 : dir_make(path, e);
}

/* Dovecot takes mail plugins from one folder: ours holds a link to each that we use. */
static int link_module(const char *home, const char *from, const char *name, struct error *e)
{
    char target[PATH_CAP], link[PATH_CAP], sub[64];
    (void)snprintf(sub, sizeof sub, "modules/%s", name);
    if (path_join(target, from, name, e) < 0 || dovecot_path(link, home, sub, e) < 0)
        return -1;
    if (access(target, R_OK) < 0)
        return error_set(e, "The Dovecot plugin %s is missing: %s.", target, strerror(errno));
    if (file_remove(link, e) < 0)
        return -1;
    if (symlink(target, link) < 0)
        return error_set(e, "Cannot make the link %s: %s.", link, strerror(errno));
    return 0;
}

/* Dovecot reads a passwd file again when its size or its time in seconds is another (db_passwd_file
 * of 2.3), and each hash has the same size: the time is always later than that of the file before.
 */
static int write_passwd(const char *path, const struct buf *b, struct error *e)
{
    struct stat old, new;
    bool was = stat(path, &old) == 0;
    if (file_write(path, b->data, b->len, e) < 0)
        return -1;
    if (!was || stat(path, &new) < 0 || new.st_mtime > old.st_mtime)
        return 0;
    struct timespec at[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = old.st_mtime + 1}};
    if (utimensat(AT_FDCWD, path, at, 0) < 0)
        return error_set(e, "Cannot set the time of %s: %s.", path, strerror(errno));
    return 0;
}

void dovecot_await_password(void)
{
    struct timespec t = {.tv_sec = 1, .tv_nsec = SLACK_NS};
    while (nanosleep(&t, &t) < 0 && errno == EINTR)
        ;
}

int dovecot_write_password(const char *home, const char *address, const char *password,
                           struct error *e)
{
    struct buf b = BUF_INIT(CONF_MAX);
    struct crypt_data data;
    char salt[CRYPT_GENSALT_OUTPUT_SIZE], seed[16], path[PATH_CAP];
    const char *hash;
    int ret = -1;
    memset(&data, 0, sizeof data);
    random_bytes(seed, sizeof seed);
    if (crypt_gensalt_rn("$6$", 0, seed, sizeof seed, salt, sizeof salt) == NULL ||
        (hash = crypt_r(password, salt, &data)) == NULL || hash[0] != '$')
        (void)error_set(e, "Cannot hash the mail client's password: %s.", strerror(errno));
    else if (buf_printf(&b, "%s:{SHA512-CRYPT}%s::::::\n", address, hash) < 0)
        (void)error_set(e, "The address is too long.");
    else if (dovecot_path(path, home, "passwd", e) == 0)
        ret = write_passwd(path, &b, e);
    buf_wipe(&b);
    wipe(&data, sizeof data);
    return ret;
}

/* Numbered arguments (POSIX) keep the texts above readable. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat"
static int write_conf(const struct dovecot_config *c, const struct dovecot_user *user,
                      const char *listen, struct error *e)
{
    struct buf b = BUF_INIT(CONF_MAX);
    char path[PATH_CAP];
    int ret;
    if (buf_printf(&b, "# Written by restanted at every start: changes here are lost.\n") < 0 ||
        dovecot_conf_version(&b, c, user) < 0 ||
        buf_printf(&b, CONF_COMMON, c->home, listen, user->name, user->group) < 0 ||
        buf_printf(&b, CONF_SERVICES, (unsigned)c->imap_port, (unsigned)c->submission_port,
                   (unsigned)c->relay_port, c->relay_user, c->relay_password) < 0)
        ret = error_set(e, "Dovecot's configuration is too long.");
    else
        ret = dovecot_path(path, c->home, "dovecot.conf", e) < 0
                  ? -1
                  : file_write(path, b.data, b.len, e);
    buf_wipe(&b);
    return ret;
}
#pragma GCC diagnostic pop

int dovecot_write_config(const struct dovecot_config *c, struct error *e)
{
    const struct passwd *pw = getpwuid(geteuid());
    const struct group *gr = getgrgid(getegid());
    if (check_config(c, e) < 0)
        return -1;
    if (pw == NULL || gr == NULL)
        return error_set(e, "The user or group that runs this has no name, and Dovecot needs one: "
                            "add it to /etc/passwd and /etc/group.");
    if (make_folders(c->home, e) < 0 ||
        link_module(c->home, DOVECOT_MODULES, "lib15_notify_plugin.so", e) < 0 ||
        link_module(c->home, c->plugin_dir, DOVECOT_PLUGIN, e) < 0 ||
        dovecot_write_password(c->home, c->address, c->password, e) < 0)
        return -1;
    struct dovecot_user user = {
        .name = pw->pw_name, .group = gr->gr_name, .uid = pw->pw_uid, .gid = gr->gr_gid};
    return write_conf(c, &user, has_ipv6() ? "127.0.0.1, ::1" : "127.0.0.1", e);
}
