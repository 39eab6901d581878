# SPDX-License-Identifier: GPL-3.0-or-later
"""A sender whose parser says other things of a message than ours: every octet is as announced, the
structure is not (P-7.14)."""

import os
import shutil

import pytest

from env import program, wait_for
from env.imap import ImapError
from env.mail import check_arrived, compose

TEXT = "One line.\nAnd another.\nAnd the last.\n"


@pytest.fixture(scope="module")
def liar(net, tmp_path_factory):
    """A peer with a restante-mime of its own."""
    folder = tmp_path_factory.mktemp("programs")
    shutil.copy(os.path.join(os.path.dirname(__file__), "env", "mime_liar.py"),
                folder / "restante-mime")
    os.chmod(folder / "restante-mime", 0o755)
    os.symlink(program("restante-mime"), folder / "real-restante-mime")
    carol = net.peer("carol@demo", start=False)
    carol.start({"RESTANTE_LIBEXEC": str(folder)})
    carol.wait_ready()
    return carol


def announced(liar, bob, subject):
    data = compose(liar.address, bob.address, subject, TEXT)
    liar.send(data, [bob.address])
    return data, bob.wait_message(data)


def test_it_comes_as_a_new_message_and_the_stub_goes(liar, bob):
    data, uid = announced(liar, bob, "Not as it was said")
    with bob.imap() as box:
        shown = box.fetch(uid, "(BODYSTRUCTURE RFC822.SIZE)")[uid]
        assert b" 3 " not in bytes(str(shown["BODYSTRUCTURE"]), "ascii"), "the liar told the truth"
        with pytest.raises(ImapError) as e:
            box.open(uid)
        assert "it was delivered again as a new message beside this one" in e.value.text
    fresh = wait_for(lambda: [u for u in bob.uids() if u != uid and u > uid], 20,
                     "the message under a new UID", bob.logs)
    with bob.imap() as box:
        assert uid not in box.uids()
        check_arrived(data, box.open(fresh[0]))
        truth = box.fetch(fresh[0], "(BODYSTRUCTURE RFC822.SIZE)")[fresh[0]]
        assert truth["RFC822.SIZE"] == shown["RFC822.SIZE"]
        assert truth["BODYSTRUCTURE"] != shown["BODYSTRUCTURE"]
    liar.wait_idle()
    bob.wait_idle()


def test_it_comes_where_the_user_put_the_stub(liar, bob):
    data, uid = announced(liar, bob, "Not as it was said, and moved")
    with bob.imap() as box:
        box.conn.create("Kept")
        box.command("MOVE", str(uid), "Kept")
    bob.cli("policy", "offline", seconds=60)
    wait_for(lambda: bob.stub_of(data)["state"] == "pulled", 20, "it to be pulled", bob.logs)
    bob.wait_idle()
    assert not bob.find(data)
    with bob.imap("Kept") as box:
        uids = box.uids()
        assert len(uids) == 1 and uids != [1]
        check_arrived(data, box.open(uids[0]))
    assert not os.listdir(os.path.join(bob.home, "inbox", "stubs"))
