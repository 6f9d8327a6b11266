"""The wire-level tests of the load switch pass on MicroPython too: the very same file."""

import subprocess

from tools import ROOT

RUNNER = ROOT / "tests_host" / "sim" / "on_micropython.py"


def test_the_load_switch_on_micropython(micropython_exe):
    command = [micropython_exe, str(RUNNER), str(ROOT), "tests_host.load.test_wire"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0 and " 0 failed" in done.stdout, done.stdout + done.stderr
