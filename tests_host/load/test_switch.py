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
from tests_host.load.bench import GOOD, MOST, PERIOD, Bench

STARTS = (0, PERIOD // 2 - 15_000, PERIOD - 15_000, PERIOD - 100)
LIMITS = {
    ("lead-acid", 12): (11_400, 12_600, 15_600),
    ("lead-acid", 24): (22_800, 25_200, 31_200),
    ("lifepo4", 12): (12_000, 12_800, 15_000),
    ("lifepo4", 24): (24_000, 25_600, 30_000),
}


def loaded(start, **without):
    """Return the bench of a paid unit whose load is on."""
    bench = Bench(start=start, **without)
    bench.switch.set(True)
    assert not bench.closed  # nothing has been read yet
    bench.wait(2_000)
    assert bench.closed
    return bench


@pytest.fixture(params=STARTS)
def bench(request):
    """A board without a protection chip, near each wrap of the ticks."""
    return loaded(request.param, shorted=None)


@pytest.fixture(params=STARTS)
def guarded(request):
    """The same with one."""
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
    bench = Bench(chemistry=kind[0], volts=kind[1])
    bench.battery = low
    bench.switch.set(True)
    bench.wait(60_000)
    assert bench.closed  # at the limit is not below it
    bench.battery = low - 1
    bench.wait(9_000)
    assert bench.closed
    bench.wait(2_100)
    assert not bench.closed and bench.switch.faults == LOW_BATTERY
    assert bench.told == [(events.LOW_BATTERY, low - 1)]
    bench.battery = back - 1
    bench.wait(3_600_000)
    assert not bench.closed
    bench.battery = back
    bench.wait(59_000)
    assert not bench.closed
    bench.wait(2_100)
    assert bench.closed and bench.switch.faults == 0


def test_a_dip_shorter_than_ten_seconds_is_a_motor_that_starts(bench):
    for _ in range(20):
        bench.battery = 9_000
        bench.wait(8_000)
        bench.battery = GOOD
        bench.wait(2_000)
    assert bench.closed and not bench.told


def test_a_battery_that_is_flat_at_the_start_gets_no_load_at_all():
    bench = Bench()
    bench.battery = 11_000
    bench.switch.set(True)
    bench.wait(60_000)
    assert not bench.opened and bench.switch.faults == LOW_BATTERY


def test_over_voltage(bench):
    bench.battery = 15_601
    bench.wait(2_100)
    assert not bench.closed and bench.switch.faults == HIGH_BATTERY
    bench.battery = 15_300  # below the limit, but not by two percent
    bench.wait(60_000)
    assert not bench.closed
    bench.battery = 15_200
    bench.wait(12_100)
    assert bench.closed
    assert bench.told == [(events.HIGH_BATTERY, 15_601)]


@pytest.mark.parametrize("turns", list(product((None, 16_000), repeat=4)))
def test_a_voltage_that_jumps_about_the_sensors_end_opens_within_four_seconds(bench, turns):
    bench.wait(1)  # the next reading is a second away, nearly
    began = bench.ms
    for battery in turns:
        bench.battery = battery
        bench.wait(1_000)
    assert bench.opened[0] - began <= 4_000


@given(
    start=st.sampled_from(STARTS),
    offset=st.integers(0, 2_000),
    current=st.integers(MOST + 1, 60_000),
)
def test_an_overload_without_a_protection_chip_is_off_within_70_ms(start, offset, current):
    bench = loaded(start, shorted=None)
    assert overloaded(bench, offset, current) <= WATCH_MS + CONFIRM_MS


@given(
    start=st.sampled_from(STARTS),
    offset=st.integers(0, 2_000),
    current=st.integers(MOST + 1, 60_000),
)
def test_with_one_it_is_off_within_a_second(start, offset, current):
    assert overloaded(loaded(start), offset, current) <= SAMPLE_MS + CONFIRM_MS


def overloaded(bench, offset, current):
    """Return after how many milliseconds of an overload the switch opened."""
    bench.wait(offset)
    began = bench.ms
    bench.current = current
    bench.wait(1_100)
    assert not bench.closed and bench.switch.faults == OVER_CURRENT
    assert bench.told == [(events.OVER_CURRENT, current)]
    (opened,) = bench.opened
    return opened - began


@pytest.mark.parametrize("without", [{}, {"shorted": None}])
def test_one_reading_above_the_limit_is_noise(without):
    bench = loaded(0, **without)
    for _ in range(10):
        bench.current = 2 * MOST
        bench.check()
        bench.current = MOST
        bench.wait(1_000)
    assert bench.closed and not bench.told


@pytest.mark.parametrize("without", [{}, {"shorted": None}])
def test_the_current_is_read_with_everything_else_where_a_chip_guards_it(without):
    bench = loaded(0, **without)
    bench.read.clear()
    bench.wait(60_000)
    assert len(bench.read) == (17 * 60 if without else 60)
    bench.switch.set(False)
    bench.wait(1)
    bench.read.clear()
    bench.wait(60_000)
    assert len(bench.read) == 60


def test_an_overload_is_tried_again_three_times_then_waits_for_a_key(bench):
    bench.current = 2 * MOST
    bench.wait(100)
    for trips in (1, 2, 3):
        assert len(bench.opened) == trips and not bench.closed
        bench.wait(29_000)
        assert len(bench.opened) == trips
        bench.wait(2_100)
    assert len(bench.opened) == 4
    bench.wait(3_600_000)
    assert len(bench.opened) == 4 and not bench.closed
    bench.current = 100
    bench.switch.key()
    bench.wait(1_100)
    assert bench.closed
    bench.current = 2 * MOST  # and the three tries are there again
    bench.wait(130_000)
    assert len(bench.opened) == 8


def test_a_key_does_not_shorten_the_thirty_seconds(bench):
    bench.current = 2 * MOST
    bench.wait(100)
    for _ in range(28):
        bench.switch.key()
        bench.wait(1_000)
    assert len(bench.opened) == 1 and not bench.closed


def test_an_overload_that_was_given_up_is_tried_again_after_a_day(bench):
    bench.current = 2 * MOST
    bench.wait(200_000)
    assert len(bench.opened) == 4
    bench.current = 100
    bench.wait(DAY_MS - 200_000)
    assert not bench.closed
    bench.wait(200_000)
    assert bench.closed


def test_five_calm_minutes_give_the_tries_back(bench):
    for _ in range(10):
        bench.current = 2 * MOST
        bench.wait(100)
        bench.current = 100
        bench.wait(32_000)
        assert bench.closed
        bench.wait(310_000)
    assert len(bench.opened) == 10


def test_less_than_five_calm_minutes_do_not(bench):
    for _ in range(4):
        bench.current = 2 * MOST
        bench.wait(100)
        bench.current = 100
        bench.wait(250_000)
    assert len(bench.opened) == 4 and not bench.closed


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
def test_a_reading_out_of_range(bench, name):
    setattr(bench, name, None)
    bench.wait(2_100)
    assert not bench.closed and bench.switch.faults == SENSOR
    assert bench.told == [(events.SENSOR, 0)]
    bench.battery, bench.current = GOOD, 0
    bench.wait(9_000)
    assert not bench.closed
    bench.wait(2_100)
    assert bench.closed


def test_a_bridged_switch_is_told_and_keeps_the_switch_open(bench):
    bench.bridge = True
    bench.wait(60_000)
    assert not bench.told  # nobody can tell while the switch is closed
    bench.switch.set(False)
    bench.wait(4_000)
    assert not bench.switch.faults  # a capacitor in the appliance
    bench.wait(2_100)
    assert bench.switch.faults == BYPASS and bench.told == [(events.BYPASS, 0)]
    bench.switch.set(True)
    bench.wait(60_000)
    assert not bench.closed
    bench.bridge = False
    bench.wait(7_000)
    assert bench.closed


def test_an_output_that_stays_dead_is_told_but_does_not_open_the_switch(bench):
    bench.wire = False
    bench.wait(7_000)
    assert bench.closed and bench.told == [(events.DEAD_OUTPUT, 0)]


def test_no_wish_no_load_at_once(bench):
    bench.switch.set(False)
    assert not bench.closed
    before = bench.changes
    bench.wait(10_000)
    assert bench.changes == before and not bench.told


def test_it_looks_once_a_second_but_for_a_current_that_nothing_guards(bench):
    assert bench.switch.check(bench.now) == WATCH_MS
    bench.switch.set(False)
    bench.wait(5_000)
    assert bench.switch.check(bench.now) == SAMPLE_MS
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


def act(bench, action, value):
    """Do one of ACTIONS."""
    if action == "wait":
        bench.wait(value)
    elif action == "wish":
        bench.switch.set(value)
    elif action in ("key", "cut"):
        getattr(bench.switch, action)()
    else:
        setattr(bench, action, value)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(ACTIONS, max_size=60),
    st.sampled_from(STARTS),
    st.sampled_from((0, 1)),
    st.sampled_from(({}, {"shorted": None})),
)
def test_never_on_against_wish_or_fault_and_never_off_for_good(actions, start, active, without):
    bench = Bench(active, start, **without)
    wish = False
    for action, value in actions:
        act(bench, action, value)
        wish = value if action == "wish" else wish
        assert not (bench.closed and (bench.switch.faults or not wish))
    # Everything heals: a paid unit gets its load back, whatever happened before.
    bench.battery, bench.current, bench.short, bench.bridge, bench.wire = (
        13_000,
        0,
        False,
        False,
        True,
    )
    bench.switch.set(True)
    bench.switch.key()
    bench.wait(63_000)
    assert bench.closed and bench.switch.faults == 0


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 20_000), st.integers(10_000, 17_000)), max_size=30),
    st.sampled_from(STARTS),
)
def test_against_a_plain_model_of_the_voltages(steps, start):
    bench = Bench(start=start, current=None, live=None, shorted=None)
    bench.switch.set(True)
    low = high = False
    under = over = well = calm = 0
    bench.check()
    for milliseconds, battery in steps:
        bench.battery = battery
        for _ in range(milliseconds // 1_000):
            bench.ms += 1_000
            bench.check()
            under = under + 1 if battery < 11_400 else 0
            well = well + 1 if battery >= 12_600 else 0
            over = over + 1 if battery > 15_600 else 0
            calm = calm + 1 if battery < 15_288 else 0
            low = (under > 10) if not low else not (well > 60)
            high = (over > 1) if not high else not (calm > 10)
            under, well = (0, well) if low else (under, 0)
            over, calm = (0, calm) if high else (over, 0)
            assert bench.switch.faults == LOW_BATTERY * low + HIGH_BATTERY * high
            assert bench.closed == (not low and not high)
