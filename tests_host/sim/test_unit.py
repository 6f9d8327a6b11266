"""The real firmware on the simulator: what the simulator promises of it."""

import pytest

from tests_host.helpers.published import (
    ADD_1,
    ADD_29,
    KEY,
    SET_7,
    STARTING_CODE,
    WRONG,
)
from tools.conformance.checks import PUBLISHED
from tools.proofs.simulator import root_with_board
from tools.seconds import DAY

UNIT = {
    "serial": "A1",
    "key": KEY,
    "starting_code": STARTING_CODE,
    "count": 0,
}


@pytest.fixture
def unit(launch):
    """A unit of the published scenario."""
    return launch(**UNIT)


def test_the_published_scenario(unit):
    loads = (False, True, True, True, True, True, False)
    for (entry, result), load in zip(PUBLISHED, loads, strict=True):
        answer = unit.do(f"keys {entry}#")
        assert (answer["result"], answer["load"]) == (result, load)
    assert answer["seconds_left"] == 0


def test_bouncing_contacts_make_no_second_key(unit):
    unit.do("bounce 8")
    assert unit.do(f"keys {ADD_1}#")["result"] == "ADD_TIME"


def test_the_load_opens_when_the_days_are_over(unit):
    left = unit.do(f"keys {ADD_1}#")["seconds_left"]
    assert left in (DAY, DAY - 1)
    assert unit.do(f"advance {left - 5}")["load"]
    assert not unit.do("advance 10")["load"]


def test_a_key_of_an_entry_takes_at_most_300_ms(unit):
    for entry in (ADD_1, ADD_29, SET_7, WRONG, ADD_1):
        unit.do(f"keys {entry}")
        unit.do("levels")
        assert unit.do("keys #")["result"]
        assert unit.do("levels")["ms"] <= 300


def test_the_power_may_fail_in_any_step_of_an_entry(launch):
    for step in range(1, 60):
        unit = launch(**UNIT)
        unit.do(f"cut {step}")
        cut = unit.do(f"keys {ADD_1}#")
        if cut["power"]:
            break
        after = unit.do("power on")
        assert after["load"] == (after["seconds_left"] > 0)
        assert unit.do(f"keys {ADD_1}#")["result"] in ("ADD_TIME", "ALREADY_USED")
        answer = unit.do("status")
        assert answer["load"] and DAY - 7200 < answer["seconds_left"] <= DAY
        unit.close()
    assert 5 < step < 59


def test_the_clock_chip_acts_on_the_unit(unit):
    unit.do(f"keys {ADD_1}#")
    unit.do("advance 3600")
    before = unit.do("power off")["clock_faults"]
    unit.do("rtc lost")
    assert unit.do("power on")["clock_faults"] == before + 1
    unit.do("power off")
    unit.do("rtc set -100000")
    assert unit.do("power on")["clock_faults"] == before + 2


def test_a_dead_cell_loses_the_time_at_each_cut_until_there_is_a_new_one(unit):
    unit.do("rtc lost")
    for faults in (1, 2, 2):
        unit.do("power off")
        assert unit.do("power on")["clock_faults"] == faults
        if faults == 2:
            unit.do("rtc cell")


def test_a_flash_that_refuses_ends_the_load_until_it_takes_records_again(unit):
    assert unit.do(f"keys {ADD_1}#")["load"]
    unit.do("flash refuse")
    assert unit.do("advance 50")["load"], "the last record still allows it"
    answer = unit.do("advance 15")
    assert not answer["load"] and answer["active"], "paid, but not on record"
    answer = unit.do(f"keys {ADD_29}#")
    assert answer["result"] is None and answer["count"] == 2, "what cannot be stored is not taken"
    unit.do("flash take")
    assert unit.do("advance 11")["load"]


def test_a_board_without_a_clock_chip(launch, tmp_path):
    root = root_with_board(tmp_path, 'CLOCK = {"chip": None}\n')
    unit = launch(root=str(root), **UNIT)
    assert "error" in unit.do("rtc lost")
    unit.do(f"keys {ADD_1}#")
    unit.do("power off")
    unit.do("advance 600")
    answer = unit.do("power on")
    assert answer["clock_faults"] == 0 and DAY - 62 <= answer["seconds_left"] <= DAY


def test_a_wiped_unit_finds_itself_in_its_second_memory(unit):
    before = unit.do(f"keys {ADD_29}#")
    blank = unit.do("flash wipe")
    assert not blank["provisioned"] and not blank["load"]
    after = unit.do("provision")
    assert after["count"] == before["count"] and after["load"]
    assert unit.do(f"keys {ADD_29}#")["result"] == "ALREADY_USED"
