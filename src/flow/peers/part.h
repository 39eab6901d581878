/* SPDX-License-Identifier: GPL-3.0-or-later */
/* part.h - a blob on its way into a file: each chunk is verified before it is written, and what a
 * crash left is verified again (P-5.4). Where the octets come from is transfer.c's. */
#ifndef RESTANTE_FLOW_PART_H
#define RESTANTE_FLOW_PART_H

#include "base/growing.h"
#include "flow/core/services.h"
#include "base/file.h"

struct part {
    struct blob_ref blob;
    char path[PATH_CAP];
    int fd;
    uint64_t octets;   /* verified and written, from the front */
    struct buf chunks; /* the list, once part_has_list */
    uint8_t *piece;    /* the chunk that is being filled */
    size_t piece_len;
    struct growing *grows; /* who reads it meanwhile; may be NULL, not owned */
    struct error local;    /* this peer's own fault, for the user; empty: none */
};

/* Opens the file, and makes it if it is not there. false: local says why. part_close either way. */
bool part_open(struct part *p, const struct blob_ref *blob, const char *path);
void part_close(struct part *p);
bool part_whole(const struct part *p);
uint64_t part_chunk_count(const struct part *p);
/* The list in p->chunks is the announced one. */
bool part_has_list(const struct part *p);
/* The list of a blob that is one chunk: it holds the blob's own hash. false: the announcement
 * contradicts itself. */
bool part_make_list(struct part *p);

/* What the file holds beyond `octets` is verified; the rest is cut off. Worker thread. */
void part_recheck(struct part *p);

enum part_fed {
    PART_FED,
    PART_MORE,  /* octets beyond the blob's end */
    PART_OTHER, /* a chunk that is not the announced one; nothing of it was written */
    PART_FAULT, /* local says what */
};
/* More octets, in order. */
enum part_fed part_feed(struct part *p, const uint8_t *data, size_t n);

/* Makes a whole part file HOME/dir/<hash>.part durable and gives it and its chunk list their names.
 * Worker thread. */
int part_place(const struct services *sv, const char *dir, const uint8_t hash[HASH_LEN],
               const struct bytes *chunks, struct error *e);

#endif
