"""A clock chip that stops, is moved, goes wrong or is silent: what that costs, and what counts."""

import pytest

from tests_host.controller.twin import Twin
from tools.seconds import DAY

HOUR = 3600
CALM = 30 * DAY  # doubt after a first fault: it costs nothing
DOUBT = 12 * HOUR  # and what a further one adds


@pytest.fixture
def twin():
    """A unit with sixty days of credit, a few minutes after the token."""
    with Twin() as twin:
        assert twin.enter(twin.token(60, 2)) == "ADD_TIME"
        twin.advance(200)
        yield twin


def lose(twin, off=600):
    """A power cut with a dead coin cell."""
    twin.power_cycle(off, "rtc lost", fault=True)


def test_a_good_clock_tells_the_time_off(twin):
    for off in (0, 50, 70, 600, 3 * DAY):
        twin.power_cycle(off)
        twin.advance(300)


def test_a_dead_battery_costs_one_bound_and_the_time_off_nothing(twin):
    before = twin.answer["seconds_left"]
    lose(twin, DAY)
    assert 0 <= before - twin.answer["seconds_left"] <= 60


@pytest.mark.parametrize("move", ("-3600", "-700", "-86400", "+40000000"))
def test_a_clock_that_was_moved_while_off_is_a_fault(twin, move):
    """To before the last record, or more than 400 days ahead."""
    twin.power_cycle(600, f"rtc set {move}", fault=True)


def test_a_clock_set_forward_costs_the_one_who_did_it(twin):
    before = twin.answer["seconds_left"]
    twin.sim.do("power off")
    twin.sim.do(f"rtc set +{3 * DAY}")
    answer = twin.sim.do("power on")
    assert answer["clock_faults"] == 0
    assert abs(before - answer["seconds_left"] - 3 * DAY) <= 50, "and what no record told of"


@pytest.mark.parametrize("line", ("rtc set +3600", "rtc set -3600", "clock rate 1.05", "rtc lost"))
def test_a_chip_that_disagrees_with_the_ticks_is_a_fault_at_the_next_start(twin, line):
    twin.sim.do(line)
    twin.advance(HOUR)
    twin.power_cycle(600, fault=True)


@pytest.mark.parametrize("rate, fault", (("0.981", 0), ("1.019", 0), ("0.979", 1), ("1.021", 1)))
def test_a_chip_within_two_percent_is_believed(twin, rate, fault):
    twin.sim.do(f"clock rate {rate}")
    twin.advance(3 * HOUR)
    twin.power_cycle(10, fault=bool(fault))


def test_short_stretches_may_be_two_seconds_off(twin):
    """A clock that is 10 % fast: after 15 s it disagrees by 1.5 s, after 100 s by 10 s."""
    twin.power_cycle(0)
    twin.sim.do("clock rate 1.1")
    twin.advance(15)
    twin.power_cycle(0)
    twin.advance(100)
    twin.power_cycle(0, fault=True)


@pytest.mark.parametrize("what", ("bus 0x68", "bus scl"))
def test_a_silent_chip_is_expected_to_go_on_while_the_unit_runs(twin, what):
    twin.sim.do(f"{what} dead")
    twin.advance(300)
    twin.sim.do(f"{what} alive")
    twin.power_cycle(600)


def test_a_chip_that_is_silent_at_a_start_is_a_fault(twin):
    twin.power_cycle(600, "bus 0x68 dead", fault=True)
    twin.sim.do("bus 0x68 alive")
    twin.advance(100)
    twin.power_cycle(600)


def test_powered_time_is_counted_in_ticks_whatever_the_chip_says(twin):
    before = twin.answer["seconds_left"]
    for line in ("rtc set +86400", "clock rate 100", "rtc set -999999", "rtc lost"):
        twin.sim.do(line)
        twin.advance(1000)
    assert before - twin.answer["seconds_left"] == 4000


def test_the_first_fault_is_free_the_second_costs_four_hours_in_the_next_twelve(twin):
    lose(twin)
    before = twin.answer["seconds_left"]
    twin.advance(DAY)
    assert abs(before - DAY - twin.answer["seconds_left"]) <= 1, "the first costs nothing"
    twin.sim.do("rtc cell")
    lose(twin)
    before = twin.answer["seconds_left"]
    twin.advance(DOUBT)
    assert abs(before - DOUBT * 4 // 3 - twin.answer["seconds_left"]) <= 2, "four for three"
    before = twin.answer["seconds_left"]
    twin.advance(DOUBT)
    assert abs(before - DOUBT - twin.answer["seconds_left"]) <= 2, "then it is over"


def test_faults_do_not_add_up_beyond_twelve_hours(twin):
    for _ in range(6):
        lose(twin, 0)
        twin.advance(100)
    before = twin.answer["seconds_left"]
    twin.advance(DAY)
    assert abs(before - DAY - DOUBT // 3 - twin.answer["seconds_left"]) <= 50


def test_a_month_without_a_fault_makes_the_next_one_free_again():
    """Doubt runs down with powered seconds, with credit or without: here without, for speed."""
    with Twin() as twin:
        lose(twin)
        twin.sim.do("rtc cell")
        twin.advance(CALM + HOUR)
        assert twin.enter(twin.token(60, 2)) == "ADD_TIME"
        twin.advance(100)
        lose(twin)
        before = twin.answer["seconds_left"]
        twin.advance(DOUBT)
        assert abs(before - DOUBT - twin.answer["seconds_left"]) <= 1


def test_a_fault_after_less_than_a_month_costs():
    with Twin() as twin:
        lose(twin)
        twin.sim.do("rtc cell")
        twin.advance(CALM - 2 * HOUR)
        assert twin.enter(twin.token(60, 2)) == "ADD_TIME"
        lose(twin)
        before = twin.answer["seconds_left"]
        twin.advance(DOUBT)
        assert abs(before - DOUBT * 4 // 3 - twin.answer["seconds_left"]) <= 2


def test_the_token_that_clears_faults_ends_the_doubt(twin):
    for _ in range(3):
        lose(twin)
    assert twin.model.doubt > CALM
    twin.model.faults = twin.model.doubt = 0
    assert twin.enter(twin.token(2, 4, True)) == "EXTENDED"
    before = twin.answer["seconds_left"]
    twin.advance(DOUBT)
    assert abs(before - DOUBT - twin.answer["seconds_left"]) <= 1
