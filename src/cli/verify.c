/* SPDX-License-Identifier: GPL-3.0-or-later */
/* verify.c - see verify.h (P-10.32). 16 words are 128 bits of a hash over both fingerprints: who
 * sits between two people would have to find two keys that give both the same words, 2^64 tries. */
#include "cli/verify.h"
#include "base/crypt.h"
#include "cli/control.h"
#include "cli/lists.h"
#include "cli/pgp_words.h"
#include "pgp/pgp.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define ANSWER_WAIT_S 60
#define WORDS 16
#define IN_A_LINE 4

static void print_words(const uint8_t *a, const uint8_t *b)
{
    static const char label[] = "restante-verify";
    uint8_t text[sizeof label - 1 + 2 * PGP_FPR_LEN], hash[HASH_LEN], *at = text + sizeof label - 1;
    bool first = memcmp(a, b, PGP_FPR_LEN) < 0; /* the same order at both ends */
    memcpy(text, label, sizeof label - 1);
    memcpy(at, first ? a : b, PGP_FPR_LEN);
    memcpy(at + PGP_FPR_LEN, first ? b : a, PGP_FPR_LEN);
    sha256(text, sizeof text, hash);
    for (size_t i = 0; i < WORDS; i++)
        (void)printf("%s%s%s", i % IN_A_LINE == 0 ? "    " : " ", pgp_word(hash[i], i),
                     i % IN_A_LINE == IN_A_LINE - 1 ? "\n" : "");
}

static json_t *verify_ask(struct control *c, const char *cmd, const char *id, const char *fpr,
                          struct error *e)
{
    json_t *o = json_pack("{s:s}", "cmd", cmd);
    if (id != NULL)
        (void)json_object_set_new(o, "id", json_string(id));
    if (fpr != NULL)
        (void)json_object_set_new(o, "fingerprint", json_string(fpr));
    json_t *answer = control_ask_for(c, o, ANSWER_WAIT_S, NULL, NULL, e);
    json_decref(o);
    return answer;
}

/* The contact's fingerprint, as pinned, and one's own. */
static int fingerprints(struct control *c, const char *address, char theirs[2 * PGP_FPR_LEN + 1],
                        char own[2 * PGP_FPR_LEN + 1], struct error *e)
{
    json_t *status = verify_ask(c, "status", NULL, NULL, e);
    json_t *list = status == NULL ? NULL : verify_ask(c, "contacts", NULL, NULL, e);
    const json_t *contact;
    size_t i;
    theirs[0] = '\0';
    if (status != NULL)
        (void)snprintf(own, 2 * PGP_FPR_LEN + 1, "%s", json_text(status, "fingerprint", ""));
    json_array_foreach(json_object_get(list, "contacts"), i, contact)
    {
        if (strcasecmp(json_text(contact, "address", ""), address) == 0)
            (void)snprintf(theirs, 2 * PGP_FPR_LEN + 1, "%s",
                           json_text(contact, "fingerprint", ""));
    }
    int rc = list == NULL ? -1 : 0;
    if (rc == 0 && theirs[0] == '\0')
        rc = error_set(e,
                       "No key of %.254s is pinned: write to it first, or pin one with `restante "
                       "contacts add`.",
                       address);
    json_decref(status);
    json_decref(list);
    return rc;
}

static bool same(const struct cli *cli, const char *address)
{
    char answer[16] = "";
    if (cli->yes)
        return true;
    if (isatty(STDIN_FILENO) != 1)
        return false;
    (void)printf("\nDoes %s read the same words? Type yes if it does: ", address);
    (void)fflush(stdout);
    return fgets(answer, sizeof answer, stdin) != NULL && strcmp(answer, "yes\n") == 0;
}

int contacts_verify(struct cli *cli, const char *address)
{
    struct error e;
    struct control *c = NULL;
    char theirs[2 * PGP_FPR_LEN + 1], own[2 * PGP_FPR_LEN + 1];
    uint8_t a[PGP_FPR_LEN], b[PGP_FPR_LEN];
    int rc = control_open(cli, &c, &e);
    if (rc == 0)
        rc = fingerprints(c, address, theirs, own, &e);
    if (rc == 0 && (hex_decode(theirs, a, sizeof a) < 0 || hex_decode(own, b, sizeof b) < 0))
        rc = error_set(&e, "The running peer gives no fingerprints; is it older than restante?");
    if (rc < 0) {
        control_close(&c);
        return cli_fail(&e);
    }
    (void)printf("Read these words to %s, by telephone or face to face; it sees them with\n"
                 "`restante contacts verify` and your address:\n\n",
                 address);
    print_words(a, b);
    if (!same(cli, address)) {
        control_close(&c);
        (void)puts(
            "\nNothing was changed. If the words are the same, say so with --yes; if not, somebody "
            "is between\nyou: see `restante contacts`.");
        return CLI_OK;
    }
    json_t *answer = verify_ask(c, "contact-add", address, theirs, &e);
    control_close(&c);
    if (answer == NULL)
        return cli_fail(&e);
    json_decref(answer);
    (void)printf("\nThe key of %s is verified.\n", address);
    return CLI_OK;
}
