"""Wrong tokens lock the keypad: how long, what counts, and what does not shorten it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests_host.controller.model import LONGEST
from tests_host.controller.twin import Twin
from tests_host.helpers.examples import repeatable
from tests_host.helpers.published import ADD_1, KEY, STARTING_CODE
from tools.conformance.model import lockout
from tools.proofs.simulator import Sim
from tools.seconds import DAY

MINUTES = (0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 512, 512)
WRONG = ("123456789", "000000000", "987654321", "555555555")


def wrong(twin):
    """Enter a wrong token."""
    return twin.enter(WRONG[twin.entries % len(WRONG)])


def lock(twin, mistakes):
    """Make that many mistakes in a row, as fast as the unit allows."""
    for _ in range(mistakes):
        twin.wait_for_lockout()
        assert wrong(twin) == "INVALID"


def test_the_model_has_the_protocols_table():
    assert [lockout(n) // 60 for n in range(1, len(MINUTES) + 1)] == list(MINUTES)


def test_minutes_table_to_the_second():
    with Twin() as twin:
        for minutes in MINUTES:
            assert wrong(twin) == "INVALID"
            assert 0 <= minutes * 60 - twin.answer["locked_seconds"] <= 1
            if not minutes:
                continue
            assert twin.answer["display"] == f"Invalid\nWait {minutes} min"
            left = twin.answer["locked_seconds"]
            twin.advance(left - 5)
            # Its keys take a second: judged now, three seconds too early, if it were judged.
            assert twin.enter("123456789") == "LOCKED"
            assert twin.answer["display"] == "Wait 1 min\n"
            twin.advance(twin.answer["locked_seconds"] + 1)
            assert twin.answer["locked_seconds"] == 0


def test_a_locked_keypad_judges_nothing_and_does_not_lock_longer():
    with Twin() as twin:
        lock(twin, 4)
        good = twin.token(1, 2)
        assert twin.answer["locked_seconds"] in (239, 240)
        for entry in (good, "123456789", "1", good[:-1], "123456789012"):
            before = twin.answer["locked_seconds"], twin.answer["t"]
            assert twin.enter(entry) == "LOCKED"
            after = twin.answer["locked_seconds"] + twin.answer["t"]
            assert abs(after - sum(before)) <= 1  # each is rounded for itself
            assert twin.answer["display"] == "Wait 4 min\n"
        twin.wait_for_lockout()
        assert twin.enter(good) == "ADD_TIME", "it was not spent"


def test_malformed_entries_are_no_mistakes():
    with Twin() as twin:
        for entry in ("1", "12345678", "1234567890", "12345678901") * 3:
            assert twin.enter(entry) == "MALFORMED"
            assert twin.answer["display"] == "Check the digits\n9 or 12"
        assert wrong(twin) == "INVALID" and twin.answer["locked_seconds"] == 0


def test_used_tokens_neither_lock_nor_reset():
    with Twin() as twin:
        used = twin.token(1, 2)
        assert twin.enter(used) == "ADD_TIME"
        lock(twin, 2)
        for _ in range(5):
            assert twin.enter(used) == "ALREADY_USED"
            assert twin.answer["locked_seconds"] == 0
        assert wrong(twin) == "INVALID" and twin.answer["locked_seconds"] in (119, 120)


def test_a_valid_token_resets():
    with Twin() as twin:
        lock(twin, 5)
        twin.wait_for_lockout()
        assert twin.enter(twin.token(1, 2)) == "ADD_TIME"
        for _ in range(2):
            assert wrong(twin) == "INVALID" and twin.answer["locked_seconds"] == 0
        assert wrong(twin) == "INVALID" and twin.answer["locked_seconds"] in (119, 120)


@pytest.mark.parametrize("off", (0, 10, DAY))
def test_time_without_power_does_not_count(off):
    with Twin() as twin:
        lock(twin, 6)
        twin.advance(100)
        left = twin.answer["locked_seconds"]
        twin.power_cycle(off)
        assert left - 1 <= twin.answer["locked_seconds"] <= 16 * 60
        assert twin.enter(twin.token(1, 2)) == "LOCKED"
        twin.wait_for_lockout()
        assert twin.enter(twin.token(1, 2)) == "ADD_TIME"


class Locked:
    """A unit with a lockout, and how long it had power since, in milliseconds."""

    def __init__(self, sim, minutes):
        self.sim = sim
        self.lockout = minutes * 60
        self.powered = self.cuts = 0
        self.answer = sim.status()
        sim.do("levels")

    def pass_ms(self, ms):
        """Let powered time pass, and look."""
        self.answer = self.sim.do(f"run {ms}")
        self._look()

    def cut(self, off):
        """Take the power for so many seconds, and look again."""
        self.sim.do("power off")
        self.sim.do(f"advance {off}")
        self.sim.do("levels")
        self.answer = self.sim.do("power on")
        self.cuts += 1
        self._look()

    def _look(self):
        self.powered += self.sim.do("levels")["ms"]
        total = self.answer["locked_seconds"] + self.powered / 1000
        assert total >= self.lockout - 1, "never earlier"
        if self.answer["locked_seconds"]:
            assert total <= self.lockout + LONGEST * self.cuts + 1, "one bound for each cut"


def live_locked(pattern, minutes, credit=False):
    """Go through (milliseconds with power, seconds without) until the lockout ends.

    Return the number of cuts.
    """
    with Sim(serial="L1", key=KEY, starting_code=STARTING_CODE) as sim:
        if credit:
            assert sim.keys(f"{ADD_1}#")["result"] == "ADD_TIME"
        while sim.keys(WRONG[0] + "#")["locked_seconds"] < minutes * 60 - 1:
            sim.do(f"advance {sim.status()['locked_seconds'] + 1}")
        unit = Locked(sim, minutes)
        for on, off in pattern:
            unit.pass_ms(on)
            if not unit.answer["locked_seconds"]:
                break
            unit.cut(off)
        else:
            assert sim.keys(WRONG[1] + "#")["result"] == "LOCKED"
            while unit.answer["locked_seconds"]:
                unit.pass_ms(1000)
        assert sim.keys(WRONG[1] + "#")["result"] == "INVALID", "judged again"
        return unit.cuts


@pytest.mark.parametrize("credit", (False, True), ids=("no credit", "credit"))
@pytest.mark.parametrize("seconds", (15, 48, 50, 110, 119))
def test_a_lockout_ends_however_often_the_power_fails(seconds, credit):
    """Once one of two minutes never ended if the power failed every 110 s: 40 cuts were tried."""
    cuts = live_locked([(seconds * 1000, 2)] * 40, 2, credit)
    assert cuts <= 120 // (seconds * 2 // 5), "at least two fifths of the time are on record"


@pytest.mark.parametrize("seconds", (0, 5))
def test_a_lockout_without_a_record_in_between_costs_what_was_not_recorded(seconds):
    """Each start goes on where the last one began, and no start shortens the lockout."""
    assert live_locked([(seconds * 1000, 0)] * 30, 2) == 30


@pytest.mark.long
@repeatable(15)
@given(
    pattern=st.lists(
        st.tuples(
            st.sampled_from((0, 400, 5000, 7200, 7400, 8100, 20_000, 48_900, 49_100, 130_000)),
            st.sampled_from((0, 1, 60, 4000)),
        ),
        max_size=25,
    ),
    minutes=st.sampled_from((2, 4, 16)),
    credit=st.booleans(),
)
def test_any_pattern_of_cuts_costs_one_bound_each_and_saves_nothing(pattern, minutes, credit):
    live_locked(pattern, minutes, credit)


def test_a_power_cut_prolongs_it_by_one_bound_at_most():
    with Twin() as twin:
        lock(twin, 8)
        for seconds in (8, 100, 900):
            twin.advance(seconds)
            left = twin.answer["locked_seconds"]
            twin.power_cycle(30)
            assert left - 1 <= twin.answer["locked_seconds"] <= left + LONGEST


@pytest.mark.parametrize("line", ("rtc set +86400", "rtc set -86400", "rtc lost", "clock rate 50"))
def test_no_clock_manipulation_shortens_it(line):
    with Twin() as twin:
        lock(twin, 6)
        left = twin.answer["locked_seconds"]
        assert "error" not in twin.sim.do(line)
        assert twin.sim.do("advance 60")["locked_seconds"] in (left - 60, left - 61)
        twin.sim.do("power off")
        twin.sim.do("advance 600")
        assert twin.sim.do("power on")["locked_seconds"] >= left - 61
        assert twin.sim.keys("123456789#")["result"] == "LOCKED"
