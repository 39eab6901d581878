/* SPDX-License-Identifier: GPL-3.0-or-later */
/* client.c - per IMAP session: the client's name from ID (RFC 2971), and tagged replies that carry
 * a sentence for the user. */
#include "imap-common.h"
#include "imap-arg.h"
#include "imap-commands.h"
#include "imap-parser.h"
#include "ioloop.h"
#include "istream.h"
#include "ostream.h"
#include "str.h"
#include "str-sanitize.h"
#include "module-context.h"
#include "restante-plugin.h"
#include "shim.h"

#define NAME_MAX_LEN 40
#define ID_MAX_LEN 8192
#define ID_FIELD "imap_id_log="

struct restante_client {
    union imap_module_context module_ctx;
    const char *name;
    struct restante_habits habits;
};
struct restante_cmd {
    union imap_module_context module_ctx;
    const char *failure;
};

static MODULE_CONTEXT_DEFINE_INIT(restante_imap_module, &imap_module_register);
#define RESTANTE_CLIENT(obj) ((struct restante_client *)MODULE_CONTEXT(obj, restante_imap_module))
#define RESTANTE_CMD(obj) ((struct restante_cmd *)MODULE_CONTEXT(obj, restante_imap_module))

static imap_client_created_func_t *next_client_created;

const char *restante_client_name(struct client *client)
{
    struct restante_client *rc = RESTANTE_CLIENT(client);
    return rc == NULL ? "-" : rc->name;
}

struct restante_habits *restante_client_habits(struct client *client)
{
    struct restante_client *rc = RESTANTE_CLIENT(client);
    return rc == NULL ? NULL : &rc->habits;
}

struct client *restante_client_of(const struct mail_user *user)
{
    for (struct client *c = imap_clients; c != NULL; c = c->next) {
        if (c->user == user)
            return c;
    }
    return NULL;
}

/* A command begins: one that flags messages by their numbers is a person's way, or a test's. */
static void command_begins(struct client_command_context *cmd)
{
    struct restante_habits *habits = restante_client_habits(cmd->client);
    if (habits != NULL && cmd->name != NULL && !cmd->uid && strcasecmp(cmd->name, "STORE") == 0)
        habits->by_number = TRUE;
}

static void command_ended(struct client_command_context *cmd ATTR_UNUSED)
{
}

void restante_cmd_set_pulled(struct client_command_context *cmd)
{
    struct restante_cmd *rc = p_new(cmd->pool, struct restante_cmd, 1);
    MODULE_CONTEXT_SET(cmd, restante_imap_module, rc);
}

bool restante_cmd_has_pulled(struct client_command_context *cmd)
{
    return RESTANTE_CMD(cmd) != NULL;
}

void restante_cmd_set_failure(struct client_command_context *cmd, const char *text)
{
    struct restante_cmd *rc = RESTANTE_CMD(cmd);
    i_assert(rc != NULL);
    rc->failure = text;
}

/* What the tagged reply becomes: Dovecot says SERVERBUG where we only have not got the message. */
static const char *reply_for_user(struct client_command_context *cmd, const char *data)
{
    static const char serverbug[] = "NO [SERVERBUG] " TEXT_NOT_HERE;
    struct restante_cmd *rc = RESTANTE_CMD(cmd);
    if (rc != NULL && rc->failure != NULL &&
        (str_begins_with(data, "OK ") || str_begins_with(data, "NO [SERVERBUG] ")))
        return t_strconcat("NO [UNAVAILABLE] ", rc->failure, NULL);
    if (str_begins_with(data, serverbug))
        return "NO [UNAVAILABLE] " TEXT_NOT_HERE;
    return data;
}

static void restante_send_tagline(struct client_command_context *cmd, const char *data)
{
    struct client *client = cmd->client;
    struct restante_client *rc = RESTANTE_CLIENT(client);
    data = reply_for_user(cmd, data);
    if (!str_begins_with(data, "NO [UNAVAILABLE] ") || client->output->closed || cmd->cancel) {
        rc->module_ctx.super.send_tagline(cmd, data);
        return;
    }
    /* A person reads this one: without the timing figures Dovecot adds to every reply. */
    i_assert(!cmd->tagline_sent);
    cmd->tagline_sent = TRUE;
    cmd->tagline_reply = p_strdup(cmd->pool, data);
    T_BEGIN
    {
        o_stream_nsend_str(client->output, t_strdup_printf("%s %s\r\n", cmd->tag, data));
    }
    T_END;
    client->last_output = ioloop_time;
}

/* One word of printable ASCII: "Mozilla Thunderbird" becomes "Mozilla_Thunderbird". */
static const char *clean_name(pool_t pool, const char *value)
{
    string_t *s = t_str_new(NAME_MAX_LEN + 1);
    for (; *value != '\0' && str_len(s) < NAME_MAX_LEN; value++) {
        unsigned char c = (unsigned char)*value;
        str_append_c(s, c == ' ' ? '_' : c > 0x20 && c < 0x7f ? c : '?');
    }
    return str_len(s) == 0 ? "-" : p_strdup(pool, str_c(s));
}

/* Takes the name out of ID's list of keys and values. */
static void take_name(struct restante_client *rc, pool_t pool, const struct imap_arg *list)
{
    const char *key, *value;
    for (; imap_arg_get_astring(&list[0], &key) && imap_arg_get_nstring(&list[1], &value);
         list += 2) {
        if (strcasecmp(key, "name") == 0 && value != NULL)
            rc->name = clean_name(pool, value);
    }
}

bool restante_cmd_id(struct client_command_context *cmd)
{
    const struct imap_arg *args, *list;
    if (!client_read_args(cmd, 0, 0, &args))
        return FALSE;
    struct restante_client *rc = RESTANTE_CLIENT(cmd->client);
    if (rc != NULL && imap_arg_get_list(&args[0], &list))
        take_name(rc, cmd->client->pool, list);
    return cmd_id(cmd);
}

/* The list that the client gave before it logged in, without its parentheses. The login process
 * keeps it, and src/daemon/dovecot_conf_*.c have it come as a field of the user. */
static const char *earlier_id(const struct client *client)
{
    const char *const *field = client->user->userdb_fields;
    for (; field != NULL && *field != NULL; field++) {
        if (str_begins_with(*field, ID_FIELD))
            return *field + strlen(ID_FIELD);
    }
    return "";
}

static void take_earlier_name(struct restante_client *rc, struct client *client)
{
    const char *said = earlier_id(client);
    const struct imap_arg *args;
    if (*said == '\0')
        return;
    struct istream *input = i_stream_create_from_data(said, strlen(said));
    struct imap_parser *parser = imap_parser_create(input, NULL, ID_MAX_LEN, NULL);
    (void)i_stream_read(input);
    if (imap_parser_finish_line(parser, 0, 0, &args) > 0)
        take_name(rc, client->pool, args);
    imap_parser_unref(&parser);
    i_stream_unref(&input);
}

static void restante_client_created(struct client **clientp)
{
    struct client *client = *clientp;
    struct restante_client *rc = p_new(client->pool, struct restante_client, 1);
    rc->module_ctx.super = client->v;
    rc->name = "-";
    client->v.send_tagline = restante_send_tagline;
    MODULE_CONTEXT_SET(client, restante_imap_module, rc);
    T_BEGIN
    {
        take_earlier_name(rc, client);
    }
    T_END;
    if (next_client_created != NULL)
        next_client_created(clientp);
}

void restante_client_hook_init(void)
{
    next_client_created = imap_client_created_hook_set(restante_client_created);
    command_hook_register(command_begins, command_ended);
}

void restante_client_hook_deinit(void)
{
    command_hook_unregister(command_begins, command_ended);
    imap_client_created_hook_set(next_client_created);
}
