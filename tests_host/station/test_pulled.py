"""The cable is pulled, or the power lost, after any byte that goes to a unit being provisioned."""

import os
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests_host.station.line import BLANK, CHECK, FIRST, has_no_key, identity_of, make, rest
from tools.cable.unit import SimulatedUnit
from tools.station import selftest as factory
from tools.station.selftest import ProvisionError, UnsureError

STEP = 43  # bytes between two cuts
LAST = 90  # bytes at the end, where the identity is written and asked for
AT_ONCE = 8  # units: most of the time they wait
COMPLETE = [FIRST.serial, CHECK, "1", "0.1.0"]


def _bytes_needed():
    with SimulatedUnit(board="pico") as unit:
        make(unit)
        return unit.sent


def _cut(limit):
    """Pull the cable after `limit` bytes; return whether the unit was complete then."""
    with SimulatedUnit(board="pico") as unit:
        rest(unit)
        unit.pull()
        unit.plug(limit)
        # While somebody has it open the port's name is not given to another unit's cable.
        held = os.open(unit.port, os.O_RDWR | os.O_NOCTTY)
        try:
            make(unit, running=False)
            taken = True  # by fewer bytes than `limit`: their number varies by a repeated question
        except ProvisionError as error:
            taken = isinstance(error, UnsureError)
            has_no_key("".join(traceback.format_exception(error)))
            assert "Plug the cable in" in str(error) or "there is no port" in str(error), error
        unit.pull()
        if limit % 2:  # half of the time the power goes, too
            unit.power_off()
            unit.power_on()
            rest(unit)
        unit.plug()
        os.close(held)
        before = identity_of(unit) if limit % 2 else None
        done, _ = make(unit, running=False)
        assert before in (None, BLANK if done else COMPLETE)
        assert identity_of(unit) == COMPLETE
        assert done or taken, "its serial number would be given to another unit"
        return not done


@pytest.mark.long
def test_the_unit_is_blank_or_complete_and_a_repetition_succeeds(monkeypatch):
    monkeypatch.setattr(factory, "BACK", 0)  # the port does not come back
    needed = _bytes_needed()
    cuts = [*range(1, needed - LAST, STEP), *range(needed - LAST, needed, 9)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        complete = list(pool.map(_cut, cuts))
    assert True in complete and False in complete
    assert complete == sorted(complete), "once it is complete, it stays so"
