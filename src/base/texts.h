/* SPDX-License-Identifier: GPL-3.0-or-later */
/* texts.h - every sentence that a person may meet in a mail client: plain, what happened, and what
 * happens next or what to do. Nowhere else stands one (tests/house). Texts with a % are formats for
 * the arguments that the line before names. */
#ifndef RESTANTE_BASE_TEXTS_H
#define RESTANTE_BASE_TEXTS_H

/* ---- SMTP: to RCPT */

#define TEXT_RCPT_OK "2.1.5 Receiver accepted."
#define TEXT_RCPT_LATER "2.1.5 Receiver accepted; its key is looked for later."
#define TEXT_RCPT_AGAIN "2.1.5 Receiver accepted already."
/* group, members */
#define TEXT_RCPT_ALL "2.1.5 Receivers accepted: the other members of %.253s (%zu)."
#define TEXT_RCPT_MANY "4.5.3 This message has too many receivers: send it in parts."
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
    "%.254s is not known: nobody in this network has announced that address, and other mail "      \
    "systems cannot be reached. Check the spelling, or ask its owner to start Restante once."

#endif
