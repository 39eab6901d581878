# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks of a test's own: bridges in a namespace without any way out, one for each subnet 10.9.N.0/24,
and a router between them."""

import subprocess


class Lan:
    def __init__(self):
        self.child = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo; exec sleep 86400"],
                                      stdout=subprocess.PIPE)
        self.child.stdout.read(1)  # now it is in the namespace
        self.subnets, self.count = set(), 0
        self.inside("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")

    def inside(self, *command):
        subprocess.run(["nsenter", "-t", str(self.child.pid), "-n", *command], check=True)

    def join(self, host, subnet, last):
        """Gives the host the address 10.9.SUBNET.LAST."""
        bridge, self.count = f"br{subnet}", self.count + 1
        if subnet not in self.subnets:
            self.subnets.add(subnet)
            self.inside("ip", "link", "add", bridge, "type", "bridge")
            self.inside("ip", "address", "add", f"10.9.{subnet}.1/24", "dev", bridge)
            self.inside("ip", "link", "set", bridge, "up")
        port = f"port{self.count}"
        self.inside("ip", "link", "add", port, "master", bridge, "up", "type", "veth", "peer",
                    "name", "eth0", "netns", str(host.pid))
        host.run("ip", "address", "add", f"10.9.{subnet}.{last}/24", "dev", "eth0")
        host.run("ip", "link", "set", "eth0", "up")
        host.run("ip", "route", "add", "default", "via", f"10.9.{subnet}.1")

    def close(self):
        self.child.kill()
        self.child.wait()
