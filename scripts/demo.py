#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo: five DHT nodes, alice@demo and bob@demo, and one message with an attachment that waits
at alice until bob opens it. Every program is the real one; only the network is small.

Run it by `make demo`; `make demo ARGS=--once` ends instead of keeping the network up.
"""

import argparse
import email
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "peer"))

from env import Network, wait_for  # noqa: E402
from env.mail import check_arrived, compose, fields, picture, split_trace  # noqa: E402

ALICE, BOB = "alice@demo", "bob@demo"
COLOUR = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
START = time.monotonic()


def paint(code, text):
    return f"\x1b[{code}m{text}\x1b[0m" if COLOUR else text


def title(text):
    print("\n" + paint("1;36", text), flush=True)


def say(text):
    print("  " + text, flush=True)


class Step:
    """One line with its time: 'with Step("...") as s: s.end = "..."'."""

    def __init__(self, text):
        self.text, self.end = text, ""

    def __enter__(self):
        self.began = time.monotonic()
        if COLOUR:
            print(f"  .. {self.text}", end="\r", flush=True)
        return self

    def __exit__(self, kind, *_):
        took = time.monotonic() - self.began
        mark = paint("32", "ok") if kind is None else paint("31", "no")
        end = f": {self.end}" if self.end else ""
        print(f"  {mark} {self.text}{end} {paint('2', f'({took:.2f} s)')}", flush=True)


def size(n):
    for unit in ("octets", "KiB", "MiB"):
        if n < 1024 or unit == "MiB":
            return f"{n:.0f} {unit}" if unit == "octets" else f"{n:.1f} {unit}"
        n /= 1024


def text_of(value):
    return "NIL" if value is None else value.decode("utf-8", "replace")


def person(a):
    """An ENVELOPE address."""
    mail = f"{text_of(a[2])}@{text_of(a[3])}"
    return f"{text_of(a[0])} <{mail}>" if a[0] else mail


def structure(part, depth=0, number=""):
    """BODYSTRUCTURE as an indented list of parts."""
    pad = "    " + "  " * depth
    if isinstance(part[0], list):
        children = [p for p in part if isinstance(p, list) and isinstance(p[0], (list, bytes))]
        count = next(i for i, p in enumerate(part) if not isinstance(p, list))
        say(f"{pad}multipart/{text_of(part[count]).lower()}")
        for i, p in enumerate(children[:count]):
            structure(p, depth + 1, f"{number}{i + 1}.")
        return
    names = []
    for item in part:
        values = item if isinstance(item, list) else []
        flat = values + [v for inner in values if isinstance(inner, list) for v in inner]
        for i, v in enumerate(flat[:-1]):
            if isinstance(v, bytes) and v.lower() in (b"filename", b"name") \
                    and isinstance(flat[i + 1], bytes):
                names.append(text_of(flat[i + 1]))
    name = f'  "{names[-1]}"' if names else ""
    say(f"{pad}{number.rstrip('.'):4}{text_of(part[0]).lower()}/{text_of(part[1]).lower()}"
        f"  {size(int(part[6]))} as {text_of(part[5]).lower()}{name}")


def start(net):
    title("1. A small private network")
    with Step("five DHT nodes") as s:
        for _ in range(5):
            net.node()
        s.end = "ports " + " ".join(str(n.port) for n in net.nodes)
    peers = []
    for address in (ALICE, BOB):
        with Step(f"restante init {address}") as s:
            peer = net.peer(address, start=False)
            s.end = peer.cli("key", "fingerprint").strip()
            peers.append(peer)
    for peer in peers:
        with Step(f"restante run  {peer.address}, with its own Dovecot and DHT node"):
            peer.start()
            peer.wait_ready()
    return peers


def send(alice):
    title("2. Alice sends a message with an attachment")
    data = compose(ALICE, BOB, "The photograph from the lake",
                   "Dear Bob,\n\nhere is the photograph. It stays with me until you open this.\n\n"
                   "Alice\n", picture(2_500_000), "lake.png")
    with Step("submitted by SMTP with TLS and AUTH") as s:
        alice.send(data, [BOB])
        s.end = size(len(data))
    with Step("sealed, published in alice's outbox, announced in the DHT") as s:
        def announced():
            box = alice.outbox()
            return box if box and box[0]["receivers"][0]["state"] == "announced" else None
        box = wait_for(announced, 30, "the notification to be in the DHT", alice.logs)
        s.end = f"blob {box[0]['hash'][:16]}..."
    return data


def listing(alice, bob):
    title("3. Bob's mail client lists the inbox")
    with Step("a stub appeared"):
        uid = bob.wait_stubs(1, 30)[0]
    with bob.imap(readonly=True) as box:
        with Step("FETCH (INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER])"):
            seen = box.metadata(uid)[uid]
    envelope = seen["ENVELOPE"]
    say(f"    Subject  {text_of(envelope[1])}")
    say(f"    From     {person(envelope[2][0])}")
    say(f"    To       {person(envelope[5][0])}")
    say(f"    Date     {text_of(envelope[0])}")
    say(f"    Size     {size(int(seen['RFC822.SIZE']))}")
    structure(seen["BODYSTRUCTURE"], 1)
    stub = bob.inbox()[0]
    if stub["state"] != "stub" or stub["done"] != 0:
        raise AssertionError(f"something was downloaded already: {stub}")
    on_disk = sum(os.path.getsize(os.path.join(folder, n))
                  for folder, _, names in os.walk(os.path.join(bob.home, "Maildir", "new"))
                  for n in names)
    on_disk += sum(os.path.getsize(os.path.join(folder, n))
                   for folder, _, names in os.walk(os.path.join(bob.home, "Maildir", "cur"))
                   for n in names)
    say(f"    Nothing downloaded: state \"{stub['state']}\", 0 octets of the body here, "
        f"{size(on_disk)} in bob's Maildir;")
    say(f"    {size(alice.status()['outbox']['bytes'])} wait in alice's outbox.")
    return uid, seen


def open_it(bob, uid, sent, before):
    title("4. Bob opens it")
    with bob.imap() as box:
        with Step("FETCH BODY[]: pulled from alice by HTTP, verified, decrypted") as s:
            got = box.open(uid)
            s.end = size(len(got))
        check_arrived(sent, got)
        trace, m = split_trace(got)
        say("    " + paint("1;32", "bytes equal") + f": all {len(m)} octets that alice submitted,")
        say("    below the two trace fields of bob's peer:")
        for _, field in fields(trace)[0]:
            for line in field.decode().splitlines():
                say("      " + paint("2", line))
        attached = [p for p in email.message_from_bytes(got).walk() if p.get_filename()]
        same = attached[0].get_payload(decode=True) == picture(2_500_000)
        if not same:
            raise AssertionError("the attachment differs")
        say(f"    attachment {attached[0].get_filename()} equal")
        if box.metadata(uid)[uid] != before:
            raise AssertionError("the listing changed by the pull")
        say("    size, date, envelope, structure and header as they were before the pull")


def receipt(alice, bob):
    title("5. The receipt")
    with Step("alice has bob's receipt; the blob is deleted"):
        wait_for(lambda: alice.status()["outbox"]["messages"] == 0, 30,
                 "the receipt to come back", alice.logs)
    with Step("nothing pending, no live entry in the DHT"):
        alice.wait_idle()
        bob.wait_idle()
    say(f"    {ALICE}: " + paint("1;32", "outbox empty"))


def settings(peers):
    title("The network is up. Settings for Thunderbird (or another mail client):")
    for peer in peers:
        print()
        for line in peer.cli("account").strip().splitlines():
            say(line)


def main():
    parser = argparse.ArgumentParser(description="One message from alice@demo to bob@demo.")
    parser.add_argument("--once", action="store_true", help="end after the message arrived")
    args = parser.parse_args()
    if os.geteuid() == 0:
        sys.exit("Run this by `make demo`: it becomes an ordinary user first.")

    def leave(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, leave)
    net = Network(nodes=0)
    try:
        alice, bob = start(net)
        sent = send(alice)
        uid, before = listing(alice, bob)
        open_it(bob, uid, sent, before)
        receipt(alice, bob)
        print(f"\n{paint('1;32', 'Success')} after {time.monotonic() - START:.1f} s.", flush=True)
        if not args.once:
            settings((alice, bob))
            print("\nCtrl-C ends everything and removes it.", flush=True)
            while True:
                for peer in (alice, bob):
                    peer.alive()
                time.sleep(1)
    except KeyboardInterrupt:
        print("\nEnding.", flush=True)
    except Exception as e:  # pylint: disable=broad-except
        print(f"\n{paint('1;31', 'Failed')}: {e}", file=sys.stderr, flush=True)
        sys.exit(1)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        net.close()


if __name__ == "__main__":
    main()
