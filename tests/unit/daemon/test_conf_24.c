/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What Dovecot 2.4 would take silently for something else, whichever Dovecot is installed here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "daemon/dovecot_config.h"
#include <string.h>

static const struct dovecot_user user = {.name = "u", .group = "g", .uid = 1000, .gid = 1001};
static const struct dovecot_config config = {.home = "/h o/me", .address = "a@b"};

/* "%Lu" of 2.3 is a user name here, and every login fails. */
static void test_every_variable_has_braces(void **state)
{
    struct buf b = BUF_INIT(65536);
    assert_int_equal(dovecot_conf_version(&b, &config, &user), 0);
    const char *text = buf_str(&b);
    for (const char *at = text; (at = strchr(at, '%')) != NULL; at++)
        if (at[1] != '{')
            fail_msg("a variable without braces: %.20s", at);
    assert_non_null(strstr(text, "%{user | lower}"));
    assert_ptr_equal(strstr(text, "dovecot_config_version = "), text); /* it must come first */
    assert_null(strstr(text, "plugin {"));
    buf_free(&b);
}

static void test_only_dovecot_may_write_there(void **state)
{
    assert_string_equal(dovecot_writes_in, "/tmp");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_variable_has_braces),
        cmocka_unit_test(test_only_dovecot_may_write_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
