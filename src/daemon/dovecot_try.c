/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dovecot_try.c - see dovecot_try.h. The imap process is started as a mail program would start it
 * through a tunnel: on a socket, logged in, without a Dovecot around it. */
#include "daemon/dovecot_try.h"
#include "base/log.h"
#include "base/plugin_env.h"
#include "daemon/dovecot.h"
#include "daemon/dovecot_config.h"
#include "daemon/dovecot_try_daemon.h"
#include "daemon/tls.h"
#include "net/mailbox.h"
#include "proto/stub.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOG_AREA "dovecot"
#define ADDRESS "try@restante"
#define STEP_S 15 /* longer than the plugin waits for an answer */
#define SAID_CAP (64 * 1024)
#define HEADER "From: try@restante\r\nSubject: a stub\r\nMessage-ID: <try@restante>\r\n\r\n"
#define BODY "What was pulled.\r\n"
#define STRUCTURE                                                                                  \
    "\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 18 1 NIL NIL NIL NIL"
#define STUBS 2
#define TEMPLATE "/tmp/restante-try-XXXXXX"

struct trial {
    char dir[sizeof TEMPLATE]; /* a home of its own, as far as Dovecot needs one */
    char conf[PATH_CAP], log[PATH_CAP], key_file[PATH_CAP], plugin_socket[PATH_CAP];
    char mail_socket[PATH_CAP]; /* where the client connects */
    struct try_daemon *daemon;
    struct mailbox *mailbox;
    pid_t imap;
};

static int fill_mailbox(struct trial *t, const uint8_t key[HASH_LEN], struct error *e)
{
    static const char message[] = HEADER BODY;
    char path[PATH_CAP], full[PATH_CAP], sub[64];
    int rc = 0;
    for (unsigned i = 1; rc == 0 && i <= STUBS; i++) {
        struct buf b = BUF_INIT(4096);
        struct stub s = {.header = (const uint8_t *)HEADER,
                         .header_len = strlen(HEADER),
                         .structure = (const uint8_t *)STRUCTURE,
                         .structure_len = strlen(STRUCTURE)};
        memset(s.id, (int)i, sizeof s.id);
        (void)snprintf(sub, sizeof sub, "Maildir/cur/%u.try.here,S=%zu,W=%zu:2,", i,
                       strlen(message), strlen(message));
        rc = stub_encode(&s, key, &b) < 0 || path_join(path, t->dir, sub, e) < 0
                 ? error_set(e, "no stub can be made")
                 : file_write(path, b.data, b.len, e);
        buf_free(&b);
        (void)snprintf(sub, sizeof sub, "full.%u", i);
        if (rc == 0 && ((rc = path_join(full, t->dir, sub, e)) < 0 ||
                        (rc = file_write(full, message, strlen(message), e)) < 0))
            break;
        try_daemon_has(t->daemon, s.id, path, full);
    }
    return rc;
}

static void end_imap(struct trial *t)
{
    if (t->imap <= 0)
        return;
    (void)kill(t->imap, SIGKILL);
    (void)waitpid(t->imap, NULL, 0);
    t->imap = 0;
}

/* A new imap process for the client whose end of a socket this is. */
static void start_imap(void *ctx, int fd)
{
    struct trial *t = ctx;
    char user[] = "USER=" ADDRESS, wait[] = PLUGIN_ENV_WAIT "=8", home[64];
    char socket[PATH_CAP + 32], key[PATH_CAP + 32];
    /* -k: started by itself, it would keep only the variables that import_environment names. */
    char *argv[] = {DOVECOT_IMAP, "-k", "-c", t->conf, NULL};
    char *env[] = {user,
                   home,
                   wait,
                   socket,
                   key,
                   "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                   "DOVECOT_HOSTDOMAIN=localhost",
                   NULL};
    posix_spawn_file_actions_t actions;
    (void)snprintf(home, sizeof home, "HOME=%s", t->dir);
    (void)snprintf(socket, sizeof socket, PLUGIN_ENV_SOCKET "=%s", t->plugin_socket);
    (void)snprintf(key, sizeof key, PLUGIN_ENV_KEY "=%s", t->key_file);
    end_imap(t);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, fd, 0);
    (void)posix_spawn_file_actions_adddup2(&actions, fd, 1);
    (void)posix_spawn_file_actions_addopen(&actions, 2, t->log, O_WRONLY | O_CREAT | O_APPEND,
                                           0600);
    if (posix_spawn(&t->imap, argv[0], &actions, NULL, argv, env) != 0)
        t->imap = 0;
    (void)posix_spawn_file_actions_destroy(&actions);
}

static int make_home(struct trial *t, const char *plugin_dir, struct error *e)
{
    static const char *const folders[] = {"dovecot",     "run",         "tls",        "Maildir",
                                          "Maildir/cur", "Maildir/new", "Maildir/tmp"};
    uint8_t key[HASH_LEN];
    char path[PATH_CAP];
    memcpy(t->dir, TEMPLATE, sizeof TEMPLATE);
    if (mkdtemp(t->dir) == NULL) {
        t->dir[0] = '\0';
        return error_set(e, "no folder can be made below /tmp: %s", strerror(errno));
    }
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        if (path_join(path, t->dir, folders[i], e) < 0 || dir_make(path, e) < 0)
            return -1;
    random_bytes(key, sizeof key);
    if (path_join(t->key_file, t->dir, "stub.key", e) < 0 ||
        file_write(t->key_file, key, sizeof key, e) < 0 || tls_prepare(t->dir, ADDRESS, e) < 0 ||
        path_join(t->plugin_socket, t->dir, "run/plugin.sock", e) < 0 ||
        dovecot_path(t->conf, t->dir, "dovecot.conf", e) < 0 ||
        path_join(t->log, t->dir, "log/imap", e) < 0 ||
        path_join(t->mail_socket, t->dir, "run/imap.sock", e) < 0)
        return -1;
    struct dovecot_config c = {.home = t->dir,
                               .address = ADDRESS,
                               .password = "unused",
                               .imap_port = 1, /* nobody listens anywhere */
                               .submission_port = 2,
                               .relay_port = 3,
                               .relay_user = "relay",
                               .relay_password = "unused",
                               .plugin_dir = plugin_dir,
                               .plugin_socket = t->plugin_socket,
                               .stub_key = t->key_file,
                               .wait_s = STEP_S / 2};
    if (dovecot_write_config(&c, e) < 0 ||
        (t->daemon = try_daemon_start(t->plugin_socket, t->mail_socket, start_imap, t, e)) == NULL)
        return -1;
    return fill_mailbox(t, key, e);
}

static int steps(struct trial *t, struct buf *out, struct error *e)
{
    char size[64];
    (void)snprintf(size, sizeof size, "RFC822.SIZE %zu", strlen(HEADER BODY));
    if (!mailbox_ask(t->mailbox, "UID FETCH 1 (RFC822.SIZE ENVELOPE BODYSTRUCTURE)", out) ||
        buf_str(out) == NULL || strstr(buf_str(out), size) == NULL ||
        strstr(buf_str(out), "\"a stub\"") == NULL || strstr(buf_str(out), STRUCTURE) == NULL ||
        try_daemon_asked(t->daemon) != 0)
        return error_set(e, "a stub was not listed as the message it stands for");
    try_daemon_refuse(t->daemon, true);
    if (mailbox_ask(t->mailbox, "UID FETCH 1 BODY.PEEK[TEXT]", out) ||
        try_daemon_asked(t->daemon) != 1)
        return error_set(e, "a stub that was to be refused was not");
    try_daemon_refuse(t->daemon, false);
    if (!mailbox_read(t->mailbox, 1, out) || try_daemon_asked(t->daemon) != 2 ||
        out->len != strlen(HEADER BODY) || memcmp(out->data, HEADER BODY, out->len) != 0)
        return error_set(e, "a stub did not open");
    if (!mailbox_ask(t->mailbox, "UID STORE 2 +FLAGS.SILENT (\\Deleted)", out) ||
        !mailbox_ask(t->mailbox, "EXPUNGE", out) || !try_daemon_expunged(t->daemon))
        return error_set(e, "a stub that was expunged was not reported");
    return 0;
}

/* What the imap processes said, to find out what went wrong. */
static void tell_words(const char *path)
{
    struct buf b = BUF_INIT(SAID_CAP);
    if (file_read(path, &b, NULL) == 0)
        for (char *rest = NULL, *line = strtok_r((char *)(uintptr_t)buf_str(&b), "\n", &rest);
             line != NULL; line = strtok_r(NULL, "\n", &rest))
            log_warn("the trial: %s", line);
    buf_free(&b);
}

int dovecot_try(const char *plugin_dir, struct error *e)
{
    struct trial t = {.imap = 0};
    struct buf out = BUF_INIT(SAID_CAP);
    int rc = make_home(&t, plugin_dir, e);
    if (rc == 0 && (t.mailbox = mailbox_new(t.mail_socket, STEP_S, e)) == NULL)
        rc = -1;
    if (rc == 0)
        rc = steps(&t, &out, e);
    mailbox_free(&t.mailbox);
    try_daemon_end(&t.daemon);
    end_imap(&t);
    if (rc < 0)
        tell_words(t.log);
    if (t.dir[0] != '\0')
        dir_remove_tree(t.dir);
    buf_free(&out);
    return rc;
}
