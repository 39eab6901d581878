/* SPDX-License-Identifier: GPL-3.0-or-later */
/* outgoing_queues.c - what is due on the sender's side; see queue.h. The states are those of enum
 * out_state, blob_state, rcv_state. */
#include "store/column.h"
#include "store/queue.h"

#define RECEIVER_DELAY "UPDATE receiver SET due_ms=?1,tries=tries+1 WHERE n=?2"
#define RECEIVER_TRIES "SELECT tries FROM receiver WHERE n=?"
#define CANCEL_DELAY "UPDATE receiver SET cancel_due_ms=?1,cancel_tries=cancel_tries+1 WHERE n=?2"
#define CANCEL_TRIES "SELECT cancel_tries FROM receiver WHERE n=?"
#define MESSAGE_DELAY "UPDATE message SET due_ms=?1,tries=tries+1 WHERE n=?2"
#define MESSAGE_TRIES "SELECT tries FROM message WHERE n=?"
#define BLOB_DELAY "UPDATE blob SET due_ms=?1,tries=tries+1 WHERE n=?2"
#define BLOB_TRIES "SELECT tries FROM blob WHERE n=?"

/* Receivers without a key. */
const struct queue queue_lookup = {
    .name = "lookup",
    .about = ABOUT_RECEIVER,
    .due = "SELECT n FROM receiver WHERE state=1/*RCV_WAITING*/ AND due_ms<=?1 ORDER BY due_ms,n "
           "LIMIT ?2",
    .next = "SELECT min(due_ms) FROM receiver WHERE state=1/*RCV_WAITING*/ AND due_ms>?",
    .delay = RECEIVER_DELAY,
    .tries = RECEIVER_TRIES,
};

/* Receivers that are this peer itself. */
const struct queue queue_local_delivery = {
    .name = "local_delivery",
    .about = ABOUT_RECEIVER,
    .due = "SELECT n FROM receiver WHERE state=2/*RCV_READY*/ AND own=1 AND due_ms<=?1 ORDER BY "
           "due_ms,n LIMIT ?2",
    .next = "SELECT min(due_ms) FROM receiver WHERE state=2/*RCV_READY*/ AND own=1 AND due_ms>?",
    .delay = RECEIVER_DELAY,
    .tries = RECEIVER_TRIES,
};

/* Receivers that are sealed for, once the blobs are published. */
const struct queue queue_announce = {
    .name = "announce",
    .about = ABOUT_RECEIVER,
    .due = "SELECT r.n FROM receiver r JOIN blob b ON b.n=r.blob WHERE r.state=3/*RCV_SEALED*/ AND"
           " r.due_ms<=?1 AND b.state=2/*BLOB_PUBLISHED*/ AND NOT EXISTS(SELECT 1 FROM blob h WHERE"
           " h.n=r.head AND h.state<>2/*BLOB_PUBLISHED*/) ORDER BY r.due_ms,r.n LIMIT ?2",
    .next = "SELECT min(due_ms) FROM receiver WHERE state=3/*RCV_SEALED*/ AND due_ms>?",
    .delay = RECEIVER_DELAY,
    .tries = RECEIVER_TRIES,
};

/* Receivers that are announced, to be put again. */
const struct queue queue_reput = {
    .name = "reput",
    .about = ABOUT_RECEIVER,
    .due = "SELECT n FROM receiver WHERE state=4/*RCV_ANNOUNCED*/ AND due_ms<=?1 ORDER BY due_ms,n "
           "LIMIT ?2",
    .next = "SELECT min(due_ms) FROM receiver WHERE state=4/*RCV_ANNOUNCED*/ AND due_ms>?",
    .delay = RECEIVER_DELAY,
    .tries = RECEIVER_TRIES,
};

/* Ended receivers with entries in the DHT. */
const struct queue queue_dht_gc = {
    .name = "dht_gc",
    .about = ABOUT_RECEIVER,
    .due = "SELECT n FROM receiver WHERE clean=1/*CLEAN_DUE*/ AND due_ms<=?1 ORDER BY due_ms,n "
           "LIMIT ?2",
    .next = "SELECT min(due_ms) FROM receiver WHERE clean=1/*CLEAN_DUE*/ AND due_ms>?",
    .delay = RECEIVER_DELAY,
    .tries = RECEIVER_TRIES,
};

/* Receivers whose blob is to be closed. (cancel>0 lets SQLite take the partial index.) */
const struct queue queue_recall = {
    .name = "recall",
    .about = ABOUT_RECEIVER,
    .due = "SELECT n FROM receiver WHERE cancel>0/*CANCEL_NONE*/ AND cancel=1/*CANCEL_CLOSE*/ AND "
           "cancel_due_ms<=?1 ORDER BY"
           " cancel_due_ms,n LIMIT ?2",
    .next = "SELECT min(cancel_due_ms) FROM receiver WHERE cancel>0/*CANCEL_NONE*/ AND "
            "cancel=1/*CANCEL_CLOSE*/ AND cancel_due_ms>?",
    .delay = CANCEL_DELAY,
    .tries = CANCEL_TRIES,
};

/* Receivers whose cancellation is to be put, or put again. */
const struct queue queue_cancel = {
    .name = "cancel",
    .about = ABOUT_RECEIVER,
    .due = "SELECT n FROM receiver WHERE cancel>0/*CANCEL_NONE*/ AND cancel IN "
           "(2/*CANCEL_POST*/,3/*CANCEL_POSTED*/) AND cancel_due_ms<=?1 ORDER BY"
           " cancel_due_ms,n LIMIT ?2",
    .next = "SELECT min(cancel_due_ms) FROM receiver WHERE cancel>0/*CANCEL_NONE*/ AND cancel IN "
            "(2/*CANCEL_POST*/,3/*CANCEL_POSTED*/) AND "
            "cancel_due_ms>?",
    .delay = CANCEL_DELAY,
    .tries = CANCEL_TRIES,
};

/* Messages with receivers to seal for. (+ lets SQLite find a message's receivers by the message,
 * not among all that are in this state.) */
const struct queue queue_seal = {
    .name = "seal",
    .about = ABOUT_MESSAGE,
    .due = "SELECT m.n FROM message m WHERE m.state=1/*OUT_SUBMITTED*/ AND m.due_ms<=?1 AND "
           "EXISTS(SELECT 1 FROM"
           " receiver r WHERE r.message=m.n AND +r.state=2/*RCV_READY*/ AND r.own=0) ORDER BY "
           "m.due_ms,m.n LIMIT ?2",
    .next = "SELECT min(due_ms) FROM message WHERE state=1/*OUT_SUBMITTED*/ AND due_ms>?",
    .delay = MESSAGE_DELAY,
    .tries = MESSAGE_TRIES,
};

/* Messages whose copy in Sent is open. */
const struct queue queue_sent = {
    .name = "sent",
    .about = ABOUT_MESSAGE,
    .due =
        "SELECT n FROM message WHERE sent=1/*SENT_WAIT*/ AND sent_due_ms<=?1 ORDER BY sent_due_ms,n"
        " LIMIT ?2",
    .next = "SELECT min(sent_due_ms) FROM message WHERE sent=1/*SENT_WAIT*/ AND sent_due_ms>?",
    .delay = "UPDATE message SET sent_due_ms=?1,tries=tries+1 WHERE n=?2",
    .tries = "SELECT tries FROM message WHERE n=?",
};

/* Messages whose line in Outgoing is to change. */
const struct queue queue_outbox_line = {
    .name = "outbox_line",
    .about = ABOUT_MESSAGE,
    .due = "SELECT n FROM message WHERE line_dirty>0 AND line_due_ms<=?1 LIMIT ?2",
    .next = "SELECT min(line_due_ms) FROM message WHERE line_dirty>0 AND line_due_ms>?",
    .delay = "UPDATE message SET line_due_ms=?1,line_tries=line_tries+1 WHERE n=?2",
    .tries = "SELECT line_tries FROM message WHERE n=?",
};

/* Messages of which everybody is sealed for. */
const struct queue queue_spool_gc = {
    .name = "spool_gc",
    .about = ABOUT_MESSAGE,
    .due = "SELECT m.n FROM message m WHERE m.state=1/*OUT_SUBMITTED*/ AND m.sent<>1/*SENT_WAIT*/ "
           "AND m.due_ms<=?1 AND NOT"
           " EXISTS(SELECT 1 FROM receiver r WHERE r.message=m.n AND +r.state IN "
           "(1/*RCV_WAITING*/,2/*RCV_READY*/)) LIMIT ?2",
    .next = "SELECT min(due_ms) FROM message WHERE state=1/*OUT_SUBMITTED*/ AND due_ms>?",
    .delay = MESSAGE_DELAY,
    .tries = MESSAGE_TRIES,
};

/* Messages with receivers that are to be reported, of which the user was not told: once nobody of
 * the same expiry is still looked for. */
const struct queue queue_dsn = {
    .name = "dsn",
    .about = ABOUT_MESSAGE,
    .due = "SELECT t.message FROM (SELECT message,max(CASE state WHEN 8/*RCV_EXPIRED*/ THEN "
           "expiry_s END) AS expiry"
           " FROM receiver INDEXED BY receiver_tell WHERE told<>1/*TOLD*/ AND " RCV_REPORTED
           " AND due_ms<=?1 GROUP BY message) t WHERE"
           " NOT EXISTS(SELECT 1 FROM receiver o WHERE o.message=t.message AND "
           "o.state<5/*RCV_PULLED*/ AND"
           " o.expiry_s<=t.expiry) LIMIT ?2",
    .next = "SELECT min(due_ms) FROM receiver INDEXED BY receiver_tell WHERE told<>1/*TOLD*/ "
            "AND " RCV_REPORTED " AND due_ms>?",
    .delay = "UPDATE receiver SET due_ms=?1,tries=tries+1 WHERE message=?2 AND told<>1/*TOLD*/ "
             "AND " RCV_REPORTED,
    .tries = "SELECT max(tries) FROM receiver WHERE message=? AND told<>1/*TOLD*/",
};

/* Messages of which somebody asked to be told when they are not fetched for long: rows of meta,
 * each with its time, made by out_add. */
const struct queue queue_delay_notice = {
    .name = "delay_notice",
    .about = ABOUT_MESSAGE,
    .due = "SELECT CAST(replace(name,'delay:','') AS INTEGER) FROM meta WHERE name BETWEEN "
           "'delay:' AND"
           " 'delay;' AND value<=?1 ORDER BY value LIMIT ?2",
    .next = "SELECT min(value) FROM meta WHERE name BETWEEN 'delay:' AND 'delay;' AND value>?",
    .delay = "UPDATE meta SET value=?1 WHERE name='delay:'||?2",
    .tries = "SELECT tries FROM message WHERE n=?",
};

/* Sealed blobs. */
const struct queue queue_publish = {
    .name = "publish",
    .about = ABOUT_BLOB,
    .due =
        "SELECT n FROM blob WHERE state=1/*BLOB_SEALED*/ AND due_ms<=?1 ORDER BY due_ms,n LIMIT ?2",
    .next = "SELECT min(due_ms) FROM blob WHERE state=1/*BLOB_SEALED*/ AND due_ms>?",
    .delay = BLOB_DELAY,
    .tries = BLOB_TRIES,
};

/* Blobs nobody waits for. */
const struct queue queue_blob_gc = {
    .name = "blob_gc",
    .about = ABOUT_BLOB,
    .due = "SELECT b.n FROM blob b INDEXED BY blob_may_go WHERE b.may_go=1 AND "
           "b.state<>3/*BLOB_GONE*/ AND"
           " b.due_ms<=?1 AND NOT EXISTS"
           "(SELECT 1 FROM receiver r WHERE (r.state<5/*RCV_PULLED*/ OR "
           "r.cancel=1/*CANCEL_CLOSE*/) AND (r.blob=b.n OR r.head=b.n))"
           " LIMIT ?2",
    .next = "SELECT min(due_ms) FROM blob INDEXED BY blob_may_go WHERE may_go=1 AND "
            "state<>3/*BLOB_GONE*/"
            " AND due_ms>?",
    .delay = BLOB_DELAY,
    .tries = BLOB_TRIES,
};

/* Blobs whose file is missing, and waited for. */
const struct queue queue_blob_recovery = {
    .name = "blob_recovery",
    .about = ABOUT_BLOB,
    .due =
        "SELECT b.n FROM blob b WHERE b.state=4/*BLOB_MISSING*/ AND b.due_ms<=?1 AND EXISTS(SELECT "
        "1"
        " FROM receiver r WHERE r.state<5/*RCV_PULLED*/ AND (r.blob=b.n OR r.head=b.n)) LIMIT ?2",
    .next = "SELECT min(due_ms) FROM blob WHERE state=4/*BLOB_MISSING*/ AND due_ms>?",
    .delay = BLOB_DELAY,
    .tries = BLOB_TRIES,
};
