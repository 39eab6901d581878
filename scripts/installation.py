# SPDX-License-Identifier: GPL-3.0-or-later
"""An installation for the tests: made below a DESTDIR whose path has a space, with what `make install`
runs, by whoever runs the tests; used by the stage's ordinary user; taken away with what `make uninstall`
runs, which must leave nothing."""

import os
import subprocess
import sys

from build import ROOT, settings

INSTALL = os.path.join(ROOT, "scripts", "install.py")


class Installation:
    """below: where bin/ is, told to the tests in RESTANTE_INSTALLED."""

    def __init__(self, stage, build):
        self.build = os.path.abspath(build)
        self.dest = os.path.join(stage.path, "in stalled")
        self._run("install")
        self.below = os.path.join(self.dest, settings(self.build, {})["prefix"].lstrip("/"))
        stage.env["RESTANTE_INSTALLED"] = self.below
        if stage.user:
            for folder, _, names in os.walk(self.dest):
                for path in [folder] + [os.path.join(folder, n) for n in names]:
                    os.chown(path, stage.user.pw_uid, stage.user.pw_gid, follow_symlinks=False)

    def _run(self, what):
        subprocess.run([sys.executable, INSTALL, what, "--destdir", self.dest, self.build], check=True,
                       stdout=subprocess.DEVNULL)

    def end(self):
        """[passed, failed, skipped] of the one test that uninstalling leaves no file and no folder."""
        self._run("uninstall")
        left = [os.path.join(folder, n) for folder, folders, names in os.walk(self.dest)
                for n in folders + names]
        if left or os.path.exists(self.dest):
            print("`make uninstall` leaves " + ", ".join(left or [self.dest]), flush=True)
            return [0, 1, 0]
        print("`make uninstall` leaves nothing", flush=True)
        return [1, 0, 0]
