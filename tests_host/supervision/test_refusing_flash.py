"""The own flash refuses: no token counts, the load opens, and all comes back by itself."""

import pytest

from firmware import events
from tests_host.helpers.published import ADD_1, ADD_29, FREE
from tests_host.supervision.conftest import MEASURED, TOLD, WATCHED, told
from tools.interpreter import device_libraries
from tools.seconds import DAY

BOUND = 60  # of the newest record, after two minutes of credit


@pytest.fixture
def sim(launch):
    """A unit with a day of credit."""
    sim = launch(WATCHED, TOLD)
    assert sim.keys(ADD_1 + "#")["load"]
    sim.do("advance 120")
    return sim


def test_no_token_counts_and_the_panel_says_so(sim):
    sim.do("flash refuse")
    left = sim.status()["seconds_left"]
    answer = sim.keys(ADD_29 + "#")
    assert answer["result"] is None and answer["count"] == 2
    assert left - 3 <= answer["seconds_left"] <= left
    assert answer["display"].startswith("Memory fault")
    answer = sim.do(f"uart #TOKEN;{ADD_29}")
    assert answer["uart"][-1] == "#TOKEN;INVALID" and answer["locked_seconds"] == 0
    sim.do("flash take")
    assert sim.keys("*" + ADD_29 + "#")["result"] == "ADD_TIME"
    assert sim.status()["seconds_left"] > 29 * DAY


def test_the_load_opens_by_the_bound_and_closes_with_the_next_record(sim):
    sim.do("flash refuse")
    sim.do("levels")
    sim.do(f"run {(BOUND + 1) * 1_000}")
    opened = [at for at, name, on in sim.do("levels")["changes"] if name == "load"]
    assert len(opened) == 1 and not sim.status()["load"]
    left = sim.status()["seconds_left"]
    sim.do("advance 600")  # the credit runs on, the load stays open
    assert sim.status()["seconds_left"] == left - 600
    assert [x for x in sim.do("levels")["changes"] if x[1] == "load"] == []
    sim.do("flash take")
    sim.do("run 10500")
    assert sim.status()["load"] and sim.status()["display"] == "1 day left\n"


def test_it_is_tried_again_every_ten_seconds(sim):
    sim.do("flash refuse")
    sim.do(f"advance {BOUND}")
    tried = told(sim.do("advance 200"), "refused")
    gaps = [later - earlier for earlier, later in zip(tried, tried[1:])]
    assert len(gaps) >= 18 and all(10_000 <= gap <= 10_100 for gap in gaps)


def test_what_was_used_under_a_refusing_flash_is_charged_after_a_power_cut(sim):
    """The newest record is old; the load was on for no longer than its bound."""
    sim.do("flash refuse")
    sim.do(f"advance {BOUND}")
    sim.do("power off")
    sim.do("flash take")
    before = sim.status()["seconds_left"]
    state = sim.do("power on")
    assert state["load"] and state["seconds_left"] <= before


def test_the_minutes_of_a_wrong_token_count_though_nothing_is_stored(sim):
    for wrong in ("111111111", "222222222"):
        sim.keys(wrong + "#")
    sim.do("flash refuse")
    sim.keys("*333333333#")
    assert sim.status()["result"] is None
    sim.do("flash take")
    assert sim.keys("*333333333#")["locked_seconds"] == 120


def test_a_free_unit_keeps_its_load(launch):
    sim = launch(WATCHED)
    sim.keys(ADD_1 + "#")
    assert sim.keys("*" + FREE + "#")["load"]
    sim.do("flash refuse")
    sim.do("levels")
    sim.do("advance 7200")
    assert sim.status()["load"]
    assert [x for x in sim.do("levels")["changes"] if x[1] == "load"] == []
    sim.do("flash take")
    sim.do("advance 20")
    assert sim.status()["display"].startswith("Free")


def test_a_unit_that_starts_with_such_a_flash_has_its_credit_and_no_load(sim):
    sim.do("power off")
    sim.do("flash refuse")
    state = sim.do("power on")
    assert not state["load"] and state["active"]
    assert sim.do("run 3000")["display"].startswith("Memory fault")
    assert not sim.do("advance 600")["load"]
    sim.do("flash take")
    assert sim.do("advance 11")["load"]


def test_four_digits_say_it_too(launch):
    digits = 'TM1637 = {"clk": 16, "dio": 17}\nLCD = None\n'
    sim = launch(MEASURED + WATCHED + digits, libraries=device_libraries())
    sim.keys(ADD_1 + "#")
    sim.do("flash refuse")
    sim.keys(ADD_29 + "#")
    assert sim.status()["display"] == "Err8"


def test_the_event_log_tells_of_it_once_it_can(sim):
    sim.do("flash refuse")
    sim.do("advance 120")
    sim.do("flash take")
    sim.do("advance 20")
    sim.do("power off")
    sim.do("power on")
    known = [event for _, event, _ in sim.do("events")["events"]]
    assert known.count(events.STORE_FAILED) == 1
