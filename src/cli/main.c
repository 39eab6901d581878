/* SPDX-License-Identifier: GPL-3.0-or-later */
/* main.c - the program `restante`: finds the command in the table and runs it. */
#include "cli/commands.h"
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void print_help(void)
{
    (void)printf("Usage: restante [--home DIR] COMMAND ...\n\n"
                 "Peer-to-peer e-mail that is pulled by its recipient when it is opened.\n\n");
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

static int command_run(struct cli *cli, int argc, char **argv)
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
static int main_run(int argc, char **argv)
{
    struct cli cli = {0};
    bool version = false;
    const struct cli_option own[] = {{.name = "version", .flag = &version}, {0}};
    int first = cli_options(&cli, "", own, argc, argv);
    if (first < 0)
        return CLI_USAGE;
    if (cli.help) {
        print_help();
        return CLI_OK;
    }
    if (version) {
        (void)printf("restante %s\nLicence GPL-3.0-or-later; there is no warranty.\n",
                     RESTANTE_VERSION);
        return CLI_OK;
    }
    if (first >= argc)
        return cli_usage("", "Say which command.");
    return command_run(&cli, argc - first, argv + first);
}

int main(int argc, char **argv)
{
    (void)setlocale(LC_CTYPE, ""); /* for widths of characters; numbers stay as they are */
    (void)umask(077);
    (void)signal(SIGPIPE, SIG_IGN);
    int status = main_run(argc, argv);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    if (poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0)
        return status; /* `| head` has seen enough */
    (void)fprintf(stderr, "restante: The output could not be written.\n");
    return status == CLI_OK ? CLI_FAILED : status;
}
