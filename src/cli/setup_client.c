/* SPDX-License-Identifier: GPL-3.0-or-later */
/* setup_client.c - sets up the mail client that is found (setup.h), by what `restante mua` does. */
#include "cli/mua.h"
#include "cli/setup.h"
#include "cli/child.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLIENT_WAIT_S 30
#define SUDO_WAIT_S 120 /* somebody types a password */

static void thunderbird(const struct setup *s, const char *self)
{
    const char *const direct[] = {self,          "--home",    s->cli->home, "mua",
                                  "thunderbird", "--install", NULL};
    const char *const sudo[] = {"sudo", "--",          self,        "--home", s->cli->home,
                                "mua",  "thunderbird", "--install", NULL};
    const char *const quiet_sudo[] = {"sudo",       "-n",  "--",          self,        "--home",
                                      s->cli->home, "mua", "thunderbird", "--install", NULL};
    struct error e;
    struct buf out = BUF_INIT(MUA_FILE_CAP);
    int rc = child_wait(direct, CLIENT_WAIT_S, &out, &e);
    if (rc != 0 && child_found("sudo")) {
        bool ask = s->interactive &&
                   setup_confirm(s,
                                 "Thunderbird is there. Let it find this account (sudo asks for "
                                 "your password)",
                                 true);
        (void)fflush(stdout);
        buf_free(&out);
        if (ask)
            rc = child_wait(sudo, SUDO_WAIT_S, NULL, &e);
        else if (!s->interactive)
            rc = child_wait(quiet_sudo, CLIENT_WAIT_S, &out, &e);
    }
    if (rc == 0)
        (void)printf("\n%s", buf_str(&out) == NULL ? "" : buf_str(&out));
    else
        (void)printf("\nThunderbird was not set up, which only root can do. This does it:\n\n"
                     "  sudo restante --home %s mua thunderbird --install\n",
                     s->cli->home);
    buf_free(&out);
}

/* A settings file in the user's own folder; one that is there already stays. */
static void settings_file(const struct setup *s, const char *self, const char *client,
                          const char *name, const char *use)
{
    char path[PATH_CAP];
    struct error e;
    struct buf out = BUF_INIT(MUA_FILE_CAP);
    const char *user = getenv("HOME");
    if (user == NULL || path_join(path, user, name, NULL) < 0)
        return;
    const char *const argv[] = {self,   "--home",   s->cli->home, "mua",
                                client, "--output", path,         NULL};
    if (file_exists(path))
        (void)printf("\n%s is there already and was left alone.\n", path);
    else if (child_wait(argv, CLIENT_WAIT_S, &out, &e) == 0)
        (void)printf("\nThe settings for %s are in %s: %s\n", client, path, use);
    else
        (void)printf("\nThe settings for %s were not written: %s\n", client,
                     buf_str(&out) == NULL ? "" : buf_str(&out));
    buf_free(&out);
}

void setup_mail_client(const struct setup *s)
{
    char self[PATH_CAP], dir[PATH_CAP] = "";
    struct error e;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0)
        return;
    self[n] = '\0';
    const char *want = s->mail_client;
    if (want != NULL && strcmp(want, "none") == 0)
        return;
    if (want == NULL ? mua_thunderbird_find(dir, &e) == 0 : strcmp(want, "thunderbird") == 0)
        thunderbird(s, self);
    else if (want == NULL ? child_found("neomutt") || child_found("mutt")
                          : strcmp(want, "mutt") == 0)
        settings_file(s, self, "mutt", ".muttrc-restante",
                      child_found("neomutt") ? "neomutt -F ~/.muttrc-restante"
                                             : "mutt -F ~/.muttrc-restante");
    else if (want != NULL)
        settings_file(s, self, "mbsync", ".mbsyncrc-restante",
                      "mbsync -c ~/.mbsyncrc-restante restante");
    (void)fflush(stdout);
}
