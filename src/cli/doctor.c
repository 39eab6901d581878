/* SPDX-License-Identifier: GPL-3.0-or-later */
/* doctor.c - `restante doctor`: every part that mail needs is really looked at, by the running
 * daemon what only it can see, by this program the rest; works without a daemon too. */
#include "cli/commands.h"
#include "base/mem.h"
#include "cli/control.h"
#include "cli/doctor_look.h"
#include "cli/ports.h"
#include "cli/text.h"
#include "daemon/home.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_WAIT_S 90

/* What the daemon found, as it told it. false: none runs, and why is why. */
static bool of_daemon(const struct cli *cli, json_t *parts, struct error *why)
{
    struct control *c = NULL;
    json_t *answer = NULL, *p, *request = json_pack("{s:s,s:b}", "cmd", "status", "fresh", 1);
    size_t i;
    if (control_open(cli, &c, why) == 0)
        answer = control_ask_for(c, request, LOOK_WAIT_S, NULL, NULL, why);
    control_close(&c);
    json_decref(request);
    json_array_foreach(json_object_get(answer, "health"), i, p)
    {
        (void)json_array_append(parts, p);
    }
    bool runs = answer != NULL;
    json_decref(answer);
    return runs;
}

static void alone(struct checks *h, const struct cli *cli, const struct config *c,
                  const struct error *why)
{
    struct disk_look disk;
    struct error e = {""};
    struct config ports = *c;
    size_t n = strlen(why->text);
    check_add(h, "daemon", CHECK_FAIL, "Start it: `restante run`, or the user service.", "%.*s",
              (int)(n > 0 && why->text[n - 1] == '.' ? n - 1 : n), why->text);
    disk_look(cli->home, &disk);
    check_disk(h, cli->home, &disk);
    if (ports_settle(&ports, &e) == 0)
        check_add(h, "ports", CHECK_OK, "", "all are free");
    else
        check_add(h, "ports", CHECK_FAIL,
                  "End the program that has it, or set another port in the configuration.", "%s",
                  e.text);
    if (c->endpoints.count == 0)
        check_add(h, "endpoint", CHECK_FAIL, "Set network.endpoints to http://HOST:PORT.",
                  "none is announced: nobody could fetch what is sent here");
}

static int doctor_add(json_t *parts, const struct checks *h)
{
    for (size_t i = 0; i < h->count; i++) {
        const struct check *p = &h->part[i];
        json_t *what = json_string(p->what);
        if (json_array_append_new(parts,
                                  json_pack("{s:s,s:s,s:o,s:s}", "part", p->name, "state",
                                            check_state_name(p->state), "what",
                                            what != NULL ? what : json_string("it cannot be shown"),
                                            "do", p->todo)) < 0)
            return -1;
    }
    return 0;
}

static void doctor_print(const json_t *parts)
{
    const json_t *p;
    size_t i;
    json_array_foreach(parts, i, p)
    {
        struct buf safe = BUF_INIT(8192);
        const char *todo = json_text(p, "do", "");
        if (text_safe(json_text(p, "what", ""), SIZE_MAX, &safe) == 0 && buf_str(&safe) != NULL)
            (void)printf("%-5s %-14s %s\n", json_text(p, "state", ""), json_text(p, "part", ""),
                         buf_str(&safe));
        buf_free(&safe);
        if (todo[0] != '\0' && strcmp(json_text(p, "state", ""), "ok") != 0)
            (void)printf("      %-14s -> %s\n", "", todo);
    }
}

static size_t count(const json_t *parts, const char *state)
{
    const json_t *p;
    size_t i, n = 0;
    json_array_foreach(parts, i, p)
    {
        n += strcmp(json_text(p, "state", ""), state) == 0;
    }
    return n;
}

int cmd_doctor(struct cli *cli, int argc, char **argv)
{
    struct error why = {""};
    struct config c;
    const struct cli_option own[] = {CLI_JSON(cli), {0}};
    if (cli_options_only(cli, "doctor", own, argc, argv) != CLI_OK)
        return CLI_USAGE;
    if (cli_config(cli, &c) < 0)
        return CLI_FAILED;
    struct checks *h = mem_new(sizeof *h);
    json_t *parts = json_array();
    bool runs = of_daemon(cli, parts, &why);
    if (!runs)
        alone(h, cli, &c, &why);
    doctor_key(h, cli->home);
    doctor_names(h, &c);
    doctor_programs(h);
    doctor_dovecot(h, cli->home);
    int rc = doctor_add(parts, h);
    free(h);
    size_t fails = count(parts, "fail"), warns = count(parts, "warn");
    if (cli->json) {
        json_t *o = json_pack("{s:b,s:b,s:O}", "ok", fails == 0, "running", runs, "health", parts);
        rc |= cli_json(o);
        json_decref(o);
    } else {
        doctor_print(parts);
        (void)printf("\n%zu fail, %zu to be looked at, %zu well\n", fails, warns,
                     json_array_size(parts) - fails - warns);
    }
    json_decref(parts);
    if (rc < 0 || fflush(stdout) != 0)
        return CLI_FAILED;
    return fails > 0 ? CLI_UNWELL : CLI_OK;
}
