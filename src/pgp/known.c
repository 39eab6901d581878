/* SPDX-License-Identifier: GPL-3.0-or-later */
/* known.c - foreign keys that this thread used lately, read and checked. Reading one costs RNP two
 * signatures to verify, several times what is done with it then. Each has an RNP context of its
 * own: in a common one keys that claim each other's subkeys would mix. */
#include "pgp/internal.h"
#include "base/clock.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define KNOWN_MAX 128           /* a thread; the least lately used goes first */
#define KNOWN_MS (10 * 60000LL) /* then it is checked anew: it may have expired */

struct known {
    struct known_key *item[KNOWN_MAX];
    size_t count;
};

static pthread_key_t known_slot;
static pthread_once_t known_once = PTHREAD_ONCE_INIT;

static void key_free(struct known_key *k)
{
    PGP_QUIET;
    rnp_key_handle_destroy(k->sub);
    rnp_key_handle_destroy(k->primary);
    if (k->ffi != NULL)
        rnp_ffi_destroy(k->ffi);
    free(k->octets);
    free(k);
}

static void known_free(void *p)
{
    struct known *s = p;
    for (size_t i = 0; i < s->count; i++)
        key_free(s->item[i]);
    free(s);
}

static void known_init(void)
{
    if (pthread_key_create(&known_slot, known_free) != 0)
        abort(); /* a mistake of ours: too many keys */
}

/* This thread's; NULL when the system has none for a thread: then nothing is kept. */
static struct known *known(void)
{
    pthread_once(&known_once, known_init);
    struct known *s = pthread_getspecific(known_slot);
    if (s == NULL) {
        s = mem_new(sizeof *s);
        if (pthread_setspecific(known_slot, s) != 0) {
            free(s);
            s = NULL;
        }
    }
    return s;
}

static struct known_key *key_read(const struct pgp_pub *pub, struct error *e)
{
    struct known_key *k = mem_new(sizeof *k);
    char *hex = NULL;
    if ((k->octets = malloc(pub->len + 1)) == NULL) {
        (void)error_set(e, "Out of memory.");
    } else if (ffi_new(&k->ffi, e) == 0 && key_import(k->ffi, pub, &k->primary, k->fpr, e) == 0 &&
               key_encryption_subkey(k->primary, &k->sub, e) == 0) {
        memcpy(k->octets, pub->data, pub->len);
        k->len = pub->len;
        k->read_ms = clock_mono_ms();
        if (rnp_key_get_keyid(k->sub, &hex) == RNP_SUCCESS && hex != NULL &&
            hex_decode(hex, k->keyid, KEYID_LEN) == 0) {
            rnp_buffer_destroy(hex);
            return k;
        }
        rnp_buffer_destroy(hex);
        (void)error_set(e, "The key has no key id.");
    }
    key_free(k);
    return NULL;
}

/* Takes item i out; it lives on while somebody uses it. */
static void forget(struct known *s, size_t i)
{
    struct known_key *k = s->item[i];
    memmove(&s->item[i], &s->item[i + 1], (--s->count - i) * sizeof(struct known_key *));
    k->kept = false;
    if (k->users == 0)
        key_free(k);
}

/* The list is in the order of use, the latest at its end. */
static struct known_key *known_find(struct known *s, const struct pgp_pub *pub)
{
    for (size_t i = s->count; i-- > 0;) {
        struct known_key *k = s->item[i];
        if (k->len != pub->len || memcmp(k->octets, pub->data, pub->len) != 0)
            continue;
        if (clock_mono_ms() - k->read_ms > KNOWN_MS) {
            forget(s, i);
            return NULL;
        }
        memmove(&s->item[i], &s->item[i + 1], (s->count - 1 - i) * sizeof(struct known_key *));
        s->item[s->count - 1] = k;
        return k;
    }
    return NULL;
}

struct known_key *known_take(const struct pgp_pub *pub, struct error *e)
{
    struct known *s = known();
    struct known_key *k = s == NULL ? NULL : known_find(s, pub);
    if (k == NULL) {
        k = key_read(pub, e);
        if (k != NULL && s != NULL) {
            if (s->count == KNOWN_MAX)
                forget(s, 0);
            k->kept = true;
            s->item[s->count++] = k;
        }
    }
    if (k != NULL) {
        k->users++;
        ffi_clock(k->ffi, PGP_CLOCK_SLACK);
    }
    return k;
}

void known_give(struct known_key *k)
{
    if (k != NULL && --k->users == 0 && !k->kept)
        key_free(k);
}

static bool uid_matches(rnp_key_handle_t key, size_t i, const char *address)
{
    rnp_uid_handle_t uid = NULL;
    void *data = NULL;
    size_t n = 0, len = strlen(address);
    uint32_t type = 0;
    bool valid = false, same = false;
    if (rnp_key_get_uid_handle_at(key, i, &uid) == RNP_SUCCESS &&
        rnp_uid_get_type(uid, &type) == RNP_SUCCESS && type == RNP_USER_ID &&
        rnp_uid_is_valid(uid, &valid) == RNP_SUCCESS && valid &&
        rnp_uid_get_data(uid, &data, &n) == RNP_SUCCESS) {
        const char *s = data;
        same = n == len + 2 && s[0] == '<' && s[n - 1] == '>' && memcmp(s + 1, address, len) == 0;
        rnp_buffer_destroy(data);
    }
    rnp_uid_handle_destroy(uid);
    return same;
}

static int check_uid(rnp_key_handle_t key, const char *address, struct error *e)
{
    size_t count = 0;
    (void)rnp_key_get_uid_count(key, &count);
    for (size_t i = 0; i < count; i++)
        if (uid_matches(key, i, address))
            return 0;
    return error_set(e, "The public key does not name the address %.254s.", address);
}

int pgp_check_pub(const struct pgp_pub *pub, const char *address, uint8_t fpr_r[PGP_FPR_LEN],
                  struct error *e)
{
    PGP_QUIET;
    struct known_key *key = known_take(pub, e);
    int result = -1;
    if (key != NULL) {
        if (fpr_r != NULL)
            memcpy(fpr_r, key->fpr, PGP_FPR_LEN);
        result = address == NULL ? 0 : check_uid(key->primary, address, e);
    }
    known_give(key);
    return result;
}
