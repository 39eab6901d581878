/* SPDX-License-Identifier: GPL-3.0-or-later */
/* held.c - see held.h. The part file is a link to the replica, never written to: a transfer that
 * comes after all begins with a file of its own. */
#include "flow/receiver/held.h"
#include "base/log.h"
#include "store/replicas.h"
#include "flow/core/path.h"
#include "base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_AREA "pull"
#define PIECE (256 * 1024)

bool held_here(const struct services *sv, const struct blob_ref *blob)
{
    return replica_is_held(store_reader(sv->store), blob->hash);
}

/* h is over all of the blob, so that no list of chunks is needed. */
static bool held_is_whole(int fd, const struct blob_ref *blob)
{
    uint8_t hash[HASH_LEN], *piece = malloc(PIECE);
    struct sha256 *s = sha256_new();
    uint64_t at = 0;
    ssize_t n = piece == NULL ? -1 : 1;
    while (n > 0 && at <= blob->size) {
        n = pread(fd, piece, PIECE, (off_t)at);
        if (n > 0) {
            sha256_add(s, piece, (size_t)n);
            at += (uint64_t)n;
        }
    }
    sha256_end(&s, hash);
    free(piece);
    return n == 0 && at == blob->size && memcmp(hash, blob->hash, HASH_LEN) == 0;
}

/* A link that an earlier try left goes: what writes there must not reach the replica. */
static void unlink_shared(const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0 && st.st_nlink > 1)
        (void)unlink(path);
}

bool held_take(const struct services *sv, const struct blob_ref *blob, const char *path)
{
    char from[PATH_CAP], tmp[PATH_CAP + 8];
    home_path(sv, from, "replica", blob->hash, HASH_LEN, "");
    unlink_shared(path);
    int fd = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    bool good = held_is_whole(fd, blob);
    (void)close(fd);
    if (!good) {
        log_warn("%s is not what it should be: `restante fsck` mends it", from);
        return false;
    }
    (void)snprintf(tmp, sizeof tmp, "%s.held", path);
    (void)unlink(tmp);
    good = link(from, tmp) == 0 && rename(tmp, path) == 0;
    if (!good) {
        log_error("%s cannot be linked: %s", from, strerror(errno));
        (void)unlink(tmp);
    }
    return good;
}
