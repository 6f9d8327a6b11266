"""Properties that hold for any sequence of entries, any table of codes and any input."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opaygo import Device, OpaygoError, TokenError, judge, judging, new_state, pack, unpack
from tools.proofs.tokens import spec
from tools.proofs.tokens.exhaustive import UNIT
from tools.proofs.tokens.small import Small, Token, counts_of, scaled
from tools.proofs.tokens.spec import Windows

VALUES = (0, 5, 995, 996, 997, 998, 999)
EXTENDED_VALUES = (0, 7, 998, 999, 999999)
LENGTH = 200  # of a table

smalls = st.builds(
    Small,
    st.builds(
        Windows,
        jump=st.integers(1, 8),
        older=st.integers(1, 8),
        ahead=st.integers(1, 12),
        back=st.integers(1, 12),
        ring=st.integers(1, 8),
    ),
    margin=st.integers(0, 5),
    marks=st.integers(1, 3),
)


@st.composite
def tables(draw):
    """A table of prefixes; the fewer different ones, the more counts share theirs."""
    different = draw(st.sampled_from((3, 10, 30, 10000)))
    rng = random.Random(draw(st.integers(0, 2**32)))
    return [1 + rng.randrange(different) for _ in range(LENGTH)]


@st.composite
def sequences(draw):
    """Entries as ((value, extended), how far from the newest count)."""
    kinds = [(value, False) for value in VALUES] + [(value, True) for value in EXTENDED_VALUES]
    chosen = [(5, False), *draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=3))]
    distances = st.integers(-3, 3) | st.integers(1, 3) | st.integers(-14, 14)
    return draw(st.lists(st.tuples(st.sampled_from(chosen), distances), min_size=5, max_size=60))


def _token(prefixes, state, kind, distance):
    count = min(max(state.count + distance, 0), LENGTH - 20)
    return Token(kind[0], kind[1], prefixes[count])


@pytest.mark.long
@settings(deadline=None, max_examples=600)
@given(smalls, tables(), sequences(), st.integers(0, 6), st.randoms(use_true_random=False))
def test_any_sequence_is_judged_as_specified(small, prefixes, entries, start, rng):
    """Marks dropped, the state packed or not, slices of any size: the verdict is the same."""
    with scaled(small, prefixes):
        state, life = new_state(start), spec.new_life(start)
        for kind, distance in entries:
            token = _token(prefixes, state, kind, distance)
            counts = counts_of(token, prefixes)
            wanted, life = spec.judge(
                small.windows, life, token.value, token.extended, token.digits, counts
            )
            if rng.random() < 0.2:
                state = state._replace(marks=b"")
            *slices, (verdict, after) = judging(UNIT, state, token.digits, rng.randrange(1, 9))
            assert verdict == wanted
            assert not any(slices)
            assert (after.count, after.floor) == (life.last, life.floor)
            if verdict.outcome in ("ALREADY_USED", "INVALID"):
                assert after is state
            state = after


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=21) | st.text("0123456789 +-_²٣", min_size=8, max_size=21))
def test_any_text_is_judged_or_refused(text):
    state = new_state()
    for restricted in (False, True):
        device = Device(bytes(range(16)), 123456789, restricted=restricted)
        digits = "1234" if restricted else "0123456789"
        lengths = (15, 20) if restricted else (9, 12)
        formed = len(text) in lengths and set(text) <= set(digits)
        try:
            verdict, after = judge(device, state, text)
        except TokenError:
            assert not formed or restricted
        else:
            assert formed
            assert verdict.outcome in (*spec.ACCEPTED, "ALREADY_USED", "INVALID")
            assert after is state or verdict.outcome in spec.ACCEPTED


@given(st.binary(max_size=40) | st.binary(min_size=612, max_size=612), st.booleans())
def test_any_record_is_a_state_or_refused(data, versioned):
    if versioned and data:
        data = b"\1" + data[1:]
    try:
        state = unpack(data)
    except OpaygoError:
        return
    # Junk can hide in what an empty entry leaves; what was read is read again.
    assert unpack(pack(state)) == state


@settings(deadline=None)
@given(st.binary(max_size=40) | st.text(max_size=40) | st.none())
def test_no_error_shows_the_key(key):
    try:
        Device(key)
    except OpaygoError as error:
        assert str(error) == "key: 16 bytes expected"
