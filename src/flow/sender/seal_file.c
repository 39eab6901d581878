/* SPDX-License-Identifier: GPL-3.0-or-later */
/* seal_file.c - see seal_file.h. The blob lies in the outbox under a name that is not served until
 * it is published. */
#include "flow/sender/seal_file.h"
#include "pgp/pgp.h"
#include "flow/core/path.h"
#include "base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int seal_keys_init(struct seal_keys *k, size_t room)
{
    *k = (struct seal_keys){.room = room, .ocb = true};
    k->address = calloc(room + 1, sizeof *k->address);
    k->contact = calloc(room + 1, sizeof *k->contact);
    k->to = calloc(room + 1, sizeof *k->to);
    return k->address == NULL || k->contact == NULL || k->to == NULL ? -1 : 0;
}

int seal_keys_add(struct seal_keys *k, struct db *db, const char *address, struct error *e)
{
    size_t i = k->count;
    if (i == k->room)
        return error_set(e, "A message has more recipients than were counted.");
    (void)strcpy(k->address[i], address);
    if (contact_get(db, address, &k->contact[i]) < 0)
        return error_set(e, "The key of %s is not in the key cache.", address);
    k->to[i] = (struct pgp_pub){k->contact[i].pubkey.p, k->contact[i].pubkey.n};
    k->ocb = k->ocb && k->contact[i].ocb;
    k->count++;
    return 0;
}

bool seal_keys_equal(const struct seal_keys *a, const struct seal_keys *b)
{
    bool same = a->count == b->count && a->ocb == b->ocb;
    for (size_t i = 0; same && i < a->count; i++)
        same = strcmp(a->address[i], b->address[i]) == 0 && a->to[i].len == b->to[i].len &&
               memcmp(a->to[i].data, b->to[i].data, a->to[i].len) == 0;
    return same;
}

void seal_keys_free(struct seal_keys *k)
{
    for (size_t i = 0; i < k->count && k->contact != NULL; i++)
        contact_free(&k->contact[i]);
    free(k->address);
    free(k->contact);
    free(k->to);
    *k = (struct seal_keys){0};
}

int sealed_file_init(struct sealed_file *x, size_t count)
{
    *x = (struct sealed_file){.count = count};
    x->chunks.cap = (size_t)CHUNKS_MAX * HASH_LEN;
    x->pkesk = calloc(count + 1, sizeof *x->pkesk);
    for (size_t i = 0; i < count && x->pkesk != NULL; i++)
        x->pkesk[i].cap = PKESK_MAX;
    return x->pkesk == NULL ? -1 : 0;
}

void sealed_file_free(struct sealed_file *x)
{
    buf_free(&x->chunks);
    for (size_t i = 0; i < x->count && x->pkesk != NULL; i++)
        buf_free(&x->pkesk[i]);
    free(x->pkesk);
    *x = (struct sealed_file){0};
}

int seal_file(const struct services *sv, struct pgp *pgp, const uint8_t id[MESSAGE_ID_LEN],
              const struct seal_keys *k, int in_fd, uint64_t size, struct growing *grows,
              struct sealed_file *x, struct error *e)
{
    char tmp[PATH_CAP], path[PATH_CAP], dir[PATH_CAP];
    /* two names: one that is given up may still be at work while the step seals */
    home_path(sv, tmp, "outbox", id, MESSAGE_ID_LEN, grows != NULL ? ".seal_stream" : ".part");
    (void)unlink(tmp);
    int fd = open(tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(e, "Cannot make %s: %s.", tmp, strerror(errno));
    struct pgp_seal p = {.in_fd = in_fd,
                         .grows = grows,
                         .out_fd = fd,
                         .to = k->to,
                         .to_count = k->count,
                         .ocb = k->ocb,
                         .in_size = size,
                         .pkesk = x->pkesk,
                         .chunks = &x->chunks};
    int rc = pgp_seal(pgp, &p, e);
    if (rc == 0 && fsync(fd) < 0)
        rc = error_set(e, "Cannot sync %s: %s.", tmp, strerror(errno));
    (void)close(fd);
    memcpy(x->hash, p.blob_hash, HASH_LEN);
    x->size = p.blob_size;
    home_path(sv, path, "outbox", x->hash, HASH_LEN, ".sealed");
    if (rc == 0 && rename(tmp, path) < 0)
        rc = error_set(e, "Cannot name %s: %s.", path, strerror(errno));
    if (rc == 0 && (rc = path_join(dir, sv->c.home, "outbox", e)) == 0)
        rc = dir_sync(dir, e);
    if (rc == 0)
        sha256(x->chunks.data, x->chunks.len, x->chunks_hash);
    else
        (void)unlink(tmp);
    return rc;
}
