"""A key that is held delays records, never the end of the load: at the load pin, to the ms."""

import pytest

from tests_host.helpers.published import ADD_1
from tests_host.supervision.conftest import TOLD, UNIT, told
from tools.proofs.simulator import Sim
from tools.proofs.tokens.encoder import Encoder
from tools.seconds import DAY

DIVIDER = 255
UNIT_MS = DAY // DIVIDER * 1_000  # of credit in a token of value 1
HELD_MS = 20_000
DUE_MS, HELD_DUE_MS, OPEN_MS = 49_000, 54_000, 58_000  # after a record of 60 s
TOKENS = Encoder(bytes.fromhex(UNIT["key"]), UNIT["starting_code"])


@pytest.fixture(scope="module")
def sim():
    with Sim(**UNIT, time_divider=DIVIDER) as sim:
        sim.count = 0
        yield sim


def pay(sim):
    """Enter the next token of value 1; return when the load closed, on the clock of `levels`."""
    sim.count += 2
    sim.do("levels")
    answer = sim.keys(f"*{TOKENS.token(1, sim.count)}#")
    assert answer["result"] == "ADD_TIME" and answer["load"]
    levels = sim.do("levels")
    (closed,) = [at for at, name, _ in levels["changes"] if name == "load"]
    return levels["ms"] - closed


@pytest.mark.parametrize("before", range(0, 20_001, 1_700))
def test_the_credit_ends_to_the_second_under_a_held_key(sim, before):
    """The key goes down `before` ms ahead of the end of the credit."""
    since = pay(sim)
    sim.do(f"run {UNIT_MS - since - before}")
    sim.do("press 5")
    sim.do(f"run {HELD_MS}")
    sim.do("release 5")
    sim.do("run 2000")
    levels = sim.do("levels")
    ((at, on),) = [(since + at, on) for at, name, on in levels["changes"] if name == "load"]
    assert not on and UNIT_MS - 5 <= at <= UNIT_MS


@pytest.fixture
def steady(launch):
    """A unit with credit that has just stored a record with a bound of 60 s."""
    sim = launch("", TOLD)
    assert sim.keys(f"{ADD_1}#")["load"]
    sim.do("advance 120")
    while not told(sim.do("run 10"), "stored"):
        pass
    sim.do("levels")
    return sim


def load_changes(sim):
    return [(at, on) for at, name, on in sim.do("levels")["changes"] if name == "load"]


@pytest.mark.parametrize("after", (25_000, 35_000, 44_500, 48_900))
def test_a_held_key_delays_a_record_by_five_seconds_at_most(steady, after):
    steady.do(f"run {after}")
    steady.do("press 5")
    assert not told(steady.do(f"run {HELD_DUE_MS - 100 - after}"), "stored")
    assert len(told(steady.do("run 200"), "stored")) == 1
    steady.do(f"run {HELD_MS}")
    assert load_changes(steady) == []


def test_a_released_key_lets_the_waiting_record_go(steady):
    steady.do(f"run {DUE_MS - 1_000}")
    steady.do("press 5")
    assert not told(steady.do("run 3000"), "stored")
    steady.do("release 5")
    assert len(told(steady.do("run 100"), "stored")) == 1


@pytest.mark.parametrize("held", (False, True))
def test_without_a_record_the_load_opens_two_seconds_before_the_bound(steady, held):
    steady.do("flash refuse")
    if held:
        steady.do(f"run {DUE_MS - 2_000}")
        steady.do("press 5")
    steady.do("run 25000")
    steady.do("run 40000")
    ((at, on),) = load_changes(steady)
    assert not on and OPEN_MS - 1_050 <= at <= OPEN_MS + 10
