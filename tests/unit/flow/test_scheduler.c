/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_scheduler.c - what the loop starts, in which order, how many at once, and what it does not
 * ask for twice; with steps and queues of this test's own. */
#include "own_steps.h"
#include "dht/dht.h"
#include <string.h>

/* The steps of the table in its order, the rows of each by their time. */
static void order(void **state)
{
    static const struct step a = {.queue = &three, .parallel = 9, .start = hold},
                             b = {.queue = &one, .parallel = 9, .start = hold};
    static const struct step *const steps[] = {&a, &b, NULL};
    static const int64_t expected[] = {31, 33, 32, 12, 13, 11};
    put(1, 11, 30);
    put(1, 12, 10);
    put(1, 13, 20);
    put(3, 32, 3);
    put(3, 31, 1);
    put(3, 33, 2);
    start(steps);
    until(begun_count == 6);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(begun[i].n, expected[i]);
        assert_ptr_equal(begun[i].step, i < 3 ? &a : &b);
        assert_true(work_under_way(&sv, i < 3 ? &three : &one, expected[i]));
        assert_false(work_under_way(&sv, i < 3 ? &one : &three, expected[i]));
    }
    end(0);
    assert_false(work_under_way(&sv, &three, 31));
    stop();
}

static void at_most_so_many_at_once(void **state)
{
    static const struct step a = {.queue = &one, .parallel = 2, .start = hold};
    static const struct step *const steps[] = {&a, NULL};
    for (int64_t n = 1; n <= 7; n++)
        put(1, n, n);
    start(steps);
    for (size_t i = 0; i < 7; i++) {
        until(begun_count > i);
        pass(30);
        assert_in_range(begun_count, i + 1, i + 2);
        end(i);
    }
    pass(30);
    assert_int_equal(begun_count, 7);
    assert_int_equal(most, 2);
    stop();
}

static bool net;
static bool says_net(const struct services *s)
{
    return net;
}

static void net_is_needed(void **state)
{
    static const struct step a = {.queue = &one, .parallel = 1, .needs_net = true, .start = hold},
                             b = {.queue = &two, .parallel = 1, .start = hold};
    static const struct step *const steps[] = {&a, &b, NULL};
    struct dht *dht = sv.dht;
    sv.dht = NULL; /* no link */
    sv.may_go = says_net;
    net = true;
    put(1, 1, 1);
    put(2, 2, 1);
    start(steps);
    until(count_of(&b) == 1);
    pass(50);
    assert_int_equal(count_of(&a), 0);
    sv.dht = dht;
    net = false; /* a link, but another peer may post under this address */
    kick(&sv);
    pass(50);
    assert_int_equal(count_of(&a), 0);
    net = true;
    kick(&sv);
    until(count_of(&a) == 1);
    stop();
    sv.may_go = NULL;
    assert_true(may_go(&sv));
}

static void a_step_may_not(void **state)
{
    static const struct step a = {.queue = &one, .parallel = 1, .may = says_net, .start = hold},
                             b = {.queue = &one, .parallel = 1, .start = hold};
    static const struct step *const steps[] = {&a, &b, NULL};
    net = false;
    put(1, 1, 1);
    start(steps);
    until(count_of(&b) == 1);
    pass(50);
    assert_int_equal(count_of(&a), 0);
    net = true;
    kick(&sv);
    until(count_of(&a) == 1);
    stop();
}

/* STEP_LAST waits while a STEP_FIRST is busy, and not for ever. */
static void the_last_yield(void **state)
{
    static const struct step last = {
        .queue = &one, .parallel = 1, .rank = STEP_LAST, .start = hold};
    static const struct step first = {
        .queue = &two, .parallel = 1, .rank = STEP_FIRST, .start = hold};
    static const struct step *const steps[] = {&first, &last, NULL};
    put(2, 2, 1);
    start(steps);
    until(count_of(&first) == 1);
    put(1, 1, 1);
    kick(&sv);
    pass(100);
    assert_int_equal(count_of(&last), 0);
    end(0); /* its end is all that it waits for */
    until(count_of(&last) == 1);
    end(1);
    put(2, 3, 1);
    kick(&sv);
    until(count_of(&first) == 2);
    put(1, 4, 1);
    kick(&sv);
    pass(50);
    assert_int_equal(count_of(&last), 1);
    mono_ahead_ms += YIELD_MS;
    until(count_of(&last) == 2);
    assert_true(work_under_way(&sv, &two, 3));
    stop();
}

static void allow_and_kick(struct work *w)
{
    (void)note(w);
    net = true;
    kick(&sv);
}

/* A kick from within a look is one for a look after it: it is not lost. */
static void a_kick_during_a_look(void **state)
{
    static const struct step a = {.queue = &one, .parallel = 1, .may = says_net, .start = hold},
                             b = {.queue = &two, .parallel = 1, .start = allow_and_kick};
    static const struct step *const steps[] = {&a, &b, NULL};
    net = false;
    put(1, 1, 1);
    put(2, 2, clock_wall_ms() + 300); /* found by a look that nobody asked for */
    start(steps);
    until(count_of(&b) == 1);
    int64_t began = turn_clock();
    until(count_of(&a) == 1);
    assert_in_range(turn_clock() - began, 0, 15000); /* without it: after LOOK_AGAIN_MS */
    stop();
}

static int asked_one, asked_other;
static int on_statement(unsigned what, void *ctx, void *stmt, void *text)
{
    const char *sql = sqlite3_sql(stmt);
    asked_one += strcmp(sql, one.due) == 0;
    asked_other += strcmp(sql, other.due) == 0;
    return 0;
}

/* Nothing is asked again when no commit has changed its tables. */
static void only_what_changed_is_asked(void **state)
{
    static const struct step a = {.queue = &one, .parallel = 3, .start = hold},
                             b = {.queue = &other, .parallel = 3, .start = hold};
    static const struct step *const steps[] = {&a, &b, NULL};
    start(steps);
    pass(200);
    assert_int_equal(
        sqlite3_trace_v2(store_reader(sv.store)->sql, SQLITE_TRACE_STMT, on_statement, NULL),
        SQLITE_OK);
    asked_one = asked_other = 0;
    for (int i = 0; i < 5; i++) {
        kick(&sv);
        pass(60);
    }
    assert_int_equal(asked_one, 0);
    assert_int_equal(asked_other, 0);
    put(1, 1, 1);
    kick(&sv);
    until(begun_count == 1);
    pass(60);
    assert_true(asked_one > 0);
    assert_int_equal(asked_other, 0);
    asked_one = 0;
    commit_sql(sv.store, "INSERT INTO replica(n,owner,hash,size,chunks_hash,expiry_s,state,due_ms)"
                         " VALUES(5,'a@demo',x'00',1,x'00',1,1,1)");
    kick(&sv);
    until(begun_count == 2);
    pass(60);
    assert_true(asked_other > 0);
    assert_int_equal(asked_one, 0);
    asked_one = asked_other = 0; /* but a row whose time comes is found without a change */
    put(1, 2, clock_wall_ms() + 150);
    kick(&sv);
    until(begun_count == 3);
    assert_true(begun[2].at_ms >= value_of("SELECT due_ms FROM job WHERE n=?", 2));
    assert_int_equal(asked_other, 0);
    stop();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, clean)
    const struct CMUnitTest tests[] = {
        TEST(order),
        TEST(at_most_so_many_at_once),
        TEST(net_is_needed),
        TEST(a_step_may_not),
        TEST(the_last_yield),
        TEST(a_kick_during_a_look),
        TEST(only_what_changed_is_asked),
    };
    return cmocka_run_group_tests(tests, loop_open, loop_shut);
}
