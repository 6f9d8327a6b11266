"""The counter state and its packed record."""

import random

import pytest

from opaygo import PACKED_SIZE, StateError, new_state, pack, unpack
from opaygo.state import MARKS, RING, mark, marked, remembered, spend

HEAD, ENTRY, MARK = 12, 8, 11  # bytes, see docs/token-engine.md


def _lives(seed, tokens):
    rng = random.Random(seed)
    state = new_state(rng.randrange(500))
    for _ in range(tokens):
        back = rng.random() < 0.1
        count = max(1, state.count + (-rng.randrange(16) if back else rng.randrange(1, 5)))
        marks = marked(state, rng.randrange(12), count, rng.randrange(1 << 40))
        state = spend(state, rng.randrange(1 << 40), count, rng.random() < 0.1, marks)
        yield state


@pytest.mark.parametrize("seed", range(4))
def test_a_record_is_read_as_it_was_written(seed):
    for state in _lives(seed, 200):
        record = pack(state)
        assert len(record) == PACKED_SIZE
        assert unpack(record) == state
        assert unpack(bytearray(record)) == state


def test_the_size_of_a_record():
    assert PACKED_SIZE == HEAD + RING * ENTRY + MARKS * MARK == 612


def test_zero_codes_survive():
    """An entry's code may end, or even be nothing but, zero bytes."""
    state = spend(new_state(), 0, 256, False, b"")
    state = spend(state, 1 << 32, 512, False, marked(state, 0, 256, 0))
    assert unpack(pack(state)) == state
    assert remembered(state, 0) == 256
    assert mark(state, 0) == (256, 0)


def test_an_ordinary_token_changes_few_bytes():
    """In a full ring: the head, one entry of the ring, and one mark; nothing moves."""
    state = new_state(1)
    for count in range(2, 400, 2):
        before = pack(state)
        state = spend(state, count * 1000003, count, False, marked(state, 5, count, count))
        after = pack(state)
        changed = [at for at in range(HEAD, PACKED_SIZE) if before[at] != after[at]]
        ring = {at // ENTRY for at in (at - HEAD for at in changed) if at < RING * ENTRY}
        assert len(ring) == 1
        assert len(changed) <= ENTRY + MARK


def test_codes_are_found_only_at_their_place():
    """Five bytes that are there, but across two fields, are no code of the ring."""
    state = new_state()
    for count in range(2, 40, 2):
        state = spend(state, 0x0102030405 + (count << 20), count, False, b"")
    ring = state.ring
    for at in range(len(ring) - 5):
        found = remembered(state, int.from_bytes(ring[at : at + 5], "big"))
        assert found == (int.from_bytes(ring[at - 3 : at], "big") if at % 8 == 3 else 0)


def test_the_lowest_mark_makes_room():
    state = new_state()
    for chain in range(MARKS):
        state = state._replace(marks=marked(state, chain, 100 - chain, chain))
    state = state._replace(marks=marked(state, 77, 500, 9))
    assert mark(state, 77) == (500, 9)
    assert mark(state, MARKS - 1) == (0, 0)
    assert mark(state, 0) == (100, 0)


@pytest.mark.parametrize("count", (-1, 1 << 24, None, 1.0, "1"))
def test_a_count_no_state_can_have(count):
    with pytest.raises(StateError):
        new_state(count)


def test_the_highest_count():
    """Counts end at 2^24 - 1; a window never reaches beyond."""
    state = new_state((1 << 24) - 1)
    assert unpack(pack(state)) == state


def test_another_version_is_refused():
    record = pack(new_state())
    with pytest.raises(StateError):
        unpack(b"\2" + record[1:])
