"""Random lives: CPython and MicroPython judge them as the specification does, state for state."""

from collections import Counter

import pytest

from opaygo import decoder
from tools.proofs.tokens.lives import (
    HABITS,
    Author,
    account,
    check_encoder,
    difference,
    micropython_judge,
    parse,
)
from tools.proofs.tokens.replay import replay

LIVES = 12
ENTRIES = 250
PARTS = 2  # so that tests running side by side share them


def _check(life, line):
    verdicts = parse(line)
    assert difference(life, verdicts) == ""
    return account(life, verdicts)


@pytest.mark.parametrize("habits", HABITS)
@pytest.mark.parametrize("part", range(PARTS))
def test_lives_are_judged_alike_everywhere(habits, part, monkeypatch):
    author = Author(f"{habits} {part}", HABITS[habits])
    monkeypatch.setattr(decoder, "Chain", author.chain_class())
    tally = Counter()
    with micropython_judge() as micropython:
        for _ in range(LIVES):
            life = author.write(ENTRIES)
            check_encoder(author, life)
            line = micropython.ask(life.job)
            tally += _check(life, line)
            assert replay(life.job) == line.strip()
    assert tally["double_credits"] == 0
    assert tally["refused_legal"] == 0
    assert tally["entries"] == LIVES * ENTRIES
    assert tally["accepted"] > LIVES * ENTRIES / 8
    assert tally["late_credited"] > 0


def test_a_life_with_real_hashes_on_both_interpreters():
    life = Author("hashed").write(600)
    with micropython_judge() as micropython:
        line = micropython.ask(life.job)
    _check(life, line)
    assert replay(life.job) == line.strip()


def test_the_accounts_see_a_double_credit():
    """The two figures that must be zero are not so because nobody looks."""
    life = Author("accounts").write(200)
    codes = [issued.code for issued in life.issued]
    credits = [n for n, verdict in enumerate(life.expected) if verdict[0] == "ADD_TIME"]
    first = next(n for n in credits if codes[n] in codes[n + 1 :])
    again = codes.index(codes[first], first + 1)
    verdicts = list(life.expected)
    verdicts[again] = verdicts[first]
    assert account(life, verdicts)["double_credits"] == 1
    verdicts = list(life.expected)
    verdicts[first] = ("INVALID", 0, 0, 0)
    assert account(life, verdicts)["refused_legal"] == 1
