/* SPDX-License-Identifier: GPL-3.0-or-later */
/* trusted_clock.c - see trusted_clock.h. What is believed is kept for the next start, with the boot
 * clock: after a restart of the peer alone nothing is lost of it. After a restart of the computer
 * nobody knows how long it was off; then witnesses say how late it is at least. */
#include "flow/core/trusted_clock.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "flow/core/events.h"
#include "flow/core/timer.h"
#include "flow/core/trust.h"
#include "store/contacts.h"
#include "store/wake.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>

#define LOG_AREA "clock"
#define TICK_MS 2000
#define KEEP_MS 60000         /* how often the time is kept for the next start */
#define ABSENCE_MS 86400000LL /* a longer time since then is worth a line in the log */
#define WITNESSES 32

struct kept { /* in meta, as "trusted" */
    int64_t wall, boot;
    uint8_t boot_id[36];
};

struct trusted_clock {
    uv_timer_t *timer;
    int64_t wall, boot; /* at the last tick */
    int64_t kept_ms;    /* on the boot clock */
    uint8_t boot_id[36];
    bool looked, waits;   /* waits: it was said that endings do */
    pthread_mutex_t lock; /* of what follows */
    struct trust trust;
    struct {
        uint8_t fpr[FPR_LEN];
        int64_t at_ms;
    } witness[WITNESSES]; /* the latest of each key, whoever it is */
    size_t witnesses;
};

static struct trusted_clock *trusted_clock_of(const struct services *sv)
{
    return module_state(sv, &trusted_clock_module);
}

int64_t clock_jump(int64_t wall_before, int64_t boot_before, int64_t wall_now, int64_t boot_now)
{
    int64_t moved = (wall_now - wall_before) - (boot_now - boot_before);
    return moved > CLOCK_JUMP_MS || moved < -CLOCK_JUMP_MS ? moved : 0;
}

int64_t trusted_now_ms(const struct services *sv)
{
    struct trusted_clock *w = trusted_clock_of(sv);
    if (w == NULL)
        return 0;
    pthread_mutex_lock(&w->lock);
    int64_t now = trust_now(&w->trust, clock_wall_ms(), clock_boot_ms());
    pthread_mutex_unlock(&w->lock);
    return now;
}

int64_t trusted_clock_lag_ms(const struct services *sv)
{
    return trusted_clock_of(sv) == NULL ? 0 : clock_wall_ms() - trusted_now_ms(sv);
}

bool trusted_clock_holds(const struct services *sv)
{
    return trusted_clock_of(sv) != NULL && trusted_clock_of(sv)->looked;
}

void trusted_clock_witness(const struct services *sv, const uint8_t fpr[FPR_LEN], uint64_t seq)
{
    struct trusted_clock *w = trusted_clock_of(sv);
    if (w == NULL || seq > INT64_MAX)
        return;
    pthread_mutex_lock(&w->lock);
    size_t at = 0, oldest = 0;
    for (; at < w->witnesses && memcmp(w->witness[at].fpr, fpr, FPR_LEN) != 0; at++)
        if (w->witness[at].at_ms < w->witness[oldest].at_ms)
            oldest = at;
    if (at == w->witnesses)
        at = w->witnesses < WITNESSES ? w->witnesses++ : oldest;
    if (memcmp(w->witness[at].fpr, fpr, FPR_LEN) != 0)
        w->witness[at].at_ms = 0;
    memcpy(w->witness[at].fpr, fpr, FPR_LEN);
    if (w->witness[at].at_ms < (int64_t)seq)
        w->witness[at].at_ms = (int64_t)seq;
    pthread_mutex_unlock(&w->lock);
}

static bool kernel_is_sure(void)
{
    struct timex t = {.modes = 0};
    return adjtimex(&t) >= 0 && (t.status & STA_UNSYNC) == 0;
}

/* It is at least so late: two keys that the user or the group trusts say so, or one and the kernel
 * whose clock a time service keeps. 0: nobody. With the lock. */
static int64_t testimony(const struct services *sv, const struct trusted_clock *w)
{
    int64_t first = 0, second = 0;
    for (size_t i = 0; i < w->witnesses; i++) {
        int64_t at = w->witness[i].at_ms;
        if (at <= second || !contact_may_witness(store_reader(sv->store), w->witness[i].fpr))
            continue;
        second = at > first ? first : at;
        first = at > first ? at : first;
    }
    return kernel_is_sure() ? first : second;
}

static int trusted_clock_keep_run(struct db *db, void *arg)
{
    return meta_set(db, "trusted", arg, sizeof(struct kept));
}

static void trusted_clock_keep_done(void *arg, int rc)
{
    free(arg);
}

static void trusted_clock_keep(struct services *sv)
{
    struct trusted_clock *w = trusted_clock_of(sv);
    struct kept *k = mem_new(sizeof *k);
    w->kept_ms = clock_boot_ms();
    pthread_mutex_lock(&w->lock);
    *k = (struct kept){w->trust.wall, w->trust.boot, {0}};
    pthread_mutex_unlock(&w->lock);
    memcpy(k->boot_id, w->boot_id, sizeof k->boot_id);
    store_do(sv->store, trusted_clock_keep_run, trusted_clock_keep_done, k);
}

/* ---- the wall clock went elsewhere */

static int clock_set_run(struct db *db, void *arg)
{
    return store_clock_set(db, clock_wall_ms());
}

static void clock_set_done(void *arg, int rc)
{
    event_raise(arg, EVENT_CLOCK_SET);
}

/* What was put off by the other clock may be due only when that time comes: it is due now. */
static void jumped(struct services *sv, int64_t jump)
{
    log_warn("the clock jumped %s by %lld s: nothing expires until receipts were looked for",
             jump > 0 ? "ahead" : "back", (long long)(jump > 0 ? jump : -jump) / 1000);
    trusted_clock_of(sv)->looked = false;
    store_do(sv->store, clock_set_run, clock_set_done, sv);
    event_raise(sv, EVENT_CLOCK_JUMPED);
}

static void say_lag(struct services *sv)
{
    struct trusted_clock *w = trusted_clock_of(sv);
    int64_t lag = trusted_clock_lag_ms(sv);
    if (!w->waits && lag > CLOCK_JUMP_MS)
        log_warn("the clock is %lld hours ahead of what can be believed: nothing expires or is "
                 "removed by it until others' signed times confirm it",
                 (long long)lag / 3600000);
    else if (w->waits && lag <= CLOCK_JUMP_MS)
        log_info("the clock is confirmed");
    if (w->waits && lag <= CLOCK_JUMP_MS)
        store_do(sv->store, clock_set_run, clock_set_done, sv);
    w->waits = lag > CLOCK_JUMP_MS;
    if (w->waits)
        event_raise(sv, EVENT_CLOCK_DOUBTED);
}

static void on_tick(uv_timer_t *t)
{
    struct services *sv = t->data;
    struct trusted_clock *w = trusted_clock_of(sv);
    int64_t wall = clock_wall_ms(), boot = clock_boot_ms();
    int64_t jump = clock_jump(w->wall, w->boot, wall, boot);
    w->wall = wall;
    w->boot = boot;
    pthread_mutex_lock(&w->lock);
    trust_look(&w->trust, wall, boot,
               trust_needs_witness(&w->trust, wall, boot) ? testimony(sv, w) : 0);
    pthread_mutex_unlock(&w->lock);
    say_lag(sv);
    if (jump != 0)
        jumped(sv, jump);
    if (boot - w->kept_ms >= KEEP_MS)
        trusted_clock_keep(sv);
}

/* ---- start */

static void read_boot_id(uint8_t id[36])
{
    FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
    memset(id, 0, 36);
    if (f != NULL && fread(id, 1, 36, f) != 36)
        memset(id, 0, 36);
    if (f != NULL)
        (void)fclose(f);
}

/* What was believed when the last run ended, and what has passed since then for sure. */
static void trust_restore(struct services *sv, struct trusted_clock *w)
{
    struct db *db = store_reader(sv->store);
    struct kept k = {0};
    int64_t believed = w->wall, last = 0;
    if (meta_get(db, "trusted", &k, sizeof k) == 0) {
        believed = k.wall;
        if (w->boot_id[0] != 0 && memcmp(k.boot_id, w->boot_id, sizeof k.boot_id) == 0 &&
            w->boot > k.boot)
            believed += w->boot - k.boot;
        last = k.wall;
    } else if (meta_get(db, "clock", &last, sizeof last) == 0) { /* of an older version */
        believed = last;
    }
    trust_begin(&w->trust, believed, w->boot);
    trust_look(&w->trust, w->wall, w->boot, 0);
    if (last == 0)
        return;
    if (w->wall < last - CLOCK_JUMP_MS)
        log_warn("the clock is %lld s behind the time of the last run: nothing expires until "
                 "receipts were looked for",
                 (long long)(last - w->wall) / 1000);
    else if (w->wall > last + ABSENCE_MS)
        log_info("%lld hours since the last run: nothing expires until receipts were looked for",
                 (long long)(w->wall - last) / 3600000);
    if (w->wall < last - CLOCK_JUMP_MS)
        store_do(sv->store, clock_set_run, clock_set_done, sv);
}

static int trusted_clock_start(struct services *sv, struct error *e)
{
    struct trusted_clock *w = module_new(sv, &trusted_clock_module, sizeof *w);
    uv_timer_t *t = timer_new(sv, sv);
    (void)pthread_mutex_init(&w->lock, NULL);
    w->wall = clock_wall_ms();
    w->boot = clock_boot_ms();
    read_boot_id(w->boot_id);
    trust_restore(sv, w);
    w->timer = t;
    return uv_timer_start(t, on_tick, TICK_MS, TICK_MS);
}

static void trusted_clock_on(struct services *sv, enum event what)
{
    struct trusted_clock *w = trusted_clock_of(sv);
    if (what != EVENT_RECEIPTS_LOOKED || w == NULL || w->looked)
        return;
    w->looked = true;
    log_info("receipts were looked for: what is over by the trusted time may expire");
}

static void trusted_clock_stop(struct services *sv)
{
    struct trusted_clock *w = trusted_clock_of(sv);
    if (w == NULL || w->timer == NULL)
        return;
    trusted_clock_keep(sv);
    timer_free(&w->timer);
}

const struct module trusted_clock_module = {
    .on = trusted_clock_on, .start = trusted_clock_start, .stop = trusted_clock_stop};
