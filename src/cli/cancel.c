/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cancel.c - `restante cancel`: takes a message back, and says what became of it. */
#include "cli/commands.h"
#include "cli/control.h"
#include "cli/text.h"
#include <stdio.h>
#include <string.h>

#define ANSWER_WAIT_S 60

static int print_answer(const json_t *answer)
{
    const json_t *receivers = json_object_get(answer, "receivers"), *r;
    size_t i;
    json_array_foreach(receivers, i, r)
    {
        struct buf line = BUF_INIT(4096);
        if (text_safe(json_text(r, "to", ""), SIZE_MAX, &line) < 0 ||
            buf_append(&line, ": ", 2) < 0 ||
            text_safe(json_text(r, "answer", ""), SIZE_MAX, &line) < 0 || buf_str(&line) == NULL) {
            buf_free(&line);
            return -1;
        }
        (void)puts(buf_str(&line));
        buf_free(&line);
    }
    return 0;
}

int cmd_cancel(struct cli *cli, int argc, char **argv)
{
    struct error e;
    struct control *c = NULL;
    const struct cli_option own[] = {CLI_JSON(cli), {0}};
    int first = cli_options(cli, "cancel", own, argc, argv);
    if (first < 0)
        return CLI_USAGE;
    if (argc - first < 1 || argc - first > 2)
        return cli_usage("cancel",
                         "cancel takes an ID, as `restante outbox` shows them, and perhaps "
                         "one recipient.");
    const char *id = argv[first];
    size_t n = strlen(id);
    if (n < 4 || n > 64 || strspn(id, "0123456789abcdefABCDEF") != n)
        return cli_usage("cancel",
                         "\"%.70s\" is not an ID: give 4 to 64 hex digits of one that `restante "
                         "outbox` shows.",
                         id);
    if (cli_home(cli) < 0)
        return CLI_FAILED;
    json_t *answer = NULL;
    if (control_open(cli, &c, &e) == 0) {
        json_t *o = json_pack("{s:s,s:s}", "cmd", "cancel", "id", id);
        if (argc - first == 2)
            (void)json_object_set_new(o, "to", json_string(argv[first + 1]));
        answer = control_ask_for(c, o, ANSWER_WAIT_S, NULL, NULL, &e);
        json_decref(o);
    }
    control_close(&c);
    if (answer == NULL)
        return cli_fail(&e);
    int rc = 0;
    if (cli->json) {
        rc = cli_json(answer);
    } else {
        rc = print_answer(answer);
    }
    json_decref(answer);
    if (rc == 0)
        return CLI_OK;
    (void)error_set(&e, "The answer could not be printed.");
    return cli_fail(&e);
}
