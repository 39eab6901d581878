/* SPDX-License-Identifier: GPL-3.0-or-later */
/* schema.c - see schema.h. Times named _ms are milliseconds, _s seconds since 1970. */
#include "store/schema.h"
#include "store/column.h"
#include <stdio.h>

static const char *const steps[] = {
    /* 1: one message's way */
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"

    /* the key cache; trust: 1 seen (pinned by sending), 2 vouched, 3 verified */
    "CREATE TABLE contact(address TEXT PRIMARY KEY, pubkey BLOB NOT NULL, fpr BLOB NOT NULL,"
    " trust INTEGER NOT NULL, ocb INTEGER NOT NULL, shards INTEGER NOT NULL, seq INTEGER NOT NULL,"
    " changed_fpr BLOB, checked_ms INTEGER NOT NULL) WITHOUT ROWID;"

    /* what was submitted here; state: enum out_state */
    "CREATE TABLE message(n INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, state INTEGER NOT NULL,"
    " created_ms INTEGER NOT NULL, size INTEGER NOT NULL, hash BLOB NOT NULL, msgid BLOB,"
    " subject BLOB, date BLOB, sender_from BLOB, refs BLOB, receivers_to BLOB, head BLOB,"
    " sent INTEGER NOT NULL, sent_due_ms INTEGER NOT NULL, due_ms INTEGER NOT NULL,"
    " tries INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX message_state ON message(state, due_ms);"
    "CREATE INDEX message_sent ON message(sent, sent_due_ms);"
    "CREATE INDEX message_msgid ON message(msgid);"

    /* a sealed message; state: enum blob_state */
    "CREATE TABLE blob(n INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, message INTEGER NOT NULL"
    " REFERENCES message(n), size INTEGER NOT NULL, chunks BLOB NOT NULL, state INTEGER NOT NULL,"
    " due_ms INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX blob_state ON blob(state, due_ms);"

    /* one receiver of one message; state: enum rcv_state */
    "CREATE TABLE receiver(n INTEGER PRIMARY KEY, message INTEGER NOT NULL REFERENCES message(n),"
    " address TEXT NOT NULL, state INTEGER NOT NULL, blob INTEGER REFERENCES blob(n),"
    " head INTEGER REFERENCES blob(n), nid BLOB, p BLOB, ns BLOB, lock BLOB, expiry_s INTEGER,"
    " due_ms INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0, changed_ms INTEGER NOT NULL,"
    " outcome INTEGER, clean INTEGER NOT NULL DEFAULT 0, told INTEGER NOT NULL DEFAULT 0, why TEXT,"
    " UNIQUE(message, address));"
    "CREATE INDEX receiver_state ON receiver(state, due_ms);"
    "CREATE INDEX receiver_blob ON receiver(blob);"
    "CREATE INDEX receiver_head ON receiver(head);"
    "CREATE INDEX receiver_clean ON receiver(clean, due_ms) WHERE clean=1;"

    /* the receipts that may come, by the id they would have in the DHT */
    "CREATE TABLE expected(id BLOB PRIMARY KEY, receiver INTEGER NOT NULL REFERENCES receiver(n),"
    " outcome INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX expected_receiver ON expected(receiver);"

    /* entries of the DHT that were looked at, whatever came of it */
    "CREATE TABLE looked(id BLOB PRIMARY KEY, until_s INTEGER NOT NULL) WITHOUT ROWID;"

    /* what was announced to us; state: enum in_state */
    "CREATE TABLE incoming(n INTEGER PRIMARY KEY, nid BLOB NOT NULL UNIQUE, state INTEGER NOT NULL,"
    " sender TEXT NOT NULL, fpr BLOB NOT NULL, pubkey BLOB NOT NULL, trust INTEGER NOT NULL,"
    " place INTEGER NOT NULL, ns_key TEXT NOT NULL, ns_hash BLOB NOT NULL, p BLOB NOT NULL,"
    " skp BLOB NOT NULL, hash BLOB NOT NULL, blob_size INTEGER NOT NULL, chunks_hash BLOB NOT NULL,"
    " m_hash BLOB NOT NULL, m_size INTEGER NOT NULL, head BLOB, head_skp BLOB, head_hash BLOB,"
    " head_size INTEGER, head_chunks_hash BLOB, from_text BLOB, subject BLOB, date BLOB, trace "
    "TEXT,"
    " expiry_s INTEGER NOT NULL, arrived_ms INTEGER NOT NULL, file TEXT, wanted INTEGER NOT NULL"
    " DEFAULT 0, fresh INTEGER NOT NULL DEFAULT 0, outcome INTEGER, changed_ms INTEGER NOT NULL, "
    "gone_ms INTEGER, due_ms INTEGER NOT"
    " NULL, tries INTEGER NOT NULL DEFAULT 0, why TEXT);"
    "CREATE INDEX incoming_state ON incoming(state, due_ms);"
    "CREATE INDEX incoming_wanted ON incoming(wanted, state) WHERE wanted=1;",

    /* 2: peer groups; one row per master whose descriptor names us, at most one accepted */
    "CREATE TABLE peer_group(master_fpr BLOB PRIMARY KEY, name TEXT NOT NULL, master TEXT NOT NULL,"
    " master_key BLOB NOT NULL, role INTEGER NOT NULL, accepted INTEGER NOT NULL DEFAULT 0,"
    " seq INTEGER NOT NULL, expiry_s INTEGER NOT NULL, roster BLOB NOT NULL, signed BLOB NOT NULL,"
    " record BLOB NOT NULL, lock BLOB NOT NULL, old_hash BLOB, put_ms INTEGER NOT NULL DEFAULT 0)"
    " WITHOUT ROWID;"
    "CREATE TABLE member(master_fpr BLOB NOT NULL, address TEXT NOT NULL, fpr BLOB NOT NULL,"
    " role INTEGER NOT NULL, pubkey BLOB, joined INTEGER NOT NULL DEFAULT 0,"
    " checked_ms INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(master_fpr, address)) WITHOUT ROWID;"
    "ALTER TABLE incoming ADD COLUMN master_fpr BLOB;",

    /* replication in the group (store/replicas.h); state: enum replica_state; holding: own blobs
     * that members say they hold */
    "CREATE TABLE replica(n INTEGER PRIMARY KEY, owner TEXT NOT NULL, hash BLOB NOT NULL, size"
    " INTEGER NOT NULL, chunks_hash BLOB NOT NULL, expiry_s INTEGER NOT NULL, state INTEGER NOT"
    " NULL, due_ms INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0, UNIQUE(owner, hash));"
    "CREATE INDEX replica_state ON replica(state, due_ms);"
    "CREATE INDEX replica_hash ON replica(hash);"
    "CREATE TABLE replica_ns(n INTEGER PRIMARY KEY, owner TEXT NOT NULL, blob BLOB NOT NULL, key"
    " TEXT NOT NULL, ns BLOB NOT NULL, lock BLOB NOT NULL, expiry_s INTEGER NOT NULL, due_ms"
    " INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0, UNIQUE(owner, lock));"
    "CREATE INDEX replica_ns_due ON replica_ns(due_ms);"
    "CREATE TABLE fellow_list(owner TEXT PRIMARY KEY, counter INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE holding(hash BLOB NOT NULL, member TEXT NOT NULL, size INTEGER NOT NULL,"
    " chunks_hash BLOB NOT NULL, expiry_s INTEGER NOT NULL, PRIMARY KEY(hash, member)) WITHOUT"
    " ROWID;",

    /* expiry: the notice stands where the stub was; pulled before the end; the time asked for */
    "ALTER TABLE incoming ADD COLUMN lapsed INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE incoming ADD COLUMN hastened INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE message ADD COLUMN expires_s INTEGER NOT NULL DEFAULT 0;",

    /* the shard of the receiver's ns: key at which the notification stands */
    "ALTER TABLE receiver ADD COLUMN shard INTEGER NOT NULL DEFAULT 0;",

    /* cancellations: of our own messages (cancel: enum cancel_step), and those that came to us
     */
    "ALTER TABLE receiver ADD COLUMN cancel INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE receiver ADD COLUMN cancel_due_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE receiver ADD COLUMN cancel_tries INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE receiver ADD COLUMN cancel_entry BLOB;"
    "CREATE INDEX receiver_cancel ON receiver(cancel, cancel_due_ms) WHERE cancel>0;"
    "CREATE TABLE cancelled(nid BLOB PRIMARY KEY, fpr BLOB NOT NULL, until_s INTEGER NOT NULL)"
    " WITHOUT ROWID;"
    /* lines of the mailbox Outbox (line: enum line_state): line_dirty counts changes not shown yet
     */
    "ALTER TABLE message ADD COLUMN line INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE message ADD COLUMN line_dirty INTEGER NOT NULL DEFAULT 1;"
    "ALTER TABLE message ADD COLUMN line_due_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE message ADD COLUMN line_gone_ms INTEGER;"
    "ALTER TABLE message ADD COLUMN line_tries INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX message_line ON message(line_due_ms) WHERE line_dirty>0;"
    "CREATE INDEX message_line_stands ON message(n) WHERE line=1;"
    /* what is fetched at once needs no line */
    "CREATE TRIGGER line_new AFTER INSERT ON message BEGIN"
    " UPDATE message SET line_due_ms=NEW.created_ms+1500 WHERE n=NEW.n; END;"
    "CREATE TRIGGER line_changed AFTER UPDATE OF state ON receiver WHEN OLD.state<>NEW.state BEGIN"
    " UPDATE message SET line_dirty=line_dirty+1,line_due_ms=CASE WHEN EXISTS(SELECT 1 FROM"
    " receiver r WHERE r.message=NEW.message AND (r.state<5 OR r.state=11)) THEN line_due_ms ELSE 0"
    " END WHERE n=NEW.message AND line<>2; END;",

    /* what the user decided about fetching (store/policy.h): kind: enum policy_kind */
    "CREATE TABLE policy(kind INTEGER NOT NULL, name TEXT NOT NULL COLLATE NOCASE, value INTEGER "
    "NOT"
    " NULL, PRIMARY KEY(kind, name)) WITHOUT ROWID;"

    /* a receiver that is this peer itself */
    "ALTER TABLE receiver ADD COLUMN own INTEGER NOT NULL DEFAULT 0;"

    /* what the user said of senders (store/senders.h): rule: enum sender_rule */
    "CREATE TABLE sender(address TEXT PRIMARY KEY, rule INTEGER NOT NULL, since_ms INTEGER NOT"
    " NULL) WITHOUT ROWID;"
    "CREATE INDEX incoming_apart ON incoming(n) WHERE place>0;"

    /* of what the sender's client wants to be told (RFC 3461): 1 success, 2 failure, added up */
    "ALTER TABLE receiver ADD COLUMN notify INTEGER NOT NULL DEFAULT 2;"
    "CREATE INDEX receiver_tell ON receiver(message, due_ms) WHERE told<>1 AND " RCV_REPORTED ";",

    /* what the sender's client finds its reports by (RFC 3461) */
    "ALTER TABLE message ADD COLUMN envid BLOB;"
    "ALTER TABLE receiver ADD COLUMN orcpt BLOB;",

    /* its receipt was handed over and never stood in the DHT, as far as this peer knows */
    "ALTER TABLE receiver ADD COLUMN handed INTEGER NOT NULL DEFAULT 0;",

    /* no receiver needs it: what may be freed is found among these, and not among all that wait */
    "ALTER TABLE blob ADD COLUMN may_go INTEGER NOT NULL DEFAULT 1;"
    "UPDATE blob SET may_go=0 WHERE EXISTS(SELECT 1 FROM receiver r WHERE (r.state<5 OR r.cancel=1)"
    " AND (r.blob=blob.n OR r.head=blob.n));"
    "CREATE INDEX blob_may_go ON blob(due_ms) WHERE may_go=1 AND state<>3;"
    "CREATE TRIGGER blob_let_go AFTER UPDATE OF state,cancel ON receiver WHEN NEW.state>4 AND"
    " NEW.cancel<>1 BEGIN UPDATE blob SET may_go=1 WHERE n IN (NEW.blob,NEW.head) AND NOT"
    " EXISTS(SELECT 1 FROM receiver r WHERE (r.state<5 OR r.cancel=1) AND (r.blob=blob.n OR"
    " r.head=blob.n)); END;"
    "CREATE INDEX incoming_expiry ON incoming(expiry_s) WHERE state<3;",

    /* what may be pulled before it expires, with all that is asked of it: stubs are many and large
     */
    "CREATE INDEX incoming_hasten ON incoming(expiry_s, arrived_ms, m_size, sender, fpr) WHERE"
    " state=2 AND wanted=0 AND hastened=0 AND gone_ms IS NULL;"
    "CREATE INDEX incoming_lapse ON incoming(due_ms) WHERE state=7 AND lapsed=0;",

    /* the keys of those whose messages came, once each: IN_PUBKEY reads them. A row made before
     * this step, or signed by another form of the same key, keeps its own */
    "CREATE TABLE signer(fpr BLOB PRIMARY KEY, pubkey BLOB NOT NULL) WITHOUT ROWID;"
    "INSERT OR IGNORE INTO signer SELECT fpr,pubkey FROM incoming;",

    /* a person deleted the stub: it is declined after its grace, with however many others (P-10.23)
     */
    "ALTER TABLE incoming ADD COLUMN person INTEGER NOT NULL DEFAULT 0;",

    /* fingerprints that the user pinned before a key was known: contact_pin finds them here */
    "CREATE TABLE pin(address TEXT PRIMARY KEY, fpr BLOB NOT NULL, since_ms INTEGER NOT NULL)"
    " WITHOUT ROWID;",

    /* invitations (store/invites.h): given out, who used them (step: enum invite_step), accepted;
     * nodes of the DHT that they named. team: into the group. A group's user was told of it */
    "CREATE TABLE invite(id BLOB PRIMARY KEY, secret BLOB NOT NULL, team INTEGER NOT NULL,"
    " uses_max INTEGER NOT NULL, made_ms INTEGER NOT NULL, expiry_s INTEGER NOT NULL,"
    " revoked INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;"
    "CREATE TABLE invite_use(id BLOB NOT NULL, address TEXT NOT NULL, fpr BLOB NOT NULL,"
    " at_ms INTEGER NOT NULL, step INTEGER NOT NULL, PRIMARY KEY(id, address)) WITHOUT ROWID;"
    "CREATE TABLE accepted(address TEXT PRIMARY KEY, fpr BLOB NOT NULL, id BLOB NOT NULL,"
    " secret BLOB NOT NULL, team INTEGER NOT NULL, network INTEGER NOT NULL,"
    " expiry_s INTEGER NOT NULL, at_ms INTEGER NOT NULL, message BLOB, joined INTEGER NOT NULL,"
    " body BLOB) WITHOUT ROWID;"
    "CREATE TABLE bootstrap(node TEXT PRIMARY KEY, since_ms INTEGER NOT NULL) WITHOUT ROWID;"
    "ALTER TABLE peer_group ADD COLUMN told INTEGER NOT NULL DEFAULT 0;",

    /* until when the pinned identity has said that it lives (0: not known): before that no other
     * key takes its place. Revocations that matter here (store/revoked.h) */
    "ALTER TABLE contact ADD COLUMN expiry_s INTEGER NOT NULL DEFAULT 0;"
    "UPDATE contact SET expiry_s=checked_ms/1000+7776000 WHERE checked_ms>0;"
    "CREATE TABLE revoked(fpr BLOB PRIMARY KEY, address TEXT NOT NULL, record BLOB NOT NULL, own"
    " INTEGER NOT NULL, since_ms INTEGER NOT NULL) WITHOUT ROWID;",

    /* what this peer holds for the other members (store/hold.h): mode, max, for:ADDRESS */
    "CREATE TABLE hold(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX replica_ns_blob ON replica_ns(owner, blob);",

    /* the user was told of one who came with an invitation that did not hold */
    "ALTER TABLE invite_use ADD COLUMN told INTEGER NOT NULL DEFAULT 0;",
};

int schema_step(struct db *db, int64_t from, struct error *e)
{
    char version[64];
    (void)snprintf(version, sizeof version, "PRAGMA user_version=%d; COMMIT;", (int)from + 1);
    return db_script(db, "BEGIN IMMEDIATE;", e) < 0 || db_script(db, steps[from], e) < 0 ||
                   db_script(db, version, e) < 0
               ? -1
               : 0;
}

static const int64_t newest = (int64_t)(sizeof steps / sizeof *steps);

int schema_is_newest(struct db *db, struct error *e)
{
    int64_t have = db_int(db, -1, "PRAGMA user_version", "");
    if (have == newest)
        return 0;
    if (have < 0)
        return error_set(e, "The database cannot be read.");
    return error_set(e,
                     "The database was made by another version of Restante (schema %d, this one "
                     "has %d): start this version's peer once, and ask again.",
                     (int)have, (int)newest);
}

int schema_migrate(struct db *db, struct error *e)
{
    int64_t have = db_int(db, -1, "PRAGMA user_version", "");
    if (have < 0)
        return error_set(e, "The database cannot be read.");
    if (have > newest)
        return error_set(e,
                         "The database was made by a newer Restante (schema %d, this one knows "
                         "%d): install the newer version again.",
                         (int)have, (int)newest);
    for (; have < newest; have++)
        if (schema_step(db, have, e) < 0)
            return -1;
    return 0;
}
