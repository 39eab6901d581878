/* SPDX-License-Identifier: GPL-3.0-or-later */
/* policy.h - may this reading of a body begin a pull? A client opens, fetches in advance, or looks
 * at the first words for a notice of new mail; which of them it is shows in what it asks for
 * (P-7.12). */
#ifndef RESTANTE_FLOW_POLICY_H
#define RESTANTE_FLOW_POLICY_H

#include "flow/core/services.h"
#include "store/policy.h"

#define CLIENT_NAME_MAX 40
#define CLIENT_NONE "-" /* a client that gives no name */

/* A reading, as the plugin describes it (P-7.5). */
struct reading {
    char client[CLIENT_NAME_MAX + 1];
    bool peek;    /* \Seen is not set by it */
    bool partial; /* only some octets are asked for, so many: */
    uint64_t octets;
    enum { READ_WHOLE, READ_TEXT, READ_PART } part;
};

enum verdict {
    VERDICT_PULL,
    VERDICT_REFUSE, /* with the sentence, for a person who did ask */
    VERDICT_SKIP,   /* neither the message nor an error */
};

/* Only messages that could be pulled are judged; of others the one who opens says what became of
 * them. why_r: the sentence of a refusal. */
enum verdict policy_judge(struct services *sv, const uint8_t nid[HASH_LEN], const struct reading *r,
                          struct error *why_r);
/* The same by the rules alone. */
enum verdict policy_verdict(struct db *db, const char *sender, const struct reading *r);

/* The rule for a client that the user made none for, by what is known of its habits. */
bool policy_fetches_ahead(const char *client);

/* A client's name as the rules have it: printable ASCII, spaces as '_'. -1: none, or too long. */
int policy_client_name(const char *in, char out[CLIENT_NAME_MAX + 1]);

/* How a client came to expunge a stub (P-7.10). */
struct deletion {
    char client[CLIENT_NAME_MAX + 1];
    unsigned n;     /* stubs that this session has expunged, with this one */
    bool listed;    /* it had fetched headers or envelopes */
    bool by_number; /* it flags messages by number, not by UID */
    bool refused;   /* a body had been refused to it */
};
/* Is it a person's word, whatever the number? Not from a program that synchronizes, nor from one
 * without a name that expunges in bulk what it was refused, or what it never looked at. */
bool policy_person_deletes(const struct deletion *d);

#endif
