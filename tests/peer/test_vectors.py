# SPDX-License-Identifier: GPL-3.0-or-later
"""The test vectors in tests/vectors, from the side of an independent implementation.

Every vector says its fields and its octets. Here python3-cbor2 makes the octets out of the fields; the
C test of src/proto makes them too and reads them back. Run this file with --write to write the vectors
anew after a change of the protocol (doc/protocol.md, P-4).
"""

import hashlib
import hmac
import json
import pathlib
import re
import sys
import zlib

import cbor2

from env.vectors import FIELDS, body, make_records, make_refused, octets, payload

VECTORS = pathlib.Path(__file__).resolve().parent.parent / "vectors"


def make_texts():
    long_name, long_host = "a" * 64, ".".join(["b" * 61] * 3)
    addresses = {
        "alice@demo": "alice@demo",
        "Alice.B_c+d-9@Mail.EXAMPLE.org": "alice.b_c+d-9@mail.example.org",
        f"{long_name}@{long_host}.cc": f"{long_name}@{long_host}.cc",
    }
    bad = ["", "@", "alice", "alice@", "@demo", "a b@demo", "a@b@c", "a:b@demo", "a@de:mo", "a@-demo"]
    bad += ["a@demo-", "a@de..mo", "a@demo.", "a@.demo", "a@de_mo", "a\u00e9@demo", "a/b@demo"]
    bad += [f"{long_name}a@demo", f"a@{'b' * 64}", f"{long_name}@{long_host}.ccccc", "a@demo\n"]
    endpoints = {
        "http://192.0.2.7:8080": "http://192.0.2.7:8080",
        "https://Peer.Example.ORG:443": "https://peer.example.org:443",
        "http://[2001:DB8:0:0::1]:1": "http://[2001:db8::1]:1",
        "http://localhost:65535": "http://localhost:65535",
    }
    wrong = ["", "http://", "ftp://a:1", "HTTP://a:1", "http://a", "http://a:", "http://a:0", "//a:1"]
    wrong += ["http://a:65536", "http://a:080", "http://a:+1", "http://a:1/", "http://a:1?x", "http://:1"]
    wrong += ["http://u@a:1", "http://a:1#f", "http://[::1]", "http://[::1:1", "http://[::1]1", "a:1"]
    wrong += ["http://[fe80::1%25lo]:1", "http://127.1:1", "http://2130706433:1", "http://a:1 "]
    wrong += ["http://0x7f.0x1:1", "http://0177.0.0.1:1", "http://1.2.3.256:1", "http://::1:1"]
    wrong += ["http://0x7f000001:1", "http://[1.2.3.4]:1", "http://a b:1", "http://a..b:1"]
    wrong += [f"http://{'a.' * 127}a:1"]
    return {
        "addresses": [{"in": k, "out": v} for k, v in addresses.items()]
        + [{"in": k, "out": None} for k in bad],
        "endpoints": [{"in": k, "out": v} for k, v in endpoints.items()]
        + [{"in": k, "out": None} for k in wrong],
    }


def hkdf(secret, label):
    """HKDF-SHA-256 (RFC 5869) with an empty salt, one block."""
    prk = hmac.new(bytes(32), secret, hashlib.sha256).digest()
    return hmac.new(prk, label + b"\x01", hashlib.sha256).digest()


def make_entries():
    p, h, key, value = octets("p", 32), octets("h", 32), "ns:bob@demo", b"some value"
    vh, info = hashlib.sha256(value).digest(), hashlib.sha1(key.encode()).digest()
    token = hmac.new(
        hkdf(p, b"delete"), b"restante-del" + key.encode() + b"\0" + vh, hashlib.sha256
    ).digest()
    lock = hashlib.sha256(b"restante-lock" + token).digest()
    nr = [hmac.new(hkdf(p, b"receipt"), bytes([o]) + h, hashlib.sha256).hexdigest() for o in (1, 2, 3)]
    fpr, mid = octets("fpr", 20), octets("mid", 16)
    return {
        "p": p.hex(),
        "key": key,
        "value": value.hex(),
        "infohash": info.hex(),
        "value_hash": vh.hex(),
        "token": token.hex(),
        "lock": lock.hex(),
        "id": hashlib.sha256(b"restante-id" + info + lock + vh).digest()[:8].hex(),
        "h": h.hex(),
        "receipts": nr,
        "sender_fpr": fpr.hex(),
        "message_id": mid.hex(),
        "receiver": "bob@demo",
        "notification_id": hashlib.sha256(fpr + mid + b"bob@demo").hexdigest(),
    }


def make_all():
    records = make_records()
    return {
        "records.json": records,
        "refused.json": make_refused(records),
        "texts.json": make_texts(),
        "entries.json": make_entries(),
    }


def write_seeds():
    """What the fuzz targets of tests/fuzz/proto begin with."""

    def write(target, i, raw):
        (VECTORS.parent / "fuzz/proto/seeds" / target / f"{i:02}").write_bytes(raw)

    payloads = [bytes.fromhex(v["payload"]) for v in make_records()]
    payloads = [p for p in payloads if len(p) < 4096]
    for i, raw in enumerate(payloads + [cbor2.dumps([payloads[0], b"signature"], canonical=True)]):
        write("records", i, raw)
    for i, header in enumerate((b"", b"Subject: hi\r\n\r\n", b"X: " + b"y" * 5000 + b"\r\n\r\n")):
        write("head", i, zlib.compress(cbor2.dumps([header, octets("s", 9 * i)], canonical=True)))
    texts = make_texts()
    for target, name in (("address", "addresses"), ("endpoint", "endpoints")):
        for i, text in enumerate(t["in"] for t in texts[name]):
            write(target, i, text.encode())


def stored(name):
    return json.loads((VECTORS / name).read_text())


def test_an_independent_encoder_makes_the_same_octets():  # P-1.5, P-4.2
    for v in stored("records.json"):
        assert payload(v).hex() == v["payload"], v["name"]


def test_an_independent_decoder_reads_the_same_fields():
    for v in stored("records.json"):
        kind, network, key, fields = cbor2.loads(bytes.fromhex(v["payload"]))
        assert (kind, network, key) == (FIELDS[v["record"]][0], v["network"], v["key"])
        assert fields == body(v), v["name"]


def test_the_vectors_are_complete():
    """P-1.7: every kind of record with its fields and octets and as a refused one with the reason;
    addresses, endpoints, locks and tokens, good and bad ones."""
    records, refused = stored("records.json"), stored("refused.json")
    assert {v["record"] for v in records} == {v["record"] for v in refused} == set(FIELDS)
    for kind, (_, fields) in FIELDS.items():
        seen = set().union(*(body(v) for v in records if v["record"] == kind))
        assert seen == {n for n, _, _ in fields}, kind
    assert all(v["why"] and v["error"] for v in refused)
    assert len({(v["record"], v["why"]) for v in refused}) == len(refused)
    for name in ("addresses", "endpoints"):
        assert {t["out"] is None for t in stored("texts.json")[name]} == {True, False}
    assert {"lock", "token", "id", "receipts", "notification_id"} <= set(stored("entries.json"))


def test_the_dictionary_of_heads_is_that_of_the_document():
    """P-4.14"""
    text = (VECTORS.parent.parent / "doc" / "protocol.md").read_text()
    clause = text.split("**P-4.14**")[1]
    words = clause.split("```text\n")[1].split("```")[0].replace("\n", "\r\n").encode()
    assert f"{len(words):,} octets" in clause and f"0x{zlib.adler32(words):08x}" in clause
    source = (VECTORS.parent.parent / "src" / "proto" / "head_words.c").read_text().split("head_words[] =")[1]
    said = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', source)).replace("\\r\\n", "\r\n")
    assert re.sub(r"\\(.)", r"\1", said).encode() == words


def test_vectors_are_those_of_this_file():
    for name, made in make_all().items():
        assert made == stored(name), f"{name}: run tests/peer/test_vectors.py --write"


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit("usage: test_vectors.py --write")
    for file, content in make_all().items():
        (VECTORS / file).write_text(json.dumps(content, indent=1) + "\n")
    write_seeds()
