"""The store: what it believes, what it refuses, and what it does when a medium fails."""

import pytest

import opaygo
from firmware import store as records
from firmware.account import UNKNOWN, Account
from firmware.store import (
    BEAT,
    BRIEF,
    FULL,
    IDENTITY,
    Identity,
    NewerRecordError,
    StoreError,
    seal,
)
from tests_host.store.memory import IDENTITY as UNIT
from tests_host.store.memory import (
    OTHER,
    Memory,
    account,
    known,
    late,
    new_store,
    opened,
    version_1,
)
from tools.paths import ROOT

STATE, LATER = opaygo.new_state(7), opaygo.new_state(9)


def filled(*media):
    """A store with a full record and two beats on each medium."""
    store = new_store(*media)
    store.save(opaygo.new_state(5), account(500))
    store.save(STATE, account(1000, 60, 3))
    store.beat(account(900, 50, 3))
    store.beat(account(800, 40, 3), True)
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
    assert store.load(1) is None
    store.save(LATER, account(5))
    store = records.Store(list(media))
    assert store.identity() == OTHER
    assert known(store.load(1)) == (LATER, account(5).pack())


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
        store.load(1)
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


def older(media, version):
    """Write all records anew as ones of an older version."""
    for medium in media:
        for (name, slot), data in list(medium.items()):
            kind = {value: kind for kind, value in records.NAMES.items()}[name]
            key = None if kind == IDENTITY else UNIT.key
            sequence, _, payload = records.unseal(kind, data, key)
            if kind in (FULL, BEAT):
                size = len(account(0).pack())
                payload = payload[:-size] + version_1(Account.unpack(payload[-size:]))
            medium[(name, slot)] = seal(kind, sequence, payload, key, version)


def test_records_of_version_1_are_read_and_written_anew():
    media = Memory(), Memory(small=True)
    filled(*media)
    older(media, 1)
    store, found = opened(*media)
    assert known(found) == (STATE, late(800, 40, 3).pack())
    store.beat(found[1])
    fulls = [media[0][("full", slot)][3] for slot in (0, 1)]
    assert records.VERSION in fulls
    assert known(opened(*media)[1]) == known(found)


def test_records_of_version_0_were_never_there():
    media = Memory(), Memory(small=True)
    filled(*media)
    older(media, 0)
    assert records.Store(list(media)).identity() is None


def lost(flash):
    """The file system is gone, and the unit was provisioned again."""
    flash.clear()
    flash.update({("identity", 0): seal(IDENTITY, 1, UNIT.pack(), None)})


def test_a_medium_that_failed_is_brought_up_to_date():
    flash, second = Memory(), Memory()
    store = filled(flash, second)
    second.dead = True
    store.save(LATER, account(100))
    store.beat(account(90))
    second.dead = False
    store.beat(account(80))
    lost(flash)
    assert known(opened(flash, second)[1]) == (LATER, late(80).pack())


def test_a_record_counts_only_if_the_own_flash_took_it():
    flash, second = Memory(), Memory()
    store = filled(flash, second)
    kept = dict(second)
    flash.dead = True
    with pytest.raises(StoreError):
        store.save(LATER, account(100))
    with pytest.raises(StoreError):
        store.beat(account(100), True)
    assert second == kept
    flash.dead, second.dead = False, True
    store.save(LATER, account(100))
    second.dead = False
    assert known(opened(flash, second)[1]) == (LATER, account(100).pack())


def test_other_media_get_the_account_when_a_copy_is_asked_for():
    flash, second, small = Memory(), Memory(), Memory(small=True)
    store = filled(flash, second, small)
    store.beat(account(750), True)
    kept = dict(second), dict(small)
    store.beat(account(700))
    assert (second, small) == kept
    lost(flash)
    assert known(opened(flash, second, small)[1]) == (STATE, late(750).pack())


def test_a_save_that_failed_but_was_stored_is_undone_by_the_next_record():
    flash, second = Memory(), Memory()
    store = filled(flash, second)
    flash.lies = True
    with pytest.raises(StoreError):
        store.save(LATER, account(10_000))
    flash.lies = False
    store.beat(account(700, 30, 4))
    assert known(opened(flash, second)[1]) == (STATE, account(700, 30, 4).pack())


def test_while_the_own_flash_holds_a_record_nobody_else_is_believed():
    flash, second = Memory(), Memory()
    store = filled(flash, second)
    kept = dict(second)
    store.save(LATER, account(5))
    second.update(kept)
    second[("beat", 0)] = seal(BEAT, 9_999, b"\1\0\0\0\7\0\0\0" + account(9).pack(), UNIT.key)
    store, found = opened(flash, second)
    assert known(found) == (LATER, account(5).pack())
    store.beat(account(4))
    lost(flash)
    assert known(opened(flash, second)[1]) == (LATER, late(4).pack()), "it was written over"


def test_a_medium_that_was_not_read_is_overwritten_with_higher_numbers():
    flash, second = Memory(), Memory()
    filled(flash, second)
    lost(flash)
    second.dead = True
    store, found = opened(flash, second)
    assert found is None
    store.save(opaygo.new_state(1), account(0))
    second.dead = False
    store.beat(account(0))
    store.beat(account(0))
    lost(flash)
    assert known(opened(flash, second)[1]) == (opaygo.new_state(1), late(0).pack())


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
    assert second.log == []
    store.beat(account(3), True)
    assert second.log == ["beat"]
    lost(flash)
    assert known(opened(flash, second)[1]) == (LATER, late(3).pack())


@pytest.mark.parametrize("small", (False, True))
@pytest.mark.parametrize("count, believed", ((6, True), (7, True), (8, False)))
def test_a_second_medium_below_the_count_of_the_identity_is_stale(small, count, believed):
    flash, second = Memory(), Memory(small=small)
    filled(flash, second)
    flash.clear()
    store = records.Store([flash, second])
    store.write_identity(Identity(UNIT.serial, UNIT.key, UNIT.starting_code, count))
    found = store.load(count)
    assert store.stale is not believed
    if believed:
        assert found[0].count == 7 and found[0].floor >= count
        assert found[1].left and found[1].bound == UNKNOWN
    else:
        assert found is None


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
    lost(flash)
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
    flash, small, second = Memory(), Memory(small=True), Memory()
    store = new_store(flash, small, second)
    store.save(STATE._replace(used=5), account(1))
    lost(flash)
    assert opened(flash, small, second)[1][0].used == 5


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
