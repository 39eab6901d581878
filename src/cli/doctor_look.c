/* SPDX-License-Identifier: GPL-3.0-or-later */
/* doctor_look.c - see doctor_look.h. What may hang (a name server, a program) is done by a child
 * that is ended when its time is over. */
#include "cli/doctor_look.h"
#include "base/clock.h"
#include "cli/child.h"
#include "daemon/dovecot.h"
#include "daemon/home.h"
#include "daemon/program.h"
#include "pgp/pgp.h"
#include "proto/limits.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_S 5
#define SAID_MAX 65536

/* A sentence without its full stop. */
static char *bare(struct error *e)
{
    size_t n = strcspn(e->text, "\r\n");
    e->text[n] = '\0';
    while (n > 0 && (e->text[n - 1] == '.' || e->text[n - 1] == ' '))
        e->text[--n] = '\0';
    return e->text;
}

static const char *first_line(struct buf *said)
{
    if (said->len == 0 || buf_str(said) == NULL)
        return "it says nothing";
    said->data[strcspn((const char *)said->data, "\r\n")] = '\0';
    return (const char *)said->data;
}

/* ---- the key */

void doctor_key(struct checks *h, const char *home)
{
    static const char backup[] = "Restore the key from a backup: see `restante restore --help`.";
    struct buf secret = BUF_INIT(HOME_SECRET_MAX);
    struct pgp *pgp = NULL;
    struct error e = {""};
    int64_t until = 0;
    if (home_read_secret(home, "secret/key.pgp", &secret, &e) < 0) {
        check_add(h, "key", CHECK_FAIL, backup, "%s", bare(&e));
    } else if (pgp_new(&pgp, &e) < 0 || pgp_load_secret(pgp, secret.data, secret.len, &e) < 0) {
        check_add(h, "key", CHECK_FAIL,
                  "If this computer's clock is wrong, set it; else restore the key from a backup.",
                  "%s", bare(&e));
    } else if (pgp_own_created_s(pgp) > clock_wall_ms() / 1000) {
        check_add(h, "key", CHECK_FAIL, "Look at the time of this computer: set the clock.",
                  "this computer's clock is %lld minutes before the time at which the key was made",
                  (long long)(pgp_own_created_s(pgp) - clock_wall_ms() / 1000) / 60);
    } else if ((until = pgp_own_expiry_s(pgp)) == 0) {
        check_add(h, "key", CHECK_OK, "", "it is valid and does not expire");
    } else {
        long long days = (until - clock_wall_ms() / 1000) / 86400;
        check_add(h, "key", days < 30 ? CHECK_WARN : CHECK_OK,
                  days < 30 ? "Extend its life with the program that made it, and import it again."
                            : "",
                  "it is valid for %lld more days", days);
    }
    pgp_free(&pgp);
    buf_wipe(&secret);
}

/* ---- names */

static void name(struct checks *h, const char *part, const char *text, const char *todo)
{
    char host[256];
    const char *from = strstr(text, "://");
    from = from == NULL ? text : from + 3;
    if (from[0] == '[') /* IPv6 */
        return;
    (void)snprintf(host, sizeof host, "%.*s", (int)strcspn(from, ":/"), from);
    size_t n = strlen(host);
    if (strspn(host, "0123456789.") == n || (n > 6 && strcmp(host + n - 6, ".onion") == 0))
        return;
    struct buf said = BUF_INIT(SAID_MAX);
    struct error e = {""};
    int rc = child_wait((const char *const[]){"getent", "ahosts", host, NULL}, WAIT_S, &said, &e);
    if (rc == 0)
        check_add(h, part, CHECK_OK, "", "%s is known to the name server", host);
    else
        check_add(h, part, CHECK_WARN, todo, "the name %s is not found%s", host,
                  rc < 0 ? ": no name server answers" : "");
    buf_free(&said);
}

void doctor_names(struct checks *h, const struct config *c)
{
    for (size_t i = 0; i < c->bootstrap.count; i++)
        name(h, "bootstrap", c->bootstrap.item[i],
             "Check the connection and network.bootstrap in the configuration.");
    if (c->bootstrap.count == 0 && c->dht_socket[0] == '\0')
        check_add(h, "bootstrap", CHECK_WARN,
                  "Unless others name this peer, set network.bootstrap to a node of theirs.",
                  "no node is named through which this peer finds others");
    for (size_t i = 0; i < c->endpoints.count; i++)
        name(h, "endpoint", c->endpoints.item[i],
             "Others need this name too: correct it, or network.endpoints.");
}

/* ---- programs */

/* The MIME helper speaks on a socket, its standard input: has it said hello? 0 or -1. */
static int mime_hello(const char *path)
{
    int pair[2];
    uint8_t said[5] = {0};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        (void)dup2(pair[1], STDIN_FILENO);
        (void)execl(path, path, (char *)NULL);
        _exit(127);
    }
    (void)close(pair[1]);
    struct timeval wait = {.tv_sec = WAIT_S};
    (void)setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    ssize_t n = pid < 0 ? -1 : recv(pair[0], said, sizeof said, MSG_WAITALL);
    (void)close(pair[0]);
    if (pid > 0) {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
    }
    return n == (ssize_t)sizeof said && memcmp(said, "\0\0\0\1H", sizeof said) == 0 ? 0 : -1;
}

void doctor_programs(struct checks *h)
{
    static const char todo[] = "Install Restante again, whole, and its packages (packages.txt).";
    static const char *const names[] = {"restanted", "restante-dht", "restante-mime"};
    char path[PATH_CAP];
    for (size_t i = 0; i < 3; i++) {
        struct error e = {""};
        if (program_find(names[i], path, &e) < 0) {
            check_add(h, "program", CHECK_FAIL, todo, "%s", bare(&e));
            continue;
        }
        struct buf said = BUF_INIT(SAID_MAX);
        bool mime = strcmp(names[i], "restante-mime") == 0;
        int rc = mime ? mime_hello(path) : -1;
        if (rc != 0) /* the MIME helper has no --version: it says why it does not start */
            rc = child_wait((const char *const[]){path, "--version", NULL}, WAIT_S, &said, &e);
        if (rc == 0)
            check_add(h, "program", CHECK_OK, "", "%s starts", names[i]);
        else
            check_add(h, "program", CHECK_FAIL, todo, "%s does not start: %s", path,
                      rc < 0 ? e.text : first_line(&said));
        buf_free(&said);
    }
}

/* ---- Dovecot */

void doctor_dovecot(struct checks *h, const char *home)
{
    char path[PATH_CAP];
    struct error e = {""};
    int version = dovecot_check_version(home, &e);
    if (version < 0) {
        check_add(h, "dovecot", CHECK_FAIL,
                  "Build Restante again (`make`) for the Dovecot that is installed, 2.3 or 2.4.",
                  "%s", bare(&e));
        return;
    }
    check_add(h, "dovecot", CHECK_OK, "", "%s",
              version == 0 ? "the installed version is the one built for, or was tried" : bare(&e));
    if (path_join(path, home, "dovecot/dovecot.conf", &e) < 0 || !file_exists(path))
        return; /* it is written at each start */
    struct buf said = BUF_INIT(SAID_MAX);
    int rc = child_wait((const char *const[]){"doveconf", "-c", path, "-h", "protocols", NULL},
                        WAIT_S, &said, &e);
    if (rc == 0)
        check_add(h, "dovecot", CHECK_OK, "", "doveconf reads its configuration");
    else
        check_add(h, "dovecot", CHECK_FAIL,
                  "Stop and start this peer: the configuration is written again then.",
                  "doveconf refuses %s: %s", path, rc < 0 ? e.text : first_line(&said));
    buf_free(&said);
}
