"""The console of a provisioned unit, on the real USB stack: it answers lines and nothing else."""

import pytest

from tools.proofs.emulated import SECOND

pytestmark = pytest.mark.emulated

CTRL_A, CTRL_B, CTRL_C, CTRL_D, CTRL_E = b"\x01", b"\x02", b"\x03", b"\x04", b"\x05"
PROBE = b"\rprint(6*7)\r"


def test_nothing_gets_through(launch, credited):
    rig = launch(credited)
    while not rig.board.load or not rig.board.painted:  # a flood from the first instant
        rig.console.feed(CTRL_C * 8)
        rig.wait(SECOND // 200)
    rig.wait(SECOND)
    for keys in (CTRL_C, CTRL_D, CTRL_C + CTRL_D, CTRL_A, CTRL_C + CTRL_C + CTRL_A, CTRL_E):
        rig.console.feed(b"\r" + keys + PROBE + CTRL_D + CTRL_B)
        rig.wait(SECOND)
    rig.console.feed(bytes(range(256)) * 4)
    rig.wait(3 * SECOND)
    said = rig.heard.decode("ascii", "replace").split("\r\n")
    assert set(said) == {"#INVALID", ""}
    assert rig.board.chip.resets == 0 and rig.board.load
    assert rig.ask("#ID")[0] == "AC07"
