"""A clock chip that stops, is moved or goes wrong: what it costs, and that it is counted.

What a fault costs is taken from what the last record says, and that is up to an hour old: the
stretch since then is paid for by it.
"""

import pytest

from tests_host.controller.twin import DAY, Twin

HOUR = 3600
SINCE = 60  # seconds between the last record and the power cut


@pytest.fixture
def sim():
    """A unit with thirty days of credit, a minute after the token, its last record."""
    with Twin() as twin:
        assert twin.enter(twin.token(30, 2)) == "ADD_TIME"
        twin.advance(SINCE)
        yield twin.sim


def restart(sim, *meanwhile, off=600):
    """Take the power away and bring it back; return (faults, what it cost in seconds)."""
    before = sim.status()
    sim.do("power off")
    for line in meanwhile:
        assert "error" not in sim.do(line)
    sim.do(f"advance {off}")
    after = sim.do("power on")
    faults = after["clock_faults"] - before["clock_faults"]
    return faults, before["seconds_left"] - after["seconds_left"]


def close(cost, seconds):
    """Is it this cost, to the resolution of the chip?"""
    return abs(cost - seconds) <= 3


def test_a_good_clock_tells_the_time_off(sim):
    faults, cost = restart(sim)
    assert faults == 0 and close(cost, 600)


def test_a_dead_battery_costs_an_hour_and_the_time_off_nothing(sim):
    faults, cost = restart(sim, "rtc lost", off=DAY)
    assert faults == 1 and close(cost, HOUR - SINCE)


@pytest.mark.parametrize("move", ("-3600", "-700", "-86400", "+40000000"))
def test_a_clock_that_was_moved_while_off(sim, move):
    """Before the last record, or more than 400 days ahead."""
    faults, cost = restart(sim, f"rtc set {move}")
    assert faults == 1 and close(cost, HOUR - SINCE)


def test_a_clock_set_forward_costs_the_one_who_did_it(sim):
    faults, cost = restart(sim, f"rtc set +{3 * DAY}")
    assert faults == 0 and close(cost, 3 * DAY + 600)


@pytest.mark.parametrize("line", ("rtc set +3600", "rtc set -3600", "clock rate 1.05", "rtc lost"))
def test_a_chip_that_disagrees_with_the_ticks_is_a_fault_at_the_next_start(sim, line):
    sim.do(line)
    sim.do(f"advance {2 * HOUR}")
    faults, cost = restart(sim)
    assert faults == 1 and 0 < cost <= HOUR


@pytest.mark.parametrize("rate", ("0.99", "1.01"))
def test_a_chip_within_two_percent_is_believed(sim, rate):
    sim.do(f"clock rate {rate}")
    sim.do(f"advance {10 * HOUR}")
    faults, cost = restart(sim)
    assert faults == 0 and abs(cost - 600) <= 80


def test_powered_time_is_counted_in_ticks_whatever_the_chip_says(sim):
    before = sim.status()["seconds_left"]
    for line in ("rtc set +86400", "clock rate 100", "rtc set -999999", "rtc lost"):
        sim.do(line)
        sim.do("advance 1000")
    assert before - sim.status()["seconds_left"] == 4000


def test_from_the_fourth_fault_on_it_is_12_hours_once_a_day(sim):
    sim.do("rtc lost")
    costs = []
    for _ in range(4):
        sim.do(f"advance {25 * HOUR}")
        faults, cost = restart(sim)
        assert faults == 1
        costs.append(cost)
    assert all(0 < cost <= HOUR for cost in costs[:3]), "three are cheap"
    assert 11 * HOUR < costs[3] <= 12 * HOUR
    for _ in range(5):
        sim.do("advance 1000")
        faults, cost = restart(sim)
        assert faults == 1 and close(cost, -1000), "paid for, for the next 24 hours with power"
    sim.do(f"advance {25 * HOUR}")
    faults, cost = restart(sim)
    assert faults == 1 and 11 * HOUR < cost <= 12 * HOUR
