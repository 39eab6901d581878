/* SPDX-License-Identifier: GPL-3.0-or-later */
/* restante-plugin.h - what the files of the Dovecot plugin share.
 * The plugin shows stubs as the messages they stand for and, when a client opens one, asks the
 * daemon to pull it (P-7). It writes no mail file, speaks no network protocol and decides nothing.
 */
#ifndef RESTANTE_PLUGIN_H
#define RESTANTE_PLUGIN_H

#include "base/texts.h"

struct client;
struct mail;
struct mail_user;
struct module;

/* What the daemon says in the environment, read when the mail user is made. */
struct restante_settings {
    const char *socket;     /* the daemon's UNIX socket */
    unsigned char key[32];  /* of the stubs' HMAC */
    unsigned int wait_secs; /* how long the daemon lets a FETCH wait */
};
extern struct restante_settings restante_set;

/* settings.c */
void restante_mail_user_created(struct mail_user *user);
void restante_settings_wipe(void);

/* stub.c: is this mail a stub? 1 = yes (restante_stub_id is then its id, 64 hex digits, valid until
 * the mail is closed), 0 = an ordinary mail, -1 = it is gone or unreadable. Never pulls. */
int restante_stub_load(struct mail *mail);
const char *restante_stub_id(struct mail *mail);
void restante_mail_allocated(struct mail *mail);
struct mail_storage;
void restante_storage_created(struct mail_storage *storage);

/* fetch.c, client.c */
struct client_command_context;
bool restante_cmd_fetch(struct client_command_context *cmd);
bool restante_cmd_id(struct client_command_context *cmd);
/* The client's name from IMAP ID, or "-". */
const char *restante_client_name(struct client *client);
/* What a session did so far, by which the daemon tells a person's deletions from those of a
 * program that synchronizes (P-7.10). NULL: not ours. */
struct restante_habits {
    bool listed;           /* it fetched what a list of messages shows: envelopes, headers */
    bool by_number;        /* it flagged messages by number, not by UID */
    bool refused;          /* a body was refused to it */
    unsigned int expunged; /* stubs */
};
struct restante_habits *restante_client_habits(struct client *client);
/* The session of this mail user, or NULL. */
struct client *restante_client_of(const struct mail_user *user);
/* Turns the command's tagged OK into NO [UNAVAILABLE] text; text must live as long as cmd. */
void restante_cmd_set_failure(struct client_command_context *cmd, const char *text);
void restante_client_hook_init(void);
void restante_client_hook_deinit(void);

/* Marks a command whose end was put off by a pull, and tells. */
void restante_cmd_set_pulled(struct client_command_context *cmd);
bool restante_cmd_has_pulled(struct client_command_context *cmd);

/* command.c */
/* Goes on with a command that waited for something outside (its state was WAIT_EXTERNAL). */
void restante_cmd_resume(struct client_command_context *cmd);
/* Runs a command whose arguments were read before from its beginning. */
bool restante_cmd_run_again(struct client_command_context *cmd,
                            bool (*func)(struct client_command_context *cmd));

/* order.c: to be called after all commands are registered. */
void restante_order_init(void);

/* notify.c: tells the daemon of expunged stubs and of copies saved to \Sent. */
void restante_notify_init(void);
void restante_notify_deinit(void);

#endif
