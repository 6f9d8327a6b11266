"""`payg ledger`: the history, told again. Nothing is changed, and no answer has a key."""

import csv
import io
import json
import time

import pytest
import sqlalchemy as sa

from tests_host.batch.conftest import ask, issued, unit
from tools.batches import ledger as ledger_module
from tools.batches import tables as ledger_tables
from tools.batches.ledger import Ledger
from tools.batches.lists import read_list

SERIAL = "SLT000000003"
ALL = [["show", SERIAL], ["last", SERIAL], ["day"], ["day", "2026-11-21"], ["stations"]]
FORMS = [[], ["--json"], ["--csv"]]


@pytest.fixture
def here(batch, monkeypatch):
    """The folder of the list is the current one, as for a person."""
    monkeypatch.chdir(batch.parent)
    return batch


@pytest.fixture
def lived(payg, here):
    """A ledger in which something happened."""
    with Ledger("ledger.db") as ledger:
        ledger.reserve(SERIAL, "north")
        ledger.failed(SERIAL, "north", f"keys: 5 not pressed ({unit(3).key.hex()})")
        ledger.reserve(SERIAL, "south")
        ledger.provisioned(SERIAL, "south", "f1" * 32, "c0ffee00")
        for number in (5, 6):
            ledger.reserve(unit(number).serial, "north")
            ledger.failed(unit(number).serial, "north", "keys: 7 not pressed")
            ledger.reserve(unit(number).serial, "north")
        ledger.failed("SLT000000007", "north", "load: it does not switch on")
        ledger.provisioned("SLT000000005", "north", "f1", "c0ffee01")
        ledger.reserve("SLT000000005", "north", "c0ffee01")
    one = ["token", "--batch", here, "--serial", SERIAL]
    payg(*one, "--add", 7)
    payg(*one, "--disable")
    return payg(*one, "--set", 30)[1]


def test_show(payg, lived):
    code, said, _ = payg("ledger", "show", SERIAL)
    digits, count = issued(lived)
    lines = said.splitlines()
    assert (code, lines[0]) == (0, f"{SERIAL}: count {count}")
    assert "key check c0ffee00, firmware f1f1f1f1f1f1" in lines
    assert any("failed at north: keys: 5 not pressed ((hidden))" in line for line in lines)
    assert any("provisioned at south" in line for line in lines)
    assert any(line.split("  ")[1].startswith("issued add 7, count 2, ") for line in lines[2:])
    spaced = " ".join(digits[at : at + 3] for at in (0, 3, 6))
    assert lines[-1].endswith(f"  issued set 30, count {count}, {spaced}")


def test_show_as_json_and_csv(payg, lived):
    answer = json.loads(payg("ledger", "show", SERIAL, "--json")[1])
    assert (answer["serial"], answer["count"], answer["station"]) == (SERIAL, 5, "south")
    assert [(token["kind"], token["value"], token["count"]) for token in answer["tokens"]] == [
        ("add", 7, 2),
        ("disable", None, 3),
        ("set", 30, 5),
    ]
    assert [failure["station"] for failure in answer["failures"]] == ["north"]
    rows = list(csv.DictReader(io.StringIO(payg("ledger", "show", SERIAL, "--csv")[1])))
    assert sorted(row["what"] for row in rows) == [
        *("failed", "issued", "issued", "issued", "provisioned", "reserved")
    ]
    assert {row["time"][-1] for row in rows} == {"Z"}


def test_a_reason_is_not_cut_in_parentheses(payg, here):
    with Ledger("ledger.db") as ledger:
        for reason in (
            "the firmware fails (ImportError: no module): repeat",
            "(a) b: c",
            "d (e: f",
        ):
            ledger.failed(SERIAL, "north", reason)
    lines = [line.strip() for line in payg("ledger", "stations")[1].splitlines()[1:]]
    first = ["1 x (a) b", "1 x d (e", "1 x the firmware fails (ImportError: no module)"]
    assert lines == first


def test_a_second_provisioning_is_no_failure(payg, lived):
    serial = unit(5).serial
    lines = payg("ledger", "show", serial)[1].splitlines()
    assert lines[-1].endswith("  again at north: lost its memory")
    answer = json.loads(payg("ledger", "show", serial, "--json")[1])
    assert [row["reason"] for row in answer["again"]] == ["lost its memory"]
    assert [row["reason"] for row in answer["failures"]] == ["keys: 7 not pressed"]


def test_a_count_without_tokens_is_explained(payg, here):
    one = ["token", "--batch", here, "--serial", SERIAL]
    payg(*one, "--add", 7)
    with Ledger("ledger.db") as ledger:
        for count in (100, 90, 300, 665):  # a run of `payg conform` raises the count step by step
            ledger.raise_count(SERIAL, count)
    payg(*one, "--resync", 700)
    payg(*one, "--resync", 690)
    lines = [line.split("  ")[1] for line in payg("ledger", "show", SERIAL)[1].splitlines()[1:]]
    said = [line for line in lines if not line.startswith("issued")]
    assert said == [
        "raised, count 665: by payg conform, from count 2",
        "resync, count 700: the ledger had count 665",
        "resync, count 690: the ledger had count 701",
    ]
    answer = json.loads(payg("ledger", "show", SERIAL, "--json")[1])
    assert [(note["what"], note["count"]) for note in answer["notes"]] == [
        *(("raised", 665), ("resync", 700), ("resync", 690))
    ]
    assert answer["failures"] == []
    assert "no station is in this ledger yet" in payg("ledger", "stations")[1]


def test_two_runs_are_two_lines(payg, here, monkeypatch):
    with Ledger("ledger.db") as ledger:
        ledger.raise_count(SERIAL, 100)
        payg("token", "--batch", here, "--serial", SERIAL, "--add", 7)
        ledger.raise_count(SERIAL, 200)
        monkeypatch.setattr("tools.batches.ledger.A_RUN", -ledger_module.A_RUN)
        ledger.raise_count(SERIAL, 300)
    said = payg("ledger", "show", SERIAL)[1]
    for words in ("100: by payg conform, from count 0", "200: by payg conform, from count 102"):
        assert f"raised, count {words}" in said
    assert "raised, count 300: by payg conform, from count 200" in said


def test_show_names_the_list(payg, here):
    payg("batch", "new", "--prefix", "SLX", "--first", 1, "--quantity", 3, "--out", "made.csv")
    code, said, _ = payg("ledger", "show", "SLX000000002")
    assert (code, said) == (0, "SLX000000002: count not known\nlist made.csv\n")


def test_the_last_token_again(payg, here, lived):
    code, said, notes = payg("ledger", "last", SERIAL, "--batch", here)
    assert (code, said) == (0, lived)
    assert notes.startswith("Note: issued 20") and notes.endswith(", printed again\n")
    short = payg("ledger", "last", SERIAL)[1]
    assert short.splitlines()[:2] == lived.splitlines()[:2]
    assert issued(short) == issued(lived)


def test_the_last_token_of_another_list_is_refused(payg, tmp_path, monkeypatch):
    """The ledger's list has another key: the token is one for another unit."""
    mine, theirs = tmp_path / "mine.csv", tmp_path / "there" / "theirs.csv"
    theirs.parent.mkdir()
    for out in (mine, theirs):
        payg("batch", "new", "--prefix", "SLT", "--first", 1, "--quantity", 5, "--out", out)
    first = payg("token", "--batch", mine, "--serial", SERIAL, "--add", 7)[1]
    asked = ["ledger", "last", SERIAL, "--ledger", tmp_path / "ledger.db", "--batch"]
    code, said, error = payg(*asked, theirs)
    assert (code, said, "has another key in the list mine.csv" in error) == (1, "", True)
    assert payg(*asked, mine)[1] == first


@pytest.mark.parametrize(
    ("divider", "asked"), [(24, ["--add", "0.5"]), (1, ["--disable"]), (1, ["--extended", 2])]
)
def test_the_message_is_as_it_was(payg, shelf, divider, asked, monkeypatch):
    path = shelf(unit(3, time_divider=divider))
    monkeypatch.chdir(path.parent)
    first = payg("token", "--batch", path, "--serial", SERIAL, *asked)[1]
    assert payg("ledger", "last", SERIAL, "--batch", path)[1] == first


def test_a_reprint_is_no_issue(payg, here, lived):
    before = (here.parent / "ledger.db").read_bytes()
    for _ in range(3):
        payg("ledger", "last", SERIAL, "--batch", here)
    assert (here.parent / "ledger.db").read_bytes() == before
    with Ledger("ledger.db") as ledger:
        assert (ledger.count(SERIAL), len(ledger.tokens(SERIAL))) == (5, 3)


@pytest.mark.parametrize(
    ("zone", "days"),
    [
        ("UTC", ["2026-11-20", "2026-11-20", "2026-11-21"]),
        ("EAT-3", ["2026-11-20", "2026-11-21", "2026-11-21"]),
        ("PST8", ["2026-11-19", "2026-11-20", "2026-11-21"]),
    ],
)
def test_a_day_is_one_of_this_computer(payg, here, monkeypatch, zone, days):
    times = ["2026-11-20T00:00:00Z", "2026-11-20T21:00:00Z", "2026-11-21T11:59:59Z"]
    payg(*ask(here, "SLT000000001,add,1\nSLT000000002,set,2\nSLT000000003,disable,\n"))
    with Ledger("ledger.db") as ledger, ledger._writing() as database:
        for number, moment in enumerate(times, 1):
            mine = ledger_tables.tokens.c.serial == unit(number).serial
            change = sa.update(ledger_tables.tokens).where(mine).values(issued_at=moment)
            database.execute(change)
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        for asked in set(days) | {"2026-11-18"}:
            found = json.loads(payg("ledger", "day", asked, "--json")[1])
            wanted = [unit(at).serial for at, day in enumerate(days, 1) if day == asked]
            assert [token["serial"] for token in found] == wanted
            last = payg("ledger", "day", asked)[1].splitlines()[-1]
            assert last.startswith(f"{asked}: {len(wanted)} token")
    finally:
        monkeypatch.undo()
        time.tzset()


def test_today(payg, lived):
    said = payg("ledger", "day")[1].splitlines()
    assert said[-1].endswith(": 3 tokens for 1 unit (1 add, 1 disable, 1 set)")
    rows = list(csv.DictReader(io.StringIO(payg("ledger", "day", "--csv")[1])))
    assert [(row["serial"], row["count"]) for row in rows] == [(SERIAL, n) for n in "235"]


def test_stations(payg, lived):
    assert payg("ledger", "stations")[1].splitlines() == [
        "north: 1 made, 1 begun, 1 again, 4 failed",
        "  3 x keys",
        "  1 x load",
        "south: 1 made, 0 begun, 0 again, 0 failed",
    ]
    north, south = json.loads(payg("ledger", "stations", "--json")[1])
    assert north["reasons"] == {"keys": 3, "load": 1}
    assert (south["station"], south["made"], south["failed"]) == ("south", 1, 0)
    rows = list(csv.reader(io.StringIO(payg("ledger", "stations", "--csv")[1])))
    assert ["north", "failed", "keys", "3"] in rows and ["south", "made", "", "1"] in rows


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_no_key_in_any_answer(payg, here, lived, form):
    for question in ALL:
        code, said, error = payg("ledger", *question, *form)
        assert code == 0, error
        for made in read_list(here):
            assert made.key.hex()[:16] not in (said + error).lower()


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_on_a_server(payg, here, postgresql, form):
    named = ["--ledger", postgresql]
    payg("token", "--batch", here, "--serial", SERIAL, "--add", 7, *named, "--new-ledger")
    with Ledger(postgresql) as ledger:
        ledger.reserve(SERIAL, "north")
    for question in (*ALL[:3], ALL[4]):
        code, said, _ = payg("ledger", *question, *form, *named)
        assert (code, SERIAL in said or "north" in said) == (0, True)


@pytest.mark.parametrize("question", ALL, ids=str)
def test_without_a_ledger(payg, here, question):
    (here.parent / "ledger.db").unlink()
    code, said, error = payg("ledger", *question)
    assert (code, said) == (1, "")
    assert "there is no ledger ledger.db" in error
    assert not (here.parent / "ledger.db").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (["show", "SLT000000O03"], 1, "do you mean SLT000000003?"),
        (["show", "SLT00000003"], 1, "do you mean SLT000000003?"),
        (["last", "ABC"], 1, "the ledger knows nothing of ABC"),
        (["last", "SLT000000005"], 1, "no token was issued for SLT000000005"),
        (["day", "21.11.2026"], 2, "written as 2026-11-21"),
        (["day", "2026-11-31"], 2, "the calendar has no day 2026-11-31"),
        (["day", "2026-13-01"], 2, "the calendar has no day 2026-13-01"),
        (["day", "0001-01-01"], 2, "written as 2026-11-21"),
        (["day", "--json", "--csv"], 2, "not both"),
        (["show"], 2, "SERIAL"),
    ],
)
def test_a_mistake_is_one_plain_line(payg, lived, arguments, code, reason):
    got, said, error = payg("ledger", *arguments)
    assert (got, said, error.count("\n")) == (code, "", 1)
    assert reason in error


@pytest.mark.parametrize("name", ["show", "last", "day", "stations"])
def test_help_teaches_by_example(payg, name):
    assert f"  payg ledger {name}" in payg("ledger", name, "--help")[1]
    assert f"payg ledger {name}" in payg("ledger", "--help")[1]
