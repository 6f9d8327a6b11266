"""A unit whose memory is newer, worn out or away: what it says, and what the load does."""

import pytest

import opaygo
from firmware import store as records
from firmware.account import UNKNOWN
from firmware.load import LoadSwitch
from firmware.store import FULL, Store, StoreError, seal
from firmware.unit import Unit
from tests_host.store.memory import IDENTITY, Memory
from tools.tokens import make_token


class Issued:
    """IDENTITY with the fields that `make_token` reads."""

    starting_code, key, restricted = IDENTITY.starting_code, IDENTITY.key, False
    count, time_divider = 1, 1


class Ticks:
    """`ticks_ms` by hand."""

    def __init__(self):
        self.now = 5

    def __call__(self):
        return self.now


@pytest.fixture
def ticks(monkeypatch):
    made = Ticks()
    monkeypatch.setattr("firmware.unit.ticks_ms", made)
    return made


def live(unit, ticks, seconds):
    """Let powered seconds pass as the account's task does; no key is down."""
    end = ticks.now + seconds * 1000
    while ticks.now < end:
        ticks.now = min(end, ticks.now + max(10, unit.due()))
        unit.tick()
        if unit.beat_due(True):
            unit.beat()


def started(*media):
    unit = Unit(Store(list(media)), None, LoadSwitch(lambda _level: None, 1))
    unit.start()
    return unit


def enter(unit, kind="add", value=3):
    for _ in unit.entering(make_token(Issued, kind, value)[1]):
        pass
    return unit.outcome


def paid(*media):
    """Media of a unit with three days."""
    unit = started(*media)
    unit.provision(IDENTITY)
    assert enter(unit) == "ADD_TIME"
    assert unit.load.on
    return unit


@pytest.mark.parametrize("index", (0, 1))
def test_a_newer_record_on_any_medium_keeps_the_load_off(index, ticks):
    media = Memory(), Memory()
    paid(*media)
    media[index][("full", 0)] = seal(FULL, 50, b"?", IDENTITY.key, records.VERSION + 1)
    before = [dict(medium) for medium in media]
    unit = started(*media)
    unit.tick()
    assert unit.problem == "newer"
    assert not unit.load.on and not unit.active()
    assert not unit.status()["provisioned"]
    with pytest.raises(ValueError):
        unit.provision(IDENTITY)
    assert [dict(medium) for medium in media] == before


def test_provisioning_beside_newer_records_says_so(ticks):
    flash, second = Memory(), Memory()
    paid(flash, second)
    second[("beat", 0)] = seal(records.BEAT, 50, b"?", IDENTITY.key, records.VERSION + 1)
    flash.clear()
    kept = dict(second)
    unit = started(flash, second)
    unit.provision(IDENTITY)
    assert unit.problem == "newer"
    assert not unit.load.on
    assert second == kept


def test_without_memory_no_token_is_credited_and_the_load_opens_before_the_bound(ticks):
    flash = Memory()
    paid(flash)
    unit = started(flash)
    flash.dead = True
    left = unit.seconds_left()
    assert enter(unit, "set", 9) == "ADD_TIME"  # still the outcome of before
    assert unit.problem == "memory"
    assert unit.seconds_left() == left and unit.load.on
    ticks.now += 7_900  # the record before allows the load for eight seconds
    unit.tick()
    assert unit.load.on
    ticks.now += 100
    unit.tick()
    assert not unit.load.on and unit.seconds_left() == left - 8
    flash.dead = False
    assert enter(unit, "set", 9) == "SET_TIME"
    assert unit.problem is None
    assert unit.seconds_left() == 9 * 86_400


def test_a_worn_out_flash_keeps_the_load_open_whatever_the_second_medium_takes(ticks):
    flash, second = Memory(), Memory()
    paid(flash, second)

    def refuse(*_arguments):
        raise OSError(28)

    write, flash.write = flash.write, refuse
    unit = started(flash, second)
    left = unit.seconds_left()
    assert unit.problem == "memory" and unit.active() and not unit.load.on
    assert enter(unit, "set", 4) == "ADD_TIME"  # still the outcome of before
    live(unit, ticks, 60)
    assert not unit.load.on and unit.seconds_left() == left - 60
    flash.write = write
    live(unit, ticks, 11)
    assert unit.problem is None and unit.load.on


def test_a_free_unit_keeps_its_load_with_a_worn_out_flash(ticks):
    flash = Memory()
    assert enter(paid(flash), "disable", None) == "DISABLE_PAYG"
    flash.write = lambda *_arguments: (_ for _ in ()).throw(OSError(28))
    unit = started(flash)
    assert unit.problem == "memory" and unit.load.on
    live(unit, ticks, 4000)
    assert unit.load.on


def test_a_record_that_fails_is_tried_again_ten_seconds_later(ticks):
    flash = Memory()
    unit = paid(flash)
    flash.dead = True
    ticks.now += unit.due()
    for _ in range(3):
        unit.tick()
        assert unit.beat_due(True)
        unit.beat()
        assert unit.problem == "memory"
        assert not unit.beat_due(True)
        ticks.now += 9_999
        assert not unit.beat_due(True)
        ticks.now += 1
    assert not unit.load.on
    flash.dead = False
    unit.beat()
    assert unit.problem is None and unit.load.on


def test_an_identity_that_is_not_stored_is_not_taken(ticks):
    flash = Memory()
    unit = started(flash)
    flash.dead = True
    with pytest.raises(StoreError):
        unit.provision(IDENTITY)
    assert unit.identity is None and not unit.load.on


def test_a_unit_that_lost_its_flash_has_count_tokens_and_credit_again(ticks):
    flash, second = Memory(), Memory()
    unit = paid(flash, second)
    left = unit.seconds_left()
    flash.clear()
    unit = started(flash, second)
    assert not unit.load.on
    unit.provision(IDENTITY)
    assert unit.load.on and unit.count() == 2
    assert unit.seconds_left() == left - UNKNOWN
    assert enter(unit) == "ALREADY_USED"


def test_a_small_medium_gives_count_and_credit_and_all_older_tokens_are_used(ticks):
    flash, small = Memory(), Memory(small=True)
    unit = paid(flash, small)
    left = unit.seconds_left()
    flash.clear()
    unit = started(flash, small)
    unit.provision(IDENTITY)
    assert unit.load.on and unit.count() == 2
    assert unit.seconds_left() == left - UNKNOWN
    assert enter(unit) == "ALREADY_USED"
    assert unit._state == opaygo.new_state(2)


def test_a_lockout_outlives_the_loss_of_the_flash_from_the_next_start_on(ticks):
    flash, small = Memory(), Memory(small=True)
    unit = started(flash, small)
    unit.provision(IDENTITY)
    for _ in range(3):
        for _ in unit.entering("000000000"):
            pass
    assert unit.locked_seconds() == 120
    started(flash, small)
    flash.clear()
    unit = started(flash, small)
    unit.provision(IDENTITY)
    assert unit.locked_seconds() == 120


def test_a_free_unit_is_free_after_the_loss_of_its_flash(ticks):
    flash, small = Memory(), Memory(small=True)
    unit = paid(flash, small)
    assert enter(unit, "disable", None) == "DISABLE_PAYG"
    flash.clear()
    unit = started(flash, small)
    unit.provision(IDENTITY)
    assert unit.free() and unit.load.on
