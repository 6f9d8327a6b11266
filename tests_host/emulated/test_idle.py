"""A unit that nobody touches sleeps."""

import pytest

from tools.proofs.emulated import SECOND

pytestmark = pytest.mark.emulated

AWAKE = 0.02  # of the time
SETTLE = 12 * SECOND
WATCHED = 10 * SECOND


@pytest.mark.parametrize("plugged", (True, False), ids=("usb", "no usb"))
def test_it_sleeps_and_scans_no_keypad(launch, credited, plugged):
    rig = launch(credited, plugged=plugged)
    rig.until(lambda: rig.board.load)
    rig.wait(SETTLE)
    moves = []
    drive = rig.board.keypad.drive
    rig.board.keypad.drive = lambda end, level: (moves.append(end), drive(end, level))
    chip = rig.board.chip
    begin = chip.nanos
    wakes = chip.wakes_until(begin + WATCHED * 1_000)
    assert moves == []
    assert sum(awake for _, awake in wakes) < AWAKE * (chip.nanos - begin)
    rig.board.keypad.press("5")
    rig.wait(SECOND // 10)
    assert moves  # the wire that was watched is the right one
