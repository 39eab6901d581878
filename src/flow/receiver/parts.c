/* SPDX-License-Identifier: GPL-3.0-or-later */
/* parts.c - see parts.h. */
#include "flow/receiver/parts.h"
#include "flow/steps.h"
#include "store/incoming.h"
#include <unistd.h>

void parts_forget(struct flow *f, int64_t n, const uint8_t nid[HASH_LEN], bool user)
{
    static const struct {
        const char *dir, *suffix;
    } left[] = {{"inbox/parts", ""}, {"inbox/parts", ".head"}, {"inbox/full", ".tmp"}};
    struct incoming in;
    if (!user && (work_under_way(f, step_pull, n) || work_under_way(f, step_stub, n)))
        return;
    if (in_get(store_reader(f->store), n, &in) < 0)
        return;
    enum in_state state = in.state;
    incoming_free(&in);
    if (state == IN_NOTICED || state == IN_STUB || state == IN_QUARANTINED)
        return;
    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++) {
        char path[PATH_CAP];
        flow_path(f, path, left[i].dir, nid, HASH_LEN, left[i].suffix);
        (void)unlink(path);
    }
}
