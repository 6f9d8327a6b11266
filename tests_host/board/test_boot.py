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


NVS = """
class NVS:
    def __init__(self, name):
        assert name == "payg"
    def get_blob(self, key, buffer):
        {answer}
"""
BOARD = """
from collections import namedtuple
Parts = namedtuple("Parts", "CHIP LOAD NVS")
def find():
    return Parts("esp32", {"pin": 1, "active": 1}, {"namespace": "payg"})
"""


@pytest.mark.parametrize(
    "answer, found",
    [
        ("return 1", True),
        ("raise OSError(-0x110C, 'ESP_ERR_NVS_INVALID_LENGTH')", True),
        ("raise OSError(-0x1102, 'ESP_ERR_NVS_NOT_FOUND')", False),
    ],
)
def test_an_identity_that_earlier_firmware_kept_in_nvs_counts(
    micropython_exe, tmp_path, answer, found
):
    (tmp_path / "machine.py").write_text(MACHINE.format(happens="pass", timer="pass"))
    (tmp_path / "machine.py").open("a").write(
        "Timer.init = lambda *a, **k: None\nTimer.ONE_SHOT = 0\n"
    )
    (tmp_path / "esp32.py").write_text(NVS.format(answer=answer))
    (tmp_path / "board.py").write_text(BOARD)
    (tmp_path / "boot.py").write_bytes((ROOT / "boot.py").read_bytes())
    code = f"import sys; sys.path[:] = [{str(tmp_path)!r}]; import boot; print(boot.has_identity)"
    done = subprocess.run(
        [micropython_exe, "-c", code], capture_output=True, check=False, cwd=tmp_path, text=True
    )
    assert done.stdout == f"{found}\n", done.stderr


def test_state_that_is_a_file_makes_the_timer_all_the_same(micropython_exe, tmp_path):
    (tmp_path / "machine.py").write_text(MACHINE.format(happens="pass", timer="pass"))
    (tmp_path / "state").write_text("")
    code = (
        BOOT.format(folder=str(tmp_path), root=str(ROOT))
        + "; print(boot.has_identity, boot.deadline)"
    )
    done = subprocess.run(
        [micropython_exe, "-c", code], capture_output=True, check=False, cwd=tmp_path, text=True
    )
    assert done.stdout.startswith("done\nTrue <Timer"), (done.stdout, done.stderr)
