"""A unit whose memory is newer, worn out or away: what it says, and what the load does."""

import pytest

import opaygo
from firmware import store as records
from firmware.load import LoadSwitch
from firmware.store import FULL, Store, StoreError, seal
from firmware.timer import RECORD_EVERY
from firmware.unit import Unit
from tests_host.store.memory import IDENTITY, Memory
from tools.tokens import make_token


class Issued:
    """What `make_token` wants to know of IDENTITY."""

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


def test_without_memory_a_token_is_not_credited_but_what_was_paid_is_given(ticks):
    flash = Memory()
    paid(flash)
    unit = started(flash)
    flash.dead = True
    left = unit.seconds_left()
    assert enter(unit, "set", 9) == "ADD_TIME"  # still the outcome of before
    assert unit.problem == "memory"
    assert unit.seconds_left() == left and unit.load.on
    flash.dead = False
    assert enter(unit, "set", 9) == "SET_TIME"
    assert unit.problem is None
    assert unit.seconds_left() == 9 * 86_400


def test_a_worn_out_flash_does_not_stop_the_boot_nor_the_second_medium(ticks):
    flash, second = Memory(), Memory()
    paid(flash, second)

    def refuse(*_arguments):
        raise OSError(28)

    flash.write = refuse
    unit = started(flash, second)
    assert unit.load.on and unit.problem is None
    assert enter(unit, "set", 4) == "SET_TIME"
    assert started(flash, second).seconds_left() // 86_400 == 3  # four less the boot's charge
    second.write = refuse
    unit = started(flash, second)
    assert unit.load.on and unit.problem == "memory"


def test_a_heartbeat_that_fails_is_tried_again_an_hour_later(ticks):
    flash = Memory()
    unit = paid(flash)
    flash.dead = True
    for _ in range(3):
        ticks.now += RECORD_EVERY * 1000
        unit.tick()
        assert unit.beat_due()
        unit.beat()
        assert unit.problem == "memory"
        assert not unit.beat_due()
        assert unit.due() > 0
    flash.dead = False
    ticks.now += RECORD_EVERY * 1000
    unit.tick()
    assert unit.beat_due()
    unit.beat()
    assert unit.problem is None


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
    assert left - 3600 <= unit.seconds_left() <= left
    assert enter(unit) == "ALREADY_USED"


def test_a_small_medium_gives_count_and_credit_and_all_older_tokens_are_used(ticks):
    flash, small = Memory(), Memory(small=True)
    unit = paid(flash, small)
    left = unit.seconds_left()
    flash.clear()
    unit = started(flash, small)
    unit.provision(IDENTITY)
    assert unit.load.on and unit.count() == 2
    assert left - 3600 <= unit.seconds_left() <= left
    assert enter(unit) == "ALREADY_USED"
    assert unit._state == opaygo.new_state(2)


def test_a_lockout_outlives_the_loss_of_the_flash(ticks):
    flash, small = Memory(), Memory(small=True)
    unit = started(flash, small)
    unit.provision(IDENTITY)
    for _ in range(3):
        for _ in unit.entering("000000000"):
            pass
    assert unit.locked_seconds() == 120
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
