/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fetch.c - FETCH and UID FETCH: when a body is wanted of a message that is a stub, the daemon is
 * asked first and Dovecot's own command runs after its answer. Nothing blocks meanwhile: other
 * commands of the session and other sessions go on (P-7.8).
 *
 * Messages that could not be had are left out of the set before Dovecot's command sees it: so their
 * \Seen stays unset, no half reply is sent, and the rest is given before the tagged NO (P-7.9). */
#include "imap-common.h"
#include "imap-arg.h"
#include "imap-commands.h"
#include "imap-fetch.h"
#include "imap-search-args.h"
#include "imap-util.h"
#include "mail-search-build.h"
#include "mail-search.h"
#include "ostream.h"
#include "seq-range-array.h"
#include "str.h"
#include "pull.h"
#include "restante-plugin.h"
#include "shim.h"

struct fetch {
    struct client_command_context *cmd;
    struct pull *pull;
    ARRAY_TYPE(seq_range) set; /* every message of this FETCH: UIDs or numbers, as it was asked */
    unsigned int left_out;     /* of them: what is not here and was asked for */
    unsigned int skipped;      /* of them: what the daemon says the client need not have */
};

/* What the items of a FETCH ask for. */
struct wanted {
    bool body, peek, partial, text, whole, listed;
    uint64_t octets;                  /* of all ranges, when each item has one */
    const struct imap_arg *modifiers; /* what stands behind the items */
};

/* "<0.2048>" behind a section; Dovecot's handler checks it afterwards. */
static void look_at_range(const char *name, struct wanted *w)
{
    const char *range = strstr(name, "]<");
    const char *count = range == NULL ? NULL : strchr(range, '.');
    uint64_t n = 0;
    w->partial = w->partial && count != NULL;
    if (count != NULL && str_parse_uint64(count + 1, &n, &count) == 0)
        w->octets = n > UINT32_MAX ? UINT32_MAX : I_MIN(w->octets + n, UINT32_MAX);
}

static void look_at_item(const char *name, struct wanted *w)
{
    w->listed = w->listed || strcmp(name, "ENVELOPE") == 0 || strstr(name, "[HEADER") != NULL ||
                strcmp(name, "RFC822.HEADER") == 0 || str_begins_with(name, "PREVIEW");
    if (!str_begins_with(name, "BODY[") && !str_begins_with(name, "BODY.PEEK[") &&
        !str_begins_with(name, "BINARY[") && !str_begins_with(name, "BINARY.PEEK[") &&
        !str_begins_with(name, "RFC822"))
        return;
    if (strstr(name, "[]") != NULL || strcmp(name, "RFC822") == 0)
        w->whole = TRUE;
    else if (strstr(name, "[TEXT]") != NULL || strcmp(name, "RFC822.TEXT") == 0)
        w->text = TRUE;
    else if (strstr(name, "[HEADER") != NULL || strcmp(name, "RFC822.SIZE") == 0 ||
             strcmp(name, "RFC822.HEADER") == 0)
        return;
    look_at_range(name, w);
}

/* Lets Dovecot's own item handlers say what they need. A bad item ends the look: cmd_fetch() will
 * report it. */
static void fetch_look(struct client_command_context *cmd, const struct imap_arg *arg,
                       struct wanted *w)
{
    struct imap_fetch_init_context ic;
    i_zero(w);
    w->partial = TRUE;
    i_zero(&ic);
    ic.pool = pool_datastack_create();
    ic.fetch_ctx = imap_fetch_alloc(cmd->client, ic.pool, "restante");
    ic.args = arg->type == IMAP_ARG_LIST ? imap_arg_as_list(arg) : arg;
    for (const char *name; imap_arg_get_atom(ic.args, &name);) {
        name = t_str_ucase(name);
        ic.name = name;
        ic.args++;
        if (strcmp(name, "ALL") == 0 || strcmp(name, "FULL") == 0)
            w->listed = TRUE;
        if (strcmp(name, "ALL") == 0 || strcmp(name, "FAST") == 0 || strcmp(name, "FULL") == 0)
            continue;
        look_at_item(name, w);
        if (!imap_fetch_init_handler(&ic))
            break;
        if (arg->type != IMAP_ARG_LIST)
            break;
    }
    w->body = (ic.fetch_ctx->fetch_data & (MAIL_FETCH_STREAM_BODY | MAIL_FETCH_MESSAGE_PARTS)) != 0;
    w->peek = !ic.fetch_ctx->flags_update_seen;
    w->modifiers = arg->type == IMAP_ARG_LIST ? &arg[1] : ic.args;
    imap_fetch_free(&ic.fetch_ctx);
}

/* FETCH ... (CHANGEDSINCE n): messages that did not change are not asked for. */
static void add_modifiers(struct mail_search_args *sargs, const struct imap_arg *arg)
{
    const struct imap_arg *list;
    const char *name, *value;
    uint64_t modseq;
    if (!imap_arg_get_list(arg, &list))
        return;
    for (; imap_arg_get_atom(&list[0], &name); list++) {
        if (strcasecmp(name, "CHANGEDSINCE") == 0 && imap_arg_get_atom(&list[1], &value) &&
            str_to_uint64(value, &modseq) == 0) {
            imap_search_add_changed_since(sargs, modseq);
            return;
        }
    }
}

typedef void fetch_each(struct fetch *f, struct mail *mail, uint32_t number);

/* Calls each for every message that the search finds, with its UID or number, as the command asked.
 * Returns how many there were. */
static unsigned int for_each_mail(struct fetch *f, struct mail_search_args *sargs, fetch_each *each)
{
    struct client *client = f->cmd->client;
    struct mailbox_transaction_context *t =
        mailbox_transaction_begin(client->mailbox, 0, "restante");
    mail_search_args_init(sargs, client->mailbox, TRUE, &client->search_saved_uidset);
    struct mail_search_context *sctx = mailbox_search_init(t, sargs, NULL, 0, NULL);
    unsigned int total = 0;
    for (struct mail *mail; mailbox_search_next(sctx, &mail);) {
        each(f, mail, f->cmd->uid ? mail->uid : mail->seq);
        total++;
    }
    (void)mailbox_search_deinit(&sctx);
    (void)mailbox_transaction_commit(&t);
    return total;
}

static void note_mail(struct fetch *f, struct mail *mail, uint32_t number)
{
    seq_range_array_add(&f->set, number);
    if (restante_stub_load(mail) > 0)
        pull_add(f->pull, restante_stub_id(mail), number);
}

static void leave_out_stub(struct fetch *f, struct mail *mail, uint32_t number)
{
    if (restante_stub_load(mail) > 0) {
        seq_range_array_remove(&f->set, number);
        f->left_out++;
    }
}

/* After the answers: whatever they said, a stub that is still there must not reach cmd_fetch(). */
static void leave_out_stubs(struct fetch *f)
{
    struct mail_search_args *sargs = mail_search_build_init();
    struct mail_search_arg *arg = p_new(sargs->pool, struct mail_search_arg, 1);
    arg->type = f->cmd->uid ? SEARCH_UIDSET : SEARCH_SEQSET;
    p_array_init(&arg->value.seqset, sargs->pool, array_count(&f->set) + 1);
    array_append_array(&arg->value.seqset, &f->set);
    sargs->args = arg;
    (void)for_each_mail(f, sargs, leave_out_stub);
    mail_search_args_unref(&sargs);
}

static void leave_out(void *context, uint32_t message, bool skipped)
{
    struct fetch *f = context;
    seq_range_array_remove(&f->set, message);
    if (skipped)
        f->skipped++;
    else
        f->left_out++;
}

/* Puts f->set in the place of the command's message set. */
static void replace_set(struct fetch *f)
{
    string_t *str = str_new(f->cmd->pool, 64);
    imap_write_seq_range(str, &f->set);
    const struct imap_arg *args;
    if (imap_parser_read_args(f->cmd->parser, 0, 0, &args) < 1)
        i_unreached(); /* it was read before */
    struct imap_arg *arg = (struct imap_arg *)&args[0];
    arg->type = IMAP_ARG_ATOM;
    arg->_data.str = str_c(str);
    arg->str_len = str_len(str);
}

static bool fetch_continue(struct client_command_context *cmd)
{
    struct fetch *f = cmd->context;
    struct client *client = cmd->client;
    if (cmd->cancel) { /* the client is gone */
        pull_free(&f->pull);
        return TRUE;
    }
    if (client->output_cmd_lock != NULL || client->syncing) {
        /* another command is in the middle of its output: run when the client has read it */
        cmd->state = CLIENT_COMMAND_STATE_WAIT_OUTPUT;
        return FALSE;
    }
    pull_missing(f->pull, leave_out, f);
    if (array_count(&f->set) > 0)
        leave_out_stubs(f);
    struct restante_habits *habits = f->left_out > 0 ? restante_client_habits(client) : NULL;
    if (habits != NULL)
        habits->refused = TRUE;
    const char *error = p_strdup(cmd->pool, pull_error(f->pull));
    pull_free(&f->pull);
    if (array_count(&f->set) == 0) {
        client_send_tagline(cmd, f->left_out > 0 ? t_strconcat("NO [UNAVAILABLE] ", error, NULL)
                                                 : TEXT_NOTHING_YET);
        return TRUE;
    }
    if (f->left_out + f->skipped > 0)
        replace_set(f);
    if (f->left_out > 0)
        restante_cmd_set_failure(cmd, error);
    return restante_cmd_run_again(cmd, cmd_fetch);
}

static void fetch_done(void *context)
{
    struct fetch *f = context;
    restante_cmd_resume(f->cmd);
}

static void fetch_alive(void *context)
{
    struct fetch *f = context;
    struct client *client = f->cmd->client;
    if (client->output_cmd_lock != NULL || client->syncing)
        return; /* the client is being sent something else */
    client_send_line(client, "* OK " TEXT_FETCHING);
    (void)o_stream_uncork_flush(client->output);
}

static bool fetch_start(struct client_command_context *cmd, struct mail_search_args *sargs,
                        const struct wanted *w)
{
    struct fetch *f = p_new(cmd->pool, struct fetch, 1);
    struct pull_request request = {
        .peek = w->peek,
        .partial = w->partial,
        .octets = w->partial ? w->octets : 0,
        .part = w->whole  ? "whole"
                : w->text ? "text"
                          : "part",
        .client = restante_client_name(cmd->client),
    };
    f->cmd = cmd;
    f->pull = pull_new(&request);
    p_array_init(&f->set, cmd->pool, 8);
    unsigned int total = for_each_mail(f, sargs, note_mail);
    if (pull_count(f->pull) == 0) {
        pull_free(&f->pull);
        return cmd_fetch(cmd);
    }
    cmd->context = f;
    restante_cmd_set_pulled(cmd);
    if (pull_start(f->pull, total, fetch_done, fetch_alive, f) < 0)
        return fetch_continue(cmd); /* what is here is given, the rest is refused */
    cmd->func = fetch_continue;
    cmd->state = CLIENT_COMMAND_STATE_WAIT_EXTERNAL;
    return FALSE;
}

bool restante_cmd_fetch(struct client_command_context *cmd)
{
    struct client *client = cmd->client;
    const struct imap_arg *args;
    if (!client_read_args(cmd, 0, 0, &args))
        return FALSE;
    /* Dovecot disconnects a client that fetches a message again after a failure: ours is told to.
     */
    if (array_is_created(&client->fetch_failed_uids))
        array_clear(&client->fetch_failed_uids);
    const char *set;
    if (client->mailbox == NULL || !imap_arg_get_atom(&args[0], &set) || IMAP_ARG_IS_EOL(&args[1]))
        return cmd_fetch(cmd);
    struct wanted w;
    fetch_look(cmd, &args[1], &w);
    struct restante_habits *habits = w.listed ? restante_client_habits(client) : NULL;
    if (habits != NULL)
        habits->listed = TRUE;
    if (!w.body)
        return cmd_fetch(cmd);
    struct mail_search_args *sargs;
    int found = imap_search_get_anyset(cmd, set, cmd->uid, &sargs);
    if (found <= 0)
        return found < 0; /* an error was sent, or $ is not known yet: we are called again */
    add_modifiers(sargs, w.modifiers);
    bool ret = fetch_start(cmd, sargs, &w);
    mail_search_args_unref(&sargs);
    return ret;
}
