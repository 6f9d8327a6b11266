"""Units that firmware of version 1 left behind, as they lie in version1/units.json.

They keep identity, count, used tokens, credit and lockout. Their records say nothing of a bound:
each is charged an hour at the first start, or the time away if that is longer.
"""

import json
from pathlib import Path

import pytest

from firmware.account import CALM, UNKNOWN
from firmware.load import LoadSwitch
from firmware.store import VERSION, Store
from firmware.unit import Unit
from tests_host.store.memory import IDENTITY, Memory
from tools.tokens import make_token

KEPT = json.loads((Path(__file__).parent / "version1" / "units.json").read_text())
AWAY = 50  # seconds without power, by the clock
NOW = 10_000 + AWAY  # later than any record's reading


class Clock:
    """A clock chip that stands still: no time passes here."""

    def read(self):
        return KEPT["clock"] + NOW

    def set(self, seconds):
        raise AssertionError("a clock that runs is not set")


class Issued:
    """Tells `make_token` of the units' key, starting code and count."""

    starting_code, key, restricted, time_divider = 123456789, bytes(range(16)), False, 1

    def __init__(self, count):
        self.count = count


def brought_back(name, media=(0, 1, 2)):
    """Return a unit started on these of its media, and what it knew."""
    kept = KEPT["units"][name]
    made = []
    for at in media:
        medium = Memory(small=at == 2)
        for record, data in kept["media"][at].items():
            kind, slot = record.split(".")
            medium[kind, int(slot)] = bytes.fromhex(data)
        made.append(medium)
    unit = Unit(Store(made), Clock(), LoadSwitch(lambda _level: None, 1))
    unit.start()
    return unit, kept, made


def enter(unit, digits):
    for _ in unit.entering(digits):
        pass
    return unit.outcome


@pytest.mark.parametrize("name", KEPT["units"])
def test_everything_is_kept_but_an_hour(name):
    unit, kept, (flash, *_) = brought_back(name)
    assert unit.identity.serial == "OLD-1" and unit.problem is None
    assert (unit.count(), unit.free(), unit.mistakes()) == (
        kept["count"],
        kept["free"],
        kept["mistakes"],
    )
    assert unit.locked_seconds() == kept["locked"]
    assert unit._timer.account.tests == kept["tests"]
    away = 0 if name == "clock disagreed" else NOW
    assert kept["left"] - max(UNKNOWN, away) <= unit.seconds_left() <= kept["left"]
    assert unit.seconds_left() <= max(0, kept["left"] - UNKNOWN)
    assert unit.load.on == (kept["free"] or unit.seconds_left() > 0)
    assert max(data[3] for (kind, _), data in flash.items() if kind == "full") == VERSION


@pytest.mark.parametrize("name", KEPT["units"])
def test_used_tokens_stay_used_and_the_next_ones_work(name):
    unit, kept, _ = brought_back(name)
    if kept["locked"]:
        assert enter(unit, kept["entries"][0][0]) == "LOCKED"
        return
    for digits, outcome in kept["entries"]:
        if outcome not in ("INVALID", "LOCKED", "TEST"):
            left = unit.seconds_left()
            assert enter(unit, digits) == "ALREADY_USED"
            assert unit.seconds_left() == left
    count, digits = make_token(Issued(kept["count"]), "set", 4)
    assert enter(unit, digits) == "SET_TIME"
    assert unit.count() == count and unit.seconds_left() == 4 * 86_400


def test_a_clock_that_had_disagreed_is_a_first_fault():
    unit, _, _ = brought_back("clock disagreed")
    assert unit.clock_faults() == 1
    assert unit._timer.account.doubt == CALM


@pytest.mark.parametrize("second", (1, 2))
def test_a_second_medium_of_version_1_brings_back_a_unit_without_its_flash(second):
    name = "paid, tokens out of order"
    unit, kept, _ = brought_back(name, (0,))
    identity = unit.identity
    unit, kept, media = brought_back(name, (second,))
    unit = Unit(Store([Memory(), *media]), Clock(), LoadSwitch(lambda _level: None, 1))
    unit.start()
    unit.provision(identity)
    assert unit.count() == kept["count"]
    assert kept["left"] - max(UNKNOWN, NOW) <= unit.seconds_left() <= kept["left"] - UNKNOWN
    assert [enter(unit, digits) for digits, _ in kept["entries"]] == ["ALREADY_USED"] * 3


def test_these_records_are_not_of_this_version():
    for kept in KEPT["units"].values():
        assert {bytes.fromhex(data)[3] for data in kept["media"][0].values()} == {1}
    assert VERSION == 2 and IDENTITY.key == Issued.key
