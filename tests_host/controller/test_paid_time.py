"""Time is neither stolen nor lost, whatever is done to power, clock and memory.

The meter counts how long the load was on; no attack may get more out of a unit than the tokens
that it accepted were worth. And nobody honest may lose more than is said here.
"""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmware.account import DAY, DOUBT
from tests_host.controller.meter import Meter

SHORT = 60  # a brown-out shorter than this may cost up to as much
BROWN_OUTS = 5  # a day

# --- attacks -----------------------------------------------------------------------------

WRONG = "123456789"


def play(meter, step):
    """Do one step of an attack: a line for the simulator, or one of the meter's own actions."""
    word, *rest = step.split()
    if word in ("add", "set"):
        getattr(meter, word)(int(rest[0]))
    elif word == "again":
        if meter.spent and meter.answer["power"]:
            counts = sorted(meter.spent)
            meter.enter(meter.spent[counts[int(rest[0]) % len(counts)]])
    elif word == "wrong":
        if meter.answer["power"]:
            meter.enter(WRONG)
    elif word == "unlock":
        meter.wait_for_lockout()
    elif word == "wipe":
        meter.do("flash wipe")
        meter.do("power on")
        meter.do("provision")
    else:
        meter.do(step)
    meter.check()


def drain(meter):
    """Let all that is left be used up, and look at the meter a last time."""
    meter.do("cut 0")
    meter.do("power on")
    meter.do("provision")
    meter.check()
    left = meter.answer["seconds_left"]
    if left:
        meter.do(f"advance {left - 1}")
        assert meter.answer["load"]
        meter.do("advance 3")
    assert not meter.answer["load"]
    meter.check()
    for digits in list(meter.spent.values()):
        meter.wait_for_lockout()
        meter.enter(digits)
    assert not meter.answer["load"]


def numbers(text, values):
    return st.sampled_from(values).map(lambda value: text.format(value))


SECONDS = (0, 1, 2, 5, 29, 30, 31, 59, 60, 61, 300, 1800, 3500, 3599, 3600, 3700)
MOVES = (-90000, -4000, -3600, -600, -61, -60, -31, -30, -5, -1, 1, 5, 30, 60, 3600, 90000)
STEPS = st.one_of(
    numbers("add {}", (1, 2, 5)),
    numbers("set {}", (0, 1, 3)),
    numbers("again {}", range(4)),
    st.just("wrong"),
    st.just("unlock"),
    numbers("advance {}", SECONDS),
    numbers("advance {}", SECONDS),
    numbers("run {}", (1, 100, 500, 999)),
    st.just("power off"),
    st.just("power on"),
    st.just("power on"),
    numbers("rtc set {:+}", MOVES),
    st.just("rtc lost"),
    numbers("clock rate {}", (0, 0.5, 0.97, 1, 1.03, 2, 30)),
    numbers("cut {}", (0, 1, 2, 3, 4, 5, 7, 9, 12)),
    st.just("wipe"),
)


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(steps=st.lists(STEPS, min_size=3, max_size=25))
def test_no_sequence_yields_more_than_was_paid(steps):
    with Meter() as meter:
        meter.add(3)
        for step in steps:
            play(meter, step)
        drain(meter)


ATTACKS = {
    "pull the plug every half minute": ["advance 30", "power off", "power on"],
    "and set the clock back": ["advance 30", "power off", "rtc set -30", "power on"],
    "every two minutes": ["advance 119", "power off", "rtc set -59", "power on"],
    "by what no tally tells of": ["advance 118", "power off", "rtc set -57", "power on"],
    "by what no early tally tells of": ["advance 31", "power off", "rtc set -15", "power on"],
    "set it back a little more": ["advance 100", "power off", "rtc set -110", "power on"],
    "set it back while it runs": ["rtc set -40", "advance 45", "power off", "power on"],
    "take its battery": ["rtc lost", "advance 3590", "power off", "power on"],
    "stop its crystal": ["clock rate 0", "advance 900", "power off", "power on"],
    "slow its crystal": ["clock rate 0.5", "advance 900", "power off", "advance 60", "power on"],
    "a little": ["clock rate 0.97", "advance 900", "power off", "advance 60", "power on"],
    "slow it while the unit is off": [
        "advance 600",
        "clock rate 0",
        "power off",
        "advance 600",
        "clock rate 1",
        "power on",
    ],
    "wipe the flash": ["advance 1200", "wipe"],
    "cut the heartbeat": ["cut 1", "advance 3600", "power on"],
    "cut the heartbeat late": ["cut 4", "advance 3600", "power on"],
    "try the token again in between": ["advance 100", "power off", "again 0", "power on"],
    "cut a second entry": ["cut 3", "again 0", "power on", "advance 60", "cut 0"],
    "cut a wrong entry": ["cut 2", "wrong", "power on", "advance 60", "cut 0"],
}


def test_the_stated_doubt_is_small():
    assert 0 <= DOUBT <= 180


@pytest.mark.parametrize("attack", ATTACKS)
def test_attack(attack):
    with Meter() as meter:
        meter.add(6)
        for _ in range(25):
            for step in ATTACKS[attack]:
                play(meter, step)
        drain(meter)


# --- honest customers --------------------------------------------------------------------


def brown_outs(meter, days, off):
    """Live through brown-outs of so many seconds, evenly over the days."""
    for _ in range(days * BROWN_OUTS):
        meter.do(f"advance {DAY // BROWN_OUTS - off}")
        meter.do("power off")
        meter.do(f"advance {off}")
        meter.do("power on")
        assert meter.answer["load"]


@pytest.mark.parametrize("off", (0, 1, 20, 59, 61, 600, 7200))
def test_an_honest_customer_with_a_good_clock_loses_next_to_nothing(off):
    days = 4
    with Meter() as meter:
        meter.add(30 * 24)
        bought = meter.answer["seconds_left"]
        began = meter.on_ms
        brown_outs(meter, days, off)
        cuts = days * BROWN_OUTS
        gone = (meter.on_ms - began) // 1000 + cuts * off
        lost = bought - meter.answer["seconds_left"] - gone
        assert meter.answer["clock_faults"] == 0
        assert lost <= cuts * (SHORT if off < SHORT else 1) + 1, f"{lost} s in {cuts} brown-outs"


def test_a_dead_coin_cell_costs_at_most_12_hours_a_day():
    days = 10
    with Meter() as meter:
        meter.add(40 * 24)
        meter.do("rtc lost")
        bought = meter.answer["seconds_left"]
        began = meter.on_ms
        brown_outs(meter, days, 600)
        used = (meter.on_ms - began) // 1000
        lost = bought - meter.answer["seconds_left"] - used
        assert meter.answer["clock_faults"] == days * BROWN_OUTS
        assert lost <= days * DAY // 2, f"{lost / 3600:.1f} h in {days} days"


def test_a_week_without_power_and_a_dead_cell_keeps_the_credit():
    with Meter() as meter:
        meter.add(30 * 24)
        meter.do("rtc lost")
        meter.do("power off")
        meter.do(f"advance {7 * DAY}")
        meter.do("power on")
        assert 30 * DAY - 3700 <= meter.answer["seconds_left"] <= 30 * DAY
