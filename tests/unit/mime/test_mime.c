/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_mime.c - the daemon's side against the real restante-mime, and against programs that stand
 * in for one that dies, hangs or talks nonsense. argv[1]: the real one. */
#include <setjmp.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "mime/mime.h"
#include "proto/limits.h"
#include "proto/skeleton.h"

#define HEADER                                                                                     \
    "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
#define HELLO "printf '\\0\\0\\0\\1H' >&0" /* of a stand-in */
#define BODY                                                                                       \
    "--b\r\n\r\nhello\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nTo: a@b\r\n\r\n--b--\r\n"
static const char *real_helper;
static char folder[] = "/tmp/restante-test-mime-XXXXXX";

struct answer {
    unsigned calls;
    enum mime_verdict verdict;
    char why[400];
    uint8_t p[4096];
    size_t n;
    uint64_t header_octets, octets;
    unsigned from_count;
    char from[321];
    struct mime **free_mime; /* ended by the callback */
};

static void on_answer(void *ctx, enum mime_verdict verdict, const char *why,
                      const struct mime_answer *a)
{
    struct answer *got = ctx;
    got->calls++;
    got->verdict = verdict;
    assert_true((a != NULL) == (verdict == MIME_OK));
    assert_true((why == NULL) == (verdict == MIME_OK));
    if (a != NULL) {
        assert_true(a->n < sizeof got->p);
        assert_int_equal(a->p[a->n], 0);
        memcpy(got->p, a->p, a->n + 1);
        got->n = a->n;
        got->header_octets = a->header_octets;
        got->octets = a->octets;
        got->from_count = a->from_count;
        assert_true(strlen(a->from) < sizeof got->from);
        (void)strcpy(got->from, a->from);
    } else {
        (void)snprintf(got->why, sizeof got->why, "%s", why);
    }
    if (got->free_mime != NULL)
        mime_free(got->free_mime);
}

static int file_of(const char *text, size_t n)
{
    FILE *f = tmpfile();
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    assert_int_equal(fflush(f), 0);
    int fd = dup(fileno(f));
    assert_int_equal(fclose(f), 0);
    return fd;
}

/* A program in our folder that a shell runs. */
static const char *script(const char *text)
{
    static char path[256];
    static unsigned count;
    (void)snprintf(path, sizeof path, "%s/helper%u", folder, count++);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fprintf(f, "#!/bin/sh\ncd %s\n%s\n", folder, text) > 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, 0700), 0);
    return path;
}

static void run_until(uv_loop_t *loop, const struct answer *a, unsigned calls)
{
    while (a->calls < calls)
        assert_true(uv_run(loop, UV_RUN_ONCE) != 0 || a->calls >= calls);
}

/* Ends m; nothing may be left in the loop. */
static void end(uv_loop_t *loop, struct mime **m)
{
    mime_free(m);
    assert_null(*m);
    (void)uv_run(loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(loop), 0);
}

static struct mime *begin(uv_loop_t *loop, const char *path)
{
    assert_int_equal(uv_loop_init(loop), 0);
    struct mime *m = mime_new(loop, path, NULL);
    assert_non_null(m);
    return m;
}

static void ask_skeleton(struct mime *m, const char *text, struct answer *a)
{
    int fd = file_of(text, strlen(text));
    mime_skeleton(m, fd, on_answer, a);
    assert_int_equal(close(fd), 0); /* ours may go at once */
}

static void parses_and_renders(void **state)
{
    uv_loop_t loop;
    struct mime *m = begin(&loop, real_helper);
    struct answer parsed = {0}, rendered = {0};
    struct skeleton s;
    (void)state;
    ask_skeleton(m, HEADER BODY, &parsed);
    assert_int_equal(parsed.calls, 0);
    run_until(&loop, &parsed, 1);
    assert_int_equal(parsed.verdict, MIME_OK);
    assert_int_equal(parsed.header_octets, sizeof HEADER - 1);
    assert_int_equal(parsed.octets, sizeof HEADER BODY - 1);
    assert_int_equal(skeleton_decode(parsed.p, parsed.n, &s, NULL), 0);
    assert_int_equal(s.count, 4);
    assert_int_equal(s.part[0].octets, sizeof BODY - 1);
    assert_int_equal(s.part[0].children, 2);
    assert_int_equal(s.part[1].header_len, 2);
    assert_int_equal(s.part[2].kind, SKELETON_MIME | SKELETON_MESSAGE);
    assert_int_equal(s.part[3].kind, SKELETON_TEXT);
    skeleton_free(&s);

    mime_render(m, HEADER, sizeof HEADER - 1, parsed.p, parsed.n, on_answer, &rendered);
    run_until(&loop, &rendered, 1);
    assert_int_equal(rendered.verdict, MIME_OK);
    assert_non_null(strstr((char *)rendered.p, "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL "
                                               "NIL \"7bit\" 5 0 NIL NIL NIL NIL)"));
    assert_non_null(strstr((char *)rendered.p, "((NIL NIL \"a\" \"b\"))"));
    assert_non_null(strstr((char *)rendered.p, " \"mixed\" (\"boundary\" \"b\") NIL NIL NIL"));
    end(&loop, &m);
}

static void names_the_sender(void **state)
{
    static const char one[] = "From: A <a@b.example>\r\n\r\n";
    static const char two[] = "From: a@b, c@d\r\n\r\n";
    static const uint8_t plain[] = "\x81\x85\x40\x01\x01\x03\x00"; /* what any text has */
    uv_loop_t loop;
    struct mime *m = begin(&loop, real_helper);
    struct answer a[4] = {0};
    (void)state;
    ask_skeleton(m, one, &a[0]);
    mime_render(m, one, sizeof one - 1, plain, sizeof plain - 1, on_answer, &a[1]);
    ask_skeleton(m, two, &a[2]);
    mime_render(m, two, sizeof two - 1, plain, sizeof plain - 1, on_answer, &a[3]);
    run_until(&loop, &a[3], 1);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(a[i].verdict, MIME_OK);
        assert_int_equal(a[i].from_count, i < 2 ? 1 : 2);
        assert_string_equal(a[i].from, i < 2 ? "a@b.example" : "");
    }
    end(&loop, &m);
}

static void answers_in_turn(void **state)
{
    uv_loop_t loop;
    struct mime *m = begin(&loop, real_helper);
    static struct answer a[40];
    (void)state;
    for (size_t i = 0; i < 40; i++)
        ask_skeleton(m, i % 2 == 0 ? HEADER BODY : "Subject: x\n\n", &a[i]);
    for (size_t i = 0; i < 40; i++) {
        run_until(&loop, &a[i], 1);
        for (size_t later = i + 1; later < 40; later++)
            assert_int_equal(a[later].calls, 0);
        assert_int_equal(a[i].verdict, i % 2 == 0 ? MIME_OK : MIME_REFUSED);
        if (i % 2 == 1)
            assert_non_null(strstr(a[i].why, "without CR"));
    }
    end(&loop, &m);
}

static void refuses_foreign_nonsense(void **state)
{
    uv_loop_t loop;
    struct mime *m = begin(&loop, real_helper);
    static const struct {
        const char *header;
        const char *skeleton;
        size_t n;
    } bad[] = {
        {"", "", 0},
        {"Subject: x\r\n\r\n", "\x81\x85\x40\x01\x01\x11\x00", 7}, /* a message without its child */
        {"Subject: x\r\n\r\n", "\x81\x85\x40\x01\x01\x05\x00",
         7}, /* a multipart without its type */
        {"Content-Type: image/png\r\n\r\n", "\x81\x85\x40\x01\x01\x03\x00", 7}, /* but kind text */
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct answer a = {0};
        mime_render(m, bad[i].header, strlen(bad[i].header), (const uint8_t *)bad[i].skeleton,
                    bad[i].n, on_answer, &a);
        run_until(&loop, &a, 1);
        assert_int_equal(a.verdict, MIME_REFUSED);
        assert_true(strlen(a.why) > 0);
    }
    end(&loop, &m);
}

static void renders_large_headers(void **state)
{
    uv_loop_t loop;
    struct mime *m = begin(&loop, real_helper);
    struct answer a = {0}, too_large = {0};
    char *header = malloc(HEADER_MAX + 1);
    (void)state;
    assert_non_null(header);
    memset(header, 'x', HEADER_MAX + 1);
    mime_render(m, header, HEADER_MAX, (const uint8_t *)"\x81\x85\x40\x01\x01\x02\x00", 7,
                on_answer, &a);
    mime_render(m, header, HEADER_MAX + 1, (const uint8_t *)"\x81\x85\x40\x01\x01\x02\x00", 7,
                on_answer, &too_large);
    free(header);
    run_until(&loop, &too_large, 1);
    assert_int_equal(a.verdict, MIME_OK);
    assert_int_equal(too_large.verdict, MIME_REFUSED);
    end(&loop, &m);
}

static void survives_a_death(void **state)
{
    char text[512];
    uv_loop_t loop;
    struct answer a = {0}, b = {0};
    (void)state;
    (void)snprintf(text, sizeof text, "mkdir died 2>/dev/null && exit 3\nexec '%s'", real_helper);
    struct mime *m = begin(&loop, script(text));
    ask_skeleton(m, HEADER BODY, &a);
    ask_skeleton(m, HEADER BODY, &b);
    run_until(&loop, &b, 1);
    assert_int_equal(a.verdict, MIME_OK);
    assert_int_equal(b.verdict, MIME_OK);
    end(&loop, &m);
}

static void gives_up_what_kills_it_twice(void **state)
{
    char text[512];
    uv_loop_t loop;
    struct answer a = {0}, b = {0};
    (void)state;
    (void)snprintf(text, sizeof text,
                   "if mkdir one 2>/dev/null || mkdir two 2>/dev/null; then " HELLO
                   "; head -c 5 >/dev/null; kill -SEGV $$; fi\n"
                   "exec '%s'",
                   real_helper);
    struct mime *m = begin(&loop, script(text));
    ask_skeleton(m, HEADER BODY, &a);
    ask_skeleton(m, HEADER BODY, &b);
    run_until(&loop, &b, 1);
    assert_int_equal(a.calls, 1);
    assert_int_equal(a.verdict, MIME_FAILED);
    assert_non_null(strstr(a.why, "gave up"));
    assert_int_equal(b.verdict, MIME_OK);
    end(&loop, &m);
}

static void does_not_wait_for_ever(void **state)
{
    char text[512];
    uv_loop_t loop;
    struct answer a = {0}, b = {0};
    (void)state;
    (void)snprintf(text, sizeof text,
                   "mkdir hung 2>/dev/null && " HELLO " && exec sleep 1000\nexec '%s'",
                   real_helper);
    struct mime *m = begin(&loop, script(text));
    mime_set_patience(m, 200);
    ask_skeleton(m, HEADER BODY, &a);
    run_until(&loop, &a, 1);
    assert_int_equal(a.verdict, MIME_FAILED);
    assert_non_null(strstr(a.why, "too long"));
    mime_set_patience(m, 10000);
    ask_skeleton(m, HEADER BODY, &b);
    run_until(&loop, &b, 1);
    assert_int_equal(b.verdict, MIME_OK);
    end(&loop, &m);
}

static void believes_no_nonsense(void **state)
{
    static const char *const said[] = {
        "printf '\\0\\0\\0\\0' >&0",    /* an empty frame */
        "printf '\\377\\0\\0\\1P' >&0", /* a huge one */
        "printf '\\0\\0\\0\\1Z' >&0",   /* an unknown verb */
        "printf '\\0\\0\\0\\2Pz' >&0",  /* a short answer */
        "printf '\\0\\0\\0\\3Bxx' >&0", /* an answer to something else */
        /* a sender although there are none, none although there is one, a control, without end */
        "(printf '\\0\\0\\1\\126P\\0\\0\\0\\0a@b'; head -c 334 /dev/zero) >&0",
        "(printf '\\0\\0\\1\\126P\\0\\0\\0\\1'; head -c 337 /dev/zero) >&0",
        "(printf '\\0\\0\\1\\126P\\0\\0\\0\\1a@\\nb'; head -c 333 /dev/zero) >&0",
        "(printf '\\0\\0\\1\\126P\\0\\0\\0\\1'; head -c 337 /dev/zero | tr '\\0' x) >&0",
        "printf '\\0\\0\\0\\1N\\0\\0' >&0", /* more than one */
    };

    (void)state;
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        char text[512];
        uv_loop_t loop;
        struct answer a = {0};
        (void)snprintf(text, sizeof text, HELLO "\nhead -c 5 >/dev/null\n%s\nexec sleep 1000",
                       said[i]);
        struct mime *m = begin(&loop, script(text));
        mime_set_patience(m, 5000);
        ask_skeleton(m, HEADER BODY, &a);
        run_until(&loop, &a, 1);
        assert_int_equal(a.calls, 1);
        assert_int_equal(a.verdict, MIME_FAILED);
        assert_non_null(strstr(a.why, "gave up"));
        end(&loop, &m);
    }
}

static void says_when_it_cannot_start(void **state)
{
    uv_loop_t loop;
    struct mime *m = begin(&loop, "/nonexistent/restante-mime");
    struct answer a = {0}, b = {0};
    (void)state;
    ask_skeleton(m, HEADER BODY, &a);
    ask_skeleton(m, HEADER BODY, &b);
    run_until(&loop, &b, 1);
    assert_int_equal(a.verdict, MIME_FAILED);
    assert_non_null(strstr(a.why, "MIME helper does not start"));
    assert_non_null(strstr(a.why, "cannot be started"));
    assert_int_equal(b.verdict, MIME_FAILED);
    end(&loop, &m);
}

/* The dynamic loader's complaint, as after an installation without the library's path. */
static void tells_what_its_helper_said(void **state)
{
    uv_loop_t loop;
    struct health part;
    struct answer a = {0}, b = {0};
    struct mime *m =
        begin(&loop, script("echo first >&2; echo 'libx.so.0: cannot open' >&2; exit 127"));
    (void)state;
    mime_health(m, &part);
    assert_int_equal(part.state, HEALTH_OK);
    mime_start(m); /* it is known before the first message comes */
    while (part.state != HEALTH_WRONG) {
        (void)uv_run(&loop, UV_RUN_ONCE);
        mime_health(m, &part);
    }
    assert_non_null(strstr(part.cause, "restante-mime does not start"));
    assert_non_null(strstr(part.cause, "status 127: libx.so.0: cannot open"));
    assert_true(strlen(part.todo) > 0);
    ask_skeleton(m, HEADER BODY, &a);
    ask_skeleton(m, HEADER BODY, &b);
    while (b.calls == 0)
        (void)uv_run(&loop, UV_RUN_NOWAIT); /* another would wait for the next try, too */
    assert_int_equal(a.verdict, MIME_FAILED);
    assert_non_null(strstr(a.why, "libx.so.0: cannot open"));
    assert_non_null(strstr(a.why, "The message is not at fault"));
    assert_int_equal(b.verdict, MIME_FAILED);
    end(&loop, &m);
}

static void is_well_once_it_starts(void **state)
{
    uv_loop_t loop;
    struct health part;
    struct mime *m = begin(&loop, real_helper);
    (void)state;
    mime_start(m);
    mime_health(m, &part);
    assert_int_equal(part.state, HEALTH_STARTING);
    while (part.state == HEALTH_STARTING) {
        (void)uv_run(&loop, UV_RUN_ONCE);
        mime_health(m, &part);
    }
    assert_int_equal(part.state, HEALTH_OK);
    end(&loop, &m);
}

static void takes_only_files(void **state)
{
    uv_loop_t loop;
    struct mime *m = begin(&loop, real_helper);
    struct answer a = {0}, b = {0};
    int fd = open("/dev/null", O_RDONLY);
    (void)state;
    assert_true(fd >= 0);
    mime_skeleton(m, -1, on_answer, &a);
    run_until(&loop, &a, 1);
    assert_int_equal(a.verdict, MIME_FAILED);
    mime_skeleton(m, fd, on_answer, &b);
    run_until(&loop, &b, 1);
    assert_int_equal(b.verdict, MIME_FAILED);
    (void)close(fd);
    end(&loop, &m);
}

static void answers_all_at_the_end(void **state)
{
    uv_loop_t loop;
    struct mime *m = begin(&loop, real_helper);
    struct answer a = {0}, b = {0};
    (void)state;
    ask_skeleton(m, HEADER BODY, &a);
    (void)uv_run(&loop, UV_RUN_NOWAIT); /* a is with the helper */
    ask_skeleton(m, HEADER BODY, &b);
    end(&loop, &m);
    assert_int_equal(a.calls, 1);
    assert_int_equal(a.verdict, MIME_FAILED);
    assert_int_equal(b.calls, 1);
    assert_int_equal(b.verdict, MIME_FAILED);
}

static void may_be_ended_by_an_answer(void **state)
{
    uv_loop_t loop;
    struct mime *m = begin(&loop, real_helper);
    struct answer a = {.free_mime = &m}, b = {0};
    (void)state;
    ask_skeleton(m, HEADER BODY, &a);
    ask_skeleton(m, HEADER BODY, &b);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    assert_null(m);
    assert_int_equal(a.calls, 1);
    assert_int_equal(a.verdict, MIME_OK);
    assert_int_equal(b.calls, 1);
    assert_int_equal(b.verdict, MIME_FAILED);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_its_helper_said),
        cmocka_unit_test(is_well_once_it_starts),
        cmocka_unit_test(parses_and_renders),
        cmocka_unit_test(answers_in_turn),
        cmocka_unit_test(refuses_foreign_nonsense),
        cmocka_unit_test(renders_large_headers),
        cmocka_unit_test(survives_a_death),
        cmocka_unit_test(gives_up_what_kills_it_twice),
        cmocka_unit_test(does_not_wait_for_ever),
        cmocka_unit_test(believes_no_nonsense),
        cmocka_unit_test(says_when_it_cannot_start),
        cmocka_unit_test(takes_only_files),
        cmocka_unit_test(answers_all_at_the_end),
        cmocka_unit_test(may_be_ended_by_an_answer),
        cmocka_unit_test(names_the_sender),
    };
    char helper[PATH_MAX]; /* scripts change the folder before they start it */
    if (argc != 2 || realpath(argv[1], helper) == NULL || mkdtemp(folder) == NULL)
        return 1;
    real_helper = helper;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) == 0 ? failed : 1;
}
