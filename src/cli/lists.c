/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lists.c - `restante outbox` and `restante inbox`, and lists.h. */
#include "cli/commands.h"
#include "cli/lists.h"
#include "base/clock.h"
#include "cli/control.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/words.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_WAIT_S 60
#define ID_DIGITS 8
#define SUBJECT_CAP 16384

/* The subject of a message with its encoded words decoded; out holds it when that was needed. */
static const char *subject_of(const json_t *m, struct buf *out)
{
    const char *s = json_text(m, "subject", "");
    return words_decode(s, out) == 0 && buf_str(out) != NULL ? buf_str(out) : s;
}

/* The messages of an answer have subjects as their senders encoded them, for whom a program reads
 * as little as a person. */
static void decode_subjects(const json_t *answer)
{
    const json_t *messages = json_object_get(answer, "messages");
    for (size_t i = 0; i < json_array_size(messages); i++) {
        json_t *m = json_array_get(messages, i);
        struct buf text = BUF_INIT(SUBJECT_CAP);
        json_t *s = json_string(subject_of(m, &text));
        if (s != NULL && json_is_string(json_object_get(m, "subject")))
            (void)json_object_set(m, "subject", s);
        json_decref(s);
        buf_free(&text);
    }
}

int lists_command(struct cli *cli, int argc, char **argv, const char *cmd,
                  const struct cli_option *own, int wait_s, int (*print)(const json_t *answer),
                  int (*verdict)(const json_t *answer))
{
    struct error e;
    struct control *c = NULL;
    if (cli_options_only(cli, cmd, own, argc, argv) != CLI_OK)
        return CLI_USAGE;
    if (cli_home(cli) < 0)
        return CLI_FAILED;
    json_t *answer = NULL, *request = json_pack("{s:s,s:b}", "cmd", cmd, "check", cli->check);
    if (control_open(cli, &c, &e) == 0)
        answer = control_ask_for(c, request, wait_s, NULL, NULL, &e);
    control_close(&c);
    json_decref(request);
    if (answer == NULL)
        return cli_fail(&e);
    int rc = 0;
    if (cli->json) {
        decode_subjects(answer);
        rc = cli_json(answer);
    } else {
        rc = print(answer);
    }
    int end = verdict == NULL ? CLI_OK : verdict(answer);
    json_decref(answer);
    if (rc == 0)
        return end;
    (void)error_set(&e, "The answer could not be printed.");
    return cli_fail(&e);
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

size_t lists_id_digits(const json_t *array)
{
    size_t n = json_array_size(array), digits = ID_DIGITS;
    const char **ids = calloc(n == 0 ? 1 : n, sizeof *ids);
    if (ids == NULL)
        return LISTS_ID_CAP - 1;
    for (size_t i = 0; i < n; i++)
        ids[i] = json_text(json_array_get(array, i), "id", "");
    qsort(ids, n, sizeof *ids, compare_ids);
    for (size_t i = 1; i < n; i++) {
        size_t same = 0;
        while (ids[i][same] != '\0' && ids[i][same] == ids[i - 1][same])
            same++;
        if (ids[i][same] != ids[i - 1][same] && same + 1 > digits)
            digits = same + 1;
    }
    free(ids);
    return digits;
}

void lists_short_id(const char *id, size_t digits, char out[LISTS_ID_CAP])
{
    if (digits > LISTS_ID_CAP - 1)
        digits = LISTS_ID_CAP - 1;
    (void)snprintf(out, LISTS_ID_CAP, "%.*s", (int)digits, id);
}

/* Subject, size and age of a message, the cells that both lists share. */
static void subject_cell(struct table *t, const json_t *m)
{
    struct buf text = BUF_INIT(SUBJECT_CAP);
    const char *s = subject_of(m, &text);
    table_cell(t, s[0] == '\0' ? "(no subject)" : s);
    buf_free(&text);
}

static void size_cell(struct table *t, const json_t *m)
{
    char size[16];
    int64_t n = json_number(m, "size", 0);
    text_size(n < 0 ? 0 : (uint64_t)n, size);
    table_cell(t, size);
}

static void age_cell(struct table *t, const json_t *o, const char *key)
{
    char age[40];
    int64_t then = json_number(o, key, 0);
    text_age(clock_wall_ms(), then, age);
    table_cell(t, then == 0 ? "" : age);
}

static void outbox_rows(struct table *t, const json_t *m, size_t digits)
{
    char id[LISTS_ID_CAP], note[400], copies[16];
    const json_t *receivers = json_object_get(m, "receivers");
    size_t n = json_array_size(receivers);
    lists_short_id(json_text(m, "id", ""), digits, id);
    for (size_t i = 0; i < n || i == 0; i++) {
        const json_t *r = json_array_get(receivers, i);
        table_cell(t, i == 0 ? id : "");
        if (i == 0) {
            subject_cell(t, m);
            size_cell(t, m);
            age_cell(t, m, "date_ms");
            (void)snprintf(copies, sizeof copies, "%d", (int)json_number(m, "copies", 0));
            table_cell(t, copies);
        } else {
            table_cell(t, "");
            table_cell(t, "");
            table_cell(t, "");
            table_cell(t, "");
        }
        table_cell(t, json_text(r, "to", ""));
        table_cell(t, json_text(r, "state", json_text(m, "state", "")));
        age_cell(t, r, "at_ms");
        const char *why = json_text(r, "why", "");
        if (why[0] != '\0') {
            (void)snprintf(note, sizeof note, "%s", why);
            table_note(t, note);
        }
    }
}

static int print_outbox(const json_t *answer)
{
    static const struct table_column columns[] = {
        {"ID", false, 0},    {"SUBJECT", false, 12}, {"SIZE", true, 0},   {"AGE", true, 0},
        {"COPIES", true, 0}, {"TO", false, 12},      {"STATE", false, 0}, {"SINCE", true, 0}};
    const json_t *messages = json_object_get(answer, "messages"), *m;
    size_t i, digits = lists_id_digits(messages);
    if (json_array_size(messages) == 0) {
        (void)puts("The outbox is empty: every message was pulled, declined or given up.");
        return 0;
    }
    struct table *t = table_new(columns, 8);
    if (t == NULL)
        return -1;
    json_array_foreach(messages, i, m)
    {
        outbox_rows(t, m, digits);
    }
    return table_print(&t);
}

/* "pulling 45 %" */
static void inbox_state(struct table *t, const json_t *m)
{
    char text[64];
    const char *state = json_text(m, "state", "");
    int64_t done = json_number(m, "done", 0), size = json_number(m, "size", 0);
    if (strcmp(state, "pulling") == 0 && size > 0 && done >= 0 && done <= size) {
        (void)snprintf(text, sizeof text, "pulling %d %%",
                       (int)((double)done * 100.0 / (double)size));
        state = text;
    }
    table_cell(t, state);
}

static int print_inbox(const json_t *answer)
{
    static const struct table_column columns[] = {{"ID", false, 0},       {"FROM", false, 12},
                                                  {"SUBJECT", false, 12}, {"SIZE", true, 0},
                                                  {"AGE", true, 0},       {"STATE", false, 0}};
    const json_t *messages = json_object_get(answer, "messages"), *m;
    size_t i, digits = lists_id_digits(messages);
    char id[LISTS_ID_CAP];
    if (json_array_size(messages) == 0) {
        (void)puts("Nothing waits for this peer.");
        return 0;
    }
    struct table *t = table_new(columns, 6);
    if (t == NULL)
        return -1;
    json_array_foreach(messages, i, m)
    {
        const char *why = json_text(m, "why", "");
        lists_short_id(json_text(m, "id", ""), digits, id);
        table_cell(t, id);
        table_cell(t, json_text(m, "from", ""));
        subject_cell(t, m);
        size_cell(t, m);
        age_cell(t, m, "date_ms");
        inbox_state(t, m);
        if (why[0] != '\0')
            table_note(t, why);
    }
    return table_print(&t);
}

int cmd_outbox(struct cli *cli, int argc, char **argv)
{
    const struct cli_option own[] = {CLI_JSON(cli), {0}};
    return lists_command(cli, argc, argv, "outbox", own, LIST_WAIT_S, print_outbox, NULL);
}

int cmd_inbox(struct cli *cli, int argc, char **argv)
{
    const struct cli_option own[] = {CLI_JSON(cli), {0}};
    return lists_command(cli, argc, argv, "inbox", own, LIST_WAIT_S, print_inbox, NULL);
}
