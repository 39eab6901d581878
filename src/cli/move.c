/* SPDX-License-Identifier: GPL-3.0-or-later */
/* move.c - `restante move`: the peer goes to another computer, and never runs at both. */
#include "cli/commands.h"
#include "cli/control.h"
#include "cli/passphrase_ask.h"
#include "cli/restore.h"
#include "cli/setup.h"
#include "daemon/home.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_WAIT_S 60
#define END_WAIT_S 60

struct move_wish {
    const char *to, *from, *passphrase_file;
    bool encrypt;
};

static int move_options(struct cli *cli, struct move_wish *w, int argc, char **argv)
{
    const struct cli_option own[] = {{.name = "to", .value = &w->to},
                                     {.name = "from", .value = &w->from},
                                     {.name = "encrypt", .flag = &w->encrypt},
                                     {.name = "passphrase-file", .value = &w->passphrase_file},
                                     {0}};
    int first = cli_options(cli, "move", own, argc, argv);
    if (first < 0)
        return CLI_USAGE;
    w->encrypt |= w->passphrase_file != NULL;
    if (first < argc || (w->to == NULL) == (w->from == NULL))
        return cli_usage("move", "Say either --to FILE, at the old computer, or --from FILE, at "
                                 "the new one.");
    return CLI_OK;
}

/* Stops the peer if it runs; the home's lock, or -1 and e. */
static int stop_and_lock(struct cli *cli, struct error *e)
{
    struct control *c = NULL;
    struct error none;
    if (control_open(cli, &c, &none) == 0) {
        json_t *answer = control_ask(c, "stop", NULL, ANSWER_WAIT_S, NULL, NULL, e);
        control_close(&c);
        if (answer == NULL)
            return -1;
        json_decref(answer);
    }
    return home_lock(cli->home, END_WAIT_S, e);
}

static int mark(const char *home, const char *to, struct error *e)
{
    char sentence[280], day[32] = "";
    time_t now = time(NULL);
    struct tm tm;
    if (localtime_r(&now, &tm) != NULL)
        (void)strftime(day, sizeof day, "%Y-%m-%d %H:%M", &tm);
    (void)snprintf(sentence, sizeof sentence, "It was moved with %.180s on %s.", to, day);
    return home_set_moved(home, sentence, e);
}

static int move_to(struct cli *cli, const struct move_wish *w, struct error *e)
{
    struct config c;
    struct buf passphrase = BUF_INIT(BACKUP_PASSPHRASE_MAX + 1);
    size_t files = 0;
    if (home_check(cli->home, e) < 0 || home_moved(cli->home, e) < 0 ||
        config_load(&c, cli->home, e) < 0)
        return -1;
    if (file_exists(w->to))
        return error_set(e, "%s is there already; choose another name. Nothing was changed.",
                         w->to);
    int rc = w->encrypt ? passphrase_ask(w->passphrase_file, true, &passphrase, e) : 0;
    int lock = rc < 0 ? -1 : stop_and_lock(cli, e);
    if (lock >= 0) {
        rc = backup_write(cli->home, c.address, w->to, (struct backup_choice){0},
                          w->encrypt ? buf_str(&passphrase) : NULL, &files, e);
        if (rc == 0)
            rc = mark(cli->home, w->to, e);
        (void)close(lock);
    }
    buf_wipe(&passphrase);
    if (lock >= 0 && rc < 0) {
        struct error why = *e;
        return error_set(e,
                         "%.300s The peer is stopped and was not moved; `restante restart` starts "
                         "it again.",
                         why.text);
    }
    if (lock < 0 || rc < 0)
        return -1;
    setup_disable(cli->home);
    (void)printf("The peer of %s has stopped here and does not start any more; all of it, %zu "
                 "files, is in\n%s. At the new computer, with that file:\n\n"
                 "  restante move --from %s\n\n"
                 "Then delete the file; the old home %s may go as well.\n",
                 c.address, files, w->to,
                 strrchr(w->to, '/') == NULL ? w->to : strrchr(w->to, '/') + 1, cli->home);
    return 0;
}

static int move_from(struct cli *cli, const struct move_wish *w, struct error *e)
{
    struct setup s = {.cli = cli, .wait_s = 60, .interactive = isatty(0) == 1};
    struct backup_about about;
    if (new_peer_user(e) < 0 || home_target_ok(cli->home, e) < 0 ||
        restore_home(cli, w->from, w->passphrase_file, &about, e) < 0)
        return -1;
    (void)printf("The home of %s is in %s: %zu files.\n", about.address, cli->home, about.files);
    restore_advise(cli->home);
    if (config_load(&s.c, cli->home, e) < 0)
        return -1;
    return setup_finish(&s, e);
}

int cmd_move(struct cli *cli, int argc, char **argv)
{
    struct error e;
    struct move_wish w = {0};
    int status = move_options(cli, &w, argc, argv);
    if (status != CLI_OK)
        return status;
    if (home_find(cli->home_arg, cli->home, &e) < 0)
        return cli_fail(&e);
    return (w.to != NULL ? move_to(cli, &w, &e) : move_from(cli, &w, &e)) < 0 ? cli_fail(&e)
                                                                              : CLI_OK;
}
