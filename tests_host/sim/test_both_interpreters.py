"""The chip models' tests pass on MicroPython too: the very same files."""

import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
MODULES = ("at24c32", "ds3231", "flash", "hd44780", "keypad", "machine", "parts", "world")


def run(micropython_exe, script, *arguments):
    """Run a script under MicroPython; its output is shown if it fails."""
    command = [micropython_exe, "-X", "heapsize=16m", str(HERE / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("module", MODULES)
def test_models_on_micropython(micropython_exe, module):
    output = run(micropython_exe, "on_micropython.py", str(ROOT), f"tests_host.sim.test_{module}")
    assert " 0 failed" in output


def test_no_module_is_forgotten():
    written = {path.stem[5:] for path in HERE.glob("test_*.py")}
    assert written - set(MODULES) == {"both_interpreters", "protocol", "state", "unit"}


def test_littlefs_survives_a_cut_at_every_step(micropython_exe):
    assert "nothing lost" in run(micropython_exe, "littlefs_cuts.py", str(ROOT))
