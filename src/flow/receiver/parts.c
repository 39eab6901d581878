/* SPDX-License-Identifier: GPL-3.0-or-later */
/* parts.c - see parts.h. */
#include "flow/receiver/parts.h"
#include "flow/core/step.h"
#include "store/incoming.h"
#include "flow/core/path.h"
#include "base/file.h"
#include <unistd.h>

QUEUE(pull);
QUEUE(stub);

static void take_away(struct services *sv, const uint8_t nid[HASH_LEN])
{
    static const struct {
        const char *dir, *suffix;
    } left[] = {{"inbox/parts", ""}, {"inbox/parts", ".head"}, {"inbox/full", ".tmp"}};
    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++) {
        char path[PATH_CAP];
        home_path(sv, path, left[i].dir, nid, HASH_LEN, left[i].suffix);
        (void)unlink(path);
    }
}

void parts_forget(struct services *sv, int64_t n, const uint8_t nid[HASH_LEN])
{
    if (!work_under_way(sv, &queue_pull, n) && !work_under_way(sv, &queue_stub, n))
        take_away(sv, nid);
}

void parts_forget_if_ended(struct services *sv, int64_t n, const uint8_t nid[HASH_LEN])
{
    struct incoming in;
    if (in_get(store_reader(sv->store), n, &in) < 0)
        return;
    if (in.state != IN_NOTICED && in.state != IN_STUB && in.state != IN_QUARANTINED)
        take_away(sv, nid);
    incoming_free(&in);
}
