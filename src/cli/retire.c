/* SPDX-License-Identifier: GPL-3.0-or-later */
/* retire.c - `restante retire`: the end of an address. Its contacts are told, what waits for others
 * is taken back, and the peer stops for good. Until the last step it can be said again: what is
 * done is not done twice. */
#include "cli/commands.h"
#include "base/clock.h"
#include "cli/control.h"
#include "cli/goodbye.h"
#include "cli/setup.h"
#include "cli/text.h"
#include "daemon/home.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_WAIT_S 60
#define END_WAIT_S 60
#define WAIT_DEFAULT_S 300
#define WAIT_MAX_S 86400
#define LOOK_S 1
#define TOLD "retiring" /* in the home: the contacts were told, one address in a line */
#define TOLD_CAP (4 * 1024 * 1024)

struct retiring {
    struct cli *cli;
    struct config c;
    const char *message; /* NULL: only the standard text */
    int wait_s;
    bool yes;
    struct buf told;
    char subject[ADDRESS_MAX + 64];
};

static json_t *retire_ask(struct retiring *r, const json_t *request, struct error *e)
{
    struct control *c = NULL;
    json_t *answer = NULL;
    if (control_open(r->cli, &c, e) == 0)
        answer = control_ask_for(c, request, ANSWER_WAIT_S, NULL, NULL, e);
    control_close(&c);
    return answer;
}

static json_t *ask_list(struct retiring *r, const char *cmd, struct error *e)
{
    json_t *request = json_pack("{s:s}", "cmd", cmd);
    json_t *answer = retire_ask(r, request, e);
    json_decref(request);
    return answer;
}

static bool is_told(struct retiring *r, const char *address)
{
    char line[ADDRESS_MAX + 3];
    (void)snprintf(line, sizeof line, "\n%s\n", address);
    const char *s = buf_str(&r->told);
    return s != NULL && strstr(s, line) != NULL;
}

static int remember(struct retiring *r, const char *address, struct error *e)
{
    if ((address[0] != '\0' && buf_append(&r->told, address, strlen(address)) < 0) ||
        buf_append(&r->told, "\n", 1) < 0)
        return error_set(e, "There is not enough memory.");
    return home_write_secret(r->c.home, TOLD, r->told.data, r->told.len, e);
}

/* Is this one of our goodbyes? */
static bool is_goodbye(const struct retiring *r, const json_t *message)
{
    return strcmp(json_text(message, "subject", ""), r->subject) == 0;
}

/* Receivers of a message for whom it still waits. */
static size_t waiting(const json_t *message)
{
    static const char *const states[] = {"waiting", "sealed", "announced"};
    const json_t *x;
    size_t i, n = 0;
    json_array_foreach(json_object_get(message, "receivers"), i, x)
    {
        for (size_t k = 0; k < sizeof states / sizeof states[0]; k++)
            n += strcmp(json_text(x, "state", ""), states[k]) == 0 ? 1 : 0;
    }
    return n;
}

static int take_back(struct retiring *r, struct error *e)
{
    json_t *box = ask_list(r, "outbox", e), *m;
    size_t i, n = 0;
    int rc = box == NULL ? -1 : 0;
    json_array_foreach(json_object_get(box, "messages"), i, m)
    {
        if (rc < 0 || is_goodbye(r, m) || waiting(m) == 0)
            continue;
        json_t *request = json_pack("{s:s,s:s}", "cmd", "cancel", "id", json_text(m, "id", ""));
        json_t *answer = retire_ask(r, request, e);
        rc = answer == NULL ? -1 : 0;
        n += answer == NULL ? 0 : 1;
        json_decref(request);
        json_decref(answer);
    }
    json_decref(box);
    if (rc == 0)
        (void)printf("Messages withdrawn: %zu.\n", n);
    return rc;
}

static bool is_blocked(const json_t *answer, const char *address)
{
    const json_t *b;
    size_t i;
    json_array_foreach(json_object_get(answer, "blocked"), i, b)
    {
        const char *s = json_is_string(b) ? json_string_value(b) : json_text(b, "address", "");
        if (strcmp(s, address) == 0)
            return true;
    }
    return false;
}

static int tell_contacts(struct retiring *r, struct error *e)
{
    char text[4096];
    json_t *answer = ask_list(r, "contacts", e), *c;
    size_t i, n = 0;
    int rc = answer == NULL ? -1 : 0;
    (void)snprintf(text, sizeof text,
                   "%s is given up: mail to it is not read any more.\r\n%s%.3000s%s", r->c.address,
                   r->message == NULL ? "" : "\r\n", r->message == NULL ? "" : r->message,
                   r->message == NULL ? "" : "\r\n");
    json_array_foreach(json_object_get(answer, "contacts"), i, c)
    {
        const char *address = json_text(c, "address", "");
        if (rc < 0 || address[0] == '\0' || strcmp(address, r->c.address) == 0 ||
            is_told(r, address) || is_blocked(answer, address))
            continue;
        struct error why;
        if (goodbye_send(&r->c, address, r->subject, text, &why) < 0)
            (void)printf("%s was not told: %s\n", address, why.text);
        else if ((rc = remember(r, address, e)) == 0)
            n++;
    }
    json_decref(answer);
    if (rc == 0)
        (void)printf("Contacts told: %zu.\n", n);
    return rc;
}

/* Until every goodbye was fetched, or the time is over; left_r: receivers that have not. */
static int wait_fetched(struct retiring *r, size_t *left_r, struct error *e)
{
    int64_t end = clock_mono_ms() + (int64_t)r->wait_s * 1000;
    for (;;) {
        json_t *box = ask_list(r, "outbox", e), *m;
        size_t i;
        if (box == NULL)
            return -1;
        *left_r = 0;
        json_array_foreach(json_object_get(box, "messages"), i, m)
        {
            *left_r += is_goodbye(r, m) ? waiting(m) : 0;
        }
        json_decref(box);
        if (*left_r == 0 || clock_mono_ms() >= end)
            return 0;
        (void)sleep(LOOK_S);
    }
}

static void leave_group(struct retiring *r)
{
    struct error e;
    json_t *request = json_pack("{s:s,s:s}", "cmd", "group", "action", "leave");
    json_t *answer = retire_ask(r, request, &e);
    if (answer != NULL)
        (void)puts("The group is left.");
    json_decref(request);
    json_decref(answer);
}

static int retire_end(struct retiring *r, struct error *e)
{
    char sentence[120], day[32] = "";
    time_t now = time(NULL);
    struct tm tm;
    json_t *answer = ask_list(r, "stop", e);
    if (answer == NULL)
        return -1;
    json_decref(answer);
    int lock = home_lock(r->c.home, END_WAIT_S, e);
    if (lock < 0)
        return -1;
    if (localtime_r(&now, &tm) != NULL)
        (void)strftime(day, sizeof day, "%Y-%m-%d %H:%M", &tm);
    (void)snprintf(sentence, sizeof sentence, "Its address was given up on %s.", day);
    int rc = home_set_moved(r->c.home, sentence, e);
    (void)close(lock);
    setup_disable(r->c.home);
    return rc;
}

static int confirm(const struct retiring *r, struct error *e)
{
    char answer[ADDRESS_MAX + 2];
    if (r->yes)
        return 0;
    if (isatty(0) != 1)
        return error_set(e, "This gives the address up; say --yes if it is meant.");
    (void)printf("This gives %s up: contacts are told, what waits for others is withdrawn, and "
                 "the peer\nstops for good. Mail that was not fetched here is not fetched any "
                 "more.\n",
                 r->c.address);
    if (setup_ask("Type the address to go on", "", answer, sizeof answer) == 0 &&
        strcmp(answer, r->c.address) == 0)
        return 0;
    return error_set(e, "That is not the address. Nothing was changed.");
}

static int retire(struct retiring *r, struct error *e)
{
    char path[PATH_CAP];
    size_t left = 0;
    (void)snprintf(r->subject, sizeof r->subject, "%s is given up", r->c.address);
    if (home_moved(r->c.home, e) < 0 || config_path(&r->c, TOLD, path, e) < 0)
        return -1;
    json_t *running = ask_list(r, "status", e);
    json_decref(running);
    if (running == NULL || confirm(r, e) < 0 ||
        (file_exists(path) ? file_read(path, &r->told, e) : remember(r, "", e)) < 0 ||
        take_back(r, e) < 0 || tell_contacts(r, e) < 0)
        return -1;
    (void)printf("Waiting up to %d seconds for them to fetch it. Ctrl-C leaves the peer running; "
                 "`restante retire`\ngoes on later.\n",
                 r->wait_s);
    (void)fflush(stdout);
    if (wait_fetched(r, &left, e) < 0)
        return -1;
    leave_group(r);
    if (retire_end(r, e) < 0)
        return -1;
    if (left > 0)
        (void)printf(
            "%zu of them have not fetched it: they see its subject, which says it all, for "
            "up to a week.\n",
            left);
    (void)printf("The peer has stopped for good, and its records in the network end by themselves. "
                 "Your mail is in\n%s.\n",
                 r->c.home);
    return 0;
}

int cmd_retire(struct cli *cli, int argc, char **argv)
{
    struct error e;
    struct retiring r = {.cli = cli, .wait_s = WAIT_DEFAULT_S, .told = BUF_INIT(TOLD_CAP)};
    const char *wait = NULL;
    const struct cli_option own[] = {{.name = "message", .value = &r.message},
                                     {.name = "wait", .value = &wait},
                                     {.name = "yes", .flag = &r.yes},
                                     {0}};
    if (cli_options_only(cli, "retire", own, argc, argv) != CLI_OK)
        return CLI_USAGE;
    if (wait != NULL)
        r.wait_s = text_number(wait, WAIT_MAX_S);
    if (r.wait_s < 0)
        return cli_usage("retire", "--wait wants seconds, 0 to %d.", WAIT_MAX_S);
    if (cli_config(cli, &r.c) < 0)
        return CLI_FAILED;
    int rc = retire(&r, &e);
    buf_free(&r.told);
    return rc < 0 ? cli_fail(&e) : CLI_OK;
}
