/* SPDX-License-Identifier: GPL-3.0-or-later */
/* command.c - how a command that waited for something goes on. */
#include "imap-common.h"
#include "imap-commands.h"
#include "imap-sync.h"
#include "ostream.h"
#include "restante-plugin.h"

void restante_cmd_resume(struct client_command_context *cmd)
{
    struct client *client = cmd->client;
    struct ostream *output = client->output;
    o_stream_ref(output);
    o_stream_cork(output);
    if (command_exec(cmd))
        client_command_free(&cmd);
    else
        (void)client_handle_unfinished_cmd(cmd);
    (void)cmd_sync_delayed(client);
    o_stream_uncork(output);
    o_stream_unref(&output);
    client_continue_pending_input(client);
}

bool restante_cmd_run_again(struct client_command_context *cmd, command_func_t *func)
{
    struct client *client = cmd->client;
    struct client_command_context *lock = client->input_lock;
    /* It reads its (already parsed) arguments again and asserts that no other command holds the
     * input lock; a SELECT that waits for it does. */
    client->input_lock = NULL;
    cmd->args = NULL;
    cmd->human_args = NULL;
    cmd->func = func;
    cmd->context = NULL;
    bool ret = func(cmd);
    if (client->input_lock == NULL)
        client->input_lock = lock;
    return ret;
}
