# SPDX-License-Identifier: GPL-3.0-or-later
"""Who opens a message while a try to fetch it is under way is not told of that try's failure, but gets
one of his own."""

import os
import signal
import threading
import time

from env import wait_for
from env.imap import ImapError
from env.mail import check_arrived, compose


def test_who_asks_during_a_try_gets_another(alice, bob):
    m = compose("alice@demo", "bob@demo", "Open me twice")
    alice.send(m, ["bob@demo"])
    uid = bob.wait_message(m)
    told = {}

    def open_it(name):
        with bob.imap() as box:
            try:
                told[name] = box.open(uid)
            except ImapError as e:
                told[name] = e.text
        told[name + " at"] = time.monotonic()

    def tries():
        return bob.log_text().count("debug scheduler: pull ")

    before = tries()
    os.kill(alice.process.pid, signal.SIGSTOP)  # it can be connected to, and says nothing
    askers = [threading.Thread(target=open_it, args=(n,)) for n in ("first", "second")]
    askers[0].start()
    wait_for(lambda: tries() == before + 1, 20, "the first try", bob.logs)
    askers[1].start()
    wait_for(lambda: bob.log_text().count("debug plugin: PULL ") >= 2, 20, "the second question",
             bob.logs)
    alice.kill9()
    for a in askers:
        a.join(60)
    assert tries() >= before + 2
    assert "open the message again later" in told["first"]
    assert "open the message again later" in told["second"]
    assert told["first at"] <= told["second at"]
    alice.start()
    alice.wait_ready()
    wait_for(lambda: bob.stub_of(m)["state"] == "pulled", 30, "the peer's own try", bob.logs)
    with bob.imap() as box:
        check_arrived(m, box.open(uid))
