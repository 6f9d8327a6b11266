"""The power fails while flash or EEPROM are written; the unit starts from what is left."""

import pytest

from tests_host.emulated.conftest import CREDIT
from tools.proofs.emulated import SECOND, add
from tools.seconds import DAY

pytestmark = pytest.mark.emulated

STEPS = (1, 3, 4)  # of the writes of one entry, pages and sectors: erases and programs
LOST = 70  # seconds that a cut may cost: one bound, and what passes meanwhile
BEFORE, HALFWAY, AFTER = 0, None, 1 << 20  # bytes of that step that are done


@pytest.mark.parametrize("done", (BEFORE, HALFWAY, AFTER))
def test_a_token_counts_once_wherever_the_power_fails(launch, credited, done):
    rig = launch(credited)
    rig.until(lambda: rig.board.load)
    count, days = rig.do("status")["count"], CREDIT
    torn = []  # whether the flash was changed by then
    for cuts, step in enumerate(STEPS, 1):
        count, days = count + 2, days + 1
        before = rig.board.flash.dump()
        rig.board.steps.arm(step, done)
        rig.do(f"keys {add(1, count)}#")
        assert not rig.board.power and not rig.board.load
        torn.append(rig.board.flash.dump() != before)
        rig.wait(SECOND)
        rig.board.power_on()
        rig.until(lambda: rig.board.load, 5 * SECOND)
        rig.wait(SECOND)
        found = rig.do("status")
        assert found["count"] in (count - 2, count) and found["clock_faults"] == 0
        answer = rig.keys(add(1, count))
        expected = "ADD_TIME" if found["count"] < count else "ALREADY_USED"
        assert answer["result"] == expected
        assert answer["count"] == count
        assert 0 <= days * DAY - answer["seconds_left"] < LOST * cuts
    assert any(torn) or done is BEFORE
