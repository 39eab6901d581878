# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts far apart: packets between them take time and some are lost. The kernel here has no netem, so
each host has a tun device whose other end bench-delay holds; nftables drops at random what arrives."""

import os
import random
import subprocess

from hosts import Host, Lan, ip

# One-way milliseconds from a host to the middle and back: halves of round trips between homes in one
# region and on other continents. Drawn from a seed.
DELAYS = (8, 15, 25, 40, 60, 90, 120)


class Wan:
    """All hosts are made at once, because bench-delay makes the devices."""

    def __init__(self, tool, names, loss_per_mille=10, seed=7, delays=DELAYS):
        Lan.count += 1
        self.tag = f"rb{os.getpid()}-{Lan.count}"
        self.hosts, self.delay = [], {}
        draw = random.Random(seed)
        for n, name in enumerate(names, 1):
            h = Host(self.tag, name, f"10.78.{n // 250}.{n % 250 + 1}")
            self.hosts.append(h)
            self.delay[h.address] = draw.choice(delays)
        lines = "".join(f"{h.ns} {h.address} {self.delay[h.address]}\n" for h in self.hosts)
        self.cable = subprocess.Popen([tool], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.cable.stdin.write(lines)
        self.cable.stdin.close()
        if self.cable.stdout.readline().strip() != "ready":
            raise RuntimeError("bench-delay did not start")
        for h in self.hosts:
            ip("addr", "add", f"{h.address}/16", "dev", "eth0", ns=h.ns)
            ip("link", "set", "eth0", "mtu", "1500", "up", ns=h.ns)
            if loss_per_mille:
                h.run("nft", "add table inet bench; add chain inet bench input { type filter hook input "
                      "priority 0; }; add rule inet bench input iifname eth0 numgen random mod 1000 < "
                      f"{loss_per_mille} drop")
        self.unused = list(self.hosts)

    def host(self, _name):
        """The next host that nobody has taken: what Restante asks its network for."""
        return self.unused.pop(0)

    def close(self):
        self.cable.kill()
        self.cable.wait()
        for h in self.hosts:
            h.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
