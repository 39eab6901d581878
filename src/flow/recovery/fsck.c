/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fsck.c - rows without their files, and the order of a repair; see fsck.h. What is repaired in the
 * store is committed before files are touched: a crash in between leaves a fault of the same kind.
 */
#include "flow/recovery/fsck.h"
#include "base/clock.h"
#include "base/log.h"
#include "flow/group/group.h"
#include "flow/peers/presence.h"
#include "flow/receiver/expunge_scan.h"
#include "store/check.h"
#include "store/queue.h"
#include "flow/core/path.h"
#include "flow/core/step.h"
#include "base/file.h"
#include "base/mem.h"
#include "flow/core/trusted_clock.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LOG_AREA "fsck"

QUEUE(announce);
QUEUE(stub);

static const struct {
    const char *name, *text, *help, *done;
} kinds[] = {
    [FSCK_REMOVE] = {"orphan", "Nothing needs this file.", "It can be removed.", "It is removed."},
    [FSCK_ASIDE] = {"unknown", "No row names this file, and it may be mail.",
                    "It can be moved to the folder lost.",
                    "It is in the folder lost now, for 30 days."},
    [FSCK_ADOPT] = {"unknown-blob", "No row names this blob any more; somebody may wait for it.",
                    "It can be kept for as long as a notification could live.",
                    "It is offered for as long as a notification could live."},
    [FSCK_STRAY] = {"stray-stub", "Nothing can fill this stub any more: the message never opens.",
                    "It can be moved to the folder lost.",
                    "It is in the folder lost now, for 30 days."},
    [FSCK_SPOOL] = {"spool", "A submitted message is missing.",
                    "Its recipients can be given up, and you are told by mail.",
                    "Its recipients are given up, and you are told by mail."},
    [FSCK_BLOB] =
        {"blob", "The sealed message is missing or damaged.",
         "It can be recovered from the members of the group; without a group its recipients "
         "fail.",
         "It is being recovered from the members of the group; without a group its "
         "recipients fail."},
    [FSCK_CHUNKS] = {"chunks", "The list of its pieces is missing or wrong.",
                     "It can be written again.", "It is written again."},
    [FSCK_REPLICA] = {"replica", "Another member's sealed message is missing or damaged.",
                      "It can be fetched again.", "It is fetched again."},
    [FSCK_STUB] = {"stub", "The stub of a message that waits is missing.", "It can be made again.",
                   "It is made again."},
    [FSCK_FULL] = {"full", "A pulled message is missing before it was delivered.",
                   "It can be pulled again.", "It is pulled again."},
    [FSCK_FRESH] = {"no-stub", "A pulled message has no stub to fill.",
                    "It can be delivered as a new message.", "It is delivered as a new message."},
    [FSCK_FILLED] = {"filled", "A message was delivered, or thrown away, and its sender not told.",
                     "The sender can be told.", "The sender is told."},
    [FSCK_LINKS] = {"links", "Stubs were cut from their links, as by a copy of the home.",
                    "They are linked again when the peer starts.", "They are linked again."},
    [FSCK_HELD] = {"vanished",
                   "They vanished from the mailbox at once, and nobody was seen to do it.",
                   "If you deleted them: restante decline --all-deleted.", ""},
    [FSCK_PUT] = {"record", "A record is missing in the DHT.", "It can be put again.",
                  "It is put again."},
    [FSCK_CLEAN] = {"record-left", "A record is in the DHT and should not be.",
                    "It can be deleted.", "It is deleted."},
};

const char *fsck_kind_name(enum fsck_kind k)
{
    return kinds[k].name;
}

const char *fsck_kind_text(enum fsck_kind k)
{
    return kinds[k].text;
}

const char *fsck_kind_help(enum fsck_kind k, bool repaired)
{
    return repaired ? kinds[k].done : kinds[k].help;
}

void fsck_free(struct fsck *x)
{
    free(x->fault);
    free(x->seen);
    x->seen = NULL;
    x->seen_count = x->seen_room = 0;
    x->fault = NULL;
    x->count = x->room = 0;
}

size_t fsck_left(const struct fsck *x)
{
    size_t n = 0;
    for (size_t i = 0; i < x->count; i++)
        n += !x->fault[i].repaired;
    return n;
}

/* ---- rows without files */

/* -1: it is not there; else its octets. links_r may be NULL. */
static int64_t size_of(const struct fsck *x, const char *dir, const uint8_t *id, size_t n,
                       const char *suffix, uint64_t *links_r)
{
    char path[PATH_CAP];
    struct stat st;
    home_path(x->services, path, dir, id, n, suffix);
    if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return -1;
    if (links_r != NULL)
        *links_r = st.st_nlink;
    return st.st_size;
}

/* Is it what its name says? Only where there is time to read it all. */
static bool fsck_blob_is_whole(const struct fsck *x, const char *dir, const uint8_t hash[HASH_LEN],
                               const char *suffix)
{
    char path[PATH_CAP];
    struct blob_ref ref;
    memcpy(ref.hash, hash, HASH_LEN);
    home_path(x->services, path, dir, hash, HASH_LEN, suffix);
    return !x->thorough || fsck_read_blob(path, &ref, NULL) == 0;
}

static bool on_message(void *ctx, int64_t n, const uint8_t id[MESSAGE_ID_LEN])
{
    struct fsck *x = ctx;
    char hex[2 * MESSAGE_ID_LEN + 1];
    hex_encode(id, MESSAGE_ID_LEN, hex);
    if (size_of(x, "spool", id, MESSAGE_ID_LEN, "", NULL) < 0)
        (void)fsck_add(x, FSCK_SPOOL, n, "spool/%s", hex);
    return true;
}

/* One chunk's list is its own hash: it need not be there. */
static bool same_chunks(const struct fsck *x, const struct out_blob *b)
{
    char path[PATH_CAP];
    struct error e;
    struct buf have = BUF_INIT(b->chunks.n + 1);
    home_path(x->services, path, "outbox", b->hash, HASH_LEN, ".chunks");
    bool same = (b->size <= CHUNK_LEN && !file_exists(path)) ||
                (file_read(path, &have, &e) == 0 && have.len == b->chunks.n &&
                 memcmp(have.data, b->chunks.p, have.len) == 0);
    buf_free(&have);
    return same;
}

static bool fsck_on_blob(void *ctx, const struct out_blob *b)
{
    struct fsck *x = ctx;
    char hex[HASH_HEX + 1];
    hex_encode(b->hash, HASH_LEN, hex);
    int64_t size = size_of(x, "outbox", b->hash, HASH_LEN, "", NULL);
    bool unnamed = b->state == BLOB_SEALED || b->size <= CHUNK_LEN; /* or the next start names it */
    const char *suffix = size < 0 && unnamed ? ".sealed" : "";
    if (*suffix != '\0')
        size = size_of(x, "outbox", b->hash, HASH_LEN, suffix, NULL);
    if (size != (int64_t)b->size || !fsck_blob_is_whole(x, "outbox", b->hash, suffix))
        (void)fsck_add(x, FSCK_BLOB, b->n, "outbox/%s", hex);
    else if (b->state == BLOB_PUBLISHED && !same_chunks(x, b))
        (void)fsck_add(x, FSCK_CHUNKS, b->n, "outbox/%s.chunks", hex);
    return true;
}

static bool on_replica(void *ctx, const struct replica *r)
{
    struct fsck *x = ctx;
    char hex[HASH_HEX + 1];
    hex_encode(r->ref.hash, HASH_LEN, hex);
    if (strcmp(r->owner, x->services->c.address) == 0 &&
        size_of(x, "outbox", r->ref.hash, HASH_LEN, "", NULL) >= 0)
        return true; /* adopted, and on its way */
    if (size_of(x, "replica", r->ref.hash, HASH_LEN, "", NULL) != (int64_t)r->ref.size ||
        !fsck_blob_is_whole(x, "replica", r->ref.hash, ""))
        (void)fsck_add(x, FSCK_REPLICA, r->n, "replica/%s", hex);
    else if (size_of(x, "replica", r->ref.hash, HASH_LEN, ".chunks", NULL) !=
             (int64_t)((r->ref.size + CHUNK_LEN - 1) / CHUNK_LEN * HASH_LEN))
        fsck_add(x, FSCK_CHUNKS, r->n, "replica/%s.chunks", hex)->replica = true;
    return true;
}

static bool on_incoming(void *ctx, int64_t n, const uint8_t nid[HASH_LEN], enum in_state s,
                        bool fresh)
{
    struct fsck *x = ctx;
    char hex[HASH_HEX + 1];
    uint64_t links = 0;
    hex_encode(nid, HASH_LEN, hex);
    bool stub = size_of(x, "inbox/stubs", nid, HASH_LEN, "", &links) >= 0;
    if (s == IN_STUB) {
        if (!stub)
            (void)fsck_add(x, FSCK_STUB, n, "inbox/stubs/%s", hex);
    } else if (size_of(x, "inbox/full", nid, HASH_LEN, "", NULL) < 0) {
        bool again = !stub || links > 1;
        fsck_add(x, again ? FSCK_FULL : FSCK_FILLED, n, "inbox/full/%s", hex)->stub = stub;
    } else if (!stub && !fresh) {
        (void)fsck_add(x, FSCK_FRESH, n, "inbox/stubs/%s", hex);
    }
    return true;
}

int fsck_look(struct fsck *x, struct error *e)
{
    unsigned failed = store_failed_reads();
    x->db = store_reader(x->services->store);
    x->now_s = trusted_now_ms(x->services) / 1000;
    if (x->now_s == 0) /* nothing runs: a person asks */
        x->now_s = clock_wall_ms() / 1000;
    if (check_database(x->db, e) < 0 || expunge_scan_relink(x->services, false, &x->cut, e) < 0 ||
        fsck_orphans(x, e) < 0)
        return -1;
    if (x->cut > 0)
        (void)fsck_add(x, FSCK_LINKS, 0, "%zu stubs", x->cut);
    int64_t held = in_held(x->db, expunge_scan_held_to(x->db));
    if (held > 0)
        (void)fsck_add(x, FSCK_HELD, 0, "%lld stubs", (long long)held);
    check_messages(x->db, on_message, x);
    check_blobs(x->db, fsck_on_blob, x);
    check_replicas(x->db, x->now_s - x->services->c.expiry_grace / 1000, on_replica, x);
    check_incoming(x->db, on_incoming, x);
    fsck_stubs_judge(x);
    if (store_failed_reads() != failed) /* what seems to be gone may only be unreadable */
        return error_set(e,
                         "This peer's database cannot be read; nothing was changed. See the log, "
                         "and restore a backup if the disk is well.");
    return 0;
}

/* ---- repairs */

static int fsck_repair_row(struct db *db, const struct fsck *x, const struct fsck_fault *f)
{
    switch (f->kind) {
    case FSCK_SPOOL:
        return check_spool_lost(db, f->n, "It is missing in this peer's spool. Send it again.");
    case FSCK_BLOB:
        return check_blob_missing(db, f->n);
    case FSCK_REPLICA:
        return check_replica_again(db, f->n);
    case FSCK_STUB:
        return check_stub_again(db, f->n);
    case FSCK_FULL:
        return check_pull_again(db, f->n, f->stub);
    case FSCK_FRESH:
        return in_set_fresh(db, f->n);
    case FSCK_FILLED:
        return in_set_answer(db, f->n);
    case FSCK_ADOPT:
        return f->n == 0
                   ? 0
                   : (adopt(db, x->services->c.address, &f->ref, f->expiry_s, REPLICA_HELD) < 0
                          ? -1
                          : 0);
    case FSCK_PUT:
        return f->n == 0
                   ? 0
                   : queue_delay(db, f->incoming ? &queue_stub : &queue_announce, f->n, 0, NULL);
    case FSCK_CLEAN:
        return f->incoming ? check_answer_again(db, f->n) : rcv_again(db, f->n, INT64_MAX);
    case FSCK_REMOVE:
    case FSCK_ASIDE:
    case FSCK_STRAY:
    case FSCK_CHUNKS:
    case FSCK_LINKS:
    case FSCK_HELD:
        break;
    }
    return 0;
}

/* Not while a copy of it stands in the Maildir: there would be two. */
static bool may_repair(const struct fsck *x, const struct fsck_fault *f)
{
    return f->kind != FSCK_HELD && (f->kind != FSCK_STUB || x->cut == 0);
}

static int fsck_repair_run(struct db *db, void *arg)
{
    const struct fsck *x = arg;
    for (size_t i = 0; i < x->count; i++)
        if (!x->fault[i].repaired && may_repair(x, &x->fault[i]) &&
            fsck_repair_row(db, x, &x->fault[i]) < 0)
            return -1;
    return 0;
}

/* What needs no row is mended at once, while nothing else runs on this thread. */
static bool is_file(const struct fsck_fault *f)
{
    return f->kind == FSCK_REMOVE || f->kind == FSCK_ASIDE || f->kind == FSCK_STRAY ||
           f->kind == FSCK_CHUNKS;
}

static void fsck_repair_done(void *arg, int rc)
{
    struct fsck *x = arg;
    store_crash_point("fsck.after");
    for (size_t i = 0; rc == 0 && i < x->count; i++) {
        struct fsck_fault *f = &x->fault[i];
        if (f->repaired || is_file(f) || f->kind == FSCK_LINKS)
            continue;
        if (f->kind == FSCK_ADOPT)
            fsck_repair_file(x, f);
        else
            f->repaired = may_repair(x, f);
        if (f->kind == FSCK_PUT && f->group)
            groups_put(x->services);
        else if (f->kind == FSCK_PUT && f->n == 0)
            presence_again(x->services);
        if (f->repaired && f->kind != FSCK_ADOPT)
            log_warn("%s: %s %s", f->what, fsck_kind_text(f->kind), fsck_kind_help(f->kind, true));
    }
    kick(x->services);
    x->done(x->ctx, rc);
}

/* The peer does not run: nothing renames a stub meanwhile. */
static void repair_links(struct fsck *x)
{
    struct error e;
    size_t found;
    if (expunge_scan_relink(x->services, true, &found, &e) < 0)
        return;
    x->cut = 0;
    for (size_t i = 0; i < x->count; i++) {
        struct fsck_fault *f = &x->fault[i];
        char path[PATH_CAP];
        f->repaired = f->kind == FSCK_LINKS ||
                      (f->kind == FSCK_STUB &&
                       path_join(path, x->services->c.home, f->what, &e) == 0 && file_exists(path));
    }
}

void fsck_repair(struct fsck *x, void (*done)(void *ctx, int rc), void *ctx)
{
    x->db = store_reader(x->services->store);
    x->done = done;
    x->ctx = ctx;
    if (x->cut > 0 && !x->running)
        repair_links(x);
    /* files go before new ones of the same names come */
    for (size_t i = 0; i < x->count; i++)
        if (is_file(&x->fault[i]))
            fsck_repair_file(x, &x->fault[i]);
    for (size_t i = 0; i < x->count; i++) {
        struct fsck_fault *f = &x->fault[i];
        if (f->kind != FSCK_ADOPT)
            continue;
        fsck_measure(x, f);
        if (is_file(f))
            fsck_repair_file(x, f);
    }
    store_crash_point("fsck.before");
    store_do(x->services->store, fsck_repair_run, fsck_repair_done, x);
}

/* ---- at start */

static void started(void *ctx, int rc)
{
    struct fsck *x = ctx;
    size_t removed = 0;
    for (size_t i = 0; i < x->count; i++)
        removed += x->fault[i].kind == FSCK_REMOVE && x->fault[i].repaired;
    if (rc != 0)
        log_error("%s", store_refused(NULL, "the repairs of the start"));
    if (removed > 0)
        log_info("%zu files belonged to nothing and were removed", removed);
    fsck_free(x);
    free(x);
}

static int fsck_start(struct services *sv, struct error *e)
{
    struct fsck *x = mem_new(sizeof *x);
    x->services = sv;
    fsck_publish(sv);
    if (fsck_look(x, e) < 0) {
        fsck_free(x);
        free(x);
        return -1;
    }
    fsck_forget_lost(sv);
    fsck_repair(x, started, x);
    return 0;
}

const struct module fsck_module = {.start = fsck_start};
