/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_module.c - modules start, hear of events, stop and are freed in their order, and own their
 * state until the end. */
#include "flow/core/module.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct services sv;
static char happened[200]; /* a word for each call, in their order */

static void say(const char *what, char who)
{
    size_t n = strlen(happened);
    (void)snprintf(happened + n, sizeof happened - n, "%s%s %c", n > 0 ? ", " : "", what, who);
}

static void heard_is(const char *text)
{
    assert_string_equal(happened, text);
    happened[0] = '\0';
}

struct kept {
    char text[1000]; /* a state that leaks, or is used after its end, is the address sanitizer's */
};

static char fails; /* this one does not start */
static const struct module a, b, c, keyed, plain;
static const char key[] = "a key";

static int start_of(struct services *s, const struct module *m, char who, struct error *e)
{
    say("start", who);
    if (fails == who)
        return error_set(e, "%c does not start.", who);
    struct kept *k = module_new(s, m, sizeof *k);
    assert_non_null(k);
    for (size_t i = 0; i < sizeof k->text; i++)
        assert_int_equal(k->text[i], 0);
    k->text[0] = who;
    return 0;
}

static void on_of(struct services *s, const struct module *m, char who, enum event what)
{
    const struct kept *k = module_state(s, m);
    say(what == EVENT_MAY_GO ? "goes" : what == EVENT_GROUP_READ ? "reads" : "?", who);
    assert_non_null(k);
    assert_int_equal(k->text[0], who);
}

static void free_of(struct services *s, const struct module *m, char who)
{
    const struct kept *k = module_state(s, m);
    say("free", who);
    assert_true(k == NULL ? fails == who : k->text[0] == who); /* there still */
}

#define MODULE(name, who)                                                                          \
    static int name##_start(struct services *s, struct error *e)                                   \
    {                                                                                              \
        return start_of(s, &name, who, e);                                                         \
    }                                                                                              \
    static void name##_on(struct services *s, enum event what)                                     \
    {                                                                                              \
        on_of(s, &name, who, what);                                                                \
    }                                                                                              \
    static void name##_stop(struct services *s)                                                    \
    {                                                                                              \
        say("stop", who);                                                                          \
    }                                                                                              \
    static void name##_free(struct services *s)                                                    \
    {                                                                                              \
        free_of(s, &name, who);                                                                    \
    }                                                                                              \
    static const struct module name = {                                                            \
        .start = name##_start, .on = name##_on, .stop = name##_stop, .free = name##_free}

MODULE(a, 'a');
MODULE(b, 'b');
MODULE(c, 'c');

static int keyed_start(struct services *s, struct error *e)
{
    return module_new(s, &keyed, sizeof(struct kept)) == NULL ? -1 : 0;
}
static const struct module keyed = {.key = key, .start = keyed_start};
static const struct module plain = {0};

static const struct module *const three[] = {&b, &plain, &a, &c, NULL};

static int fresh(void **state)
{
    sv = (struct services){0};
    fails = '\0';
    happened[0] = '\0';
    return 0;
}

static void the_end(const struct module *const *all)
{
    sv.stopping = true; /* as flow_stop */
    modules_stop(&sv, all);
    modules_free(&sv, all);
}

static void in_their_order(void **state)
{
    struct error e = {""};
    assert_null(module_state(&sv, &a));
    assert_int_equal(modules_start(&sv, three, &e), 0);
    heard_is("start b, start a, start c");
    event_raise(&sv, EVENT_MAY_GO);
    event_raise(&sv, EVENT_GROUP_READ);
    heard_is("goes b, goes a, goes c, reads b, reads a, reads c");
    modules_stop(&sv, three);
    heard_is("stop b, stop a, stop c");
    sv.stopping = true;
    event_raise(&sv, EVENT_MAY_GO); /* what was under way ends now, and raises it */
    heard_is("");
    assert_non_null(module_state(&sv, &c));
    modules_free(&sv, three);
    heard_is("free c, free a, free b");
    assert_null(module_state(&sv, &a));
    assert_null(module_state(&sv, &b));
}

/* The second does not start: the third never begins, those that did end as ever. */
static void one_does_not_start(void **state)
{
    struct error e = {""};
    fails = 'a';
    assert_int_equal(modules_start(&sv, three, &e), -1);
    assert_string_equal(e.text, "a does not start.");
    heard_is("start b, start a");
    the_end((const struct module *const[]){&b, &plain, &a, NULL});
    heard_is("stop b, stop a, free a, free b");
}

static void none_has_started(void **state)
{
    event_raise(&sv, EVENT_CONNECTED);
    the_end((const struct module *const[]){&plain, &keyed, NULL});
    heard_is("");
}

/* Files that the module calls find its state by the key that stands in one of them. */
static void by_its_key(void **state)
{
    static const struct module *const all[] = {&a, &keyed, NULL};
    struct error e = {""};
    assert_int_equal(modules_start(&sv, all, &e), 0);
    assert_non_null(module_state(&sv, key));
    assert_ptr_equal(module_state(&sv, key), module_state(&sv, &keyed));
    assert_ptr_not_equal(module_state(&sv, key), module_state(&sv, &a));
    assert_null(module_state(&sv, "another key"));
    the_end(all);
    assert_null(module_state(&sv, key));
}

/* Again in the same process, as tests and a second try do: the state is a new one. */
static void a_second_start(void **state)
{
    struct error e = {""};
    for (int i = 0; i < 2; i++) {
        sv.stopping = false;
        assert_int_equal(modules_start(&sv, three, &e), 0);
        event_raise(&sv, EVENT_MAY_GO);
        the_end(three);
        heard_is("start b, start a, start c, goes b, goes a, goes c, stop b, stop a, stop c, "
                 "free c, free a, free b");
    }
}

static void more_than_there_is_room_for(void **state)
{
    static const struct module many[MODULES_MAX + 1];
    const struct module *all[MODULES_MAX + 2] = {NULL};
    struct error e = {""};
    for (size_t i = 0; i < MODULES_MAX; i++)
        all[i] = &many[i];
    assert_int_equal(modules_start(&sv, all, &e), 0);
    event_raise(&sv, EVENT_CONNECTED);
    assert_null(module_state(&sv, &a));
    assert_null(module_new(&sv, &a, 1));
    all[MODULES_MAX] = &many[MODULES_MAX];
    assert_int_equal(modules_start(&sv, all, &e), -1);
    assert_non_null(strstr(e.text, "MODULES_MAX"));
    the_end(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(in_their_order, fresh),
        cmocka_unit_test_setup(one_does_not_start, fresh),
        cmocka_unit_test_setup(none_has_started, fresh),
        cmocka_unit_test_setup(by_its_key, fresh),
        cmocka_unit_test_setup(a_second_start, fresh),
        cmocka_unit_test_setup(more_than_there_is_room_for, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
