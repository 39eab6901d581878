/* SPDX-License-Identifier: GPL-3.0-or-later */
/* group_work.h - what the files of the peer group share: group.c (looking and putting),
 * group_make.c (what master and deputy write), group_join.c (accepting and leaving), group_keys.c
 * (the members' keys). */
#ifndef RESTANTE_FLOW_GROUP_WORK_H
#define RESTANTE_FLOW_GROUP_WORK_H

#include "flow/group/group.h"
#include "store/groups.h"
#include "dht/dht.h"

struct group_look;
struct groups {
    uv_timer_t *timer;
    char key[DHT_KEY_MAX + 1]; /* group:<own group> */
    struct group_look *look;   /* one at a time */
    bool again;
    bool making;              /* a change by the master or a deputy is under way */
    unsigned finding;         /* look-ups of members' keys under way */
    bool put_now;             /* whenever it was put last */
    bool identity_known, has; /* the group that the posted identity names */
    uint8_t master_fpr[FPR_LEN];
};

/* The members as a row's signed record names them. r_r's pointers are into the row. */
int group_read(const struct services *sv, const struct group_row *g, struct group_record *r_r,
               struct error *e);
/* The accepted group may have changed: the identity follows. */
void groups_renew_identity(struct services *sv);
/* Writes the descriptor anew when its time comes: the master with the same members, a deputy as a
 * renewal. g: the accepted row. */
void groups_renew(struct services *sv, const struct group_row *g);
/* Is a member's acceptance waited for, of a list that is young? Then it is looked for more often:
 * who was just invited is about to answer, and somebody watches. */
bool groups_expect(struct services *sv, const struct group_row *g);
int64_t groups_soon(const struct services *sv); /* ms */
/* Looks for the identities of members of the accepted group where that is due. period: how often
 * the group is looked at now, ms. */
void groups_keys(struct services *sv, const struct group_row *g, int64_t period);

/* As members_service.find. */
void member_find(struct services *sv, const char *address, const uint8_t fpr[FPR_LEN],
                 endpoint_lookup_fn *fn, void *ctx);

/* The module's state; NULL when it does not run. Its name: */
extern const char groups_key;
struct groups *groups_of(const struct services *sv);

#endif
