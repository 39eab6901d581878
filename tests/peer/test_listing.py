# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stub shows is what Dovecot, without our plugin, computes from the full message (P-7.2): structure,
envelope, sizes, date. 100 real messages in the suite; RESTANTE_CORPUS=all (`make corpus-structure`) takes
all 6,046. Where a message's structure cannot be announced as it will be read, it comes under a new
UID (P-7.14); how many did is printed."""

import glob
import os
import re

import pytest

from env import Network, corpus
from env.plain import PlainImap

BATCH = 300  # notifications that live at a time
LISTING = "(INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY BODY.PEEK[HEADER])"

pytestmark = pytest.mark.skipif(not corpus.names(),
                                reason="no corpus of real mail (scripts/fetch-corpus)")


@pytest.fixture
def pair():
    with Network(nodes=5) as net:
        alice = net.peer("alice@demo", {"mail.allow_foreign_from": "yes"})
        bob = net.peer("bob@demo", {"mail.relays": "alice@demo", "peer.log": "info"})
        yield alice, bob


def id_of(header):
    """The beginning of the notification id, from the trace field."""
    return re.search(rb"with Restante id ([0-9a-f]{16});", header).group(1).decode()


def stubs_of(alice, bob, names):
    """{id: what the stub shows}, then everything is fetched."""
    known = set(bob.uids())
    sent, refused = corpus.submit(alice, bob, names)
    assert refused == {}
    bob.wait_stubs(len(known) + len(sent), 60 + len(sent) / 5)
    with bob.imap() as box:
        new = [u for u in box.uids() if u not in known]
        shown = {id_of(i["BODY[HEADER]"]): i for i in box.fetch(new, LISTING).values()}
    assert len(shown) == len(sent)
    states = [m["state"] for m in bob.inbox()]
    assert states.count("stub") == len(sent), "something was pulled before it was listed"
    bob.cli("policy", "offline", seconds=600)
    alice.wait_idle(60)
    bob.wait_idle(60)
    with alice.imap("Sent") as box:  # each copy written there looks at all of this day's
        if box.uids():
            box.command("STORE", "1:*", "+FLAGS.SILENT", r"(\Deleted)")
            box.conn.expunge()
    return shown


def plain(folder, files):
    """{id: the same items by Dovecot alone}. BODY from a session of its own: what was asked for
    before it changes how Dovecot writes it."""
    out = {}
    for n, items in enumerate((LISTING.replace(" BODY ", " "), "(BODY BODY.PEEK[HEADER])")):
        with PlainImap(folder / str(n), files) as box:
            for item in box.fetch("1:*", items).values():
                out.setdefault(id_of(item["BODY[HEADER]"]), {}).update(item)
    return out


def test_a_stub_shows_what_dovecot_computes(pair, tmp_path, capsys):
    alice, bob = pair
    everything = os.environ.get("RESTANTE_CORPUS") == "all"
    names = corpus.names() if everything else corpus.pick(100, seed=4)
    shown = {}
    for start in range(0, len(names), BATCH):
        shown.update(stubs_of(alice, bob, names[start:start + BATCH]))
        if everything:
            with capsys.disabled():
                print(f"\r{len(shown)} of {len(names)} stubs listed, then fetched", end="", flush=True)
    bob.stop()
    files = [f for sub in ("cur", "new") for f in glob.glob(f"{bob.home}/Maildir/{sub}/*")]
    fresh = {os.path.basename(f).split(".R")[1][:16] for f in files
             if os.path.basename(f).startswith("F")}
    computed = plain(tmp_path, files)
    wrong = {nid: [f"{k}: {shown[nid][k]!r} is shown, {v!r} computed" for k, v in item.items()
                   if k not in ("UID", "FLAGS") and shown[nid][k] != v]
             for nid, item in computed.items() if nid not in fresh}
    wrong = {nid: lines for nid, lines in wrong.items() if lines}
    with capsys.disabled():
        print(f"\n{len(computed)} messages: {len(wrong)} stubs differ from what Dovecot computes "
              f"without the plugin, {len(fresh)} came under a new UID")
    assert len(computed) == len(shown) == len(names)
    assert not wrong, "\n".join(next(iter(wrong.values())))
