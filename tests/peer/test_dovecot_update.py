# SPDX-License-Identifier: GPL-3.0-or-later
"""A new Debian revision of the same Dovecot: the plugin is tried with it once, in a real imap process, and the peer
refuses to start only if that fails. What dpkg says of the installed package is played by a script of that name."""

import os
import shutil

from env.mail import check_arrived, compose
from env.wait import wait_for

PASSED = "passed its trial"


def another_revision(folder, version):
    """PATH with a dpkg-query that knows this version of dovecot-core."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "dpkg-query")
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"#!/bin/sh\necho '{version}'\n")
    os.chmod(path, 0o755)
    return {"PATH": folder + ":" + os.environ["PATH"]}


def test_another_revision_is_tried_once_and_used(net, folder, bob):
    env = another_revision(os.path.join(folder, "bin"), "1:9-security1")
    alice = net.peer("alice@demo", start=False)
    alice.start(env)
    alice.wait_ready()
    assert alice.log_text().count("1:9-security1, other than the plugin's") == 1
    assert PASSED in alice.log_text()
    data = compose(bob.address, alice.address, "Tried")
    bob.send(data, [alice.address])
    uid = alice.wait_message(data)
    with alice.imap() as box:
        check_arrived(data, box.open(uid))
    alice.stop()
    alice.start(env)
    alice.wait_ready()
    assert alice.log_text().count(PASSED) == 1
    alice.stop()
    alice.start(another_revision(os.path.join(folder, "bin"), "1:9-security2"))
    alice.wait_ready()
    assert alice.log_text().count(PASSED) == 2


def test_a_plugin_that_fails_its_trial_is_refused_with_a_sentence(net, folder):
    plugins = os.path.join(folder, "plugins")
    os.mkdir(plugins)
    shutil.copy("/usr/lib/dovecot/modules/lib15_notify_plugin.so",
                os.path.join(plugins, "lib20_restante_plugin.so"))
    alice = net.peer("carol@demo", start=False)
    env = another_revision(os.path.join(folder, "bin"), "1:9-security3")
    alice.start({**env, "RESTANTE_PLUGIN_DIR": plugins})
    wait_for(lambda: not alice.process.running(), 60, "the peer to refuse", alice.logs)
    with open(alice.output, encoding="utf-8") as f:
        said = f.read()
    assert "1:9-security3" in said and "fails its trial" in said and "newer Restante" in said, said
    assert "a stub was not listed as the message it stands for" in said
    assert not os.path.exists(os.path.join(alice.home, "dovecot", "accepted"))
