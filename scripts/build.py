#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets a build folder up once, changes its settings when other ones are asked for, and builds.
Quiet when all goes well; the compiler's words otherwise.

usage: build.py [--prefix DIR] FOLDER [-Doption=value]... [TARGET]...

Without TARGET the product alone is built: what `make install` installs. "all" is everything that the
settings of the folder name. An option that is not given stays as it is. Under sudo the build is its
caller's when the folder is, so that no file of root's is left there.
"""

import argparse
import json
import os
import pwd
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OPENDHT = os.path.join(ROOT, "scripts", "opendht.py")
PREFIX = "/usr/local"


def caller(folder):
    """Keywords of subprocess that make a command the caller's of sudo; none otherwise."""
    uid = os.environ.get("SUDO_UID", "")
    there = folder if os.path.exists(folder) else ROOT
    if os.geteuid() != 0 or not uid.isdigit() or os.stat(there).st_uid != int(uid) or uid == "0":
        return {}
    user = pwd.getpwuid(int(uid))
    env = {**os.environ, "HOME": user.pw_dir, "USER": user.pw_name, "LOGNAME": user.pw_name}
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "env": env}


def run(command, who, say=lambda text: text):
    """Runs to the end; on failure prints what it said (as say makes it) and ends."""
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", **who)
    if done.returncode != 0:
        print(say(done.stdout))
        sys.exit(f"`{' '.join(command)}` failed; see above.")
    return done.stdout


def settings(folder, who):
    """What the folder is set to: {name: value}."""
    told = subprocess.run(["meson", "introspect", "--buildoptions", folder], cwd=ROOT, check=True,
                          stdout=subprocess.PIPE, **who).stdout
    return {o["name"]: o["value"] for o in json.loads(told)}


def differs(option, value):
    if isinstance(option, bool):
        return value != str(option).lower()
    if isinstance(option, list):
        return value != ",".join(option)
    return value != str(option)


def opendht(given, who):
    """Gets and builds OpenDHT when the system has none; see opendht.py, which says what it does."""
    if subprocess.run([sys.executable, OPENDHT, "ready", given], cwd=ROOT, **who).returncode != 0:
        sys.exit(1)


def build(folder, prefix=None, options=(), targets=()):
    for tool, package in (("meson", "meson"), ("ninja", "ninja-build")):
        if not shutil.which(tool):
            sys.exit(f"The program {tool} is missing: install it with `sudo apt install {package}`, or what "
                     "your system calls it, and say `make` again.")
    who = caller(folder)
    wanted = dict(o.removeprefix("-D").split("=", 1) for o in options)
    if os.environ.get("OPENDHT"):
        wanted["opendht"] = os.path.abspath(os.environ["OPENDHT"])
    if prefix:
        wanted["prefix"] = os.path.abspath(prefix)
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        wanted.setdefault("prefix", PREFIX)
        opendht(wanted.get("opendht", ""), who)
        print(f"Setting up {folder}", flush=True)
        run(["meson", "setup", *(f"-D{k}={v}" for k, v in wanted.items()), folder], who)
    else:
        now = settings(folder, who)
        opendht(wanted.get("opendht", now.get("opendht", "")), who)
        changed = {k: v for k, v in wanted.items() if k not in now or differs(now[k], v)}
        if changed:
            print(f"Setting {folder} to " + ", ".join(f"{k}={v}" for k, v in changed.items()), flush=True)
            run(["meson", "configure", folder, *(f"-D{k}={v}" for k, v in changed.items())], who)
    print(f"Building in {folder}", flush=True)
    run(["ninja", "-C", folder, *(targets or ["product"])], who,
        lambda text: "\n".join([line for line in text.splitlines()
                                if not line.startswith("[")][-60:]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prefix", default="")
    parser.add_argument("folder")
    args, rest = parser.parse_known_args()
    build(args.folder, args.prefix, [r for r in rest if r.startswith("-D")],
          [r for r in rest if not r.startswith("-D")])


if __name__ == "__main__":
    main()
