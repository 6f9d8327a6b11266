"""A board that measures: what the customer sees, what the load does, what the log holds."""

import pytest

from firmware import events
from tests_host.helpers.published import ADD_1, FREE, LOCK, SET_7
from tests_host.supervision.conftest import MEASURED, UNIT, WATCHED

# The published scenario: one day, 29 days, seven days, free, locked again.


def paid(sim):
    """Return a unit that was paid for: load on, good battery."""
    assert sim.keys(ADD_1 + "#")["load"]
    sim.do("advance 10")
    return sim


@pytest.fixture
def sim(launch):
    """A paid unit on a board that measures everything."""
    return paid(launch(MEASURED + WATCHED))


@pytest.fixture
def bare(launch):
    """The same without a protection chip."""
    return paid(launch(MEASURED + WATCHED + "FAULT = None\n"))


def log(sim):
    """Events so far, without provisioning."""
    return [tuple(entry[1:]) for entry in sim.do("events")["events"][1:]]


def changes(sim):
    """Return the load's changes since the last call: [(ms, on), ...]."""
    return [(at, on) for at, name, on in sim.do("levels")["changes"] if name == "load"]


def test_a_flat_battery_is_not_an_expired_credit(sim):
    sim.do("supply battery 11000")
    answer = sim.do("advance 15")
    assert not answer["load"] and answer["active"] and answer["payg"]
    assert answer["display"] == "Low battery\n1 day left"
    sim.do("supply battery 12700")
    answer = sim.do("advance 70")
    assert answer["load"] and answer["display"] == "1 day left\n"
    ((event, millivolts),) = log(sim)
    assert event == events.LOW_BATTERY and abs(millivolts - 11_000) < 60


def test_without_credit_it_says_locked_whatever_the_battery_does(sim):
    sim.do("supply battery 11000")
    sim.do("advance 15")
    sim.keys(f"{LOCK}#")
    answer = sim.do("advance 6")
    assert answer["display"] == "Locked\nEnter a token" and not answer["load"]


def test_a_free_unit_is_protected_too(sim):
    sim.keys(f"{FREE}#")
    sim.do("supply battery 16000")
    answer = sim.do("advance 10")
    assert answer["display"] == "Battery too high\nFree" and not answer["load"]


def test_the_credit_runs_on_while_the_battery_is_flat(sim):
    sim.do("supply battery 11000")
    before = sim.do("advance 20")["seconds_left"]
    assert sim.do("advance 1000")["seconds_left"] == before - 1000


def test_battery_panel_and_current_have_a_status_page(sim):
    sim.do("supply battery 12340")
    sim.do("supply solar 18220")
    sim.do("supply current 1230")
    sim.do("advance 20")
    assert sim.keys("######")["display"] == "Battery 12.3 V\nPV 18.2V L 1.2A"


def opened_after(sim, knob, value, limit):
    """Turn a knob of the supply; return after how many ms of at most `limit` the load opened."""
    changes(sim)
    sim.do(f"supply {knob} {value}")
    sim.do(f"run {limit}")
    ((at, on),) = changes(sim)
    assert not on
    return at


@pytest.mark.parametrize(
    ("millivolts", "first", "last"), [(15_650, 1_000, 2_010), (11_350, 10_000, 11_050)]
)
def test_how_long_a_voltage_must_last(sim, millivolts, first, last):
    found = []
    for _ in range(25):
        sim.do("run 40")
        found.append(opened_after(sim, "battery", millivolts, 12_000))
        sim.do("supply battery 12700")
        assert sim.do("advance 62")["load"]
    assert first <= min(found) <= first + 100 and last - 100 <= max(found) <= last


@pytest.mark.parametrize("offset", range(0, 1000, 130))
def test_an_overload_is_off_within_100_ms_while_somebody_types(bare, offset):
    bare.do("press 5")
    bare.do(f"run {offset}")
    bare.do("release 5")
    assert opened_after(bare, "current", 6_000, 100) <= 100
    bare.do("keys *")
    assert bare.do("run 500")["display"] == "Overload\n1 day left"


@pytest.mark.parametrize("offset", range(0, 1000, 130))
def test_with_a_protection_chip_an_overload_is_off_within_about_a_second(sim, offset):
    sim.do(f"run {offset}")
    assert opened_after(sim, "current", 6_000, 1_100) <= 1_030


def test_an_overload_is_given_up_and_a_key_tries_again(sim):
    sim.do("supply current 6000")
    sim.do("advance 120")
    assert len(changes(sim)) == 8  # on at the start; four times off, three times on again
    sim.do("advance 3600")
    assert changes(sim) == []
    sim.do("supply current 500")
    sim.do("keys *")
    sim.do("advance 2")
    assert sim.status()["load"] and log(sim)[0][0] == events.OVER_CURRENT


def test_a_short(sim):
    changes(sim)
    sim.do("supply short 1")
    sim.do("run 5")
    assert changes(sim) == [(0, False)]
    sim.do("supply short 0")
    assert sim.do("advance 35")["load"]


def test_a_sensor_that_is_off_is_told(sim):
    sim.do("supply battery 0")
    answer = sim.do("advance 5")
    assert not answer["load"] and answer["display"] == "Sensor fault\n1 day left"
    assert log(sim) == [(events.SENSOR, 0)]


def test_a_bridge_is_tampering(sim):
    sim.do("supply bridge 1")
    assert sim.do("advance 60")["display"] == "1 day left\n"
    sim.keys(f"{SET_7}#{LOCK}#")
    answer = sim.do("advance 10")
    assert answer["display"] == "Output bypassed\nLocked" and not answer["load"]
    assert log(sim) == [(events.BYPASS, 0)]
    sim.do("supply bridge 0")
    assert sim.do("advance 10")["display"] == "Locked\nEnter a token"


def test_the_log_outlives_a_power_cut(sim):
    sim.do("supply battery 0")
    sim.do("advance 5")
    sim.do("supply battery 12600")
    sim.do("power off")
    assert sim.do("power on")["load"]
    assert log(sim) == [(events.SENSOR, 0)]


def test_calm_hours_write_no_events(sim):
    changes(sim)
    sim.do("supply noise 10")
    sim.do("supply current 4700")
    sim.do("advance 4000")
    assert log(sim) == [] and changes(sim) == []


ATTEN = "            adc.atten(ADC.ATTN_11DB)  # ESP32: the whole range of the pin\n"
UNCALIBRATED = {
    ("firmware/wiring.py", ATTEN): (
        ATTEN
        + "            from machine import _Port\n\n            _Port.chip.calibrated = False\n"
    )
}


@pytest.mark.parametrize("key", [UNIT["key"], None])
def test_an_esp32_without_calibration_says_so_and_stays_up(launch, key):
    sim = launch("", UNCALIBRATED, chip="esp32", key=key)
    if key:
        sim.keys(ADD_1 + "#")
    answer = sim.do("advance 100")
    assert answer["display"] == ("Sensor fault\n1 day left" if key else "No setup\n")
    assert not answer["load"] and "failed" not in sim.stderr()
    assert events.RESTART not in [event for _, event, _ in sim.do("events")["events"]]


def test_calm_hours_on_an_esp32_have_no_fault(launch):
    sim = paid(launch("", chip="esp32"))
    sim.do("levels")
    for current, solar in ((0, 0), (100, 2_000), (4_700, 40_000)):
        sim.do(f"supply current {current}")
        sim.do(f"supply solar {solar}")
        sim.do("advance 1300")
    assert log(sim) == [] and changes(sim) == []


def test_a_clock_fault_is_logged_with_its_count(sim):
    for faults in (1, 2):
        sim.do("power off")
        sim.do("rtc lost")
        sim.do("power on")
        sim.do("run 1000")
        assert log(sim)[-1] == (events.CLOCK_FAULT, faults)
