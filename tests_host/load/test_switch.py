"""The load switch: each fault comes and goes by its own rule, at any time of the ticks' life."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware import events
from firmware.load import (
    BYPASS,
    CONFIRM_MS,
    DAY_MS,
    HIGH_BATTERY,
    LOW_BATTERY,
    OVER_CURRENT,
    SAMPLE_MS,
    SENSOR,
    WATCH_MS,
    LoadSwitch,
    limits,
)
from tests_host.load.wired_switch import GOOD, MOST, PERIOD, WiredSwitch

STARTS = (0, PERIOD // 2 - 15_000, PERIOD - 15_000, PERIOD - 100)
LIMITS = {
    ("lead-acid", 12): (11_400, 12_600, 15_600),
    ("lead-acid", 24): (22_800, 25_200, 31_200),
    ("lifepo4", 12): (12_000, 12_800, 15_000),
    ("lifepo4", 24): (24_000, 25_600, 30_000),
}


def loaded(start, **without):
    """Return the switch of a paid unit whose load is on."""
    wired = WiredSwitch(start=start, **without)
    wired.switch.set(True)
    assert not wired.closed  # nothing has been read yet
    wired.wait(2_000)
    assert wired.closed
    return wired


@pytest.fixture(params=STARTS)
def wired(request):
    """A board without a protection chip, near each wrap of the ticks."""
    return loaded(request.param, shorted=None)


@pytest.fixture(params=STARTS)
def guarded(request):
    """A board with a protection chip, near each wrap of the ticks."""
    return loaded(request.param)


@pytest.mark.parametrize("active", [0, 1])
def test_a_board_without_inputs_follows_the_wish_at_either_level(active):
    levels = []
    switch = LoadSwitch(levels.append, active)
    assert levels == [1 - active] and not switch.watching
    switch.set(True)
    assert levels[-1] == active and switch.on
    switch.set(False)
    assert levels[-1] == 1 - active and not switch.on
    assert switch.faults == 0


@pytest.mark.parametrize("kind", LIMITS)
def test_presets(kind):
    assert tuple(limits(*kind)) == LIMITS[kind]


@pytest.mark.parametrize("kind", [("lead-acid", 48), ("nmc", 12)])
def test_an_unknown_battery_is_refused(kind):
    with pytest.raises(ValueError):
        limits(*kind)


@pytest.mark.parametrize("kind", LIMITS)
def test_low_battery_opens_after_ten_seconds_and_closes_a_minute_after_the_reconnect_voltage(kind):
    low, back, _ = LIMITS[kind]
    wired = WiredSwitch(chemistry=kind[0], volts=kind[1])
    wired.battery = low
    wired.switch.set(True)
    wired.wait(60_000)
    assert wired.closed  # at the limit is not below it
    wired.battery = low - 1
    wired.wait(9_000)
    assert wired.closed
    wired.wait(2_100)
    assert not wired.closed and wired.switch.faults == LOW_BATTERY
    assert wired.told == [(events.LOW_BATTERY, low - 1)]
    wired.battery = back - 1
    wired.wait(3_600_000)
    assert not wired.closed
    wired.battery = back
    wired.wait(59_000)
    assert not wired.closed
    wired.wait(2_100)
    assert wired.closed and wired.switch.faults == 0


def test_a_dip_shorter_than_ten_seconds_is_a_motor_that_starts(wired):
    for _ in range(20):
        wired.battery = 9_000
        wired.wait(8_000)
        wired.battery = GOOD
        wired.wait(2_000)
    assert wired.closed and not wired.told


def test_a_battery_that_is_flat_at_the_start_gets_no_load_at_all():
    wired = WiredSwitch()
    wired.battery = 11_000
    wired.switch.set(True)
    wired.wait(60_000)
    assert not wired.opened and wired.switch.faults == LOW_BATTERY


def test_over_voltage(wired):
    wired.battery = 15_601
    wired.wait(2_100)
    assert not wired.closed and wired.switch.faults == HIGH_BATTERY
    wired.battery = 15_300  # below the limit, but not by two percent
    wired.wait(60_000)
    assert not wired.closed
    wired.battery = 15_200
    wired.wait(12_100)
    assert wired.closed
    assert wired.told == [(events.HIGH_BATTERY, 15_601)]


@pytest.mark.parametrize("turns", list(product((None, 16_000), repeat=4)))
def test_a_voltage_that_jumps_about_the_sensors_end_opens_within_four_seconds(wired, turns):
    wired.wait(1)  # the next reading is a second away, nearly
    began = wired.ms
    for battery in turns:
        wired.battery = battery
        wired.wait(1_000)
    assert wired.opened[0] - began <= 4_000


@given(
    start=st.sampled_from(STARTS),
    offset=st.integers(0, 2_000),
    current=st.integers(MOST + 1, 60_000),
)
def test_an_overload_without_a_protection_chip_is_off_within_70_ms(start, offset, current):
    wired = loaded(start, shorted=None)
    assert overloaded(wired, offset, current) <= WATCH_MS + CONFIRM_MS


@given(
    start=st.sampled_from(STARTS),
    offset=st.integers(0, 2_000),
    current=st.integers(MOST + 1, 60_000),
)
def test_with_one_it_is_off_within_a_second(start, offset, current):
    assert overloaded(loaded(start), offset, current) <= SAMPLE_MS + CONFIRM_MS


def overloaded(wired, offset, current):
    """Return after how many milliseconds of an overload the switch opened."""
    wired.wait(offset)
    began = wired.ms
    wired.current = current
    wired.wait(1_100)
    assert not wired.closed and wired.switch.faults == OVER_CURRENT
    assert wired.told == [(events.OVER_CURRENT, current)]
    (opened,) = wired.opened
    return opened - began


@pytest.mark.parametrize("without", [{}, {"shorted": None}])
def test_one_reading_above_the_limit_is_noise(without):
    wired = loaded(0, **without)
    for _ in range(10):
        wired.current = 2 * MOST
        wired.check()
        wired.current = MOST
        wired.wait(1_000)
    assert wired.closed and not wired.told


@pytest.mark.parametrize("without", [{}, {"shorted": None}])
def test_the_current_is_read_with_everything_else_where_a_chip_guards_it(without):
    wired = loaded(0, **without)
    wired.read.clear()
    wired.wait(60_000)
    assert len(wired.read) == (17 * 60 if without else 60)
    wired.switch.set(False)
    wired.wait(1)
    wired.read.clear()
    wired.wait(60_000)
    assert len(wired.read) == 60


def test_an_overload_is_tried_again_three_times_then_waits_for_a_key(wired):
    wired.current = 2 * MOST
    wired.wait(100)
    for trips in (1, 2, 3):
        assert len(wired.opened) == trips and not wired.closed
        wired.wait(29_000)
        assert len(wired.opened) == trips
        wired.wait(2_100)
    assert len(wired.opened) == 4
    wired.wait(3_600_000)
    assert len(wired.opened) == 4 and not wired.closed
    wired.current = 100
    wired.switch.key()
    wired.wait(1_100)
    assert wired.closed
    wired.current = 2 * MOST  # and the three tries are there again
    wired.wait(130_000)
    assert len(wired.opened) == 8


def test_a_key_does_not_shorten_the_thirty_seconds(wired):
    wired.current = 2 * MOST
    wired.wait(100)
    for _ in range(28):
        wired.switch.key()
        wired.wait(1_000)
    assert len(wired.opened) == 1 and not wired.closed


def test_an_overload_that_was_given_up_is_tried_again_after_a_day(wired):
    wired.current = 2 * MOST
    wired.wait(200_000)
    assert len(wired.opened) == 4
    wired.current = 100
    wired.wait(DAY_MS - 200_000)
    assert not wired.closed
    wired.wait(200_000)
    assert wired.closed


def overload(wired, calm_ms):
    """Draw too much for 100 ms, then little for so long."""
    wired.current = 2 * MOST
    wired.wait(100)
    wired.current = 100
    wired.wait(calm_ms)


def test_five_calm_minutes_give_the_tries_back(wired):
    for _ in range(10):
        overload(wired, 32_000)
        assert wired.closed
        wired.wait(310_000)
    assert len(wired.opened) == 10


def test_less_than_five_calm_minutes_do_not(wired):
    for _ in range(4):
        overload(wired, 250_000)
    assert len(wired.opened) == 4 and not wired.closed


def test_the_hardware_says_short(guarded):
    guarded.short = True
    guarded.switch.cut()  # what the interrupt does
    guarded.switch.set(True)
    assert not guarded.closed
    guarded.wait(1_000)
    assert guarded.switch.faults == OVER_CURRENT and guarded.told == [(events.OVER_CURRENT, 0)]
    guarded.wait(3_600_000)
    assert len(guarded.opened) == 1 and not guarded.closed  # never closed onto a short
    guarded.short = False
    guarded.wait(29_000)
    assert not guarded.closed
    guarded.wait(3_000)
    assert guarded.closed


def test_a_short_pulse_of_the_protection_counts_too(guarded):
    guarded.switch.cut()
    guarded.wait(20_000)
    assert not guarded.closed and guarded.switch.faults == OVER_CURRENT
    guarded.wait(12_000)
    assert guarded.closed


@pytest.mark.parametrize("name", ["battery", "current"])
def test_a_reading_out_of_range(wired, name):
    setattr(wired, name, None)
    wired.wait(2_100)
    assert not wired.closed and wired.switch.faults == SENSOR
    assert wired.told == [(events.SENSOR, 0)]
    wired.battery, wired.current = GOOD, 0
    wired.wait(9_000)
    assert not wired.closed
    wired.wait(2_100)
    assert wired.closed


def test_a_bridged_switch_is_told_and_keeps_the_switch_open(wired):
    wired.bridge = True
    wired.wait(60_000)
    assert not wired.told  # nobody can tell while the switch is closed
    wired.switch.set(False)
    wired.wait(4_000)
    assert not wired.switch.faults  # a capacitor in the appliance
    wired.wait(2_100)
    assert wired.switch.faults == BYPASS and wired.told == [(events.BYPASS, 0)]
    wired.switch.set(True)
    wired.wait(60_000)
    assert not wired.closed
    wired.bridge = False
    wired.wait(7_000)
    assert wired.closed


def test_an_output_that_stays_dead_is_told_but_does_not_open_the_switch(wired):
    wired.wire = False
    wired.wait(7_000)
    assert wired.closed and wired.told == [(events.DEAD_OUTPUT, 0)]


def test_no_wish_no_load_at_once(wired):
    wired.switch.set(False)
    assert not wired.closed
    before = wired.changes
    wired.wait(10_000)
    assert wired.changes == before and not wired.told


def test_it_looks_once_a_second_but_for_a_current_that_nothing_guards(wired):
    assert wired.switch.check(wired.now) == WATCH_MS
    wired.switch.set(False)
    wired.wait(5_000)
    assert wired.switch.check(wired.now) == SAMPLE_MS
    for without in ({}, {"current": None}):
        assert loaded(0, **without).switch.check(2_000) == SAMPLE_MS


ACTIONS = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from((0, 1, 9, 39, 41, 500, 1_100, 12_000, 61_000))),
    st.tuples(st.just("wish"), st.booleans()),
    st.tuples(
        st.just("battery"), st.sampled_from((None, 9_000, 11_399, 12_000, GOOD, 12_700, 16_000))
    ),
    st.tuples(st.just("current"), st.sampled_from((None, 0, MOST, MOST + 1, 50_000))),
    st.tuples(st.just("bridge"), st.booleans()),
    st.tuples(st.just("wire"), st.booleans()),
    st.tuples(st.just("short"), st.booleans()),
    st.tuples(st.just("key"), st.none()),
    st.tuples(st.just("cut"), st.none()),
)


def act(wired, action, value):
    """Do one of ACTIONS."""
    if action == "wait":
        wired.wait(value)
    elif action == "wish":
        wired.switch.set(value)
    elif action in ("key", "cut"):
        getattr(wired.switch, action)()
    else:
        setattr(wired, action, value)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(ACTIONS, max_size=60),
    st.sampled_from(STARTS),
    st.sampled_from((0, 1)),
    st.sampled_from(({}, {"shorted": None})),
)
def test_never_on_against_wish_or_fault_and_never_off_for_good(actions, start, active, without):
    wired = WiredSwitch(active, start, **without)
    wish = False
    for action, value in actions:
        act(wired, action, value)
        wish = value if action == "wish" else wish
        assert not (wired.closed and (wired.switch.faults or not wish))
    # Everything heals: a paid unit gets its load back, whatever happened before.
    wired.battery, wired.current, wired.short, wired.bridge, wired.wire = (
        13_000,
        0,
        False,
        False,
        True,
    )
    wired.switch.set(True)
    wired.switch.key()
    wired.wait(63_000)
    assert wired.closed and wired.switch.faults == 0


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 20_000), st.integers(10_000, 17_000)), max_size=30),
    st.sampled_from(STARTS),
)
def test_against_a_plain_model_of_the_voltages(steps, start):
    wired = WiredSwitch(start=start, current=None, live=None, shorted=None)
    wired.switch.set(True)
    low = high = False
    under = over = well = calm = 0
    wired.check()
    for milliseconds, battery in steps:
        wired.battery = battery
        for _ in range(milliseconds // 1_000):
            wired.ms += 1_000
            wired.check()
            under = under + 1 if battery < 11_400 else 0
            well = well + 1 if battery >= 12_600 else 0
            over = over + 1 if battery > 15_600 else 0
            calm = calm + 1 if battery < 15_288 else 0
            low = (under > 10) if not low else not (well > 60)
            high = (over > 1) if not high else not (calm > 10)
            under, well = (0, well) if low else (under, 0)
            over, calm = (0, calm) if high else (over, 0)
            assert wired.switch.faults == LOW_BATTERY * low + HIGH_BATTERY * high
            assert wired.closed == (not low and not high)
