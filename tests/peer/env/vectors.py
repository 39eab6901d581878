# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of tests/vectors by an independent encoder: good ones, and refused ones with one thing wrong in
each (doc/protocol.md, P-4)."""

import hashlib
import zlib

import cbor2


def octets(seed, n):
    """n octets that anybody can make again: SHA-256 of the seed and a counter, in a row."""
    out = b""
    while len(out) < n:
        out += hashlib.sha256(f"{seed}/{len(out) // 32}".encode()).digest()
    return out[:n]


CHUNK = 4_194_304


def blob(b):
    """P-5.4: the chunk list of one chunk is the blob's hash."""
    if b["size"] > CHUNK:
        return [bytes.fromhex(b["hash"]), b["size"], bytes.fromhex(b["chunks_hash"])]
    assert hashlib.sha256(bytes.fromhex(b["hash"])).hexdigest() == b["chunks_hash"]
    return [bytes.fromhex(b["hash"]), b["size"]]


# Per record: its type string and its fields as (number, name in the vector, how to convert it).
HEX, SAME, BLOBS, BLOB, HEXES = bytes.fromhex, lambda v: v, lambda v: [blob(b) for b in v], blob, (
    lambda v: [bytes.fromhex(x) for x in v]
)
MEMBERS = lambda v: [[a, bytes.fromhex(f), r] for a, f, r in v]  # noqa: E731
FIELDS = {
    "identity": (
        "restante/identity/1",
        [
            (1, "address", SAME),
            (2, "pubkey", HEX),
            (3, "master_fpr", HEX),
            (4, "shards", SAME),
            (5, "ocb", SAME),
            (6, "seq", SAME),
            (7, "expiry", SAME),
        ],
    ),
    "descriptor": (
        "restante/descriptor/1",
        [
            (1, "address", SAME),
            (2, "fpr", HEX),
            (3, "endpoints", SAME),
            (4, "instance", HEX),
            (5, "seq", SAME),
            (6, "expiry", SAME),
        ],
    ),
    "notification": (
        "restante/ns/1",
        [
            (1, "message_id", HEX),
            (2, "sender", SAME),
            (3, "receiver", SAME),
            (4, "pubkey", HEX),
            (5, "master_fpr", HEX),
            (6, "blobs", BLOBS),
            (7, "skp", HEX),
            (8, "m_hash", HEX),
            (9, "m_size", SAME),
            (10, "p", HEX),
            (11, "expiry", SAME),
            (12, "head", HEX),
            (13, "head_blob", BLOB),
            (14, "head_skp", HEX),
            (15, "summary", HEXES),
        ],
    ),
    "cancellation": (
        "restante/cancel/1",
        [
            (1, "sender", SAME),
            (2, "pubkey", HEX),
            (3, "notification_id", HEX),
            (4, "expiry", SAME),
        ],
    ),
    "revocation": (
        "restante/revocation/1",
        [(1, "address", SAME), (2, "pubkey", HEX), (3, "made", SAME)],
    ),
    "group": (
        "restante/group/1",
        [
            (1, "name", SAME),
            (2, "pubkey", HEX),
            (3, "members", MEMBERS),
            (4, "seq", SAME),
            (5, "expiry", SAME),
        ],
    ),
    "renewal": (
        "restante/group-renewal/1",
        [
            (1, "deputy", SAME),
            (2, "pubkey", HEX),
            (3, "record", HEX),
            (4, "expiry", SAME),
        ],
    ),
}


def body(vector):
    fields = vector["fields"]
    return {n: f(fields[name]) for n, name, f in FIELDS[vector["record"]][1] if name in fields}


def payload(vector, **other):
    """The payload's octets; `other` replaces type, network, key or body."""
    v = {
        "type": FIELDS[vector["record"]][0],
        "network": vector["network"],
        "key": vector["key"],
        "body": body(vector),
    }
    v.update(other)
    return cbor2.dumps([v["type"], v["network"], v["key"], v["body"]], canonical=True)


def record(title, kind, key, /, **fields):
    v = {"name": title, "record": kind, "network": 77, "key": key, "fields": fields}
    v["payload"] = payload(v).hex()
    return v


def make_records():
    h = lambda seed, n: octets(seed, n).hex()  # noqa: E731
    ref = lambda s, n: {  # noqa: E731
        "hash": h(s, 32),
        "size": n,
        "chunks_hash": h(s + "c", 32) if n > CHUNK else hashlib.sha256(octets(s, 32)).hexdigest(),
    }
    head = cbor2.dumps([b"Subject: hi\r\n\r\n", octets("skeleton", 40)], canonical=True)
    ns = dict(
        message_id=h("mid", 16),
        sender="alice@demo",
        receiver="bob@demo",
        pubkey=h("alice", 430),
        master_fpr=h("master", 20),
        blobs=[ref("blob", 20_000_000_000)],
        skp=h("skp", 96),
        m_hash=h("m", 32),
        m_size=19_999_000_000,
        p=h("p", 32),
        expiry=1_800_604_800,
    )
    text = [b"Alice <alice@demo>", b"bob@demo", b"Mon, 23 Nov 2026 20:58:00 +0000"]
    text += ["caf\u00e9".encode("latin-1"), b"<1@demo>", b""]
    with_head = dict(ns, head=zlib.compress(head, 0).hex())  # level 0: the same octets everywhere
    with_blob = dict(
        ns,
        blobs=[ref("one chunk", CHUNK)],
        head_blob=ref("head", 300_000),
        head_skp=h("headskp", 96),
        summary=[t.hex() for t in text],
    )
    del with_blob["master_fpr"]
    return [
        record(
            "identity with a group master",
            "identity",
            "key:alice@demo",
            address="alice@demo",
            pubkey=h("alice", 430),
            master_fpr=h("master", 20),
            shards=1,
            ocb=True,
            seq=1_800_000_000_123,
            expiry=1_807_776_000,
        ),
        record(
            "identity alone, largest values",
            "identity",
            "key:a.b_c+d-e@mail.example.org",
            address="a.b_c+d-e@mail.example.org",
            pubkey=h("big", 8192),
            shards=4096,
            ocb=False,
            seq=2**63 - 1,
            expiry=253402300799,
        ),
        record(
            "descriptor with every kind of endpoint",
            "descriptor",
            "alice@demo",
            address="alice@demo",
            fpr=h("fpr", 20),
            endpoints=[
                "http://192.0.2.7:8080",
                "https://peer.example.org:443",
                "http://[2001:db8::1]:65535",
                "http://abcdefghijklmnop.onion:1",
            ],
            instance=h("instance", 16),
            seq=1_800_000_000_124,
            expiry=1_800_086_400,
        ),
        record(
            "descriptor withdrawn",
            "descriptor",
            "alice@demo",
            address="alice@demo",
            fpr=h("fpr", 20),
            endpoints=[],
            instance=h("instance", 16),
            seq=0,
            expiry=0,
        ),
        record("notification with its head inside", "notification", "ns:bob@demo", **with_head),
        record("notification with a head blob", "notification", "ns:bob@demo/3", **with_blob),
        record(
            "cancellation",
            "cancellation",
            "ns:bob@demo",
            sender="alice@demo",
            pubkey=h("alice", 430),
            notification_id=h("nid", 32),
            expiry=1_800_604_800,
        ),
        record(
            "group of three",
            "group",
            "group:demo",
            name="demo",
            pubkey=h("alice", 430),
            members=[
                ["alice@demo", h("fpr", 20), 3],
                ["bob@demo", h("bob", 20), 2],
                ["carol@demo", h("carol", 20), 1],
            ],
            seq=1_800_000_000_125,
            expiry=1_802_592_000,
        ),
        record(
            "group of a master alone",
            "group",
            "group:mail.example.org",
            name="mail.example.org",
            pubkey=h("alice", 430),
            members=[["a+b@mail.example.org", h("fpr", 20), 3]],
            seq=0,
            expiry=0,
        ),
        record(
            "group renewal",
            "renewal",
            "group:demo",
            deputy="bob@demo",
            pubkey=h("bobkey", 430),
            record=h("record", 900),
            expiry=1_804_000_000,
        ),
        record(
            "revocation",
            "revocation",
            "key:alice@demo",
            address="alice@demo",
            pubkey=h("alice", 430),
            made=1_800_000_000,
        ),
    ]


def make_refused(records):
    """Payloads that must be refused: one thing wrong in each. error: "bad", or "unknown" for a type
    or version to be ignored."""
    ident, _, desc, _, ns, nsb, cancel, group, _, renewal, revoked = records
    out = []

    def add(why, v, raw, error="bad"):
        keep = {k: v[k] for k in ("record", "network", "key")}
        out.append({"why": why, "error": error, **keep, "payload": raw.hex()})

    def change(why, v, field, value):
        b = body(v)
        b[field] = value
        add(why, v, payload(v, body=b))

    def drop(why, v, field):
        b = body(v)
        del b[field]
        add(why, v, payload(v, body=b))

    good = bytes.fromhex(ident["payload"])
    add("nothing at all", ident, b"")
    add("cut short", ident, good[:-1])
    add("an octet behind the end", ident, good + b"\0")
    add("another type", ident, payload(ident, type="restante/descriptor/1"), "unknown")
    add("a later version", ident, payload(ident, type="restante/identity/2"), "unknown")
    add("no type", ident, payload(ident, type=""))
    add("a type with a line end", ident, payload(ident, type="restante/identity/1\n"))
    add("another network", ident, payload(ident, network=78))
    add("a network over 32 bits", ident, payload(ident, network=2**32 + 77))
    add("another key", ident, payload(ident, key="key:bob@demo"))
    add("an unknown field", ident, payload(ident, body={**body(ident), 8: 1}))
    for n, name, _ in FIELDS["identity"][1]:
        if name != "master_fpr":
            drop(f"identity without {name}", ident, n)
    raw = cbor2.dumps([FIELDS["identity"][0], 77, ident["key"]], canonical=True)
    fields = [cbor2.dumps(k) + cbor2.dumps(v) for k, v in body(ident).items()]
    start = b"\x84" + raw[1:]
    add("fields out of order", ident, start + b"\xa7" + b"".join(fields[1:2] + fields[:1] + fields[2:]))
    add("a field twice", ident, start + b"\xa8" + b"".join(fields[:1] + fields))
    add("a map without a length", ident, start + b"\xbf" + b"".join(fields) + b"\xff")
    longer = fields[:3] + [b"\x04\x18\x01"] + fields[4:]
    add("a number not in its shortest form", ident, start + b"\xa7" + b"".join(longer))
    change("an address in capitals", ident, 1, "Alice@demo")
    change("an address that is not the key's", ident, 1, "carol@demo")
    change("a key that is no octets", ident, 2, "text")
    change("an empty public key", ident, 2, b"")
    change("a public key over its limit", ident, 2, bytes(8193))
    change("a fingerprint of 19 octets", ident, 3, bytes(19))
    change("no shards", ident, 4, 0)
    change("too many shards", ident, 4, 4097)
    change("a negative number", ident, 6, -1)
    change("a sequence number over 63 bits", ident, 6, 2**63)
    change("an expiry after the year 9999", ident, 7, 253402300800)
    change("an expiry that is a fraction", ident, 7, 1.5)
    change("nine endpoints", desc, 3, ["http://192.0.2.7:1"] * 9)
    change("an endpoint with a path", desc, 3, ["http://192.0.2.7:1/x"])
    change("an endpoint without a port", desc, 3, ["http://192.0.2.7"])
    change("an endpoint in capitals", desc, 3, ["http://Peer.example:80"])
    change("an endpoint with a short IPv4", desc, 3, ["http://127.1:80"])
    change("an endpoint not in canonical IPv6", desc, 3, ["http://[2001:db8:0::1]:80"])
    change("an instance of 17 octets", desc, 4, bytes(17))
    change("no blob", ns, 6, [])
    change("two blobs", ns, 6, body(ns)[6] * 2)
    change("an empty blob", ns, 6, [[bytes(32), 0]])
    change("a blob of one chunk with a chunk list", ns, 6, [[bytes(32), CHUNK, hashlib.sha256(bytes(32)).digest()]])
    change("a blob of two chunks without their list", ns, 6, [[bytes(32), CHUNK + 1]])
    change("a blob with a fourth field", ns, 6, [[bytes(32), CHUNK + 1, bytes(32), 0]])
    change("a blob over its limit", ns, 6, [[bytes(32), 2**44 + 1, bytes(32)]])
    change("a session-key packet over its limit", ns, 7, bytes(513))
    change("a short p", ns, 10, bytes(31))
    change("an empty head", ns, 12, b"")
    change("a receiver that is not the key's", ns, 3, "bo@demo")
    drop("no head and no head blob", ns, 12)
    change("head and head blob", ns, 13, body(nsb)[13])
    change("a head blob over its limit", nsb, 13, [bytes(32), 1536 * 1024 + 1])
    for what, octet in (("CR", b"a\rb"), ("LF", b"a\n"), ("NUL", b"\0")):
        change(f"a summary with {what}", nsb, 15, body(nsb)[15][:3] + [octet] + body(nsb)[15][4:])
    change("a summary field over its limit", nsb, 15, [b"x" * 513] + body(nsb)[15][1:])
    change("five summary fields", nsb, 15, body(nsb)[15][1:])
    change("a short notification id", cancel, 3, bytes(31))
    members = body(group)[3]
    for n, name, _ in FIELDS["group"][1]:
        drop(f"group without {name}", group, n)
    change("a group's name that is not the key's", group, 1, "dem")
    change("a group without members", group, 3, [])
    change("a group without a master", group, 3, members[1:])
    change("a group with two masters", group, 3, [[*m[:2], 3] for m in members])
    change("members out of order", group, 3, members[::-1])
    change("a member twice", group, 3, [members[0], members[1], members[1]])
    change("a member of another group", group, 3, members[:2] + [["carol@demo2", *members[2][1:]]])
    change("a role that does not exist", group, 3, members[:2] + [[*members[2][:2], 4]])
    change("a member without a role", group, 3, members[:2] + [[*members[2][:2], 0]])
    change("a member with four fields", group, 3, members[:2] + [[*members[2], 1]])
    change("a member with a short fingerprint", group, 3, members[:2] + [["carol@demo", bytes(19), 1]])
    many = [[f"m{i:02}@demo", bytes(20), 3 if i == 0 else 1] for i in range(65)]
    change("65 members", group, 3, many)
    for n, name, _ in FIELDS["renewal"][1]:
        drop(f"renewal without {name}", renewal, n)
    change("a deputy of another group", renewal, 1, "bob@demo2")
    change("a renewal of nothing", renewal, 3, b"")
    for n, name, _ in FIELDS["revocation"][1]:
        drop(f"revocation without {name}", revoked, n)
    change("a revocation of another address", revoked, 1, "bob@demo")
    change("a revocation without a key", revoked, 2, b"")
    change("a revocation with a fourth field", revoked, 4, 1)
    return out
