/* SPDX-License-Identifier: GPL-3.0-or-later */
/* main.c - the program `restante`: finds the command in the table and runs it. */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/text.h"
#include "daemon/home.h"
#include <getopt.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void print_help(void)
{
    (void)printf("Usage: restante [--home DIR] COMMAND ...\n\n"
                 "Peer-to-peer e-mail that is pulled by its receiver when it is opened.\n\n");
    for (size_t i = 0; i < cli_commands_count; i++)
        (void)printf("  %-9s %s\n", cli_commands[i].name, cli_commands[i].summary);
    (void)printf("\n  --home DIR  the peer's folder (default: $RESTANTE_HOME, else ~/.restante)\n"
                 "  --help      this text; `restante COMMAND --help` tells about a command\n"
                 "  --version   version and licence\n");
}

static void print_command_help(const struct command *c)
{
    (void)printf("Usage: restante [--home DIR] %s%s%s\n\n%s", c->name,
                 c->operands[0] == '\0' ? "" : " ", c->operands, c->help);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < cli_commands_count; i++)
        if (strcmp(cli_commands[i].name, name) == 0)
            return &cli_commands[i];
    return NULL;
}

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

int cli_options(struct cli *cli, const char *command, const char *allowed, int argc, char **argv)
{
    static const struct option options[] = {{"home", required_argument, NULL, 'H'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"secret", no_argument, NULL, 's'},
                                            {"repair", no_argument, NULL, 'r'},
                                            {"check", no_argument, NULL, 'c'},
                                            {"all-deleted", no_argument, NULL, 'a'},
                                            {"yes", no_argument, NULL, 'y'},
                                            {NULL, 0, NULL, 0}};
    optind = 0;
    for (int o = getopt_long(argc, argv, ":h", options, NULL); o != -1;
         o = getopt_long(argc, argv, ":h", options, NULL)) {
        if (o == 'H') {
            cli->home_arg = optarg;
        } else if (o == 'h') {
            cli->help = true;
        } else if (o == 'j' && strchr(allowed, 'j') != NULL) {
            cli->json = true;
        } else if (o == 's' && strchr(allowed, 's') != NULL) {
            cli->secret = true;
        } else if (o == 'r' && strchr(allowed, 'r') != NULL) {
            cli->repair = true;
        } else if (o == 'c' && strchr(allowed, 'c') != NULL) {
            cli->check = true;
        } else if (o == 'a' && strchr(allowed, 'a') != NULL) {
            cli->all_deleted = true;
        } else if (o == 'y' && strchr(allowed, 'y') != NULL) {
            cli->yes = true;
        } else {
            (void)cli_usage(command,
                            o == ':' ? "The option %s needs a value."
                                     : "%s does not know the option %s.",
                            o == ':' ? argv[optind - 1] : command, argv[optind - 1]);
            return -1;
        }
    }
    return optind;
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

static int run(struct cli *cli, int argc, char **argv)
{
    const struct command *c = find_command(argv[0]);
    if (strcmp(argv[0], "help") == 0) {
        c = argc > 1 ? find_command(argv[1]) : NULL;
        if (argc > 1 && c == NULL)
            return cli_usage("", "There is no command \"%.40s\".", argv[1]);
        if (c == NULL)
            print_help();
        else
            print_command_help(c);
        return CLI_OK;
    }
    if (c == NULL)
        return cli_usage("", "There is no command \"%.40s\".", argv[0]);
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_command_help(c);
            return CLI_OK;
        }
    }
    return c->run(cli, argc, argv);
}

/* The options in front of the command, then the command. */
static int start(int argc, char **argv)
{
    static const struct option options[] = {{"home", required_argument, NULL, 'H'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'v'},
                                            {NULL, 0, NULL, 0}};
    struct cli cli = {0};
    for (int o = getopt_long(argc, argv, "+:h", options, NULL); o != -1;
         o = getopt_long(argc, argv, "+:h", options, NULL)) {
        switch (o) {
        case 'H':
            cli.home_arg = optarg;
            break;
        case 'h':
            print_help();
            return CLI_OK;
        case 'v':
            (void)printf("restante %s\nLicence GPL-3.0-or-later; there is no warranty.\n",
                         RESTANTE_VERSION);
            return CLI_OK;
        case ':':
            return cli_usage("", "The option %s needs a value.", argv[optind - 1]);
        default:
            return cli_usage("", "There is no option %s here.", argv[optind - 1]);
        }
    }
    if (optind >= argc)
        return cli_usage("", "Say which command.");
    return run(&cli, argc - optind, argv + optind);
}

int main(int argc, char **argv)
{
    (void)setlocale(LC_CTYPE, ""); /* for widths of characters; numbers stay as they are */
    (void)umask(077);
    (void)signal(SIGPIPE, SIG_IGN);
    int status = start(argc, argv);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    if (poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0)
        return status; /* `| head` has seen enough */
    (void)fprintf(stderr, "restante: The output could not be written.\n");
    return status == CLI_OK ? CLI_FAILED : status;
}
