/* SPDX-License-Identifier: GPL-3.0-or-later */
/* order.c - commands that name messages by number wait, without a word, for an earlier one that may
 * renumber them. Dovecot lets them wait too, but says BAD each time it looks, in the middle of a
 * literal if need be: it does not expect an earlier UID FETCH to take long. Ours does (P-7.8).
 *
 * So these commands are registered without the flag at which Dovecot looks, and get it when they
 * begin: for whatever comes after them. */
#include "imap-common.h"
#include "imap-commands.h"
#include "imap-sync.h"
#include "ioloop.h"
#include "restante-plugin.h"

#define COMMANDS_MAX 32
#define LOOK_MSECS 20

struct waiting {
    struct client_command_context *cmd;
    struct timeout *to;
};

static struct {
    const char *name;
    command_func_t *func;
} by_number[COMMANDS_MAX];
static unsigned int by_number_count;

static command_func_t *func_of(const struct client_command_context *cmd)
{
    for (unsigned int i = 0; i < by_number_count; i++) {
        if (strcasecmp(by_number[i].name, cmd->name) == 0)
            return by_number[i].func;
    }
    i_unreached();
}

/* The queue begins with the newest command. What only waits for its turn to sync, and did not pull,
 * is not waited for: Dovecot knows that order. */
static bool may_be_renumbered(struct client_command_context *cmd)
{
    for (struct client_command_context *old = cmd->next; old != NULL; old = old->next) {
        if ((old->cmd_flags & COMMAND_FLAG_BREAKS_SEQS) != 0 &&
            (old->state < CLIENT_COMMAND_STATE_WAIT_UNAMBIGUITY ||
             (old->state == CLIENT_COMMAND_STATE_WAIT_SYNC && restante_cmd_has_pulled(old))))
            return TRUE;
    }
    return FALSE;
}

static bool cmd_its_turn(struct client_command_context *cmd)
{
    return cmd->cancel ? TRUE : restante_cmd_run_again(cmd, func_of(cmd));
}

static void look_again(struct waiting *w)
{
    struct client_command_context *cmd = w->cmd;
    struct client *client = cmd->client;
    (void)cmd_sync_delayed(client); /* what we wait for may wait for that */
    if (client->output_cmd_lock != NULL || client->syncing || may_be_renumbered(cmd))
        return;
    timeout_remove(&w->to);
    cmd->func = cmd_its_turn;
    restante_cmd_resume(cmd);
}

static bool cmd_by_number(struct client_command_context *cmd)
{
    struct waiting *w = cmd->context;
    if (cmd->cancel) { /* the client is gone */
        if (w != NULL)
            timeout_remove(&w->to);
        return TRUE;
    }
    cmd->cmd_flags |= COMMAND_FLAG_USES_SEQS;
    if (!may_be_renumbered(cmd)) {
        cmd->func = func_of(cmd);
        return cmd->func(cmd);
    }
    const struct imap_arg *args;
    if (!client_read_args(cmd, 0, 0, &args)) /* so that the client may go on */
        return FALSE;
    w = p_new(cmd->pool, struct waiting, 1);
    w->cmd = cmd;
    w->to = timeout_add_short(LOOK_MSECS, look_again, w);
    cmd->context = w;
    cmd->state = CLIENT_COMMAND_STATE_WAIT_EXTERNAL;
    return FALSE;
}

void restante_order_init(void)
{
    struct command *c;
    array_foreach_modifiable(&imap_commands, c)
    {
        if ((c->flags & COMMAND_FLAG_USES_SEQS) == 0 || by_number_count == COMMANDS_MAX)
            continue;
        by_number[by_number_count].name = c->name;
        by_number[by_number_count++].func = c->func;
        c->func = cmd_by_number;
        c->flags &= ~COMMAND_FLAG_USES_SEQS;
    }
}
