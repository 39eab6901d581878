# SPDX-License-Identifier: GPL-3.0-or-later
"""A terminal (tmux) with a program in it: keys in, and what the screen shows."""

import os
import subprocess

from env.wait import Timeout, wait_for


class Terminal:
    def __init__(self, folder, command, width=110, height=32):
        self.socket = os.path.join(folder, "tmux")
        self.env = {**os.environ, "HOME": folder, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        self._tmux("-f", "/dev/null", "new-session", "-d", "-x", str(width), "-y", str(height),
                   *command)

    def _tmux(self, *arguments):
        done = subprocess.run(["tmux", "-S", self.socket, *arguments], env=self.env,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            raise OSError(done.stderr)
        return done.stdout

    def keys(self, *names):
        """Keys as tmux names them ("Enter"), or text."""
        self._tmux("send-keys", *names)

    def screen(self):
        return self._tmux("capture-pane", "-p")

    def wait(self, text, seconds=60):
        """Until the screen shows this; the screen."""
        try:
            return wait_for(lambda: text in self.screen() and self.screen(), seconds, repr(text),
                            every=0.2)
        except Timeout as e:
            raise Timeout(f"{e}\n{self.screen()}") from None

    def close(self):
        try:
            self._tmux("kill-server")
        except OSError:
            pass  # the program ended, and its terminal with it
