"""`payg token --resync`: a unit's count and the ledger's meet, and no count is used twice."""

import itertools
import json
import os
import subprocess
import sys

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from opaygo import Device, judge, new_state
from tests_host.batch.conftest import issued, nothing_issued, unit
from tools.batches import tables as ledger_tables
from tools.batches.issuing import order_of
from tools.batches.ledger import SYNC_REACH, TYPED, Ledger, LedgerError, Order, _steps
from tools.batches.wishes import Wish
from tools.commands import token
from tools.paths import ROOT
from tools.tokens import parse_days

MADE = unit(1)
DEVICE = Device(MADE.key, MADE.starting_code, MADE.time_divider, MADE.restricted)
SYNC = order_of(MADE, Wish(MADE.serial, "sync", None))
KINDS = [("add", parse_days("7")), ("set", parse_days("7")), ("disable", None), ("sync", None)]
ORDERS = [order_of(MADE, Wish(MADE.serial, *kind)) for kind in KINDS]


def enter(state, token):
    verdict, state = judge(DEVICE, state, token.digits)
    return verdict.outcome, state


@settings(deadline=None, max_examples=20)
@given(
    at=st.integers(0, 300),
    known=st.integers(0, 500),
    kinds=st.lists(st.sampled_from(ORDERS), max_size=12),
)
def test_unit_and_ledger_meet(tmp_path_factory, at, known, kinds):
    """Ahead or behind, by any distance: the unit takes every token, and then the next addition."""
    place = str(tmp_path_factory.mktemp("ledgers") / "l.db")
    with Ledger(place) as ledger:
        ledger.raise_count(MADE.serial, known)
        before = [ledger.issue([order])[0] for order in kinds]
        top = ledger.count(MADE.serial)
        state = new_state(at)
        synced = ledger.resync(SYNC, at)
        for token in synced:
            outcome, state = enter(state, token)
            assert outcome == "COUNTER_SYNC"
        assert ledger.count(MADE.serial) == synced[-1].count > max(at, top)
        assert all(token.count % 2 for token in synced)
        (added,) = ledger.issue([ORDERS[0]])
        outcome, state = enter(state, added)
        assert outcome == "ADD_TIME"
        counts = [token.count for token in (*before, *synced, added)]
        assert len(set(counts)) == len(counts)
        for token in synced:
            assert enter(state, token)[0] == "ALREADY_USED"


@pytest.mark.parametrize("at", [1, 50])
def test_a_step_is_never_at_an_issued_count(ledger, at):
    """Odd counts were issued as `set`: the way leads between them."""
    ledger.issue([ORDERS[1], ORDERS[0]] * 120)
    issued_before = {token.count for token in ledger.tokens(MADE.serial)}
    ledger.raise_count(MADE.serial, 600)
    if at == 1:
        with pytest.raises(LedgerError, match="every count .* was issued already"):
            ledger.resync(SYNC, at)
        assert ledger.count(MADE.serial) == 600
        return
    steps = ledger.resync(SYNC, 200)
    assert issued_before.isdisjoint(token.count for token in steps)


def test_within_reach_one_token_is_enough(ledger):
    ledger.raise_count(MADE.serial, 60)
    assert [token.count for token in ledger.resync(SYNC, 60 - SYNC_REACH + 41)] == [61]
    assert [token.count for token in ledger.resync(SYNC, 300)] == [301]
    assert [token.count for token in ledger.resync(SYNC, 301)] == [303]


def test_the_test_code_and_used_digits_are_no_step(ledger):
    ledger.raise_count("A1", 399)
    digits = {count: f"{count:09}" for count in range(1, 600)} | {97: "000000777", 99: "000000401"}

    def make(count):
        count += 1 + count % 2
        return count, digits[count]

    order = Order("A1", 1, "sync", None, make, "000000777")
    assert [token.count for token in ledger.resync(order, 1)] == [101, 201, 301, 401]


def test_two_resync_at_once(place):
    with Ledger(place) as mine, Ledger(place) as theirs:
        first, second = mine.resync(SYNC, 30), theirs.resync(SYNC, 30)
        assert [token.count for token in first + second] == [31, 33]


def test_others_work_while_the_tokens_are_made(place, monkeypatch):
    """The chains of a high count take minutes: the ledger is free, and a faster program wins."""
    monkeypatch.setattr(ledger_tables, "PATIENCE", 1)
    with Ledger(place) as mine, Ledger(place) as theirs:
        mine.raise_count("A1", 250)
        theirs_made = []

        def plain(count):
            count += 1 + count % 2
            return count, f"{count:09}"

        def make(count):
            if not theirs_made:
                theirs.issue([ORDERS[0]])
                theirs_made.extend(theirs.resync(Order("A1", 1, "sync", None, plain), 10))
            return plain(count)

        made = mine.resync(Order("A1", 1, "sync", None, make), 10)
        assert [token.count for token in theirs_made] == [109, 209, 251]
        assert [token.count for token in made] == [107, 207, 253]
        assert mine.count("A1") == 253
        assert mine.count(MADE.serial) == 2


def test_nobody_types_more_than_thirty_tokens(ledger):
    ledger.raise_count(MADE.serial, 3_001)
    assert len(ledger.resync(SYNC, 4)) == TYPED == 30
    ledger.raise_count(MADE.serial, 3_100)
    with pytest.raises(LedgerError, match="3,001 counts behind.*`payg provision --again`"):
        ledger.resync(SYNC, 99)
    assert len(ledger.tokens(MADE.serial)) == 30


def test_issued_counts_in_the_way_make_short_steps():
    """With one free count in 60, each token leads 60 counts further."""
    taken = {count for count in range(1, 3_000, 2) if count % 60 != 1}
    assert len(_steps(SYNC, 1, 1_801, taken, set())) == TYPED - 1
    with pytest.raises(LedgerError, match="nobody types that many"):
        _steps(SYNC, 1, 2_001, taken, set())


def _lives():
    """Return the steps of a day at a ledger: functions of the ledger that return tokens."""
    return [
        lambda ledger: ledger.issue([ORDERS[0], ORDERS[1]]),
        lambda ledger: ledger.resync(SYNC, 110),
        lambda ledger: ledger.resync(SYNC, 3),
        lambda ledger: ledger.issue([ORDERS[2]]),
    ]


@pytest.mark.parametrize("stage", ["before", "after"])
def test_cut_at_any_statement_no_count_is_used_twice(tmp_path, stage):
    """The database fails at each statement in turn, before or after it; the person repeats."""
    numbers = itertools.count()
    while _day(tmp_path / f"{stage}{next(numbers)}.db", stage):
        pass
    assert next(numbers) > 25


def _day(path, stage):
    """Live a day with a failing n-th statement; return True if there was an n-th statement."""
    fails_at, seen, failed = int("".join(filter(str.isdigit, path.stem))), 0, False

    def statement(*_):
        nonlocal seen
        seen += 1
        if seen - 1 == fails_at:
            raise sa.exc.OperationalError("statement", {}, Exception("disk I/O error"))

    printed = []
    with Ledger(str(path)) as ledger:
        sa.event.listen(ledger._engine, f"{stage}_cursor_execute", statement)
        for live in _lives():
            try:
                printed += live(ledger)
            except LedgerError:
                failed = True
                printed += live(ledger)
    with Ledger(str(path)) as ledger:
        counts = [token.count for token in printed]
        assert len(set(counts)) == len(counts)
        assert set(printed) <= set(ledger.tokens(MADE.serial))
        assert ledger.count(MADE.serial) == max(counts)
    return failed


@pytest.mark.long
def test_killed_between_any_two_steps_no_count_is_used_twice(tmp_path):
    command = [sys.executable, "-m", "tests_host.batch.killed", str(tmp_path)]
    folders = os.pathsep.join(str(ROOT / part) for part in ("", "lib", "tests_host/shim"))
    environment = {**os.environ, "PYTHONPATH": folders}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    days = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(days) > 50
    for kill_at, printed, kept in days:
        assert len(set(printed)) == len(printed), kill_at
        assert set(printed) <= set(kept) and len(set(kept)) == len(kept), kill_at


# -- the command ------------------------------------------------------------------------------


def blocks(said):
    lines = said.splitlines(keepends=True)
    return [issued("".join(lines[at : at + 3])) for at in range(0, len(lines), 3)]


def test_a_unit_that_ran_ahead(payg, batch):
    one = ["token", "--batch", batch, "--serial", MADE.serial]
    payg(*one, "--add", 7)
    code, said, notes = payg(*one, "--resync", 311)
    assert code == 0
    assert [count for _, count in blocks(said)] == [313]
    assert "the ledger had count 2; unit and ledger now meet at 313" in notes
    assert "refuses" not in notes and "/" not in said
    assert issued(payg(*one, "--add", 7)[1])[1] == 314


def test_a_unit_that_is_far_behind(payg, batch):
    one = ["token", "--batch", batch, "--serial", MADE.serial]
    with Ledger(str(batch.parent / "ledger.db")) as ledger:
        ledger.raise_count(MADE.serial, 250)
    payg(*one, "--add", 7)
    code, said, notes = payg(*one, "--resync", 10)
    assert (code, [count for _, count in blocks(said)]) == (0, [109, 209, 253])
    assert "enter these 3 tokens in this sequence, 1/3 first" in notes
    refused = "the unit refuses add 7 days (count 252). If the customer did not enter this token,"
    assert refused in notes and "issue the same value again" in notes
    messages = [line for line in said.splitlines() if line.startswith("sms")]
    for step, message in enumerate(messages, 1):
        assert f"count brought up to date, {step}/3 (in the sequence 1 to 3). Type" in message
        assert len(message.removeprefix("sms   ")) <= 160 - 20
    state = new_state(10)
    for digits, _ in blocks(said):
        verdict, state = judge(DEVICE, state, digits)
        assert verdict.outcome == "COUNTER_SYNC"


def test_tokens_that_the_unit_refuses_are_named(payg, shelf):
    path = shelf(unit(1, time_divider=24))
    one = ["token", "--batch", path, "--serial", MADE.serial]
    kinds = ["--add=0.5", "--set=30", "--sync", "--disable", "--extended=2", "--add=1/24"]
    for kind in kinds:
        assert payg(*one, kind)[0] == 0
    notes = payg(*one, "--resync", 2)[2]
    names = "set 30 days (count 3), disable (count 7), extended 2 (count 8), add 1 hour (count 10)"
    assert f"refuses {names}. If the customer did not enter these tokens, issue" in notes
    for _ in range(9):
        payg(*one, "--add", 1)
    notes = payg(*one, "--resync", 2)[2]
    assert f"refuses 3 older tokens (payg ledger show {MADE.serial} --ledger" in notes
    assert notes.count("(count ") == 10


def test_a_count_far_ahead_needs_a_yes(payg, batch):
    one = ["token", "--batch", batch, "--serial", MADE.serial, "--resync", 1002]
    code, said, error = payg(*one)
    assert (code, said) == (1, "")
    assert "more than 1,000 ahead" in error and "--yes" in error
    code, said, _ = payg(*one, "--yes")
    assert (code, blocks(said)[0][1]) == (0, 1003)


def test_a_unit_that_lost_its_memory_beside_a_high_count(payg, batch):
    """One plain sentence, at once: 168,000 tokens are made for nobody."""
    with Ledger(str(batch.parent / "ledger.db")) as ledger:
        ledger.raise_count(MADE.serial, 16_777_000)
    code, said, error = payg("token", "--batch", batch, "--serial", MADE.serial, "--resync", 1)
    assert (code, said, error.count("\n")) == (1, "", 1)
    assert "16,776,999 counts behind" in error and "payg provision --again" in error
    with Ledger(str(batch.parent / "ledger.db")) as ledger:
        assert ledger.tokens(MADE.serial) == []


@pytest.mark.parametrize("option", ["--resync=300", "--add=7"])
def test_long_work_is_told(payg, batch, monkeypatch, option):
    """At a count of 300 a token takes some milliseconds."""
    one = ["token", "--batch", batch, "--serial", MADE.serial]
    assert "Note: making tokens" not in payg(*one, option)[2]
    monkeypatch.setattr(token, "NOTICE_AFTER", 0)
    notes = payg(*one, option)[2]
    assert "Note: making tokens; at a high count" in notes and "Note: 1 token made" in notes


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--serial", MADE.serial, "--add", 7, "--resync", 3], "--batch and --serial only"),
        (["--serial", MADE.serial, "--sync", "--resync", 3], "--batch and --serial only"),
        (["--csv", "pyproject.toml", "--resync", 3], "--batch and --serial only"),
        (["--resync", 3], "missing option --serial"),
        (["--serial", MADE.serial, "--resync", -1], "--resync"),
    ],
)
def test_what_goes_with_it(payg, batch, arguments, reason):
    code, said, error = payg("token", "--batch", batch, *arguments)
    assert (code, said) == (2, "")
    assert reason in error
    assert nothing_issued(batch)


def test_without_a_list(payg):
    code, _, error = payg("token", "--serial", "A1", "--resync", 0)
    assert (code, "--resync needs --batch" in error) == (2, True)
