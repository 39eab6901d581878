/* SPDX-License-Identifier: GPL-3.0-or-later */
/* commands.c - see commands.h. */
#include "cli/commands.h"

const struct command cli_commands[] = {
    {"setup", "[name@group] [OPTION]...", "make a peer, start it, set up the mail client",
     cmd_setup,
     "From nothing to a running peer: asks what it does not know, makes the home, starts the peer\n"
     "(by the user's systemd where there is one, else in the background), sets up the mail client\n"
     "that it finds, and says what must be reachable from outside and what to give to others.\n"
     "It can be run again: it goes on where it stopped, and never changes an existing home.\n\n"
     "  --accept LINE        an invitation, as for `restante init`\n"
     "  --yes                ask nothing: what is not given is found out or left out\n"
     "  --bootstrap HOST:PORT, --endpoint URL, --network N, --listen ADDRESS, --http-port N,\n"
     "  --dht-port N, --imap-port N, --submission-port N, --set SECTION.KEY=VALUE\n"
     "                       as for `restante init`\n"
     "  --linger, --no-linger  run also while the user is not logged in, or not\n"
     "  --mail-client NAME   thunderbird, mutt, mbsync or none (default: what is found)\n"
     "  --wait SECONDS       how long the peer may take to start (default 60)\n"},
    {"init", "name@group [OPTION]...", "make a new peer", cmd_init,
     "Makes a home: OpenPGP key, certificates, password, folders and configuration, and prints\n"
     "the settings for a mail client and what others must reach. Ports that are not given are the\n"
     "usual ones, or the next that are free.\n\n"
     "  --accept LINE           an invitation (`restante invite`): network and bootstrap nodes "
     "are\n"
     "                          taken from it, and it is accepted at the first start\n"
     "  --bootstrap HOST:PORT   a DHT node that knows the network; may be repeated\n"
     "  --network N             id of the network (default 1); peers of another are not seen\n"
     "  --listen ADDRESS        serve other peers at this address only (default: all)\n"
     "  --endpoint URL          http://HOST:PORT under which others reach this peer; may be\n"
     "                          repeated (default: found out)\n"
     "  --http-port N, --dht-port N, --imap-port N, --submission-port N\n"
     "  --set SECTION.KEY=VALUE any other setting of restante.conf(5); may be repeated\n"},
    {"run", "", "run this peer in the foreground", cmd_run,
     "Runs restanted(8) for this home, and restarts it after an update of its programs or of\n"
     "Dovecot. Stop it with Ctrl-C or `restante stop`. With & behind it, it goes on when its\n"
     "terminal is closed; after a crash or a restart of the computer nothing starts it, unless a\n"
     "service manager runs it, as `restante setup` arranges.\n"},
    {"stop", "", "stop the running peer", cmd_stop,
     "Asks the running peer to end cleanly and waits until it has, for at most 90 seconds.\n"},
    {"restart", "", "stop the peer and start it again", cmd_restart,
     "Ends the running peer cleanly, waits until it has ended, and starts it again: through the\n"
     "user's service if that runs it, in the background otherwise. One that does not run is\n"
     "started.\n"},
    {"account", "[--json]", "print the settings for a mail client", cmd_account,
     "Prints server, ports, user name, password and the file of the private CA.\n"},
    {"passwd", "[--password-file FILE]", "a new password for the mail client", cmd_passwd,
     "Makes a new password, or takes the first line of FILE (12 to 60 printable ASCII "
     "characters),\n"
     "which holds at once, and prints it. Connections that are open stay.\n"},
    {"mua", "CLIENT [--output FILE | --install [--directory DIR]]",
     "a mail client's settings, ready to use", cmd_mua,
     "Prints the settings file of a mail client, and on stderr what to do with it. CLIENT is\n\n"
     "  thunderbird  what it looks for as isp/GROUP.xml in its own folder\n"
     "  mutt         a muttrc, also for neomutt\n"
     "  mbsync       an mbsyncrc; with --output also the folder ~/Mail/ADDRESS\n"
     "  msmtp        an msmtprc, to send what mbsync's readers write\n"
     "  apple        a configuration profile (.mobileconfig), with the private authority in it\n\n"
     "  --output FILE    write it there\n"
     "  --install        Thunderbird: put it where Thunderbird looks, and let Thunderbird trust "
     "this\n"
     "                   peer's authority; needs root\n"
     "  --directory DIR  Thunderbird's folder, if it is not in a usual place\n"},
    {"config", "[get SECTION.KEY | set SECTION.KEY VALUE... | unset SECTION.KEY] [--json]",
     "show and change settings", cmd_config,
     "Shows every setting of restante.conf(5), or one, or changes one in the home's configuration\n"
     "file, whose other lines stay as they are. A list takes several values, which replace those\n"
     "it had. A running peer goes by the change from its next start on.\n\n"
     "  get SECTION.KEY           its value; the items of a list on lines of their own\n"
     "  set SECTION.KEY VALUE...  changes it\n"
     "  unset SECTION.KEY         back to the default\n"},
    {"status", "[--check] [--json]", "how the peer is doing", cmd_status,
     "Network, mail server, messages in progress, what failed, and the health of each part, with\n"
     "what to do. It says ready only when mail can be sent and received.\n\n"
     "  --check    also counts what stands for this peer in the DHT, which takes a while\n\n"
     "The exit status is 0 when the peer is ready, 3 when it runs and is not, 1 when it does not\n"
     "run.\n"},
    {"doctor", "[--json]", "look at every part that mail needs", cmd_doctor,
     "Looks at disk, endpoint, DHT, names, ports, key, programs and Dovecot, each really, and "
     "says\n"
     "what to do where something is wrong. Works while the peer runs, and while it does not.\n\n"
     "The exit status is 0 when nothing fails, else 3.\n"},
    {"outbox", "[--json]", "messages that wait to be fetched by their recipients", cmd_outbox,
     "One line per message and recipient, with its state:\n\n"
     "  waiting     the recipient's key is not found yet, or sealing is due\n"
     "  sealed      signed and encrypted, not yet announced\n"
     "  announced   the recipient can see and pull it\n"
     "  pulled      the recipient has it\n"
     "  declined    the recipient deleted it unread\n"
     "  withdrawing withdrawn; the recipient's answer is waited for\n"
     "  cancelled   withdrawn before it was pulled\n"
     "  unconfirmed withdrawn; the recipient's peer never answered\n"
     "  expired, failed\n"},
    {"inbox", "[--json]", "messages that others hold for this peer", cmd_inbox,
     "One line per message, with its state:\n\n"
     "  noticed     announced to us, not yet in the mailbox\n"
     "  stub        in the mailbox, nothing downloaded yet\n"
     "  pulling     the transfer is in progress\n"
     "  pulled      here, and the sender will know or knows\n"
     "  declined, expired\n"
     "  quarantined the sender's key is not the one known to us\n"},
    {"trace", "ID [--home DIR]... [--json]", "the way of one message, by database and log",
     cmd_trace,
     "What this peer's database says of one message, and every line of its log that is about it,\n"
     "in order. ID is the beginning, at least 4 digits, of an id of `restante outbox`, `restante\n"
     "inbox` or the log, or the Message-ID that a mail client shows. Works while the peer runs, "
     "and\n"
     "while it does not; changes nothing.\n\n"
     "  --home DIR  another home to look into; may be repeated: the lines of all peers on this\n"
     "              computer in one order. On another computer, say the same Message-ID there, or\n"
     "              the notification that is shown for that recipient\n"},
    {"pull", "ID", "fetch a message now", cmd_pull,
     "Fetches a message without opening it in a mail client. ID is the beginning, at least 4\n"
     "digits, of an id that `restante inbox` shows.\n"},
    {"decline", "ID | --all-deleted", "refuse a message unread", cmd_decline,
     "Tells the sender that the message will not be pulled; the stub goes. It cannot be undone.\n\n"
     "  --all-deleted    every unread message whose stub has vanished from the mailbox. When more\n"
     "                   than 20 and half of all vanish and no mail client was seen to delete\n"
     "                   them, they wait for this: `restante status` says so\n"},
    {"group", "[ACTION [OPERAND]...] [--json]", "the peer group: who replicates whose outbox",
     cmd_group,
     "Members of a group trust each other's keys and hold each other's outgoing messages, so\n"
     "that these can be pulled while their sender is offline. A group is named by what stands\n"
     "behind the @ of its members' addresses; one peer, the master, keeps the list.\n\n"
     "  show                   the group this peer is in, and its members (the default)\n"
     "  list                   every group that names this peer, and whose it is\n"
     "  create                 make the group; this peer becomes its master\n"
     "  add ADDRESS [member | deputy]\n"
     "                         master: name a member; a deputy may renew the list, not change it\n"
     "  remove ADDRESS         master: take a member off the list\n"
     "  accept [MASTER]        join the group that names this peer; MASTER is its master's\n"
     "                         address, or the beginning of the fingerprint, if there are several\n"
     "  hold [others | all | none] [up to SIZE] [for ADDRESS...]\n"
     "                         what this peer holds (downloads in advance) of what the others\n"
     "                         send: others is the default, all but what waits for this peer\n"
     "                         alone; up to this size each; only of these members\n"
     "  leave                  end it; a master can leave when it is alone\n"},
    {"policy", "[--json] | [KIND WHO RULE] | offline", "what is fetched, and when", cmd_policy,
     "Shows or sets when messages are fetched from their senders. A rule for a contact goes "
     "before\n"
     "one for a client; `default` in the place of a rule takes it away.\n\n"
     "  client NAME RULE      how this mail client reads; NAME as it calls itself, - for those\n"
     "                        that give no name\n"
     "  contact ADDRESS RULE  messages from this sender\n"
     "    on-open             fetched when somebody opens them; a client that reads all mail in\n"
     "                        advance is refused where that can be told apart (the default)\n"
     "    refuse-background   what looks like reading in advance is refused to every client\n"
     "    pull-all            whatever a client reads is fetched\n\n"
     "  arrival WHO SIZE      fetched as soon as they are announced; WHO is all, contacts (whose\n"
     "                        keys are pinned) or an ADDRESS, the closest rule counts; SIZE is at\n"
     "                        most so large (500k, 20M), any, or none\n\n"
     "  offline               fetches everything that waits elsewhere, now, and shows how far it "
     "is\n"},
    {"fsck", "[--repair] [--json]", "check the home: rows, files and records", cmd_fsck,
     "Lists where the database, the files of the home and the records in the DHT disagree. Works\n"
     "while the peer runs, and while it does not (then without the DHT).\n\n"
     "  --repair   mends what can be mended; nothing that may be the last copy of mail is\n"
     "             removed: it goes on being offered, or to the folder lost in the home\n\n"
     "The exit status is 0 when nothing is wrong, or nothing any more.\n"},
    {"backup", "FILE [OPTION]...", "the whole home in one file, also while the peer runs",
     cmd_backup,
     "Writes key, settings, mail and what is in progress to a new file: an xz-compressed tar "
     "archive.\n\n"
     "  --encrypt               lock it with a passphrase; `gpg -d` opens it as well\n"
     "  --passphrase-file FILE  the same, with the passphrase in FILE's first line\n"
     "  --no-outbox             leave out sealed messages that wait here; only members of the "
     "group\n"
     "                          could give them back\n"
     "  --no-replicas           leave out what is held for members of the group\n"},
    {"restore", "FILE [--passphrase-file FILE]", "make a home of a backup", cmd_restore,
     "Makes a new home (see --home) of a file that `restante backup` wrote. Everything is read "
     "and\n"
     "checked first; an existing home is never touched.\n"},
    {"move", "--to FILE | --from FILE [--encrypt | --passphrase-file FILE]",
     "take the peer to another computer", cmd_move,
     "One command at each end. The first stops the peer, writes its home to FILE as `backup` "
     "does,\n"
     "and marks the old home, which does not start any more (until `takeover` is said there). "
     "Carry\n"
     "FILE over; the second makes the home of it and starts the peer as `setup` does.\n\n"
     "  --to FILE               at the old computer\n"
     "  --from FILE             at the new one\n"
     "  --encrypt               lock FILE with a passphrase\n"
     "  --passphrase-file FILE  the passphrase is in this file's first line\n"},
    {"retire", "[--message TEXT] [--wait SECONDS] [--yes]", "give the address up", cmd_retire,
     "Tells every contact that the address is given up, withdraws what waits for others, leaves\n"
     "the group, and stops the peer for good. Mail stays in the home. Say it again when it was\n"
     "interrupted: nobody is told twice.\n\n"
     "  --message TEXT  something more for the contacts, such as the new address\n"
     "  --wait SECONDS  how long contacts have to fetch it before the peer stops (300); later "
     "they\n"
     "                  see its subject only\n"
     "  --yes           do not ask\n"},
    {"takeover", "", "make this the only peer of its address", cmd_takeover,
     "When another peer runs under the same address (a copy of this home, or a backup restored\n"
     "elsewhere), this one stops. Stop the other, then say takeover here: this one goes on.\n"},
    {"cancel", "[--json] ID [RECEIVER]", "take a message back", cmd_cancel,
     "Withdraws a message from one recipient, or from all. ID is the beginning, at least 4 "
     "digits,\n"
     "of an id that `restante outbox` shows. The answer for each recipient:\n\n"
     "  withdrawing             its answer is waited for; see `restante outbox` later\n"
     "  cancelled, nobody ever began to fetch it\n"
     "  cancelled, confirmed    the recipient's peer removed it unread\n"
     "  too late, pulled at ... the recipient has it\n"
     "  withdrawn, unconfirmed  the recipient's peer never said what became of it\n"},
    {"contacts",
     "[--json] | add ADDRESS FINGERPRINT | verify [--yes] ADDRESS | accept ADDRESS [FINGERPRINT] | "
     "forget|block|unblock "
     "ADDRESS",
     "whose keys are known", cmd_contacts,
     "One line per address whose key is pinned. Another key that is met there changes nothing "
     "until "
     "you\n"
     "decide; ask its owner for the fingerprint (`restante key fingerprint`) first.\n\n"
     "  add ADDRESS FINGERPRINT        its owner told you: pinned as verified, known yet or not\n"
     "  verify ADDRESS                 words to read to each other; then it is verified\n"
     "  forget ADDRESS                 the next message to it pins its key again\n"
     "  accept ADDRESS [FINGERPRINT]   the other key replaces the pinned one, and mail signed "
     "with\n"
     "                                 it leaves quarantine\n"
     "  block ADDRESS                  what comes from it is declined; what stands here stays\n"
     "  unblock ADDRESS                takes that back\n"},
    {"invite", "[OPTION]... | list | revoke ID", "a line to give to somebody you want mail from",
     cmd_invite,
     "Prints one line, and on a terminal a QR code of it. Who accepts it (`restante accept`) "
     "joins\n"
     "this network, writes to you, and each of you has the other's key, verified.\n\n"
     "  --group         also into this peer's group, as a member; only its master can\n"
     "  --uses N        so many people may use it (1)\n"
     "  --expires TIME  30m, 12h, 7d (the default) or the like, at most 90d\n"
     "  --qr, --no-qr   with the code, or without it, whatever the output is\n\n"
     "  list            the invitations, who used them, and those that were accepted here\n"
     "  revoke ID       nobody can use it any more; who did stays\n"},
    {"accept", "LINE [--message TEXT]", "take an invitation", cmd_accept,
     "Pins the key in the line as verified, remembers its nodes of the network, and writes a "
     "first\n"
     "mail, which makes you a verified contact there. Without a network that waits. If the peer "
     "does\n"
     "not run, the line is accepted at its next start; - in the place of LINE reads it.\n\n"
     "  --message TEXT  what the first mail says\n"},
    {"key", "export [--secret] | fingerprint | import FILE | revoke [--yes] [FILE]",
     "this peer's OpenPGP key", cmd_key,
     "  export            the public key, ASCII armored, for other OpenPGP programs\n"
     "  export --secret   the secret key: whoever has it can read this peer's mail\n"
     "  fingerprint       the key's fingerprint, to compare with somebody\n"
     "  import FILE       the secret key of an earlier home of this address takes the place of "
     "the\n"
     "                    one that init made; before the peer's first start\n"
     "  revoke FILE       ends a key whose home is lost, for ever; FILE is the revocation that "
     "init\n"
     "                    made, in $XDG_DATA_HOME/restante or ~/.local/share/restante\n"
     "  revoke            ends this home's own key, for ever; --yes does not ask\n"},
};
const size_t cli_commands_count = sizeof cli_commands / sizeof cli_commands[0];
