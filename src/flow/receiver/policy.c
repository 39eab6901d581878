/* SPDX-License-Identifier: GPL-3.0-or-later */
/* policy.c - see policy.h. */
#include "flow/receiver/policy.h"
#include "base/texts.h"
#include "flow/peers/standing.h"
#include <string.h>
#include <strings.h>

#define DELETIONS_FEW 20 /* a client without a name may expunge so many unasked */
#define PREVIEW_MAX 4096 /* octets; K-9 opens a message by asking for so many more */

/* Clients that fetch whole messages in advance as they come, and that ask in another way when a
 * person opens one: BODY[], or with PEEK for a range of it or for a part. */
static const char *const ahead[] = {"Thunderbird"};

bool policy_fetches_ahead(const char *client)
{
    for (size_t i = 0; i < sizeof ahead / sizeof *ahead; i++)
        if (strcasecmp(client, ahead[i]) == 0)
            return true;
    return false;
}

/* Programs that expunge by themselves what is gone on their other side; their names in ID. */
static const char *const synchronizers[] = {"mbsync",    "isync",     "OfflineIMAP",
                                            "imapsync",  "fetchmail", "getmail",
                                            "interimap", "imapfw",    "imap-backup"};

bool policy_person_deletes(const struct deletion *d)
{
    if (strcmp(d->client, CLIENT_NONE) == 0)
        return d->n <= DELETIONS_FEW || (!d->refused && (d->listed || d->by_number));
    for (size_t i = 0; i < sizeof synchronizers / sizeof *synchronizers; i++)
        if (strncasecmp(d->client, synchronizers[i], strlen(synchronizers[i])) == 0)
            return false;
    return true;
}

int policy_client_name(const char *in, char out[CLIENT_NAME_MAX + 1])
{
    size_t n = strlen(in);
    if (n == 0 || n > CLIENT_NAME_MAX)
        return -1;
    for (size_t i = 0; i <= n; i++) {
        if (i < n && (in[i] < ' ' || in[i] > '~'))
            return -1;
        out[i] = (char)(in[i] == ' ' ? '_' : in[i]);
    }
    return 0;
}

/* A message that is fetched in advance is refused with a sentence, not passed over: a copy to a
 * local folder looks the same, and must not be taken for done. */
static enum verdict background(const struct reading *r)
{
    if (!r->peek)
        return VERDICT_PULL;
    if (r->part == READ_WHOLE && !r->partial)
        return VERDICT_REFUSE;
    if (r->part == READ_TEXT && r->partial && r->octets <= PREVIEW_MAX)
        return VERDICT_SKIP;
    return VERDICT_PULL;
}

enum verdict policy_verdict(struct db *db, const char *sender, const struct reading *r)
{
    enum policy p = policy_get(db, POLICY_CONTACT, sender);
    if (p == POLICY_NONE)
        p = policy_get(db, POLICY_CLIENT, r->client);
    if (p == POLICY_PULL_ALL)
        return VERDICT_PULL;
    return p == POLICY_REFUSE_BACKGROUND || policy_fetches_ahead(r->client) ? background(r)
                                                                            : VERDICT_PULL;
}

enum verdict policy_judge(struct services *sv, const uint8_t nid[HASH_LEN], const struct reading *r,
                          struct error *why)
{
    char sender[ADDRESS_MAX + 1];
    struct db *db = store_reader(sv->store);
    if (standing_of(sv)->stop_reason[0] != '\0' || !policy_sender(db, nid, sender, sizeof sender))
        return VERDICT_PULL;
    enum verdict v = policy_verdict(db, sender, r);
    if (v == VERDICT_REFUSE)
        (void)error_set(why, TEXT_AHEAD);
    return v;
}
