# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure 9: the IMAP face: listing 5,000 stubs (1,000 in the quick run) cold and warm, opening 100 KB,
IDLE to visible, and a Maildir of 100,000 stubs (5,000), each beside the same mail as ordinary files in
another mailbox of the same Dovecot, alternately, five times or ten. Cold is without Dovecot's index and cache files. The
daemon is a stand-in that gives the full file at once, so that only the face is measured.
"""

import hashlib
import os
import shutil
import time

import mail
from env.face import Face, exchange, stub_bytes
from systems import median

LISTING = "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)"
FIELDS = "(UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (FROM TO CC SUBJECT DATE MESSAGE-ID PRIORITY)])"


def give(path):
    uid, gid = int(os.environ["BENCH_UID"]), int(os.environ["BENCH_GID"])
    os.chown(path, uid, gid)


def give_all(top):
    for folder, _, names in os.walk(top):
        give(folder)
        for n in names:
            os.chown(os.path.join(folder, n), int(os.environ["BENCH_UID"]),
                     int(os.environ["BENCH_GID"]), follow_symlinks=False)


class Boxes:
    """INBOX holds stubs, .Plain the same messages in full."""

    def __init__(self, ctx):
        self.face = Face(ctx.scratch())
        give_all(self.face.home)
        self.face.standin.answer = self.answer
        self.where = {}  # notification id: the stub's name in the Maildir, without flags
        self.face.start()
        self.maildir = os.path.join(self.face.home, "Maildir")
        self.face.raw(None).run("c", "CREATE Plain")
        self.count = 0
        self.known = {}

    def folder(self, plain):
        return os.path.join(self.maildir, ".Plain" if plain else "", "new")

    def structure(self, data):
        key = hashlib.sha256(data).digest()
        if key not in self.known:
            self.known[key] = self.face.structure(data)
        return self.known[key]

    def add(self, data, plain):
        self.count += 1
        # A head of its own for each, as each message has.
        data = b"X-Number: %d\r\n" % self.count + data
        folder = self.folder(plain)
        os.makedirs(folder, exist_ok=True)
        name = f"{int(time.time())}.M{self.count}P1.here,S={len(data)},W={len(data)}"
        content = data
        if not plain:
            nid = hashlib.sha256(b"%d" % self.count).hexdigest()
            full = os.path.join(self.face.home, "full", nid)
            with open(full, "wb") as f:
                f.write(data)
            self.where[nid] = name
            head = data[:data.index(b"\r\n\r\n") + 4]
            content = stub_bytes(nid, head, self.structure(data[data.index(b"\r\n") + 2:]))
        path = os.path.join(os.path.dirname(folder), "tmp", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(content)
        give(path)
        os.rename(path, os.path.join(folder, name))

    def answer(self, nid, _fields):
        """What the daemon does: the full file takes the stub's place."""
        name = self.where[nid]
        for path in (os.path.join(self.maildir, "cur", name + ":2,"),
                     os.path.join(self.maildir, "new", name)):
            if os.path.exists(path):
                full = os.path.join(self.face.home, "full", nid)
                stamp = os.stat(path)
                os.utime(full, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
                exchange(full, path)
                os.remove(full)
                return f"OK {nid}"
        return f"NO {nid} The stub is not there."

    def fill(self, messages, count):
        for n in range(count):
            for plain in (False, True):
                self.add(messages[n % len(messages)], plain)
        give_all(self.maildir)
        give_all(os.path.join(self.face.home, "full"))

    def forget(self):
        """Dovecot's index and cache files of both mailboxes."""
        for folder, _, names in os.walk(self.maildir):
            for n in names:
                if n.startswith("dovecot.index"):
                    os.remove(os.path.join(folder, n))

    def close(self):
        self.face.close()
        shutil.rmtree(self.face.home, ignore_errors=True)


def listing(boxes, plain, items, what="1:*"):
    raw = boxes.face.raw(None)
    try:
        start = time.monotonic()
        raw.run("s", 'SELECT "Plain"' if plain else "SELECT INBOX")
        tagged, lines = raw.run("f", f"FETCH {what} {items}")
        took = time.monotonic() - start
        if not tagged.startswith("f OK") or not lines:
            raise RuntimeError(tagged)
        return took
    finally:
        raw.close()


def both(runs, fn):
    """{stubs, ordinary, ratio}: medians of alternating runs; ratio of medians."""
    rows = {False: [], True: []}
    for n in range(runs):
        for plain in (False, True) if n % 2 else (True, False):
            rows[plain].append(fn(plain))
    return {"stubs": median(rows[False]), "ordinary": median(rows[True]),
            "ratio": median(rows[False]) / median(rows[True])}


def cold(boxes, plain):
    boxes.forget()
    return listing(boxes, plain, LISTING)


def opened(boxes, plain, message):
    boxes.add(message, plain)
    give_all(os.path.join(boxes.face.home, "full"))
    raw = boxes.face.raw("Plain" if plain else "INBOX")
    try:
        start = time.monotonic()
        tagged, _ = raw.run("o", "FETCH * BODY[]")
        if not tagged.startswith("o OK"):
            raise RuntimeError(tagged)
        return time.monotonic() - start
    finally:
        raw.close()


def idle(boxes, plain, message):
    raw = boxes.face.raw("Plain" if plain else "INBOX")
    try:
        raw.send("i IDLE")
        time.sleep(0.3)
        start = time.monotonic()
        boxes.add(message, plain)
        while b" EXISTS" not in raw.line():
            pass
        return time.monotonic() - start
    finally:
        raw.close()


def measure(ctx):
    ctx.close()
    count, many = ctx.pick(1_000, 5_000), ctx.pick(5_000, 100_000)
    runs = max(5, ctx.runs)
    boxes = Boxes(ctx)
    try:
        messages = mail.plain(50)
        ctx.say(f"imap: {count} stubs")
        boxes.fill(messages, count)
        out = {"stubs": count, "cold listing s": both(runs, lambda p: cold(boxes, p))}
        for plain in (False, True):  # fills the cache
            listing(boxes, plain, FIELDS)
        out["warm listing s"] = both(2 * runs, lambda p: listing(boxes, p, LISTING))
        out["warm header fields s"] = both(2 * runs, lambda p: listing(boxes, p, FIELDS))
        out["warm_ratio"] = out["warm listing s"]["ratio"]
        large = mail.sized(100_000)
        out["open 100 KB s"] = both(runs, lambda p: opened(boxes, p, large))
        out["IDLE to visible s"] = both(runs, lambda p: idle(boxes, p, messages[0]))
        ctx.say(f"imap: a Maildir of {many}")
        boxes.fill(messages, many - count)
        listing(boxes, False, "(UID)")
        listing(boxes, True, "(UID)")
        out["large Maildir"] = many
        out["large: select and last 50 s"] = both(
            runs, lambda p: listing(boxes, p, LISTING, f"{many - 50}:*"))
        return out
    finally:
        boxes.close()
