# SPDX-License-Identifier: GPL-3.0-or-later
"""make, PREFIX, DESTDIR and uninstall, as this project's Makefile and scripts do them, on a project of one
program in a path with spaces, so that nothing large is compiled."""

import os
import shutil
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MESON = """project('tiny', 'c')
tiny = executable('tiny', 'tiny.c', c_args: '-DPREFIX="@0@"'.format(get_option('prefix')), install: true,
  install_dir: get_option('libexecdir') / 'restante')
alias_target('product', tiny)
if get_option('tests')
  executable('broken', 'broken.c')
endif
"""
OPTIONS = "option('tests', type: 'boolean', value: false)\n"


@pytest.fixture
def clone(folder):
    place = os.path.join(folder, "a clone")
    shutil.copytree(os.path.join(ROOT, "scripts"), os.path.join(place, "scripts"))
    for name in ("Makefile", "packages.txt"):
        shutil.copy(os.path.join(ROOT, name), place)
    for name, text in (("meson.build", MESON), ("meson_options.txt", OPTIONS),
                       ("tiny.c", "#include <stdio.h>\nint main(void) { puts(PREFIX); return 0; }\n"),
                       ("broken.c", "this is no C\n")):
        with open(os.path.join(place, name), "w", encoding="ascii") as f:
            f.write(text)
    return place


def make(clone, *arguments, fails=False):
    done = subprocess.run(["make", "-C", clone, *arguments], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=120)
    assert (done.returncode != 0) == fails, done.stdout
    return done.stdout


def says(path):
    return subprocess.run([os.path.join(path, "libexec/restante/tiny")], text=True, check=True,
                          capture_output=True).stdout.strip()


def test_prefix_counts_whenever_it_is_given_and_is_remembered(clone, folder):
    one, two = os.path.join(folder, "pre fix"), os.path.join(folder, "deep/two")
    make(clone, f"PREFIX={one}")
    make(clone, "install")  # without it: as it was set
    assert says(one) == one
    make(clone, "install", f"PREFIX={two}")
    assert says(two) == two and says(one) == one
    text = make(clone, "uninstall")
    assert "Removed 1 files" in text and not os.path.exists(os.path.join(folder, "deep"))
    assert "Nothing of Restante" in make(clone, "uninstall")
    assert says(one) == one
    make(clone, "uninstall", f"PREFIX={one}")
    assert sorted(os.listdir(folder)) == ["a clone"]


def test_destdir_and_what_was_there_before(clone, folder):
    dest, prefix = os.path.join(folder, "dest dir"), "/opt/re stante"
    kept = dest + prefix + "/libexec"
    os.makedirs(kept)
    make(clone, "install", f"PREFIX={prefix}", f"DESTDIR={dest}")
    assert says(dest + prefix) == prefix
    make(clone, "install", f"DESTDIR={dest}")  # a second time over the first
    make(clone, "uninstall", f"DESTDIR={dest}")
    assert os.path.isdir(kept) and os.listdir(kept) == []


def test_the_default_build_is_the_product_alone(clone, folder):
    make(clone)
    command = ["/usr/bin/python3", os.path.join(clone, "scripts/build.py"), os.path.join(clone, "build")]
    subprocess.run([*command, "-Dtests=true"], check=True, capture_output=True, timeout=60)
    make(clone)  # in the same folder, whose tests are set up now
    assert "broken.c" in subprocess.run([*command, "all"], capture_output=True, text=True,
                                        timeout=60).stdout


def test_an_installation_that_may_not_be_made_says_what_to_do(clone, folder):
    closed = os.path.join(folder, "closed")
    os.mkdir(closed, 0o555)
    text = make(clone, "install", f"PREFIX={closed}/x", fails=True)
    assert "sudo make install" in text and "PREFIX=$HOME/.local" in text


def test_an_update_of_dovecot_is_seen_by_the_next_make(clone, folder):
    """With the lines of src/daemon/meson.build that watch its packages."""
    with open(os.path.join(ROOT, "src/daemon/meson.build"), encoding="ascii") as f:
        text = f.read()
    lines = text[text.index("fs = import('fs')"):text.index("dovecot_version = ")]
    info, version = os.path.join(folder, "info"), os.path.join(folder, "version")
    os.mkdir(info)
    assert "'/var/lib/dpkg/info/dovecot-core.list'" in lines
    lines = lines.replace("/var/lib/dpkg/info", info)
    lines += f"seen = run_command('cat', '{version}', check: true).stdout().strip()\n"
    with open(os.path.join(clone, "meson.build"), "w", encoding="ascii") as f:
        f.write(MESON.replace("tiny = ", lines + "tiny = ", 1).replace("get_option('prefix')", "seen", 1))

    def unpack(number):
        """As dpkg does: its own list is new, what comes from the archive is as old as it was there."""
        with open(version, "w", encoding="ascii") as f:
            f.write(number)
        os.utime(version, (1, 1))
        with open(os.path.join(info, "dovecot-core.list"), "w", encoding="ascii") as f:
            f.write("/usr/sbin/dovecot\n")

    prefix = os.path.join(folder, "place")
    unpack("1")
    make(clone, "install", f"PREFIX={prefix}")
    assert says(prefix) == "1"
    unpack("2")
    make(clone, "install")
    assert says(prefix) == "2"
