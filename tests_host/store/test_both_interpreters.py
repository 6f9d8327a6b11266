"""Drivers and media pass their tests on MicroPython too: the very same files."""

import subprocess

import pytest

from tools import ROOT

RUNNER = ROOT / "tests_host" / "sim" / "on_micropython.py"
MODULES = ("clock", "media", "ds1307", "nvs")


@pytest.mark.parametrize("module", MODULES)
def test_on_micropython(micropython_exe, module):
    name = f"tests_host.store.test_{module}"
    command = [micropython_exe, "-X", "heapsize=8m", str(RUNNER), str(ROOT), name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0 and " 0 failed" in done.stdout, done.stdout + done.stderr
