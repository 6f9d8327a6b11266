"""The store: what it believes, what it refuses, and what it does when a medium fails."""

import pytest

import opaygo
from firmware import store as records
from firmware.store import BEAT, BRIEF, FULL, IDENTITY, NewerRecordError, StoreError, seal
from tests_host.store.memory import IDENTITY as UNIT
from tests_host.store.memory import OTHER, Memory, account, known, new_store, opened
from tools import ROOT

STATE, LATER = opaygo.new_state(7), opaygo.new_state(9)


def filled(*media):
    """A store with a full record and two beats on each medium."""
    store = new_store(*media)
    store.save(opaygo.new_state(5), account(500))
    store.save(STATE, account(1000, 60, 3))
    store.beat(account(900, 50, 3))
    store.beat(account(800, 40, 3))
    return store


def test_a_blank_unit_has_no_identity():
    assert records.Store([Memory()]).identity() is None


def test_the_newest_record_is_loaded():
    flash = Memory()
    filled(flash)
    store, found = opened(flash)
    assert known(found) == (STATE, account(800, 40, 3).pack())
    store.save(LATER, account(700))
    assert known(opened(flash)[1]) == (LATER, account(700).pack())


def test_a_lost_copy_of_the_identity_is_written_again():
    for slot in (0, 1):
        flash = Memory()
        filled(flash)
        flash[("identity", slot)] = b"noise"
        opened(flash)
        flash[("identity", 1 - slot)] = b""
        opened(flash)


def test_the_identity_lies_in_the_own_flash_only():
    media = Memory(), Memory(), Memory(small=True)
    filled(*media)
    assert {name for name, _ in media[0]} == {"identity", "full", "beat"}
    assert {name for name, _ in media[1]} == {"full", "beat"}
    assert {name for name, _ in media[2]} == {"brief"}
    assert not any(UNIT.key in data for medium in media[1:] for data in medium.values())


@pytest.mark.parametrize("name", ("identity", "full", "beat", "brief"))
def test_no_record_is_believed_with_a_bit_changed(name):
    kind = {value: kind for kind, value in records.NAMES.items()}[name]
    media = Memory(), Memory(small=True)
    filled(*media)
    record = {**media[0], **media[1]}[(name, 0)]
    key = None if kind == IDENTITY else UNIT.key
    assert records.unseal(kind, record, key)
    for at in range(len(record)):
        for bit in range(8):
            wrong = record[:at] + bytes([record[at] ^ 1 << bit]) + record[at + 1 :]
            assert records.unseal(kind, wrong, key) is None
        assert records.unseal(kind, record[:at], key) is None


def test_records_of_another_unit_are_not_believed_on_any_medium():
    media = Memory(), Memory(), Memory(small=True)
    filled(*media)
    store = records.Store(list(media))
    store.write_identity(OTHER)
    assert store.load() is None
    store.save(LATER, account(5))
    store = records.Store(list(media))
    assert store.identity() == OTHER
    assert known(store.load()) == (LATER, account(5).pack())


def test_a_record_is_believed_in_its_own_kind_only():
    flash = Memory()
    filled(flash)
    assert records.unseal(BEAT, flash[("full", 0)], UNIT.key) is None


@pytest.mark.parametrize(
    "kind, index", [(IDENTITY, 0), (FULL, 0), (FULL, 1), (BEAT, 1), (BRIEF, 2)]
)
def test_a_newer_record_stops_the_unit(kind, index):
    media = Memory(), Memory(), Memory(small=True)
    filled(*media)
    key = None if kind == IDENTITY else UNIT.key
    media[index][(records.NAMES[kind], 1)] = seal(
        kind, 99, b"future....", key, records.VERSION + 1
    )
    before = [dict(medium) for medium in media]
    store = records.Store(list(media))
    with pytest.raises(NewerRecordError):
        store.identity()
        store.load()
    assert [dict(medium) for medium in media] == before


def test_a_state_of_a_newer_token_engine_stops_the_unit():
    flash = Memory()
    store = new_store(flash)
    store.save(STATE, account(1))
    engine = b"\xff" + opaygo.pack(STATE)[1:]
    payload = len(engine).to_bytes(2, "little") + engine + account(1).pack()
    flash[("full", 1)] = seal(FULL, 9, payload, UNIT.key)
    with pytest.raises(NewerRecordError):
        opened(flash)


def test_older_records_are_migrated_and_rewritten(monkeypatch):
    media = Memory(), Memory(small=True)
    filled(*media)
    for medium in media:
        for (name, slot), data in list(medium.items()):
            kind = {value: kind for kind, value in records.NAMES.items()}[name]
            key = None if kind == IDENTITY else UNIT.key
            sequence, _, payload = records.unseal(kind, data, key)
            medium[(name, slot)] = seal(kind, sequence, payload[::-1], key, 0)
    assert records.Store(list(media)).identity() is None  # no such migration: not believed
    monkeypatch.setitem(records.MIGRATIONS, 0, lambda _kind, payload: payload[::-1])
    store, found = opened(*media)
    assert known(found) == (STATE, account(800, 40, 3).pack())
    store.beat(found[1])
    fulls = [media[0][("full", slot)][3] for slot in (0, 1)]
    assert records.VERSION in fulls
    assert known(opened(*media)[1]) == known(found)


def test_a_medium_that_failed_is_brought_up_to_date():
    flash, second = Memory(), Memory()
    store = filled(flash, second)
    second.dead = True
    store.save(LATER, account(100))
    store.beat(account(90))
    second.dead = False
    store.beat(account(80))
    flash.clear()
    flash.update({("identity", 0): seal(IDENTITY, 1, UNIT.pack(), None)})
    assert known(opened(flash, second)[1]) == (LATER, account(80).pack())


def test_a_missing_medium_stops_nothing_and_all_missing_is_an_error():
    flash, second = Memory(), Memory()
    store = filled(flash, second)
    flash.dead = True
    store.save(LATER, account(100))
    second.dead = True
    with pytest.raises(StoreError):
        store.save(STATE, account(1))
    flash.dead = second.dead = False
    assert known(opened(flash, second)[1]) == (LATER, account(100).pack())


def test_a_save_that_failed_but_was_stored_is_undone_by_the_next_record():
    flash, second = Memory(), Memory()
    store = filled(flash, second)
    flash.lies, second.dead = True, True
    with pytest.raises(StoreError):
        store.save(LATER, account(10_000))
    flash.lies = second.dead = False
    store.beat(account(700, 30, 4))
    assert known(opened(flash, second)[1]) == (STATE, account(700, 30, 4).pack())


def test_a_failed_save_on_one_medium_is_older_than_the_next_record_on_another():
    flash, second = Memory(), Memory()
    store = filled(flash, second)
    flash.lies, second.dead = True, True
    with pytest.raises(StoreError):
        store.save(LATER, account(10_000))
    flash.dead, second.dead = True, False
    store.beat(account(700, 30, 4))
    flash.dead = flash.lies = False
    assert known(opened(flash, second)[1]) == (STATE, account(700, 30, 4).pack())


def test_a_medium_that_was_not_read_is_not_overwritten_if_it_knows_more():
    flash, second = Memory(), Memory()
    filled(flash, second)
    flash.clear()
    second.dead = True
    store = records.Store([flash, second])
    store.write_identity(UNIT)
    assert store.load() is None
    store.save(opaygo.new_state(1), account(0))
    second.dead = False
    store.beat(account(0))
    assert known(opened(flash, second)[1]) == (STATE, account(800, 40, 3).pack())


def test_a_medium_that_was_not_read_and_knows_less_is_written_again():
    flash, second = Memory(), Memory()
    filled(flash, second)
    second.dead = True
    store, _ = opened(flash, second)
    store.save(LATER, account(5))
    second.dead = False
    store.beat(account(5))
    second.log = []
    store.beat(account(4))
    assert second.log == ["beat"]
    flash.clear()
    flash.update({("identity", 0): seal(IDENTITY, 1, UNIT.pack(), None)})
    assert known(opened(flash, second)[1]) == (LATER, account(4).pack())


def test_a_beat_without_its_full_record_gives_the_count():
    flash = Memory()
    store = filled(flash)
    for slot in (0, 1):
        flash[("full", slot)] = b"worn out"
    store, found = opened(flash)
    assert known(found) == (opaygo.new_state(7), account(800, 40, 3).pack())
    store.beat(found[1])
    assert known(opened(flash)[1]) == known(found)


def test_an_older_full_record_does_not_stand_in_for_a_damaged_one():
    flash = Memory()
    filled(flash)
    newest = max((0, 1), key=lambda slot: flash[("full", slot)][6])
    flash[("full", newest)] = b""
    assert opened(flash)[1][0] == opaygo.new_state(7)


def test_a_small_medium_keeps_count_credit_and_lockout():
    flash, small = Memory(), Memory(small=True)
    store = filled(flash, small)
    store.save(LATER, account(0x3FFFFFFF, 30_720, 255, free=True))
    assert {len(data) for data in small.values()} == {26}
    flash.clear()
    flash.update({("identity", 0): seal(IDENTITY, 1, UNIT.pack(), None)})
    store, (state, found) = opened(flash, small)
    assert state == opaygo.new_state(9)
    assert (found.left, found.locked, found.mistakes, found.free) == (
        0x3FFFFFFF,
        30_720,
        255,
        True,
    )
    assert found.chip == 0  # no reading to compare with: the boot counts a clock fault
    store.beat(found)
    assert opened(flash)[1][0] == opaygo.new_state(9)


def test_a_complete_medium_is_preferred_to_a_small_one_of_the_same_age():
    flash, small = Memory(), Memory(small=True)
    store = new_store(flash, small)
    _, spent = opaygo.judge(opaygo.Device(UNIT.key, UNIT.starting_code), STATE, "123456789")
    store.save(spent._replace(used=5), account(1))
    assert opened(small and flash, small)[1][0].used == 5


def test_the_documented_sizes():
    flash, small = Memory(), Memory(small=True)
    filled(flash, small)
    text = (ROOT / "docs" / "storage.md").read_text()
    for name in ("identity", "full", "beat"):
        row = next(line for line in text.splitlines() if line.startswith(f"| {name} |"))
        assert row.endswith(f"| {len(flash[(name, 0)])} bytes |")
    assert f"briefs** of {len(small[('brief', 0)])} bytes" in text
    assert f"token state ({opaygo.PACKED_SIZE}," in text
    assert f"account ({len(account(0).pack())})" in text
