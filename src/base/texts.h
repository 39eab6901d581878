/* SPDX-License-Identifier: GPL-3.0-or-later */
/* texts.h - every sentence that a person may meet in a mail client: plain, what happened, and what
 * happens next or what to do. Nowhere else stands one (tests/house). Texts with a % are formats for
 * the arguments that the line before names. */
#ifndef RESTANTE_BASE_TEXTS_H
#define RESTANTE_BASE_TEXTS_H

/* ---- SMTP: to RCPT */

#define TEXT_RCPT_OK "2.1.5 Recipient accepted."
#define TEXT_RCPT_LATER "2.1.5 Recipient accepted; its key is looked up later."
#define TEXT_RCPT_AGAIN "2.1.5 Recipient already accepted."
/* group, members */
#define TEXT_RCPT_ALL "2.1.5 Recipients accepted: the other members of %.253s (%zu)."
#define TEXT_RCPT_MANY "4.5.3 Too many recipients: send the message to fewer people at a time."
/* group */
#define TEXT_RCPT_ALL_ALONE                                                                        \
    "5.1.1 Nobody else is in the peer group %.253s yet: write to a person instead, or see "        \
    "`restante group`."
/* group, group */
#define TEXT_RCPT_ALL_OTHER                                                                        \
    "5.7.1 all@%.253s reaches the members of that peer group from within only, and you are not "   \
    "in it: write to single members."
/* as given */
#define TEXT_RCPT_FORM                                                                             \
    "5.1.3 \"%.200s\" is not a Restante address (name@group): check how it is written."
/* address */
#define TEXT_KEY_NONE                                                                              \
    "%.254s is unknown: nobody in this network has announced that address, and other mail "        \
    "systems cannot be reached. Check the spelling, or ask its owner to start Restante once."

/* ---- SMTP: the session, with its reply's enhanced code (RFC 3463) */

#define TEXT_SMTP_CONNECTIONS "4.3.2 Too many connections: try again later."
#define TEXT_SMTP_DATA "End the message with a line that is a dot."
#define TEXT_SMTP_IDLE "4.4.2 Timeout: connect again."
#define TEXT_SMTP_MISTAKES "4.7.0 Too many errors: connect again."
#define TEXT_SMTP_NAME "5.5.4 EHLO needs a host name."
#define TEXT_SMTP_WELCOME "2.7.0 Authentication successful."
#define TEXT_SMTP_BASE64 "5.5.2 The PLAIN response is not base64."
#define TEXT_SMTP_PASSWORD "5.7.8 Wrong user name or password: see `restante account`."
#define TEXT_SMTP_FAILURES "4.7.0 Too many login attempts: connect again."
#define TEXT_SMTP_AUTH_ONCE "5.5.1 AUTH is allowed once, after EHLO and before MAIL."
#define TEXT_SMTP_AUTH_PLAIN "5.5.4 Only AUTH PLAIN is supported."
#define TEXT_SMTP_OPEN "5.5.1 Nested MAIL command: a transaction is open."
#define TEXT_SMTP_LARGE "5.3.4 Message too large for this server: make it smaller."
#define TEXT_SMTP_RCPT_LATE "5.5.1 RCPT is allowed after MAIL and before the message."
#define TEXT_SMTP_DATA_PARAMETER "5.5.4 DATA takes no parameters."
#define TEXT_SMTP_DATA_LATE "5.5.1 DATA is allowed after RCPT, and not together with BDAT."
#define TEXT_SMTP_NOBODY "5.5.1 No valid recipients."
#define TEXT_SMTP_BDAT "5.5.4 Syntax: BDAT size [LAST]."
#define TEXT_SMTP_BYE "2.0.0 Bye."
#define TEXT_SMTP_EHLO_FIRST "5.5.1 Send EHLO first."
#define TEXT_SMTP_AUTH_FIRST "5.7.0 Authentication required."
#define TEXT_SMTP_RESET "2.0.0 Reset."
#define TEXT_SMTP_NOOP "2.0.0 OK."
#define TEXT_SMTP_VRFY "2.5.0 Addresses are not verified: send RCPT to find out."
#define TEXT_SMTP_HELP "2.0.0 See RFC 5321."
#define TEXT_SMTP_UNKNOWN "5.5.1 Unknown command."
#define TEXT_SMTP_ASCII "5.5.2 A command must be printable ASCII and end with CRLF."
#define TEXT_SMTP_AUTH_OVER "5.7.0 Authentication cancelled."
#define TEXT_SMTP_LONG "5.5.2 Line too long."
#define TEXT_SMTP_SYNTAX "5.5.4 Malformed or repeated parameter."
#define TEXT_SMTP_PARAMETER "5.5.4 Unknown parameter."
#define TEXT_SMTP_MAIL "5.1.7 Syntax: MAIL FROM:<address>."
#define TEXT_SMTP_RCPT "5.1.3 Syntax: RCPT TO:<address>."
/* bytes */
#define TEXT_SMTP_SO_FAR "2.0.0 %" PRIu64 " bytes received so far."
#define TEXT_SMTP_MAIL_FIRST "5.5.1 Send MAIL and RCPT first."
#define TEXT_SMTP_BARE "5.6.0 The message has a bare CR or LF."

/* ---- SMTP: whether a message is taken */

/* why */
#define TEXT_STOPPED "4.3.2 %s"
/* own address */
#define TEXT_SENDER_OTHER                                                                          \
    "5.7.1 This peer sends for %s only: choose that identity in your mail program."
#define TEXT_MEMORY "4.3.0 This machine is out of memory: try again later."
#define TEXT_SENDER_OK "2.1.0 Sender accepted."
/* why */
#define TEXT_RCPT_UNKNOWN "5.1.1 %s"
/* why */
#define TEXT_RCPT_UNDECIDED "2.1.5 Recipient accepted, but the message waits: %s"
/* why */
#define TEXT_FORM "5.6.0 %s"
/* why */
#define TEXT_HELPER "4.3.0 %s"
#define TEXT_SPOOL                                                                                 \
    "4.3.0 The message could not be stored on this machine: see Restante's log, and send it "      \
    "again."
#define TEXT_SPOOL_FULL                                                                            \
    "4.3.1 The message could not be stored on this machine: make room on its disk, and send "      \
    "it again."
#define TEXT_NUL                                                                                   \
    "5.6.0 The message contains a NUL byte, which is not allowed in mail: send it as an "          \
    "attachment."
#define TEXT_CRLF "5.6.0 The message has a line that does not end in CRLF."
#define TEXT_HEADER_LARGE                                                                          \
    "5.3.4 The message's header is larger than 256 KiB: send it to fewer people at a time, or "    \
    "leave long header fields out."
#define TEXT_PARTS_LARGE                                                                           \
    "5.3.4 The message has too many parts: put the attachments into one archive."
#define TEXT_FROM                                                                                  \
    "5.7.1 The From field must name your own address, once: choose that identity in your "         \
    "mail program, or see allow_foreign_from in restante.conf(5)."
/* a character */
#define TEXT_FROM_QUOTES                                                                           \
    "5.7.1 The name in the From field has a %c outside quotes, so that no address can be read "    \
    "there: put the name in quotes, as in \"Name\" <address>, or write it without."
/* id */
#define TEXT_TAKEN "2.0.0 Message %.12s is in the outbox."
#define TEXT_HEADER_SPACE                                                                          \
    "The first line of the message begins with white space, which no header field does."
/* bytes */
#define TEXT_HEADER_MAX                                                                            \
    "The message's header is larger than %zu bytes: send it to fewer people at a time, or leave "  \
    "long header fields out."

/* ---- SMTP: what the look at a message's structure says (mimed) */

/* KB */
#define TEXT_MIME_HEADER "The message's header is too large (over %d KB)."
/* parts */
#define TEXT_MIME_PARTS                                                                            \
    "The message has too many parts (over %d): put the attachments into one archive."
/* what */
#define TEXT_MIME_BROKEN "The message's structure cannot be read (%s): compose it again."
/* what */
#define TEXT_MIME_READ "The message cannot be read (%s): send it again."
/* bytes */
#define TEXT_MIME_HEADERS "The headers of the message's parts are too large (over %zu bytes)."
#define TEXT_MIME_CHANGED "The message changed while it was being read: send it again."
#define TEXT_MIME_NUL "The message contains a NUL byte."
#define TEXT_MIME_CR "The message has a line that ends without CR."
#define TEXT_MIME_SLOW                                                                             \
    "Checking the message's structure took too long: send it again, or compose it again."
/* how it ended */
#define TEXT_MIME_START                                                                            \
    "this peer's MIME helper does not start: %s. The message is not at fault: repair that on "     \
    "this computer (see `restante status`), and send it again."
#define TEXT_MIME_DIED                                                                             \
    "The program that checks the structure of messages gave up on this one: compose it again."

/* ---- Keys: to RCPT, and in reports */

/* address, the pinned fingerprint, another one */
#define TEXT_KEY_CHANGED                                                                           \
    "The key of %.80s that is known here, %s, has expired; another is announced: %s. Compare it "  \
    "with its owner, then see `restante contacts`."
/* address, the pinned fingerprint, another one or "none" */
#define TEXT_KEY_REVOKED                                                                           \
    "The key of %.80s that is known here, %s, was revoked by its owner. Announced now: %s. "       \
    "Compare it with its owner, then see `restante contacts`."
/* address, in the status: why this peer stands still */
#define TEXT_REVOKED                                                                               \
    "The key of %.80s in this home was revoked: no other peer accepts it any more, and nothing "   \
    "is sent. Make another home with `restante init`, and give its fingerprint to your contacts."
/* address */
#define TEXT_KEY_ABSENT "%s does not announce that key at the moment: try again later."
/* address, fingerprint, fingerprint */
#define TEXT_KEY_SEVERAL                                                                           \
    "At least two keys are announced for %.90s: %s and %s. Ask its owner which is right, then "    \
    "pin that one with `restante contacts add`."
/* address, the pinned fingerprint, another one or "none" */
#define TEXT_KEY_NOT_THIS                                                                          \
    "The pinned key of %.80s, %s, is not announced yet; it is being looked up. Announced now: %s."
/* address */
#define TEXT_KEY_FLOODED                                                                           \
    "Too many keys are announced for %.254s: ask its owner for the fingerprint, then pin it with " \
    "`restante contacts add`."
/* address */
#define TEXT_KEY_INCOMPLETE "The look-up of %s did not complete: it is tried again."
#define TEXT_UNLOOKED                                                                              \
    "This address is not looked up yet: that happens as soon as this peer is connected and "       \
    "enough of the network answers."
/* what is wrong (TEXT_OFFLINE_...), address */
#define TEXT_KEY_OFFLINE                                                                           \
    "%s, so that %s is not looked up yet: that happens as soon as this changes."
/* address */
#define TEXT_KEY_STORE "The key of %s cannot be stored on this machine: see Restante's log."
#define TEXT_NO_MEMORY "This machine is out of memory: try again later."

/* ---- IMAP: a message that cannot be given now */

#define TEXT_NO_DAEMON                                                                             \
    "Restante is not running at the moment, so the message cannot be fetched: try again in a "     \
    "moment."
#define TEXT_WAITING "The message is still on its way from its sender: try again in a moment."
#define TEXT_NOT_HERE "This message has not been fetched from its sender yet: open it first."
#define TEXT_FETCHING "The message is being fetched from its sender."
#define TEXT_NO_USE                                                                                \
    "NO [USEATTR] The special mailboxes of this account are fixed: create the mailbox without a "  \
    "use."
#define TEXT_NOTHING_YET "OK Fetch completed, nothing is here yet."
#define TEXT_AHEAD                                                                                 \
    "This message is still with its sender: open it to fetch it, or see `restante policy` to "     \
    "have it fetched in advance."
#define TEXT_OPEN_DATABASE                                                                         \
    "The message cannot be fetched, because Restante's database cannot be written: see its "       \
    "log."
/* sender */
#define TEXT_OPEN_CANCELLED "%s withdrew this message: it will not come."
/* sender */
#define TEXT_OPEN_DECLINED "This message was declined: ask %s to send it again."
/* date, sender */
#define TEXT_OPEN_EXPIRED "This message was not opened by %s and is gone: ask %s to send it again."
/* sender */
#define TEXT_OPEN_QUARANTINED                                                                      \
    "This message is signed by another key than the known one of %s: see `restante contacts`."
/* date, sender */
#define TEXT_OPEN_LATE "This message was not opened by %s: ask %s to send it again."
#define TEXT_OPEN_UNKNOWN "This peer no longer knows this message: ask its sender to send it again."
#define TEXT_OPEN_WAITING "The message is still on its way: open it again in a while."
/* MB here, MB */
#define TEXT_OPEN_PROGRESS                                                                         \
    "%lld of %llu MB are here, and the transfer goes on: open the message again in a while."
#define TEXT_OPEN_STOPPING "Restante is stopping: open the message again when it runs."
#define TEXT_OPEN_TAKEN "Its sender withdrew this message: it will not come."
/* date */
#define TEXT_OPEN_GONE                                                                             \
    "This message was not opened by %s and is gone: its notice stands in its place."
/* address */
#define TEXT_TWIN                                                                                  \
    "Another peer runs as %.100s: nothing is sent or fetched here until you stop the other "       \
    "one and run `restante takeover`."
/* why */
#define TEXT_PULL_AGAIN "%s It is tried again by itself: open the message again later."
/* sender */
#define TEXT_PULL_TAMPERED                                                                         \
    "This message is not what its sender announced, and was not accepted: tell %s."
/* what, sender */
#define TEXT_PULL_SEALED "This message cannot be opened, and was not accepted (%.180s): tell %s."
/* sender */
#define TEXT_PULL_OVER "This message has expired: ask %s to send it again."
#define TEXT_NOT_STORED "The message cannot be stored on this machine; Restante's log says why."
#define TEXT_NOT_PLACED                                                                            \
    "The message is here, but cannot be put into the mailbox, as Restante's log says: open "       \
    "it again later."
#define TEXT_ANEW                                                                                  \
    "Its sender's program described this message wrongly, so it was delivered again as a new "     \
    "message beside this one: open that."
/* MB */
#define TEXT_NO_ROOM "There is not enough free space on this machine's disk for its %llu MB."
#define TEXT_SIZE "Its announced size is impossible."
#define TEXT_CONTRADICTION "Its announcement contradicts itself."
/* peer */
#define TEXT_PEER_MORE "%s sent more than was announced."
/* peer */
#define TEXT_PEER_OTHER "What %s sent is not what was announced."
/* peer */
#define TEXT_PEER_RESUME "%s does not resume the transfer where it is asked to."
/* peer */
#define TEXT_PEER_LESS "%s sent less than was announced."
/* peer */
#define TEXT_PEER_LACKS "%s does not offer this message any more."
/* peer */
#define TEXT_PEER_AWAY "%s cannot be reached now."
/* peer */
#define TEXT_PEER_BROKE                                                                            \
    "The connection to %s broke, or became too slow, while the message came; what is here is "     \
    "kept."
/* peer, IP address */
#define TEXT_PEER_PRIVATE                                                                          \
    "%s is at a private address (%s) and is no contact of yours: write to it, or add it with "     \
    "`restante contacts add`."
/* peer, IP address */
#define TEXT_PEER_LOOPBACK                                                                         \
    "%s announces an address that only its own computer reaches (%s): its endpoint has to be "     \
    "corrected there."
/* peer, IP address */
#define TEXT_PEER_NOWHERE                                                                          \
    "%s announces an address that no computer can have for others (%s): its endpoint has to be "   \
    "corrected there."
/* peer, why */
#define TEXT_PEER_NAMELESS "The host name of %s cannot be resolved here (%s)."
#define TEXT_LIST_LONG "The list of chunks is longer than announced."
/* why, addresses */
#define TEXT_GROUP_TRIED "%.200s No member of its group could provide it either (tried: %.100s)."
/* peer */
#define TEXT_PEER_OFFLINE "%s is offline."
/* what is wrong (one of the following), peer */
#define TEXT_PEER_LOST "%s, so that %s could not be found."
#define TEXT_OFFLINE_NODE "This peer's own DHT node is not running (see `restante status`)"
#define TEXT_OFFLINE_CABLE "This computer is not connected to any network"
#define TEXT_OFFLINE_FIRST                                                                         \
    "This peer knows no other node of the network (network.bootstrap names none)"
#define TEXT_OFFLINE_OTHERS "No other node of the network answers (all known ones may be off)"
#define TEXT_OFFLINE_SOME "Not enough of the network answered (others may be off)"

/* ---- Notices in the inbox, lines of Outgoing, reports */

/* date, bytes, sender, date */
#define TEXT_EXPIRED_NOTICE                                                                        \
    "This message was not opened by\r\n%s,\r\nand its sender does not keep it any "                \
    "longer.\r\n\r\nReply to ask for it again.\r\n\r\nIt had %llu bytes, was sent by "             \
    "%s\r\nand announced here on %s.\r\nThis notice was written by your own peer.\r\n"
/* address */
#define TEXT_BLOCK_SUBJECT "Block %s?"
/* address, address */
#define TEXT_BLOCK_NOTICE                                                                          \
    "You moved a message from %s to Junk.\r\n\r\nTo get no more mail from this address, move "     \
    "this notice to Junk as\r\nwell, or run `restante contacts block %s`.\r\n\r\nIf you "          \
    "delete this notice, nothing changes, and you are not asked again.\r\n"
/* own address */
#define TEXT_INVITE_SUBJECT "%s has accepted your invitation"
/* own address */
#define TEXT_INVITE_NOTICE                                                                         \
    "This is %s. I have accepted your invitation: each of us now has the other's\r\nkey, "         \
    "verified, and you can write to me.\r\n"
/* master */
#define TEXT_NAMED_SUBJECT "%s names you in a group"
/* master, fingerprint, group, master */
#define TEXT_NAMED_NOTICE                                                                          \
    "%s, whose key is\r\n%s,\r\nnames you as a member of the group %s. Its members hold each "     \
    "other's outgoing\r\nmail and trust each other's keys.\r\n\r\nTo join, compare that key with " \
    "its owner, then run `restante group accept %s`.\r\nIf you do nothing, nothing "               \
    "changes.\r\n\r\nThis notice was written by your own peer.\r\n"
/* address */
#define TEXT_STALE_SUBJECT "%s wrote with an invalid invitation"
/* address, why */
#define TEXT_STALE_NOTICE                                                                          \
    "%s wrote to you with an invitation of yours, but\r\n%s.\r\n\r\nSo its key is not "            \
    "verified. If you want that, answer with a\r\nnew "                                            \
    "invitation (`restante invite`).\r\n\r\nThis notice was written by your own peer.\r\n"
#define TEXT_LINE_TOP "This message has not reached everybody yet:\r\n\r\n"
/* address, state, date */
#define TEXT_LINE_SINCE "  %s: %s since %s\r\n"
/* a state */
#define TEXT_LINE_UNLOOKED "not looked up yet"
/* recipients */
#define TEXT_LINE_MORE "  and %u more; see `restante outbox`\r\n"
#define TEXT_LINE_END                                                                              \
    "\r\nThe message itself is in Sent. Deleting this line withdraws it from everyone who has "    \
    "not\r\nfetched it. The line goes by itself when everyone has fetched it.\r\n"
/* date */
#define TEXT_REPORT_TOP "Your message of %s\r\n"
#define TEXT_REPORT_PULLED "\r\nwas fetched by\r\n"
#define TEXT_REPORT_EXPIRED "\r\nwas not opened in time, and is not kept any longer, by\r\n"
#define TEXT_REPORT_FAILED "\r\ncould not be sent to\r\n"
#define TEXT_NOT_SEALED "It could not be encrypted on this machine; Restante's log says why."
#define TEXT_REPORT_DELAYED "\r\nhas not been fetched yet by\r\n"
#define TEXT_REPORT_WAITS                                                                          \
    "\r\nNothing needs to be done: it waits here until they fetch it or it expires.\r\n"
#define TEXT_REPORT_AGAIN "\r\nTo try again, send it once more.\r\n"
/* date */
#define TEXT_REPORT_NOT_OPENED "Not opened by %s"
#define TEXT_REPORT_NOT_REACHED "Not reached"
#define TEXT_REPORT_NOT_YET "Not fetched yet"
#define TEXT_REPORT_SUBJECT_PULLED "Fetched"
#define TEXT_REPORT_SUBJECT_EXPIRED "Not fetched in time"
#define TEXT_REPORT_SUBJECT_FAILED "Not sent"
#define TEXT_REPORT_SUBJECT_DELAYED "Not fetched yet"

#endif
