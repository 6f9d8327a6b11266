"""A walk along a chain stops at the right count, and stands there."""

import random

import pytest

from opaygo.chain import Chain, schedule
from tools.proofs.tokens.encoder import EXTENDED, PLAIN, Encoder

KEY = bytes(range(16))


def _stop(extended, start, low, span, hashes):
    chain = Chain(schedule(KEY), extended, low, span)
    chain.seek(0, start)
    found = chain.next(hashes)
    return found, chain.count


@pytest.mark.parametrize("extended, span", ((PLAIN, 1000), (EXTENDED, 1000000)))
def test_the_walk_stops_at_a_code_within_the_span(extended, span):
    rng = random.Random(1)
    for _ in range(30):
        unit = Encoder(KEY, rng.randrange(10**9))
        codes = unit.chain(0, 6, extended)
        start, code = codes[0], codes[4]
        for low in (code, code - 1, code - span + 1):
            if low >= 0:
                assert _stop(extended, start, low, span, 6) == (1, 4)
        for low in (code + 1, code - span):
            if low >= 0:
                assert _stop(extended, start, low, span, 6) == (0, 6)


def test_a_span_across_the_32_bit_boundary():
    """In a 12-digit code a borrow in the lower 32 bits must reach the upper bits."""
    codes = Encoder(KEY, 1).chain(0, 30000, EXTENDED)
    checked = 0
    for start, code in zip(codes, codes[1:]):
        behind = code % 2**32  # how far the code is behind a multiple of 2^32
        if code > 2**32 and behind < 900000:
            checked += 1
            for low in (code - behind - 1, code - behind, code - 999999):
                assert _stop(EXTENDED, start, low, 1000000, 1) == (1, 1)
            assert _stop(EXTENDED, start, code - 1000000, 1000000, 1) == (0, 1)
    assert checked


def test_the_halves_of_a_code_do_not_mix():
    """The same lower half with another upper half is another code."""
    unit = Encoder(KEY, 5)
    code = unit.chain(0, 1, EXTENDED)[1]
    for other in (code - 2**32, code + 2**32, code % 2**32):
        if 0 <= other != code:
            assert _stop(EXTENDED, 5, other, 1000000, 1) == (0, 1)


def test_the_walk_goes_on_behind_a_match():
    codes = Encoder(KEY, 7).chain(0, 9)
    chain = Chain(schedule(KEY), PLAIN, codes[3], 1)
    chain.seek(0, codes[0])
    assert (chain.next(9), chain.count, chain.code) == (1, 3, codes[3])
    assert (chain.next(6), chain.count, chain.code) == (0, 9, codes[9])


def test_a_walk_from_the_middle():
    codes = Encoder(KEY, 7).chain(0, 9)
    chain = Chain(schedule(KEY), PLAIN, codes[8], 1)
    chain.seek(5, codes[5])
    assert (chain.next(9), chain.count) == (1, 8)
