/* SPDX-License-Identifier: GPL-3.0-or-later */
/* config.c - `restante config`: shows and changes the settings of restante.conf(5). A change is
 * read again as the daemon will read it before it replaces the file. */
#include "cli/commands.h"
#include "daemon/config.h"
#include "cli/control.h"
#include "daemon/home.h"
#include <stdio.h>
#include <string.h>

/* "section.key" apart; name is changed. */
static int split(char *name, const char **key, struct error *e)
{
    char *dot = strchr(name, '.');
    if (dot == NULL)
        return error_set(e, "\"%.80s\" is not SECTION.KEY; `restante config` lists them.", name);
    *dot = '\0';
    *key = dot + 1;
    return 0;
}

/* Errors of config.c have neither capital nor full stop: a place usually stands in front. */
static int whole_sentence(struct error *e)
{
    struct error inner = *e;
    return error_set(e, "It was not changed: %.400s.", inner.text);
}

static int print_all(const struct config *c, bool json, struct error *e)
{
    const char *section, *key;
    json_t *root = json_object();
    int rc = root == NULL ? -1 : 0;
    for (size_t i = 0; rc == 0 && config_name(i, &section, &key); i++) {
        struct buf value = BUF_INIT(CONFIG_FILE_CAP);
        char name[80];
        (void)snprintf(name, sizeof name, "%s.%s", section, key);
        rc = config_get(c, section, key, &value, e);
        const char *text = rc < 0 ? NULL : buf_str(&value);
        if (text == NULL)
            rc = -1;
        else if (json)
            rc = json_object_set_new(root, name, json_string(text));
        else
            for (const char *s = text; s != NULL; s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL)
                (void)printf("%s = %.*s\n", name, (int)strcspn(s, "\n"), s);
        buf_free(&value);
    }
    if (rc == 0 && json)
        rc = cli_json(root);
    json_decref(root);
    return rc == 0 ? 0 : error_set(e, "The settings could not be printed.");
}

static int get(const struct config *c, char *name, struct error *e)
{
    const char *key = "";
    struct buf value = BUF_INIT(CONFIG_FILE_CAP);
    int rc = split(name, &key, e);
    if (rc == 0 && (rc = config_get(c, name, key, &value, e)) < 0)
        rc = error_set(e, "There is no setting %.40s.%.40s; `restante config` lists them.", name,
                       key);
    if (rc == 0)
        (void)printf("%s\n", buf_str(&value) == NULL ? "" : buf_str(&value));
    buf_free(&value);
    return rc;
}

/* The new text must say what was asked for, and nothing else may have changed. */
static int config_says_only(const struct config *wanted, struct buf *text, struct error *e)
{
    struct config again;
    struct buf a = BUF_INIT(CONFIG_FILE_CAP), b = BUF_INIT(CONFIG_FILE_CAP);
    int rc = config_parse(&again, wanted->home, text, e);
    if (rc == 0 && (config_format(wanted, &a) < 0 || config_format(&again, &b) < 0 ||
                    a.len != b.len || memcmp(a.data, b.data, a.len) != 0))
        rc = error_set(e,
                       "%s/config is written in a way that this command cannot change; edit it by "
                       "hand.",
                       wanted->home);
    buf_free(&a);
    buf_free(&b);
    return rc;
}

static int change(struct config *c, char *name, const char *const values[], size_t count,
                  struct error *e)
{
    const char *key = "";
    if (split(name, &key, e) < 0)
        return -1;
    if (strcmp(name, "peer") == 0 && strcmp(key, "address") == 0)
        return error_set(e, "The address belongs to the key and cannot be changed; make another "
                            "peer with `restante --home DIR init`.");
    if (config_reset(c, name, key, e) < 0)
        return whole_sentence(e);
    for (size_t i = 0; i < count; i++)
        if (config_set(c, name, key, values[i], e) < 0)
            return whole_sentence(e);
    char path[PATH_CAP];
    struct buf text = BUF_INIT(CONFIG_FILE_CAP), fresh = BUF_INIT(CONFIG_FILE_CAP);
    int rc = config_path(c, "config", path, e);
    if (rc == 0)
        rc = file_read(path, &text, e);
    if (rc == 0)
        rc = config_edit(&text, name, key, values, count, &fresh, e);
    if (rc == 0)
        rc = config_says_only(c, &fresh, e);
    if (rc == 0)
        rc = home_write_secret(c->home, "config", fresh.data, fresh.len, e);
    buf_free(&text);
    buf_free(&fresh);
    return rc;
}

static void say_when(const struct cli *cli)
{
    struct control *control = NULL;
    struct error none;
    if (control_open(cli, &control, &none) == 0)
        (void)puts("Changed. `restante restart` lets the running peer go by it.");
    else
        (void)puts("Changed.");
    control_close(&control);
}

int cmd_config(struct cli *cli, int argc, char **argv)
{
    struct error e;
    struct config c;
    const struct cli_option own[] = {CLI_JSON(cli), {0}};
    int first = cli_options(cli, "config", own, argc, argv);
    if (first < 0)
        return CLI_USAGE;
    const char *what = first < argc ? argv[first] : "";
    int operands = argc - first - 1;
    bool is_get = strcmp(what, "get") == 0, is_set = strcmp(what, "set") == 0,
         is_unset = strcmp(what, "unset") == 0;
    if (what[0] != '\0' && !is_get && !is_set && !is_unset)
        return cli_usage("config", "config does not know \"%.40s\".", what);
    if ((is_get || is_unset) && operands != 1)
        return cli_usage("config", "config %s takes one SECTION.KEY.", what);
    if (is_set && operands < 2)
        return cli_usage("config", "config set takes a SECTION.KEY and its value.");
    if (cli_config(cli, &c) < 0)
        return CLI_FAILED;
    int rc = what[0] == '\0' ? print_all(&c, cli->json, &e)
             : is_get        ? get(&c, argv[first + 1], &e)
                             : change(&c, argv[first + 1], (const char *const *)argv + first + 2,
                                      (size_t)(is_set ? operands - 1 : 0), &e);
    if (rc < 0)
        return cli_fail(&e);
    if (is_set || is_unset)
        say_when(cli);
    return CLI_OK;
}
