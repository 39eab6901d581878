# SPDX-License-Identifier: GPL-3.0-or-later
"""Every number in the store's SQL that stands for a state says which, as `state=2/*RCV_READY*/`, and this
test holds it against the enums of the headers: a wrong number, a wrong name, or one without a name fails. Run as
a program it writes the names that are missing."""

import glob
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import sql_numbers as sql  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STORE = os.path.join(ROOT, "src", "store")
# The columns whose numbers are an enum's; "" for bits named by #define.
ENUMS = {
    "message": {"state": "out_state", "sent": "sent_state", "line": "line_state"},
    "blob": {"state": "blob_state"},
    "receiver": {"state": "rcv_state", "cancel": "cancel_step", "clean": "clean_state", "told": "told_state",
                 "outcome": "outcome", "notify": ""},
    "expected": {"outcome": "outcome"},
    "incoming": {"state": "in_state", "trust": "in_trust", "place": "in_place", "outcome": "outcome"},
    "contact": {"trust": "in_trust"},
    "replica": {"state": "replica_state"},
    "peer_group": {"role": "group_role"},
    "member": {"role": "group_role"},
    "policy": {"kind": "policy_kind", "value": "policy"},
    "sender": {"rule": "sender_rule"},
    "invite_use": {"step": "invite_step"},
}
# Yes or no; and numbers that count something. What ends in _ms or _s is a time.
FLAGS = {"ocb", "accepted", "joined", "told", "own", "wanted", "fresh", "lapsed", "hastened", "person", "handed",
         "may_go", "revoked", "team", "network"}
COUNTS = {"n", "size", "seq", "shards", "shard", "tries", "line_tries", "cancel_tries", "line_dirty", "counter",
          "message", "blob", "head", "receiver", "blob_size", "m_size", "head_size", "uses_max", "value"}
# Seconds and milliseconds of times.
UNITS = {1000, 3600000, 7776000, 1500}
# The schema's own text cannot be changed any more: what its indexes, triggers and migrations say.
SCHEMA = {
    "receiver.cancel": {"CANCEL_NONE", "CANCEL_CLOSE"}, "receiver.clean": {"CLEAN_DUE"},
    "receiver.state": {"RCV_ANNOUNCED", "RCV_PULLED", "RCV_EXPIRED", "RCV_FAILED", "RCV_WITHDRAWING"},
    "receiver.told": {"TOLD"}, "receiver.notify": {"NOTIFY_SUCCESS", "NOTIFY_FAILURE"},
    "message.line": {"LINE_STANDS", "LINE_DELETED"}, "blob.state": {"BLOB_GONE"},
    "incoming.state": {"IN_STUB", "IN_PULLED", "IN_EXPIRED"}, "incoming.place": {"PLACE_INBOX"},
}
ENUMERATED = {column for columns in ENUMS.values() for column in columns}


def store_files():
    return [p for p in sorted(glob.glob(os.path.join(STORE, "**", "*.[ch]"), recursive=True))
            if os.path.basename(p) != "schema.c"]


def fault(number, constants):
    """What is wrong with a number, or None."""
    enum = ENUMS.get(number.table, {}).get(number.column)
    if number.table is None and number.column in ENUMERATED:
        enum = {columns[number.column] for columns in ENUMS.values() if number.column in columns}
    if number.name:
        if number.name not in constants:
            return f"there is no {number.name}"
        of, value = constants[number.name]
        if value != number.value:
            return f"{number.name} is {value}"
        if enum is not None and of not in (enum if isinstance(enum, set) else {enum}):
            return f"{number.table or ''}.{number.column} is no enum {of}"
        return None
    if enum is not None:
        return f"say which state of {number.table or '?'}.{number.column} that is: {number.value}/*NAME*/"
    before = number.before[-1] if number.before else ""
    plain = number.value < 2 or before in ("LIMIT", "BY") or number.value in UNITS and before in "*/+-" or \
        number.before[-2:] in ([")", "/"], [")", "+"])
    if not plain:
        return f"say what {number.value} is: {number.value}/*NAME*/"
    return None


def faults_of(path, text, constants, columns):
    known = {**sql.macros(sql.read(os.path.join(STORE, "column.h"))), **sql.macros(text)}
    for statement, places in sql.statements(text, known):
        if statement.startswith("PRAGMA"):
            continue
        for number in sql.numbers(statement, places, columns):
            wrong = fault(number, constants)
            if wrong:
                line = text.count("\n", 0, number.place) + 1 if number.place is not None else 0
                yield f"{path}:{line}: {' '.join(number.before)} {number.value}: {wrong}"


def test_numbers_in_sql_are_those_of_the_enums():
    constants = sql.constants(ROOT)
    columns = sql.schema_columns(sql.read(os.path.join(STORE, "schema.c")))
    wrong, named = [], 0
    for path in store_files():
        text = sql.read(path)
        named += len(re.findall(r"\d/\*[A-Z_]+\*/", text))
        wrong += faults_of(os.path.relpath(path, ROOT), text, constants, columns)
    assert not wrong, "\n".join(wrong)
    assert named > 100


def test_the_schema_knows_the_same_numbers():
    constants = sql.constants(ROOT)
    text = sql.read(os.path.join(STORE, "schema.c"))
    columns = sql.schema_columns(text)
    known = sql.macros(sql.read(os.path.join(STORE, "column.h")))
    assert not {name for names in SCHEMA.values() for name in names if name not in constants}
    wrong, seen = [], set()
    for statements, places in sql.statements(text, known):
        start = 0
        for statement in re.split(r"(?<=;)", statements):  # one string makes several tables
            for number in sql.numbers(statement, places[start:], columns):
                if number.column in ENUMERATED and (number.table is None or number.column in ENUMS.get(number.table, {})):
                    names = {name for key, names in SCHEMA.items() for name in names
                             if key == f"{number.table}.{number.column}"
                             or number.table is None and key.endswith("." + number.column)}
                    said = {name for name in names if constants[name][1] == number.value}
                    seen |= said
                    if not said:
                        wrong.append(f"{statement[:60]}: {number.table}.{number.column} {number.value}")
            start += len(statement)
    assert not wrong, "\n".join(wrong)
    assert seen == {name for names in SCHEMA.values() for name in names}


def test_every_number_in_a_row_is_of_a_known_kind():
    """A new column is a state, a yes or no, a count or a time: this file says which."""
    text = sql.read(os.path.join(STORE, "schema.c"))
    wrong = []
    for table, column in sql.schema_integers(text):
        kinds = [column in ENUMS.get(table, {}), column in FLAGS, column in COUNTS, column.endswith(("_ms", "_s"))]
        if not any(kinds):
            wrong.append(f"{table}.{column}")
    assert not wrong, wrong


def test_wrong_and_new_numbers_are_seen():
    columns = {"receiver": {"n", "state", "due_ms", "clean"}, "blob": {"n", "state"}, "message": {"n"}}
    constants = {"RCV_READY": ("rcv_state", 2), "RCV_PULLED": ("rcv_state", 5), "BLOB_GONE": ("blob_state", 3)}

    def said(statement):
        return [f.split(": ")[-1] for f in faults_of("x.c", f'f("{statement}");', constants, columns)]

    right = "SELECT n FROM receiver r WHERE r.state=2/*RCV_READY*/ AND due_ms=0 LIMIT 1"
    assert said(right) == []
    assert said(right.replace("2/*", "3/*")) == ["RCV_READY is 2"]
    assert said(right.replace("RCV_READY", "RCV_GONE")) == ["there is no RCV_GONE"]
    assert said(right.replace("2/*RCV_READY*/", "3/*BLOB_GONE*/")) == ["receiver.state is no enum blob_state"]
    bare = "2/*NAME*/"
    for statement in (right.replace("/*RCV_READY*/", ""), "UPDATE receiver SET due_ms=0,state=2 WHERE n=?",
                      "DELETE FROM receiver WHERE state IN (5/*RCV_PULLED*/,2)",
                      "INSERT INTO receiver(n,state,due_ms) VALUES(?,2,0)",
                      "INSERT INTO receiver(n,state) SELECT n,2 FROM message",
                      "UPDATE receiver SET state=CASE WHEN n=? THEN 2 ELSE state END",
                      "SELECT CASE state WHEN 2 THEN 1 END FROM receiver",
                      'SELECT n FROM blob b WHERE EXISTS(SELECT 1 FROM receiver r WHERE r.n=b.n AND" MORE " 2<state)',
                      "SELECT n FROM message WHERE ? IN (2)"):
        assert len(said(statement)) == 1 and said(statement)[0].endswith(bare), statement


def test_the_tour_names_every_state():
    doc = sql.read(os.path.join(ROOT, "doc", "architecture.md"))
    states = re.search(r"^## States\n(.*?)^## ", doc, re.M | re.S).group(1)
    for enum in ("rcv_state", "in_state", "out_state", "blob_state", "replica_state"):
        for name, (of, _) in sql.constants(ROOT).items():
            if of == enum:
                word = name.split("_", 1)[1].lower().replace("_", " ")
                assert re.search(rf"\b{word}\b", states), f"{name} is not in the table of states"


def name_all():
    """Writes the names of those numbers that are without: for a change with many of them, to be read after."""
    constants = sql.constants(ROOT)
    columns = sql.schema_columns(sql.read(os.path.join(STORE, "schema.c")))
    names = {of: name for name, of in constants.items() if of[0] or name.startswith("NOTIFY_")}
    for path in store_files():
        text = sql.read(path)
        known = {**sql.macros(sql.read(os.path.join(STORE, "column.h"))), **sql.macros(text)}
        put = {}
        for statement, places in sql.statements(text, known):
            for number in sql.numbers(statement, places, columns):
                enum = ENUMS.get(number.table, {}).get(number.column)
                if enum is not None and not number.name and number.place is not None:
                    put[number.place + 1] = f"/*{names[enum, number.value]}*/"
        for at in sorted(put, reverse=True):
            text = text[:at] + put[at] + text[at:]
        if put:
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)


if __name__ == "__main__":
    name_all()
