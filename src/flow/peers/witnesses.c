/* SPDX-License-Identifier: GPL-3.0-or-later */
/* witnesses.c - see witnesses.h. */
#include "flow/peers/witnesses.h"
#include "base/clock.h"
#include "base/crypt.h"
#include "base/log.h"
#include "dht/dht.h"
#include "flow/peers/identity.h"
#include "store/contacts.h"
#include <string.h>

#define LOG_AREA "clock"
#define ASKED 8 /* contacts at a time */

struct witnesses {
    bool asked;
    int64_t asked_ms; /* on the monotonic clock */
    unsigned under_way;
};

struct choice {
    struct contact one[ASKED];
    size_t count, seen;
};

/* Each contact has the same chance. */
static bool witness_choose(void *ctx, const struct contact *c, const uint8_t *other)
{
    struct choice *x = ctx;
    uint32_t r;
    random_bytes(&r, sizeof r);
    size_t at = x->seen < ASKED ? x->seen : r % (x->seen + 1);
    x->seen++;
    if (at < ASKED)
        x->one[at] = *c;
    x->count = x->seen < ASKED ? x->seen : ASKED;
    return true;
}

/* What was found has testified already (identity.c). */
static void on_identity(void *ctx, const struct verified_identity *v, const char *why)
{
    struct services *sv = ctx;
    struct witnesses *w = module_state(sv, &witnesses_module);
    w->under_way--;
}

static void witnesses_ask(struct services *sv)
{
    struct witnesses *w = module_state(sv, &witnesses_module);
    struct choice x = {.count = 0};
    if (w == NULL || w->under_way > 0 || dht_link_state(sv->dht) != DHT_CONNECTED ||
        (w->asked && clock_mono_ms() - w->asked_ms < sv->c.poll))
        return;
    w->asked = true;
    w->asked_ms = clock_mono_ms();
    contact_each(store_reader(sv->store), witness_choose, &x);
    for (size_t i = 0; i < x.count; i++) {
        w->under_way++;
        identity_find(sv, x.one[i].address, x.one[i].fpr, on_identity, sv);
    }
    if (x.count > 0)
        log_info("%zu contacts are asked how late it is", x.count);
}

static int witnesses_start(struct services *sv, struct error *e)
{
    (void)module_new(sv, &witnesses_module, sizeof(struct witnesses));
    return 0;
}

static void witnesses_on(struct services *sv, enum event what)
{
    if (what == EVENT_CLOCK_DOUBTED)
        witnesses_ask(sv);
}

const struct module witnesses_module = {.start = witnesses_start, .on = witnesses_on};
