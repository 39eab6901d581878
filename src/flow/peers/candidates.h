/* SPDX-License-Identifier: GPL-3.0-or-later */
/* candidates.h - what stands at one key of the DHT and may be the record that is looked for:
 * anybody can put there, so only some of it is fetched, and what it is a signature must say. */
#ifndef RESTANTE_FLOW_CANDIDATES_H
#define RESTANTE_FLOW_CANDIDATES_H

#include "flow/core/services.h"
#include "dht/dht.h"

#define CANDIDATES_MAX 64

struct candidates {
    struct services *services;
    char key[DHT_KEY_MAX + 1];
    size_t max; /* not more are fetched: of more, at each look another part */
    struct bytes value[CANDIDATES_MAX];
    uint8_t lock[CANDIDATES_MAX][HASH_LEN];
    size_t count;
    bool ok;       /* none of the requests failed */
    bool complete; /* and these are all there are, by a node that was connected */
    void (*done)(void *ctx);
    void *ctx;
};

/* Of n ids at most max (CANDIDATES_MAX or less) are taken: of more another part at each look, so
 * that who floods a key hides nothing for good; each has the same chance. Returns how many. */
size_t candidates_part(const uint8_t *ids, size_t n, size_t max,
                       uint8_t part_r[CANDIDATES_MAX * DHT_ID_LEN]);
/* Fetches what stands at c->key into c, which is zero but for key and max and stays until done is
 * called: once, on the loop's thread, never before this returns. */
void candidates_fetch(struct candidates *c, struct services *sv, void (*done)(void *ctx),
                      void *ctx);
/* Frees the values. */
void candidates_free(struct candidates *c);

#endif
