# SPDX-License-Identifier: GPL-3.0-or-later
"""A computer whose name server takes questions and answers none."""

import os
import socket

from env import Network
from env.hosts import HostPeer, Router, inside
from env.mail import compose


@inside
def test_the_mail_client_is_served_and_nothing_is_killed(folder):
    """Each question would take 25 s twice: whoever asked one at the start would not be up, and whoever
    waits for an answer does not end by itself."""
    router = Router()
    host = router.host("alice", "10.31.1.2", folder)
    path = os.path.join(folder, "resolv.conf")
    with open(path, "w", encoding="ascii") as f:
        f.write("nameserver 10.31.1.1\noptions timeout:25 attempts:2\n")
    host.run("mount", "--bind", path, "/etc/resolv.conf")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent, \
            Network(nodes=0, folder=folder) as network:
        silent.bind(("10.31.1.1", 53))
        p = HostPeer(network, "alice@demo", host, "alice.example.org")
        p.init(["node.example.org:4222"])
        p.start()
        p.wait_up(20)
        p.send(compose(p.address, "bob@demo", "Written without a name server"), ["bob@demo"])
        with p.imap() as box:
            assert box.uids("ALL") == []
        silent.setblocking(False)
        assert silent.recv(4096), "the name server was asked by somebody"
        assert p.stop() == 0
        assert "killed" not in p.log_text() and "Fatal" not in p.log_text("dovecot.log")
    router.close()
