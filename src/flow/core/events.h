/* SPDX-License-Identifier: GPL-3.0-or-later */
/* events.h - what happened that parts of the flow which do not know each other may care for. */
#ifndef RESTANTE_FLOW_EVENTS_H
#define RESTANTE_FLOW_EVENTS_H

struct services;

enum event {
    EVENT_CONNECTED,     /* the DHT has nodes again: what was put off for want of it is due */
    EVENT_MAY_GO,        /* this peer is the only one of its address, as far as is known now */
    EVENT_CLOCK_JUMPED,  /* the wall clock went elsewhere than the time that passed */
    EVENT_CLOCK_SET,     /* what was put off by another time of the clock is due now */
    EVENT_CLOCK_DOUBTED, /* every now and then while the wall clock is ahead of the trusted time */
    EVENT_RECEIPTS_LOOKED, /* all receipts for own messages were looked for while connected */
    EVENT_RECORDS_CHANGED, /* what the own identity or descriptor says is no longer what is posted
                            */
    EVENT_ADDRESS_CHANGED, /* this computer has other network addresses */
    EVENT_GROUP_CHANGED,   /* this peer wrote, accepted or left a list of members */
    EVENT_GROUP_READ,      /* the own group's list was looked at, whatever stands there */
    EVENT_INVITE_USED,     /* by a mail with its proof, or here: more may be to do about one */
};

/* Each module that started hears of it, in the order of starting, before this returns. */
void event_raise(struct services *sv, enum event what);

#endif
