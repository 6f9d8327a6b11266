"""The tests' encoder makes the tokens of `openpaygo`, the protocol's own."""

import random

import pytest
from openpaygo import OpenPAYGOTokenEncoder, TokenType
from openpaygo.token_shared import OpenPAYGOTokenShared
from openpaygo.token_shared_extended import OpenPAYGOTokenSharedExtended

from tools.proofs.tokens.encoder import EXTENDED, PLAIN, Encoder, next_extended, next_plain


def _units(seed, number):
    rng = random.Random(seed)
    for _ in range(number):
        yield rng, Encoder(rng.randbytes(16), rng.choice((None, rng.randrange(1, 10**9))))


@pytest.mark.parametrize("restricted", (False, True))
@pytest.mark.parametrize("extended", (PLAIN, EXTENDED))
def test_tokens(extended, restricted):
    for rng, unit in _units(1, 8):
        for count in (0, 1, 2, 7, rng.randrange(60)):
            value = rng.choice((0, 1, 995, rng.randrange(1000000 if extended else 996)))
            value = min(value, 995) if not extended else value
            new_count, token = OpenPAYGOTokenEncoder.generate_token(
                secret_key=unit.key.hex(),
                count=count,
                value=value,
                token_type=rng.choice((TokenType.ADD_TIME, TokenType.SET_TIME)),
                starting_code=unit.starting_code,
                restricted_digit_set=restricted,
                extended_token=extended,
            )
            wide = 20 if restricted and extended else 15 if restricted else 9
            assert unit.token(value, new_count, extended, restricted) == token.zfill(wide)


@pytest.mark.parametrize(
    ("kind", "value"), ((TokenType.DISABLE_PAYG, 998), (TokenType.COUNTER_SYNC, 999))
)
def test_special_tokens_and_derived_starting_code(kind, value):
    for rng, unit in _units(2, 6):
        derived = Encoder(unit.key)
        new_count, token = OpenPAYGOTokenEncoder.generate_token(
            secret_key=unit.key.hex(), count=rng.randrange(50), token_type=kind
        )
        assert derived.token(value, new_count) == token


def test_single_steps_anywhere_on_a_chain():
    for rng, unit in _units(3, 10):
        for _ in range(20):
            code = rng.randrange(10**9)
            oracle = OpenPAYGOTokenShared.generate_next_token(code, unit.key)
            assert next_plain(unit.key, code) == oracle
            code = rng.randrange(10**12)
            oracle = OpenPAYGOTokenSharedExtended.generate_next_token(code, unit.key)
            assert next_extended(unit.key, code) == oracle
