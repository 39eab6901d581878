# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a bench runs: root's, because it makes network namespaces and Postfix needs root; the peers run
as the ordinary user of scripts/stage.py all the same, by small starters in front of the programs."""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(ROOT, "scripts"), os.path.join(ROOT, "tests", "peer")]

from stage import PROGRAMS, TEST_PROGRAMS, Stage  # noqa: E402

STARTER = """#!/bin/sh
[ -z "$BENCH_CGROUP" ] || echo $$ >"$BENCH_CGROUP/cgroup.procs"
umask 077
exec setpriv --reuid={uid} --regid={gid} --clear-groups {program} "$@"
"""


NEIGHBOURS = "/proc/sys/net/ipv4/neigh/default/gc_thresh"
NEIGHBOURS_MAX = (1 << 18, 1 << 19, 1 << 20)


def neighbours(limits):
    """Sets how many link addresses the kernel remembers, in all namespaces together; what it was. By
    default 1,024: from some 60 hosts on that all know each other it drops datagrams instead."""
    before = []
    for n, value in enumerate(limits, 1):
        with open(f"{NEIGHBOURS}{n}", "r+", encoding="ascii") as f:
            before.append(int(f.read()))
            f.seek(0)
            f.write(str(value))
    return before


class Setting:
    """A Stage whose command is this very process."""

    def __init__(self, build):
        if os.geteuid() != 0:
            sys.exit("make bench needs root: it makes network namespaces and runs a private Postfix. "
                     "Run it as root; the peers themselves run as an ordinary user.")
        self.neighbours = neighbours(NEIGHBOURS_MAX)
        self.stage = Stage(build)
        user = self.stage.user
        os.chmod(self.stage.path, 0o755)
        self.folder = os.path.join(self.stage.path, "t")
        os.chmod(self.folder, 0o755)
        starters = os.path.join(self.stage.path, "start")
        os.mkdir(starters)
        for name in PROGRAMS + TEST_PROGRAMS:
            path = os.path.join(starters, name)
            with open(path, "w", encoding="ascii") as f:
                f.write(STARTER.format(uid=user.pw_uid, gid=user.pw_gid,
                                       program=os.path.join(self.stage.programs, name)))
            os.chmod(path, 0o755)
        os.environ.update(self.stage.env)
        os.environ.update(BENCH_UID=str(user.pw_uid), BENCH_GID=str(user.pw_gid),
                          RESTANTE_PROGRAMS=starters, HOME=self.stage.path)

    def close(self):
        neighbours(self.neighbours)
        self.stage.close(keep=bool(os.environ.get("RESTANTE_KEEP")))
