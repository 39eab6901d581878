/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plugin.c - the module Dovecot loads (mail_plugins = notify restante, protocol imap only): hooks
 * are set here and nowhere else. */
#include "imap-common.h"
#include "imap-arg.h"
#include "imap-commands.h"
#include "mail-storage-hooks.h"
#include "mail-storage-private.h"
#include "module-dir.h"
#include "restante-plugin.h"

#define EXPORTED __attribute__((visibility("default")))

EXPORTED extern const char *restante_plugin_version;
EXPORTED extern const char *restante_plugin_dependencies[];
EXPORTED void restante_plugin_init(struct module *module);
EXPORTED void restante_plugin_deinit(void);

const char *restante_plugin_version = DOVECOT_ABI_VERSION;
const char *restante_plugin_dependencies[] = {"notify", NULL};

static const struct mail_storage_hooks hooks = {
    .mail_user_created = restante_mail_user_created,
    .mail_storage_created = restante_storage_created,
    .mail_allocated = restante_mail_allocated,
};

/* RFC 6154, 3: which mailboxes are special is set by the peer, and Dovecot takes the parameter
 * without a word. A client that got what it did not ask for would look for its mail in the wrong
 * place. */
static bool restante_cmd_create(struct client_command_context *cmd)
{
    const struct imap_arg *args, *list;
    if (!client_read_args(cmd, 0, 0, &args))
        return FALSE;
    if (!IMAP_ARG_IS_EOL(&args[0]) && imap_arg_get_list(&args[1], &list) &&
        imap_arg_atom_equals(list, "USE")) {
        client_send_tagline(cmd, TEXT_NO_USE);
        return TRUE;
    }
    return cmd_create(cmd);
}

static void replace_command(const char *name, command_func_t *func, enum command_flags flags)
{
    command_unregister(name);
    command_register(name, func, flags);
}

void restante_plugin_init(struct module *module)
{
    mail_storage_hooks_add(module, &hooks);
    restante_notify_init();
    replace_command("FETCH", restante_cmd_fetch, COMMAND_FLAG_USES_SEQS);
    replace_command("UID FETCH", restante_cmd_fetch, COMMAND_FLAG_BREAKS_SEQS);
    replace_command("ID", restante_cmd_id, 0);
    replace_command("CREATE", restante_cmd_create, 0);
    restante_order_init();
    restante_client_hook_init();
}

void restante_plugin_deinit(void)
{
    restante_client_hook_deinit();
    restante_notify_deinit();
    mail_storage_hooks_remove(&hooks);
    restante_settings_wipe();
}
