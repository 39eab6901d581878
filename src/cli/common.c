/* SPDX-License-Identifier: GPL-3.0-or-later */
/* common.c - see common.h. */
#include "cli/common.h"
#include "cli/text.h"
#include "daemon/home.h"
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>

#define OWN_MAX 24 /* options of one command */

enum { COMMON = 2, OWN = 256 }; /* how many all commands have; behind every letter */

int cli_fail(const struct error *e)
{
    struct buf safe = BUF_INIT(8 * sizeof e->text); /* it may quote what a stranger wrote */
    const char *text = text_safe(e->text, SIZE_MAX, &safe) < 0 ? NULL : buf_str(&safe);
    (void)fflush(stdout);
    (void)fprintf(stderr, "restante: %s\n", text == NULL ? "Something failed." : text);
    buf_free(&safe);
    return CLI_FAILED;
}

int cli_usage(const char *command, const char *fmt, ...)
{
    struct error e;
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(e.text, sizeof e.text, fmt, ap);
    va_end(ap);
    (void)cli_fail(&e);
    (void)fprintf(stderr, "Try `restante %s%s--help`.\n", command, command[0] == '\0' ? "" : " ");
    return CLI_USAGE;
}

/* Long options with their values, and the letters that stand for some of them, as getopt wants
 * them; own option i has the value OWN + i. getopt takes the first of one
 * name, so a command may have a home option of its own. */
struct option_table {
    struct option of[COMMON + OWN_MAX + 1];
    char letters[2 * OWN_MAX + 4];
};

static void option_table_fill(struct option_table *t, const struct cli_option *own, bool leading)
{
    struct option *o = t->of;
    char *letter = t->letters;
    if (leading)
        *letter++ = '+'; /* what stands behind the first operand is the command's */
    *letter++ = ':';
    *letter++ = 'h';
    for (int i = 0; own != NULL && own[i].name != NULL && i < OWN_MAX; i++) {
        bool takes = own[i].flag == NULL;
        *o++ = (struct option){own[i].name, takes ? required_argument : no_argument, NULL, OWN + i};
        if (own[i].letter == '\0')
            continue;
        *letter++ = own[i].letter;
        if (takes)
            *letter++ = ':';
    }
    *o++ = (struct option){"home", required_argument, NULL, 'H'};
    *o++ = (struct option){"help", no_argument, NULL, 'h'};
}

/* NULL: an option of all commands, or nothing. */
static const struct cli_option *find_own(const struct cli_option *own, int o)
{
    if (o >= OWN)
        return &own[o - OWN];
    for (size_t i = 0; own != NULL && own[i].name != NULL; i++)
        if (own[i].letter == o)
            return &own[i];
    return NULL;
}

static int take_own(const struct cli_option *option, const char *value, struct error *e)
{
    if (option->flag != NULL)
        *option->flag = true;
    else if (option->value != NULL)
        *option->value = value;
    else
        return option->take(option->ctx, option->name, value, e);
    return 0;
}

int cli_options(struct cli *cli, const char *command, const struct cli_option *own, int argc,
                char **argv)
{
    struct error e;
    struct option_table t = {.letters = ""};
    bool leading = command[0] == '\0';
    option_table_fill(&t, own, leading);
    optind = 0;
    for (int o; (o = getopt_long(argc, argv, t.letters, t.of, NULL)) != -1;) {
        const struct cli_option *mine = find_own(own, o);
        if (o == 'H') {
            cli->home_arg = optarg;
        } else if (o == 'h') {
            cli->help = true;
            return optind;
        } else if (o == ':') {
            return cli_usage(command, "The option %s needs a value.", argv[optind - 1]), -1;
        } else if (mine == NULL) {
            return leading ? cli_usage("", "There is no option %s here.", argv[optind - 1])
                           : cli_usage(command, "%s does not know the option %s.", command,
                                       argv[optind - 1]),
                   -1;
        } else if (take_own(mine, optarg, &e) < 0) {
            return cli_usage(command, "Cannot take that: %s.", e.text), -1;
        }
    }
    return optind;
}

int cli_options_only(struct cli *cli, const char *command, const struct cli_option *own, int argc,
                     char **argv)
{
    int first = cli_options(cli, command, own, argc, argv);
    if (first < 0)
        return CLI_USAGE;
    return first < argc ? cli_usage(command, "%s takes no operands.", command) : CLI_OK;
}

int cli_home(struct cli *cli)
{
    struct error e;
    if (home_find(cli->home_arg, cli->home, &e) == 0 && home_check(cli->home, &e) == 0)
        return 0;
    (void)cli_fail(&e);
    return -1;
}

int cli_config(struct cli *cli, struct config *c)
{
    struct error e;
    if (cli_home(cli) < 0)
        return -1;
    if (config_load(c, cli->home, &e) == 0)
        return 0;
    (void)cli_fail(&e);
    return -1;
}

int cli_json(const json_t *o)
{
    return json_dumpf(o, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII) < 0 || putchar('\n') == EOF
               ? -1
               : 0;
}
