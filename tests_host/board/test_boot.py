"""`boot.py` under a Ctrl-C: an exception that left it would skip main.py and end in the prompt."""

import re
import signal
import subprocess
import sys

import pytest

from tools.paths import ROOT

MACHINE = """
import os
class Pin:
    OUT = 1
    def __init__(self, *where, **how):
        {happens}
class Timer:
    def __init__(self, number):
        {timer}
def reset():
    pass
"""
BOOT = "import sys; sys.path[:] = [{folder!r}, {root!r}]; import boot; print('done')"


@pytest.fixture
def boot(micropython_exe, tmp_path):
    """Function that runs boot.py; `happens` while it sets the load's pin, `timer` later."""

    def run(happens, timer="pass"):
        (tmp_path / "machine.py").write_text(MACHINE.format(happens=happens, timer=timer))
        code = BOOT.format(folder=str(tmp_path), root=str(ROOT))
        return subprocess.run(
            [micropython_exe, "-c", code], capture_output=True, check=False, cwd=ROOT, text=True
        )

    return run


@pytest.mark.parametrize("error", ["KeyboardInterrupt", "OSError(5)", "MemoryError"])
def test_nothing_leaves_it(boot, error):
    done = boot(f"raise {error}")
    assert (done.stdout, done.returncode) == ("done\n", 0), done.stderr
    done = boot("pass", f"raise {error}")
    assert (done.stdout, done.returncode) == ("done\n", 0), done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc what the interpreter catches")
def test_ctrl_c_is_off_while_it_runs(boot):
    """On the unix port Ctrl-C is SIGINT, which is caught while Ctrl-C is on."""
    done = boot('[print(line) for line in open("/proc/self/status") if "SigCgt" in line]')
    caught = int(re.search("SigCgt:\\s*([0-9a-f]+)", done.stdout)[1], 16)
    assert not caught >> signal.SIGINT - 1 & 1
