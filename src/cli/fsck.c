/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fsck.c - `restante fsck`: asks the running daemon; when none runs, has one look alone. */
#include "cli/commands.h"
#include "cli/control.h"
#include "cli/table.h"
#include "daemon/program.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWER_WAIT_S 600

/* restanted --fsck in a child; its one line of JSON. */
static json_t *ask_alone(const struct cli *cli, struct error *e)
{
    char program[PATH_CAP];
    int out[2], status;
    if (program_find("restanted", program, e) < 0)
        return NULL;
    if (pipe2(out, O_CLOEXEC) < 0) {
        (void)error_set(e, "Cannot make a pipe: %s.", strerror(errno));
        return NULL;
    }
    pid_t pid = fork();
    if (pid == 0) {
        (void)dup2(out[1], STDOUT_FILENO);
        (void)execl(program, "restanted", "--home", cli->home, "--fsck",
                    cli->repair ? "--repair" : (char *)NULL, (char *)NULL);
        _exit(127);
    }
    (void)close(out[1]);
    FILE *f = pid < 0 ? NULL : fdopen(out[0], "r");
    json_t *o = f == NULL ? NULL : json_loadf(f, JSON_REJECT_DUPLICATES, NULL);
    if (f != NULL)
        (void)fclose(f);
    else
        (void)close(out[0]);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
        WEXITSTATUS(status) != 0 || o == NULL) {
        (void)error_set(e, "The home cannot be checked; restanted has said why.");
        json_decref(o);
        return NULL;
    }
    if (!json_is_true(json_object_get(o, "ok"))) {
        (void)error_set(e, "%s", json_text(o, "error", "restanted refused without a reason."));
        json_decref(o);
        return NULL;
    }
    return o;
}

static json_t *ask_daemon(const struct cli *cli, struct control *c, struct error *e)
{
    json_t *o = json_pack("{s:s,s:b}", "cmd", "fsck", "repair", cli->repair);
    json_t *answer = control_ask_for(c, o, ANSWER_WAIT_S, NULL, NULL, e);
    json_decref(o);
    return answer;
}

static const char *sentence_end(const char *s)
{
    size_t n = strlen(s);
    return n > 0 && s[n - 1] == '.' ? "" : ".";
}

static int fsck_print(const json_t *answer)
{
    static const struct table_column columns[] = {
        {"KIND", false, 0}, {"MENDED", false, 0}, {"WHERE", false, 20}};
    const json_t *faults = json_object_get(answer, "faults"), *f;
    size_t i;
    bool records = json_is_true(json_object_get(answer, "records"));
    if (json_array_size(faults) == 0) {
        (void)printf("Nothing is wrong%s.\n",
                     records ? "" : "; the records in the DHT were not, or not all, looked at");
        return 0;
    }
    struct table *t = table_new(columns, 3);
    if (t == NULL)
        return -1;
    json_array_foreach(faults, i, f)
    {
        char note[900];
        const char *wrong = json_text(f, "wrong", "");
        table_cell(t, json_text(f, "kind", ""));
        table_cell(t, json_is_true(json_object_get(f, "repaired")) ? "yes" : "no");
        table_cell(t, json_text(f, "what", ""));
        (void)snprintf(note, sizeof note, "%s%s %s", wrong, sentence_end(wrong),
                       json_text(f, "help", ""));
        table_note(t, note);
    }
    if (table_print(&t) < 0)
        return -1;
    if (!records)
        (void)puts("The records in the DHT were not, or not all, looked at.");
    return 0;
}

int cmd_fsck(struct cli *cli, int argc, char **argv)
{
    struct error e;
    struct control *c = NULL;
    const struct cli_option own[] = {CLI_JSON(cli), {.name = "repair", .flag = &cli->repair}, {0}};
    if (cli_options_only(cli, "fsck", own, argc, argv) != CLI_OK)
        return CLI_USAGE;
    if (cli_home(cli) < 0)
        return CLI_FAILED;
    json_t *answer = control_open(cli, &c, &e) == 0 ? ask_daemon(cli, c, &e) : ask_alone(cli, &e);
    control_close(&c);
    if (answer == NULL)
        return cli_fail(&e);
    bool wrong = json_number(answer, "left", 1) > 0;
    int rc = 0;
    rc = cli->json ? cli_json(answer) : fsck_print(answer);
    json_decref(answer);
    if (rc < 0 || fflush(stdout) != 0)
        return CLI_FAILED;
    return wrong ? CLI_FAILED : CLI_OK;
}
