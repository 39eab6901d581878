# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot be taken back goes by the trusted time, not by the wall clock (P-13.2)."""

import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def test_only_listed_functions_ask_the_wall_clock():
    done = subprocess.run([ROOT / "scripts" / "check-time"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_an_expiry_compared_with_the_wall_clock_is_noticed(tmp_path):
    for name in ("scripts/check-time", "scripts/time.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / "scripts" / "check-time").chmod(0o755)
    step = tmp_path / "src" / "flow" / "receiver" / "expire.c"
    step.parent.mkdir(parents=True)
    step.write_text("static bool is_over(const struct incoming *in)\n{\n"
                    "    return in->expiry_s * 1000 < clock_wall_ms();\n}\n")
    done = subprocess.run([tmp_path / "scripts" / "check-time"], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "expire.c: is_over asks the wall clock" in done.stdout
