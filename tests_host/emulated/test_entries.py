"""Tokens typed on the matrix: what the glass says, what the load does, what is remembered."""

import pytest

from firmware import VERSION
from tests_host.emulated.conftest import CREDIT
from tools.proofs.emulated import SECOND, TOKENS, add
from tools.seconds import DAY

pytestmark = pytest.mark.emulated

WRONG = "123456789"
UNLOCK = 998


def page(rig, steps):
    """Press `#` alone; return what the glass shows, at each step of `steps` us."""
    rig.do("keys #")
    shown = []
    for _ in range(steps):
        shown.append(rig.board.glass().strip())
        rig.wait(SECOND // 5)
    return shown


def test_entries_and_status_pages(launch, sealed):
    rig = launch(sealed)
    rig.until(lambda: rig.board.glass() == " OFF")
    for digits, result, glass, load in (
        (WRONG, "INVALID", "Err", False),
        (add(1, 2), "ADD_TIME", "GOOd", True),
        (add(1, 2), "ALREADY_USED", "USEd", True),
        ("12345", "MALFORMED", "----", True),
        (TOKENS.token(0, 3), "SET_TIME", "OFF", False),
        (TOKENS.token(UNLOCK, 5), "DISABLE_PAYG", "FrEE", True),
        (TOKENS.token(7, 7), "SET_TIME", "GOOd", True),
    ):
        answer = rig.keys(digits)
        shown = (answer["result"], answer["display"].strip(), answer["load"])
        assert shown == (result, glass, load), digits
    assert answer["count"] == 7 and 0 <= 7 * DAY - answer["seconds_left"] <= 2
    rig.wait(6 * SECOND)  # the message goes
    assert set(page(rig, 1)) == {"7"}
    assert {"Id", "AC07"} <= set(page(rig, 12))
    assert page(rig, 2) == ["C  7"] * 2
    assert {"F", VERSION.replace(".", "-")[:4]} <= set(page(rig, 12))
    assert page(rig, 1) == ["GOOd"]
    assert page(rig, 1) == ["b126"]  # 12.6 V


def test_a_lockout_outlives_a_power_cut(launch, credited):
    rig = launch(credited)
    rig.until(lambda: rig.board.load)
    for _ in range(3):
        assert rig.keys(WRONG)["result"] == "INVALID"
    locked = rig.do("status")["locked_seconds"]
    assert 110 < locked <= 120
    rig.board.power_off()
    rig.wait(SECOND)
    rig.board.power_on()
    rig.until(lambda: rig.board.load)
    rig.wait(SECOND)
    answer = rig.keys(add(1, 4))
    assert (answer["result"], answer["display"]) == ("LOCKED", "L  2")
    assert locked - 15 < answer["locked_seconds"] <= locked
    assert answer["count"] == 2 and answer["seconds_left"] <= CREDIT * DAY
