/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mua.c - `restante mua CLIENT`: a mail client's settings, printed, written or installed. The file
 * goes to stdout (or where --output says) and what is left to do, in steps, to a person. */
#include "cli/commands.h"
#include "cli/mua.h"
#include "daemon/home.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct mua_client {
    const char *name;
    int (*text)(const struct mua *m, struct buf *out, struct error *e);
    const char *steps; /* %1$s home, %2$s address, %3$s the authority's file */
};

static const struct mua_client clients[] = {
    {"thunderbird", mua_thunderbird,
     "  1. As root, put this where Thunderbird looks, and let it trust this peer's authority:\n"
     "     restante --home %1$s mua thunderbird --install\n"
     "  2. Restart Thunderbird, choose New account, and give your name and %2$s.\n"
     "  3. The password is what `restante account` shows.\n"
     "Without root: import %3$s in Thunderbird's settings (Privacy & Security,\n"
     "Certificates, Authorities; trust it for web sites), then type in what `restante account` "
     "shows.\n"},
    {"mutt", mua_mutt,
     "  1. restante --home %1$s mua mutt --output ~/.muttrc-restante\n"
     "  2. neomutt -F ~/.muttrc-restante        (or mutt)\n"},
    {"mbsync", mua_mbsync,
     "  1. restante --home %1$s mua mbsync --output ~/.mbsyncrc-restante\n"
     "     (this also makes the folder ~/Mail/%2$s)\n"
     "  2. mbsync -c ~/.mbsyncrc-restante restante\n"
     "To send: restante --home %1$s mua msmtp\n"},
    {"msmtp", mua_msmtp,
     "  1. restante --home %1$s mua msmtp --output ~/.msmtprc-restante\n"
     "  2. msmtp -C ~/.msmtprc-restante -t < MESSAGE\n"},
    {"apple", mua_apple,
     "  1. restante --home %1$s mua apple --output restante.mobileconfig\n"
     "  2. Open that file on the Mac on which this peer runs (or to which its two mail ports are\n"
     "     forwarded as localhost), and accept the profile in the system settings.\n"
     "  3. The password is what `restante account` shows.\n"},
};
#define CLIENTS (sizeof clients / sizeof clients[0])

struct mua_wish {
    const struct mua_client *client;
    const char *output; /* NULL: stdout */
    bool install;
    char dir[PATH_CAP]; /* --directory, or "" */
};

/* Numbered arguments (POSIX) keep the texts above readable. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void print_steps(FILE *to, const char *head, const char *steps, const struct mua *m)
{
    (void)fprintf(to, "%s\n\n", head);
    (void)fprintf(to, steps, m->c->home, m->c->address, m->ca);
}
#pragma GCC diagnostic pop

static int mua_options(struct cli *cli, struct mua_wish *w, int argc, char **argv)
{
    const char *dir = "";
    const struct cli_option own[] = {{.name = "output", .letter = 'o', .value = &w->output},
                                     {.name = "directory", .value = &dir},
                                     {.name = "install", .flag = &w->install},
                                     {0}};
    int first = cli_options(cli, "mua", own, argc, argv);
    if (first < 0)
        return CLI_USAGE;
    if (snprintf(w->dir, sizeof w->dir, "%s", dir) >= (int)sizeof w->dir)
        return cli_usage("mua", "The folder's name is too long.");
    for (size_t i = 0; i < CLIENTS && first + 1 == argc; i++)
        if (strcmp(clients[i].name, argv[first]) == 0)
            w->client = &clients[i];
    if (w->client == NULL)
        return cli_usage("mua",
                         "Say for which mail client: thunderbird, mutt, mbsync, msmtp or apple.");
    if (w->install && w->client->text != mua_thunderbird)
        return cli_usage("mua",
                         "Only Thunderbird's settings can be installed; write the file of %s "
                         "with --output.",
                         w->client->name);
    if (w->install && w->output != NULL)
        return cli_usage("mua", "Say either --install or --output.");
    if (w->dir[0] != '\0' && !w->install)
        return cli_usage("mua", "--directory belongs to --install.");
    return CLI_OK;
}

/* The peer's configuration. Root, who may have to write the file, reads as the peer's own user. */
static int load(struct cli *cli, struct config *c, struct mua *m, struct error *e)
{
    struct stat st;
    bool root = geteuid() == 0;
    if (home_find(cli->home_arg, cli->home, e) < 0)
        return -1;
    if (root && (stat(cli->home, &st) < 0 || setegid(st.st_gid) < 0 || seteuid(st.st_uid) < 0))
        return error_set(e, "The home %s cannot be read: %s.", cli->home, strerror(errno));
    int rc = home_check(cli->home, e);
    if (rc == 0)
        rc = config_load(c, cli->home, e);
    m->c = c;
    if (rc == 0)
        rc = config_path(c, "tls/ca.pem", m->ca, e);
    if (rc == 0)
        rc = config_path(c, "secret/password", m->password, e);
    if (rc == 0 && access(m->ca, R_OK) < 0)
        rc = error_set(e, "%s cannot be read: %s.", m->ca, strerror(errno));
    return rc;
}

static int become_root_again(struct error *e)
{
    return getuid() != 0 || (seteuid(0) == 0 && setegid(0) == 0)
               ? 0
               : error_set(e, "Cannot become root again: %s.", strerror(errno));
}

/* mbsync makes no folder above its mailboxes. */
static int make_mail_folder(const struct mua *m, struct error *e)
{
    char mail[PATH_CAP], own[PATH_CAP];
    const char *home = getenv("HOME");
    if (home == NULL || *home != '/')
        return error_set(e, "HOME is not set: make the folder Mail/%s in your own folder.",
                         m->c->address);
    if (path_join(mail, home, "Mail", e) < 0 || path_join(own, mail, m->c->address, e) < 0)
        return -1;
    if (file_exists(own))
        return 0;
    if (dir_make(mail, e) < 0 || dir_make(own, e) < 0)
        return -1;
    (void)printf("Made: %s\n", own);
    return 0;
}

static int mua_finish(const struct mua_wish *w, const struct mua *m, const struct buf *text,
                      struct error *e)
{
    char dir[PATH_CAP];
    if (w->install) {
        memcpy(dir, w->dir, sizeof dir);
        if (mua_thunderbird_install(m, text, dir, e) < 0)
            return -1;
        (void)printf("Thunderbird in %s knows %s and trusts %s.\n\n"
                     "  1. Restart Thunderbird, choose New account, and give your name and %s.\n"
                     "  2. The password is what `restante account` shows.\n",
                     dir, address_group(m->c->address), m->ca, m->c->address);
        return 0;
    }
    if (w->output != NULL) {
        if (file_write(w->output, text->data, text->len, e) < 0)
            return -1;
        (void)printf("Written: %s\n", w->output);
        return w->client->text == mua_mbsync ? make_mail_folder(m, e) : 0;
    }
    (void)fwrite(text->data, 1, text->len, stdout);
    (void)fflush(stdout);
    print_steps(stderr, "\nTo use it:", w->client->steps, m);
    return 0;
}

int cmd_mua(struct cli *cli, int argc, char **argv)
{
    struct error e;
    struct config c;
    struct mua m = {0};
    struct mua_wish w = {0};
    struct buf text = BUF_INIT(MUA_FILE_CAP);
    int status = mua_options(cli, &w, argc, argv);
    if (status != CLI_OK)
        return status;
    int rc = load(cli, &c, &m, &e);
    if (rc == 0)
        rc = w.client->text(&m, &text, &e);
    if (rc == 0)
        rc = become_root_again(&e);
    if (rc == 0)
        rc = mua_finish(&w, &m, &text, &e);
    buf_free(&text);
    return rc == 0 ? CLI_OK : cli_fail(&e);
}
