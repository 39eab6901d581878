#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installs what was built, and takes it away again.

usage: install.py install|uninstall [--destdir DIR] [--prefix DIR] FOLDER

The prefix is the build folder's; --prefix names another one that is to be uninstalled. Installing writes down, in the build folder, which folders it had to
make; uninstalling removes the files, and those folders when nothing else is in them.
"""

import argparse
import json
import os
import subprocess
import sys

from build import ROOT, caller, settings


def below(destdir, path):
    return os.path.join(destdir, path.lstrip("/")) if destdir else path


def installed(folder, who):
    """Where each installed file goes, without DESTDIR."""
    told = subprocess.run(["meson", "introspect", "--installed", folder], cwd=ROOT, check=True,
                          stdout=subprocess.PIPE, **who).stdout
    return sorted(set(json.loads(told).values()))


def missing_parents(paths):
    """The folders above them that do not exist, the topmost first."""
    found = set()
    for path in paths:
        while (path := os.path.dirname(path)) and not os.path.isdir(path) and path not in found:
            found.add(path)
    return sorted(found)


class Memory:
    """What was installed where, in the build folder: {prefix and destdir: {files, folders}}."""

    def __init__(self, folder, key, who):
        self.path = os.path.join(folder, "installed.json")
        self.key, self.who = key, who
        try:
            with open(self.path, encoding="utf-8") as f:
                self.all = json.load(f)
        except (OSError, ValueError):
            self.all = {}
        self.mine = self.all.get(key, {"files": [], "folders": []})

    def save(self):
        self.all[self.key] = self.mine
        if not self.mine["files"]:
            del self.all[self.key]
        new = self.path + ".new"
        with open(new, "w", encoding="utf-8") as f:
            json.dump(self.all, f, indent=1)
        if self.who:
            os.chown(new, self.who["user"], self.who["group"])
        os.replace(new, self.path)


def install(folder, destdir, prefix, paths, memory, who):
    # Written down before: what is interrupted can be uninstalled.
    memory.mine["folders"] = sorted({*memory.mine["folders"], *missing_parents(paths)})
    memory.mine["files"] = sorted({*memory.mine["files"], *paths})
    memory.save()
    command = ["meson", "install", "-C", folder, "--no-rebuild", "--quiet"]
    done = subprocess.run(command + (["--destdir", destdir] if destdir else []), cwd=ROOT)
    log = os.path.join(folder, "meson-logs", "install-log.txt")
    if who and os.path.exists(log):
        os.chown(log, who["user"], who["group"])
    if done.returncode != 0:
        sys.exit(f"Nothing can be installed below {below(destdir, prefix)}: see above. Say `sudo make install`, "
                 "or choose a folder of yours, as in `make install PREFIX=$HOME/.local`.")
    print(f"Installed below {below(destdir, prefix)}"
          + ("" if destdir else "; `make uninstall` takes it away again") + ".")


def uninstall(destdir, prefix, paths, memory):
    files = sorted({*memory.mine["files"], *paths})
    # Ours by name whoever made them; the others only when the installation did.
    ours = {d for f in files if os.path.basename(d := os.path.dirname(f)) == "restante"}
    gone = 0
    try:
        for path in files:
            if os.path.lexists(path):
                os.remove(path)
                gone += 1
    except PermissionError as e:
        sys.exit(f"{e.filename} cannot be removed: say `sudo make uninstall`.")
    for path in sorted({*memory.mine["folders"], *ours}, key=len, reverse=True):
        try:
            os.rmdir(path)
        except OSError:
            pass  # somebody else's files are in it, or it is gone
    memory.mine = {"files": [], "folders": []}
    memory.save()
    print(f"Removed {gone} files below {below(destdir, prefix)}. What users have in their homes stays." if gone
          else f"Nothing of Restante is installed below {below(destdir, prefix)}.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("install", "uninstall"))
    parser.add_argument("--destdir", default="")
    parser.add_argument("--prefix", default="")
    parser.add_argument("folder")
    args = parser.parse_args()
    os.chdir(ROOT)
    if not os.path.exists(os.path.join(args.folder, "build.ninja")):
        sys.exit(f"{args.folder} is no build folder: say `make` first.")
    destdir = os.path.abspath(args.destdir) if args.destdir else ""
    who = caller(args.folder)
    set_to = settings(args.folder, who)["prefix"]
    prefix = os.path.abspath(args.prefix) if args.prefix and args.what == "uninstall" else set_to
    memory = Memory(args.folder, json.dumps([destdir, prefix]), who)
    paths = [prefix + p.removeprefix(set_to) if p.startswith(set_to + "/") else p
             for p in installed(args.folder, who)]
    paths = [below(destdir, p) for p in paths]
    if args.what == "install":
        install(args.folder, destdir, prefix, paths, memory, who)
    else:
        uninstall(destdir, prefix, paths, memory)


if __name__ == "__main__":
    main()
