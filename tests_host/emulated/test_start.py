"""Power on: a blank unit, and how soon a paid one gives power."""

import pytest

from tools.emulator.prompt import BANNER
from tools.proofs.emulated import SECOND

pytestmark = pytest.mark.emulated

DECISION_MS = 1_500


def test_a_blank_unit_shows_that_it_is_none(launch, blank):
    rig = launch(blank)
    rig.until(lambda: rig.board.glass() == "nOnE", 2 * SECOND)
    assert rig.board.watches["load"].changes == []
    assert rig.ask("#ID")[:3] == ["", "", "0"]
    assert rig.heard.count(b"\n") == rig.heard.count(b"\r") == 1
    rig.console.feed(b"\x03\x03\x01")  # its prompt is there for the station
    rig.until(lambda: BANNER in rig.heard)
    assert rig.board.glass() == "nOnE"


def test_a_paid_unit_switches_on_in_time(launch, credited):
    rig = launch(credited)
    rig.until(lambda: rig.board.load, 2 * SECOND)
    assert rig.board.watches["load"].changes[0][0] <= DECISION_MS * 1_000
    assert [on for _, on in rig.board.watches["load"].changes] == [True]
    rig.until(lambda: rig.board.glass().strip() == "30")
