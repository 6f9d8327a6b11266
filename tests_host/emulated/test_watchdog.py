"""A unit whose tasks hang."""

import pytest

from firmware.events import RESTART
from tests_host.emulated.conftest import CREDIT
from tools.emulator.probe import HANG_PIN, pull
from tools.proofs.emulated import SECOND, add, memories

pytestmark = pytest.mark.emulated

WATCHDOG_US = 8 * SECOND


def test_the_watchdog_restarts_it(launch, probed):
    rig = launch(memories(probed, f"keys {add(CREDIT, 2)}#", "advance 10"))
    rig.until(lambda: rig.board.load)
    rig.wait(3 * SECOND)
    rig.board.watches["load"].take()
    hung = rig.world.now
    pull(rig, HANG_PIN)
    rig.until(lambda: rig.board.chip.resets, WATCHDOG_US + SECOND)
    assert not rig.board.load  # a reset lets go of the pin
    bitten = rig.world.now
    assert WATCHDOG_US - 4 * SECOND < bitten - hung <= WATCHDOG_US
    rig.until(lambda: rig.board.load, 2 * SECOND)  # the start's first record comes before
    rig.wait(2 * SECOND)
    assert rig.board.chip.resets == 1
    assert [on for _, on in rig.board.watches["load"].take()] == [False, True]
    assert [event for _, event, _ in rig.do("events")["events"]].count(RESTART) == 1
