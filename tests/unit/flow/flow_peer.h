/* SPDX-License-Identifier: GPL-3.0-or-later */
/* flow_peer.h - peers in the process of a test: each with a home, a key, a real store, workers with
 * real OpenPGP, an HTTP server and client, and the MIME helper; the DHT between them is in memory.
 * Of a message's way only the modules and steps run that the test names. */
#ifndef RESTANTE_TEST_FLOW_PEER_H
#define RESTANTE_TEST_FLOW_PEER_H

#include "turn.h"
#include "base/file.h"
#include "dht/dht.h"
#include "flow/core/module.h"
#include "flow/core/path.h"
#include "flow/core/services.h"
#include "flow/core/step.h"
#include "pgp/pgp.h"
#include "store/incoming.h"
#include "store/outgoing.h"
#include <string.h>

#define PEER_NETWORK 7u

struct flow_peer {
    struct services sv;
    char address[64], home[48], outbox[64];
    struct buf secret;
    const struct module *const *modules; /* while they run */
};

extern struct dht *peer_dht;         /* of all of them */
extern const char *peer_mime_helper; /* the path of restante-mime, from the command line */
/* cmocka's group setup and teardown, with the loop's: the DHT. */
int peers_open(void **state);
int peers_shut(void **state);

/* A home with its folders and a key. It ends with peer_remove. */
void peer_make(struct flow_peer *p, const char *address);
void peer_remove(struct flow_peer *p);
/* OpenPGP with its key; ends with pgp_free. */
struct pgp *peer_pgp(const struct flow_peer *p);
/* From here on the store, the workers, the faces and these modules and steps run; both lists end
 * with NULL. */
void peer_start(struct flow_peer *p, const struct module *const *modules,
                const struct step *const *steps);
/* As at a program's end; the home stays, and may be started again. */
void peer_stop(struct flow_peer *p);

/* p has pinned the key of other. */
void peer_knows(struct flow_peer *p, const struct flow_peer *other);
/* p's descriptor, with its HTTP server's endpoint, stands in the DHT. */
void peer_posts_descriptor(struct flow_peer *p);

/* m, with CRLF, is in p's spool for these receivers (up to NULL), whose keys are known, as when the
 * client had its 250. The message's row. */
int64_t peer_submits(struct flow_peer *p, const void *m, size_t n, const char *const *to);
/* "From: p, To: to", a subject, a body of so many octets; to be freed. */
char *peer_writes(const struct flow_peer *p, const char *to, size_t body, size_t *n_r);
/* Gives p, the receiver, what stands in the DHT for it; rows that are new. Its modules must run. */
size_t peer_looks(struct flow_peer *p);

/* Rows. */
struct db *peer_db(const struct flow_peer *p);
int64_t peer_int(const struct flow_peer *p, const char *sql, int64_t n); /* -1: no such row */
enum in_state peer_in_state(const struct flow_peer *p, int64_t n);
/* Files. */
bool peer_file(const struct flow_peer *p, const char *dir, const uint8_t *id, size_t n,
               const char *suffix, struct buf *b_r); /* is it there? b_r may be NULL */
/* Files of the folder below the home whose names contain this. */
size_t peer_count(const struct flow_peer *p, const char *dir, const char *part);
/* Makes a folder of the home unusable, by a file in its place, and usable again. */
void peer_spoil(const struct flow_peer *p, const char *dir);
void peer_mend(const struct flow_peer *p, const char *dir);
/* What stands in the DHT under this key, as an entry of this id. */
enum dht_presence peer_look(const char *key, const uint8_t id[DHT_ID_LEN]);
size_t peer_list(const char *key);

#endif
