# SPDX-License-Identifier: GPL-3.0-or-later
"""Two installations for the tests, made with what `make install` runs, by whoever runs the tests, in paths with
spaces: one into a PREFIX of its own, one below a DESTDIR. They are used by the stage's ordinary user and
taken away with what `make uninstall` runs, which must leave nothing."""

import os
import subprocess
import sys

from build import ROOT, build, settings

INSTALL = os.path.join(ROOT, "scripts", "install.py")


class Installation:
    """Where bin/ is in each: told to the tests in RESTANTE_PREFIX and RESTANTE_INSTALLED."""

    def __init__(self, stage, folder):
        self.build = os.path.abspath(folder)
        self.prefix = os.path.join(stage.path, "pre fix")
        self.dest = os.path.join(stage.path, "in stalled")
        usual = settings(self.build, {})["prefix"]
        build(self.build, self.prefix)
        try:
            self._run("install")
        finally:
            build(self.build, usual)
        self._run("install", "--destdir", self.dest)
        stage.env["RESTANTE_PREFIX"] = self.prefix
        stage.env["RESTANTE_INSTALLED"] = os.path.join(self.dest, usual.lstrip("/"))
        if stage.user:
            for folder, _, names in [*os.walk(self.dest), *os.walk(self.prefix)]:
                for path in [folder] + [os.path.join(folder, n) for n in names]:
                    os.chown(path, stage.user.pw_uid, stage.user.pw_gid, follow_symlinks=False)

    def _run(self, what, *arguments):
        subprocess.run([sys.executable, INSTALL, what, *arguments, self.build], check=True,
                       stdout=subprocess.DEVNULL)

    def end(self):
        """[passed, failed, skipped] of the test that uninstalling leaves no file and no folder."""
        counts = [0, 0, 0]
        for top, arguments in ((self.prefix, ("--prefix", self.prefix)),
                               (self.dest, ("--destdir", self.dest))):
            self._run("uninstall", *arguments)
            left = [os.path.join(folder, n) for folder, folders, names in os.walk(top)
                    for n in folders + names]
            gone = not left and not os.path.exists(top)
            counts[0 if gone else 1] += 1
            print(f"`make uninstall` {arguments[0]} leaves "
                  + ("nothing" if gone else ", ".join(left or [top])), flush=True)
        return counts
