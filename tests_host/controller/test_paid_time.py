"""Load-on time never exceeds paid time, whatever is done to power, clock and memory.

The meter counts how long the load was on; no attack may get more out of a unit than the tokens
that it accepted were worth. And nobody honest may lose more than is said here.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests_host.helpers.examples import repeatable
from tools.proofs import attacks
from tools.proofs.meter import Meter, OverdrawnError
from tools.seconds import DAY

LONGEST = 60  # seconds: the longest bound
BROWN_OUTS = 5  # a day

# --- attacks -----------------------------------------------------------------------------


def numbers(text, values):
    return st.sampled_from(values).map(lambda value: text.format(value))


SECONDS = (0, 1, 2, 5, 7, 8, 15, 23, 24, 31, 49, 55, 60, 61, 118, 300, 1800, 3500, 3599, 3700)
MOVES = (-90000, -4000, -3600, -600, -61, -60, -31, -30, -5, -1, 1, 5, 30, 60, 3600, 90000)
STEPS = st.one_of(
    numbers("add {}", (1, 2, 5)),
    numbers("set {}", (0, 1, 3)),
    numbers("again {}", range(4)),
    st.just("wrong"),
    st.just("unlock"),
    numbers("advance {}", SECONDS),
    numbers("advance {}", SECONDS),
    numbers("run {}", (1, 100, 500, 999, 7200, 7900, 9900)),
    st.just("power off"),
    st.just("power on"),
    st.just("power on"),
    numbers("rtc set {:+}", MOVES),
    st.sampled_from(("rtc lost", "rtc cell")),
    numbers("bus 0x68 {}", ("dead", "alive")),
    numbers("bus 0x57 {}", ("dead", "alive")),
    numbers("clock rate {}", (0, 0.5, 0.97, 1, 1.03, 2, 30)),
    numbers("cut {}", (0, 1, 2, 3, 4, 5, 7, 9, 12)),
    st.sampled_from(("press 5", "release 5", "uart #TOKEN;123456789")),
    st.sampled_from(("flash refuse", "flash take", "wipe")),
)


@pytest.mark.long
@repeatable(30)
@given(steps=st.lists(STEPS, min_size=3, max_size=30))
def test_no_sequence_yields_more_than_was_paid(steps):
    with Meter() as meter:
        meter.add(3)
        for step in steps:
            attacks.play(meter, step)
        attacks.drain(meter)


@pytest.mark.parametrize("attack", attacks.ATTACKS)
def test_attack(attack):
    meter = attacks.run(attack)
    assert meter.on_ms <= meter.paid_ms
    assert meter.on_ms > 0, "it was no dry run"


def test_no_wrong_token_goes_uncounted_while_a_key_is_held():
    tried, missed = attacks.held_key(12)
    assert tried > 6 and not missed


def test_the_meter_sees_a_second_too_much():
    with Meter() as meter:
        meter.add(1)
        meter.check()
        meter.paid_ms -= 3_000
        with pytest.raises(OverdrawnError):
            meter.check()
        meter.do("advance 3700")
        with pytest.raises(OverdrawnError):
            meter.check()


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
def test_an_honest_customer_with_a_good_clock_loses_less_than_one_bound_each_time(off):
    days = 1
    with Meter() as meter:
        meter.add(30 * 24)
        bought = meter.answer["seconds_left"]
        began = meter.on_ms
        brown_outs(meter, days, off)
        cuts = days * BROWN_OUTS
        gone = (meter.on_ms - began) // 1000 + cuts * off
        lost = bought - meter.answer["seconds_left"] - gone
        assert meter.answer["clock_faults"] == 0
        assert -cuts <= lost <= cuts * (LONGEST if off < LONGEST else 1), f"{lost} s"


def test_a_dead_coin_cell_costs_at_most_a_third_of_the_time_with_power():
    days = 2
    with Meter() as meter:
        meter.add(40 * 24)
        meter.do("rtc lost")
        bought = meter.answer["seconds_left"]
        began = meter.on_ms
        brown_outs(meter, days, 600)
        used = (meter.on_ms - began) // 1000
        lost = bought - meter.answer["seconds_left"] - used
        cuts = days * BROWN_OUTS
        assert meter.answer["clock_faults"] == cuts
        assert used // 5 <= lost <= used // 3 + cuts * LONGEST, f"{lost / 3600:.1f} h"


def test_a_week_without_power_and_a_dead_cell_keeps_the_credit():
    with Meter() as meter:
        meter.add(30 * 24)
        meter.do("rtc lost")
        meter.do("power off")
        meter.do(f"advance {7 * DAY}")
        meter.do("power on")
        assert 30 * DAY - LONGEST - 2 <= meter.answer["seconds_left"] <= 30 * DAY
