/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fsck.h - where rows, files and (with the DHT at hand) records of a home disagree, and what is
 * done about it (P-10.24). Nothing that may be the last copy of mail is ever removed: it is kept
 * under a row, or moved to HOME/lost, where it stays for thirty days. */
#ifndef RESTANTE_FLOW_FSCK_H
#define RESTANTE_FLOW_FSCK_H

#include "flow/core/module.h"

enum fsck_kind {
    /* a file without a row */
    FSCK_REMOVE, /* what can be no mail, or stands elsewhere too: removed */
    FSCK_ASIDE,  /* moved to lost/ */
    FSCK_ADOPT,  /* an own blob: it goes on being served, as a replica */
    FSCK_STRAY,  /* a stub that nothing can fill: moved to lost/ */
    /* a row without its file */
    FSCK_SPOOL,   /* nobody has it: its receivers fail, and the user is told */
    FSCK_BLOB,    /* taken back from the group's members; without a group, its receivers fail */
    FSCK_CHUNKS,  /* written again from the row */
    FSCK_REPLICA, /* fetched again */
    FSCK_STUB,    /* made again */
    FSCK_FULL,    /* pulled again */
    FSCK_FRESH,   /* a message without its stub: delivered as a new one */
    FSCK_FILLED,  /* its stub is filled, or thrown away: told to the sender */
    /* links */
    FSCK_LINKS, /* stubs that a copy of the home has cut from their links: linked again at a start
                 */
    FSCK_HELD,  /* stubs that vanished at once: the user is to say whether that was meant */
    /* a record that is not in the DHT, or should not be */
    FSCK_PUT,   /* put again */
    FSCK_CLEAN, /* deleted */
};
const char *fsck_kind_name(enum fsck_kind k); /* "orphan", "blob", ... */
/* Sentences: what is wrong; what was done, or is to be done. */
const char *fsck_kind_text(enum fsck_kind k);
const char *fsck_kind_help(enum fsck_kind k, bool repaired);

struct fsck_fault {
    enum fsck_kind kind;
    int64_t n;           /* row */
    char what[320];      /* a path below the home, or what the record is */
    struct blob_ref ref; /* FSCK_ADOPT */
    int64_t expiry_s;
    bool stub;     /* FSCK_FULL: its stub stands */
    bool replica;  /* FSCK_CHUNKS: of a replica */
    bool incoming; /* FSCK_PUT, FSCK_CLEAN: which side's row */
    bool group;    /* FSCK_PUT: of the group's descriptor; without a row: an own record */
    bool repaired;
};

struct fsck_seen { /* a stub in the Maildir */
    char what[320];
    uint8_t nid[HASH_LEN];
};

struct fsck {
    struct services *services;
    bool running;  /* steps are under way: young files belong to them */
    bool thorough; /* sealed mail is read and compared with its hash */
    struct fsck_fault *fault;
    size_t count, room;
    struct fsck_seen *seen;
    size_t seen_count, seen_room;
    size_t cut;    /* stubs that were cut from their links */
    struct db *db; /* for reading */
    int64_t now_s;
    void (*done)(void *ctx, int rc);
    void *ctx;
};

/* Looks at rows and files; faults are added. Loop's thread; -1 and e when it cannot. */
int fsck_look(struct fsck *x, struct error *e);
/* One more fault, to be filled further; valid until the next one. */
struct fsck_fault *fsck_add(struct fsck *x, enum fsck_kind kind, int64_t n, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Repairs what fsck_look found; done is called on the loop's thread after all is durable, and x
 * must live until then. rc -1: the database does not take it. */
void fsck_repair(struct fsck *x, void (*done)(void *ctx, int rc), void *ctx);
size_t fsck_left(const struct fsck *x); /* not repaired */
void fsck_free(struct fsck *x);

/* At start, before anything runs: looks, repairs, says so in the log. What is repaired in the store
 * is done when the store comes to it. */
extern const struct module fsck_module;

/* fsck_files.c: files without rows. */
int fsck_orphans(struct fsck *x, struct error *e);
/* Is this file the blob whose hash is ref->hash? Then 0, with ref's size and chunks_hash, and the
 * chunk list in chunks (may be NULL). */
int fsck_read_blob(const char *path, struct blob_ref *ref, struct buf *chunks);
/* Before the store's part of a repair: an own blob is measured, and put aside if it is none. */
void fsck_measure(struct fsck *x, struct fsck_fault *f);
/* After it. */
void fsck_repair_file(struct fsck *x, struct fsck_fault *f);
/* At the start: blobs that were committed as published, and not yet named, get their names. */
void fsck_publish(struct services *sv);
/* What was put aside long ago goes. */
void fsck_forget_lost(struct services *sv);

/* fsck_stubs.c: the stubs of the Maildir, to be read before fsck_look (any thread, nothing else may
 * use x meanwhile); then, in it, those that nothing can fill. */
void fsck_stubs_read(struct fsck *x);
void fsck_stubs_judge(struct fsck *x);

/* fsck_records.c: what stands in the DHT for rows that are alive, or ended not long ago. done: all
 * was looked at (complete), or the DHT did not answer. */
void fsck_records(struct fsck *x, void (*done)(void *ctx, bool complete), void *ctx);

#endif
