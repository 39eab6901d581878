# SPDX-License-Identifier: GPL-3.0-or-later
"""Real daemons for the tests and the demo, behind small classes (standard library only).

    net = Network(nodes=5)                  five restante-dht
    alice = net.peer("alice@demo")          init, start, wait until ready
    alice.send(message, ["bob@demo"])       SMTP over TLS with AUTH
    with bob.imap() as box: ...             IMAP over TLS
    net.close()

Nothing here runs as root: scripts/stage.py becomes an ordinary user first.
"""

from .imap import Imap
from .network import Network
from .node import DhtNode
from .peer import Peer
from .process import free_port, program
from .wait import Timeout, wait_for

__all__ = ["DhtNode", "Imap", "Network", "Peer", "Timeout", "free_port", "program", "wait_for"]
