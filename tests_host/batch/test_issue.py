"""`payg token --batch`: tokens are the encoder's, counts the ledger's."""

import csv
import os
import pydoc
import re
import signal
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpaygo import OpenPAYGOTokenEncoder, TokenType

from opaygo import Device, judge, new_state
from tests_host.batch.conftest import ENTERED, ask, issued, nothing_issued, unit
from tools.batches import lists
from tools.batches.issuing import order_of, sms, span
from tools.batches.ledger import Ledger
from tools.batches.lists import read_list
from tools.batches.wishes import Wish, read_wishes
from tools.paths import ROOT
from tools.tokens import grouped, parse_days


def expected(made, count, value, token_type=TokenType.ADD_TIME, **more):
    """Return (new count, digits), by the encoder's front door."""
    return OpenPAYGOTokenEncoder.generate_token(
        secret_key=made.key.hex(),
        count=count,
        value=value,
        token_type=token_type,
        starting_code=made.starting_code,
        restricted_digit_set=made.restricted,
        **more,
    )


def test_a_token(payg, batch):
    code, said, notes = payg("token", "--batch", batch, "--serial", "SLT000000003", "--add", 30)
    count, digits = expected(unit(3), 1, 30)
    spaced = f"{digits[:3]} {digits[3:6]} {digits[6:]}"
    assert (code, said) == (
        0,
        f"token {spaced}\ncount {count}\nsms   SLT000000003: 30 days more. Type {spaced} #\n",
    )
    assert notes == "Note: SLT000000003 is not provisioned as far as this ledger knows\n"


def test_each_kind_in_its_turn(payg, batch):
    one = ["token", "--batch", batch, "--serial", "SLT000000003"]
    wishes = [
        (["--add", 7], (7, TokenType.ADD_TIME), {}, "7 days more"),
        (["--set", 1], (1, TokenType.SET_TIME), {}, "1 day from now"),
        (["--set", 0], (0, TokenType.SET_TIME), {}, "locked"),
        (["--disable"], (None, TokenType.DISABLE_PAYG), {}, "unlocked for good"),
        (["--sync"], (None, TokenType.COUNTER_SYNC), {}, "count brought up to date"),
        (["--extended", 2], (2, TokenType.ADD_TIME), {"extended_token": True}, "value 2"),
        (["--add", 2], (2, TokenType.ADD_TIME), {}, "2 days more"),
    ]
    count = 1
    for options, wanted, more, meaning in wishes:
        said = payg(*one, *options)[1]
        digits, new_count = issued(said)
        assert (new_count, digits) == expected(unit(3), count, *wanted, **more)
        assert f"SLT000000003: {meaning}" in said or f"extended {meaning}" in said
        count = new_count
    with Ledger(str(batch.parent / "ledger.db")) as ledger:
        assert [kept.kind for kept in ledger.tokens("SLT000000003")] == [
            *("add", "set", "set", "disable", "sync", "extended", "add")
        ]


@pytest.mark.parametrize("restricted", [False, True])
def test_a_unit_takes_them(payg, shelf, restricted):
    made = unit(1, restricted=restricted, time_divider=24, starting_code=None)
    one = ["token", "--batch", shelf(made), "--serial", made.serial]
    device = Device(made.key, made.starting_code, 24, restricted)
    state = new_state(1)
    for days, wanted in (("0.5", 12), ("1/24", 1), ("30", 720)):
        digits, _ = issued(payg(*one, "--add", days)[1])
        assert len(digits) == (15 if restricted else 9)
        verdict, state = judge(device, state, digits)
        assert verdict.value == wanted


def test_the_note_ends_when_it_is_provisioned(payg, batch):
    with Ledger(str(batch.parent / "ledger.db")) as ledger:
        ledger.reserve("SLT000000003", "north")
        ledger.provisioned("SLT000000003", "north", "f1", "c0ffee00", 5)
    said, notes = payg("token", "--batch", batch, "--serial", "SLT000000003", "--sync")[1:]
    assert (issued(said)[1], notes) == (7, "")


def test_an_addition_for_a_free_unit_is_noted(payg, batch):
    one = ["token", "--batch", batch, "--serial", "SLT000000003"]
    free = "Note: SLT000000003 is free as far as this ledger knows: an addition changes nothing"
    assert "free" not in payg(*one, "--add", 7)[2]
    assert "free" not in payg(*one, "--disable")[2]
    for kind, noted in (("add", True), ("set", True), ("add", False), ("set", False)):
        code, _, notes = payg(*one, f"--{kind}", 7)
        assert (code, free in notes) == (0, noted)


def test_free_units_of_a_file_are_one_note(payg, batch):
    rows = "".join(f"SLT{number:09},disable,\n" for number in (1, 2, 3, 4))
    assert "free" not in payg(*ask(batch, rows))[2]
    rows = "".join(f"SLT{number:09},add,7\n" for number in (9, 4, 3, 2, 1))
    notes = payg(*ask(batch, rows, "second.csv"))[2]
    names = "SLT000000001, SLT000000002, SLT000000003, ..."
    assert notes.count("free as far as") == 1
    assert f"Note: 4 of the units ({names}) are free as far as this ledger knows" in notes
    rows = "SLT000000008,disable\nSLT000000001,set,7\nSLT000000001,add,7\nSLT000000008,add,7\n"
    notes = payg(*ask(batch, rows, "third.csv"))[2]
    assert "2 of the units (SLT000000001, SLT000000008) are free" in notes


def test_the_list_may_be_ahead(payg, shelf):
    """A list from another platform brings its own counts."""
    path = shelf(unit(1))
    one = ["token", "--serial", "SLT000000001", "--add", 1, "--batch"]
    assert issued(payg(*one, path)[1])[1] == 2
    assert issued(payg(*one, shelf(unit(1, count=81)))[1])[1] == 82
    assert issued(payg(*one, shelf(unit(1)))[1])[1] == 84


@pytest.mark.parametrize("restricted", [False, True])
def test_the_test_code_is_never_issued(payg, shelf, restricted):
    plain = unit(1)
    _, next_digits = expected(plain, 1, 30)
    made = plain._replace(test_code=int(next_digits), restricted=restricted)
    said = payg("token", "--batch", shelf(made), "--serial", made.serial, "--add", 30)[1]
    assert issued(said)[::-1] == expected(made, 2, 30)


def test_ledger_of_the_environment(payg, batch, tmp_path, monkeypatch):
    monkeypatch.setenv("PAYG_LEDGER", str(tmp_path / "shared.db"))
    one = ["token", "--batch", batch, "--serial", "SLT000000003", "--sync", "--new-ledger"]
    assert payg(*one)[0] == payg(*one, "--ledger", tmp_path / "named.db")[0] == 0
    names = ["ledger.db", "named.db", "shared.db"]
    assert sorted(path.name for path in tmp_path.glob("*.db")) == names
    assert nothing_issued(batch)


def test_on_a_server(payg, batch, postgresql):
    one = ["token", "--batch", batch, "--serial", "SLT000000003", "--ledger", postgresql]
    code, said, error = payg(*one, "--add", 7)
    assert (code, said, "add --new-ledger" in error) == (1, "", True)
    assert issued(payg(*one, "--add", 7, "--new-ledger")[1])[1] == 2
    assert [issued(payg(*one, "--add", 7)[1])[1] for _ in range(2)] == [4, 6]
    assert "leave out --new-ledger" in payg(*one, "--add", 7, "--new-ledger")[2]
    assert nothing_issued(batch)


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (["--add", 7], 2, "--serial"),
        (["--serial", "SLT000000003"], 2, "exactly one of"),
        (["--serial", "SLT000000099", "--add", 7], 1, "SLT000000099: not in"),
        (["--serial", "SLT000000003", "--add", "0.5"], 2, "--add"),
        (["--serial", "SLT000000003", "--add", "996"], 2, "a token holds 0 to 995 days"),
        (["--serial", "SLT000000003", "--set", "-1"], 2, "a number from 0 to 995"),
        (["--serial", "SLT000000003", "--add", "0"], 2, "--add: 0 days are no addition"),
        (["--serial", "SLT000000003", "--add", 7, "--allow-duplicates"], 2, "is for --csv"),
        (["--serial", "SLT00000O003", "--add", 7], 1, "do you mean SLT000000003?"),
        (["--serial", "SLT000000003", "--add", 7, "--count", 1], 2, "leave out --count"),
        (["--serial", "SLT000000003", "--add", 7, "--restricted"], 2, "leave out --restricted"),
        (["--serial", "SLT000000003", "--add", 7, "--key-file", "k"], 2, "leave out --key-file"),
        (["--serial", "SLT000000003", "--add", 7, "--out", "x"], 2, "--out"),
        (["--serial", "SLT000000003", "--csv", "pyproject.toml"], 2, "--csv"),
        (["--add", 7, "--csv", "pyproject.toml"], 2, "--csv"),
        (["--serial", "SLT000000003", "--sync", "--ledger", "none/l.db"], 1, "there is no ledger"),
    ],
)
def test_a_mistake_is_one_plain_line(payg, batch, arguments, code, reason):
    got, said, error = payg("token", "--batch", batch, *arguments)
    assert (got, said, error.count("\n")) == (code, "", 1)
    assert reason in error
    assert not any(row.key.hex() in error for row in read_list(batch))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("SLT00000011", "SLT000000011"),
        ("SLT0000000011", "SLT000000011"),
        ("slt11", "SLT000000011"),
        ("SLT00000O011", "SLT000000011"),
        ("SLT00001011", "SLT000001011"),
    ],
)
def test_a_dropped_zero_is_the_first_guess(payg, shelf, typed, meant):
    """The most letters in common has another unit: SLT000001011."""
    path = shelf(*(unit(number) for number in (1, 101, 11, 110, 1011)))
    code, _, error = payg("token", "--batch", path, "--serial", typed, "--add", 7)
    assert (code, f"do you mean {meant}?" in error) == (1, True)


# -- no ledger -------------------------------------------------------------------------------


def without_ledger(payg, batch, command):
    """Return a command that uses counts, after the ledger beside the list was lost."""
    (batch.parent / "ledger.db").unlink()
    return {
        "token": ["token", "--batch", batch, "--serial", "SLT000000003", "--add", 1],
        "csv": ask(batch, "SLT000000003,add,1\n"),
        "resync": ["token", "--batch", batch, "--serial", "SLT000000003", "--resync", 5],
        "provision": [
            *("provision", "--batch", batch, "--sim", batch.parent / "units"),
            *("--serial", "SLT000000077"),
        ],
    }[command]


@pytest.mark.parametrize("command", ["token", "csv", "resync", "provision"])
def test_without_a_ledger_no_count_is_used(payg, batch, command):
    asked = without_ledger(payg, batch, command)
    before = sorted(batch.parent.iterdir())
    code, said, error = payg(*asked)
    assert (code, said, error.count("\n")) == (1, "", 1)
    for words in ("there is no ledger", "add --new-ledger", '"I lost the ledger"'):
        assert words in error
    assert sorted(batch.parent.iterdir()) == before


@pytest.mark.parametrize("command", ["token", "csv", "resync", "provision"])
def test_a_new_ledger_is_begun_once_and_noted(payg, batch, command):
    place = batch.parent / "ledger.db"
    asked = [*without_ledger(payg, batch, command), "--new-ledger"]
    assert f"Note: a new ledger is begun, {place}\n" in payg(*asked)[2]
    assert place.exists()
    (batch.parent / "paid-tokens.csv").unlink(missing_ok=True)
    assert "is there already: leave out --new-ledger" in payg(*asked)[2]


def test_a_ledger_that_cannot_be_made_is_not_noted(payg, batch):
    one = ["token", "--batch", batch, "--serial", "SLT000000003", "--sync", "--new-ledger"]
    code, said, error = payg(*one, "--ledger", batch.parent / "none" / "l.db")
    assert (code, said, "cannot be made" in error) == (1, "", True)
    assert "begun" not in error


def test_a_new_ledger_is_for_a_list(payg):
    code, _, error = payg("token", "--serial", "A1", "--sync", "--new-ledger")
    assert (code, "--new-ledger needs --batch" in error) == (2, True)


@pytest.mark.parametrize(
    "option", [["--csv", "pyproject.toml"], ["--out", "pyproject.toml"], ["--allow-duplicates"]]
)
def test_what_needs_a_list(payg, option):
    code, _, error = payg("token", *option, "--serial", "A1", "--sync")
    assert (code, "needs --batch" in error) == (2, True)


@pytest.mark.parametrize(
    ("days", "words"),
    [
        ("1", "1 day"),
        ("30", "30 days"),
        ("0.5", "12 hours"),
        ("1/24", "1 hour"),
        ("1/48", "30 minutes"),
        ("1/255", "5.64706 minutes"),
    ],
)
def test_time_in_words(days, words):
    assert span(parse_days(days)) == words


@given(st.text("0123456789", min_size=9, max_size=20))
def test_groups_of_three(digits):
    parts = grouped(digits).split(" ")
    assert "".join(parts) == digits
    assert {len(part) for part in parts[:-1]} <= {3}


def test_one_message_is_enough():
    """160 characters of the GSM alphabet, the longest serial and token included."""
    longest = sms(Wish("x" * 32, "add", parse_days("995/255")), "1" * 20)
    assert len(longest) <= 160
    assert re.fullmatch("[A-Za-z0-9 .:#]+", longest)


# -- many at once ----------------------------------------------------------------------------


def results(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_many(payg, batch):
    text = "Serial,Kind,Value\nSLT000000002,add,7\nSLT000000001,Set,0\nSLT000000002, add ,7\n"
    text += "SLT000000003,disable\nSLT000000003,sync,\nSLT000000004,extended,1\n"
    code, said, notes = payg(*ask(batch, text), "--allow-duplicates")
    out = batch.parent / "paid-tokens.csv"
    assert (code, said) == (0, f"{out}: 6 tokens\n")
    assert "4 of the units are not provisioned" in notes
    assert out.stat().st_mode & 0o777 == 0o600
    rows = results(out)
    wanted = [
        expected(unit(2), 1, 7),
        expected(unit(1), 1, 0, TokenType.SET_TIME),
        expected(unit(2), 2, 7),
        expected(unit(3), 1, None, TokenType.DISABLE_PAYG),
        expected(unit(3), 3, None, TokenType.COUNTER_SYNC),
        expected(unit(4), 1, 1, extended_token=True),
    ]
    assert [(int(row["Count"]), row["Token"].replace(" ", "")) for row in rows] == wanted
    assert [list(row.values())[:3] for row in rows][:2] == [
        ["SLT000000002", "add", "7"],
        ["SLT000000001", "set", "0"],
    ]
    for row in rows:
        assert ENTERED.search(row["SMS"])[1] == row["Token"]
        assert row["SMS"].startswith(row["Serial Number"] + ": ")


@pytest.mark.parametrize(
    ("bad", "line", "reason"),
    [
        ("SLT000000001,give,1", 2, "the kind is one of"),
        ("SLT000000001,add,", 2, "days are"),
        ("SLT000000001,add,0.5", 2, "whole time units"),
        ("SLT000000001,add,1000", 2, "0 to 995"),
        ("SLT000000001,sync,1", 2, "has no value"),
        ("SLT000000001,extended,1000000", 2, "extended value"),
        ("SLT000000001,extended,²", 2, "extended value"),
        ("SLT000000001", 2, "1 column"),
        ("SLT000000001,add,1,1", 2, "4 columns"),
        ("SLT000000001;add;1", 2, "1 column"),
        ("SLT000000001,add,0", 2, "0 days are no addition"),
        ('"SLT000000001,add,1', 2, "quotes"),
        ("SLT000000001,add\0,1", 2, "UTF-8"),
        ("SLT000000099,add,1", 2, "SLT000000099: not in"),
    ],
)
def test_all_or_none(payg, batch, bad, line, reason):
    before = sorted(batch.parent.iterdir())
    request = ask(batch, f"SLT000000001,add,1\n{bad}\nSLT000000002,add,1\nSLT000000002,x,1\n")
    code, said, error = payg(*request)
    assert (code, said) == (1, "")
    assert reason in error
    assert f"paid.csv:{line}: " in error
    assert "paid.csv:4: the kind" in error
    assert "no token was issued" in error
    assert sorted(batch.parent.iterdir()) == sorted([*before, batch.parent / "paid.csv"])


@pytest.mark.parametrize("text", ["", "serial,kind,value\n", "\n\n"])
def test_nothing_asked_for(payg, batch, text):
    code, _, error = payg(*ask(batch, text))
    assert (code, "no tokens are asked for" in error) == (1, True)


def test_the_same_requests_twice(payg, batch):
    """The same command a second time issues no second token to anybody."""
    request = ask(batch, "SLT000000001,add,1\n")
    assert payg(*request)[0] == 0
    code, _, error = payg(*request)
    assert (code, "not overwritten" in error) == (1, True)
    with Ledger(str(batch.parent / "ledger.db")) as ledger:
        assert ledger.count("SLT000000001") == 2


def test_two_starts_at_once(payg, batch, monkeypatch):
    """The second start issues nothing, and the first start names its file."""
    request = ask(batch, "SLT000000001,add,1\n")
    original = Ledger.issue
    second = []

    def issue(*arguments, **more):
        monkeypatch.setattr(Ledger, "issue", original)
        second.append(payg(*request))
        return original(*arguments, **more)

    monkeypatch.setattr(Ledger, "issue", issue)
    assert payg(*request)[0] == 0
    ((code, said, error),) = second
    refusal = error.splitlines()[-1]  # after a note of the first start
    assert (code, said) == (1, "")
    assert "no token was issued: " in refusal and "another start of this command" in refusal
    with Ledger(str(batch.parent / "ledger.db")) as ledger:
        assert [token.count for token in ledger.tokens("SLT000000001")] == [2]
    assert [row["Count"] for row in results(batch.parent / "paid-tokens.csv")] == ["2"]
    assert not list(batch.parent.glob("*.part"))


def test_a_start_that_was_complete_while_the_second_began(payg, batch, monkeypatch):
    request = ask(batch, "SLT000000001,add,1\n")
    original = lists._new_part

    def late(*arguments):
        monkeypatch.setattr(lists, "_new_part", original)
        assert payg(*request)[0] == 0
        return original(*arguments)

    monkeypatch.setattr(lists, "_new_part", late)
    code, _, error = payg(*request)
    assert (code, "no token was issued: " in error, "not overwritten" in error) == (1, True, True)
    with Ledger(str(batch.parent / "ledger.db")) as ledger:
        assert ledger.count("SLT000000001") == 2
    assert not list(batch.parent.glob("*.part"))


KILLED = """
import os, sys
from tools.batches import lists
from tools.batches.ledger import Ledger
from tools.cli import main
die = lambda *arguments, **more: os._exit(9)
if sys.argv.pop(1) == "before":
    Ledger.issue = die
else:
    lists._name = die
main(sys.argv[1:])
"""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_start_after_one_that_was_killed(payg, batch, moment):
    """The message finds out, in either case, where the killed start's tokens are."""
    request = ask(batch, "SLT000000001,add,1\n")
    folders = os.pathsep.join(str(ROOT / part) for part in ("", "lib", "tests_host/shim"))
    command = [sys.executable, "-c", KILLED, moment, *map(str, request)]
    environment = {**os.environ, "PYTHONPATH": folders}
    assert subprocess.run(command, env=environment, stderr=subprocess.DEVNULL).returncode == 9
    part, out = batch.parent / "paid-tokens.csv.part", batch.parent / "paid-tokens.csv"
    code, said, error = payg(*request)
    assert (code, said, error.count("\n")) == (1, "", 1)
    assert f"no token was issued: {part} is there" in error
    assert "its tokens may have been issued and be in this file only" in error
    question = re.search("compare the file with `payg (ledger day [^`]*)`", error)[1]
    day = payg(*question.split())[1]
    if moment == "before":
        assert "0 tokens" in day and "none of them, delete the file" in error
        part.unlink()
        assert payg(*request)[0] == 0
        return
    assert [row["Token"] in day for row in results(part)] == [True]
    assert f"has the tokens, keep the file (`mv {part} {out}`)" in error
    part.rename(out)
    assert "not overwritten" in payg(*request)[2]
    with Ledger(str(batch.parent / "ledger.db")) as ledger:
        assert [token.count for token in ledger.tokens("SLT000000001")] == [2]


def test_a_disk_that_is_full_before_they_count(payg, batch, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tools.batches.issuing.sync", full)
    code, _, error = payg(*ask(batch, "SLT000000001,add,1\n"))
    assert (code, "No space left" in error) == (1, True)
    with Ledger(str(batch.parent / "ledger.db")) as ledger:
        assert (ledger.count("SLT000000001"), ledger.tokens("SLT000000001")) == (None, [])
    assert not list(batch.parent.glob("paid-*"))


def start(*arguments, **more):
    """Start `payg` as a process of its own, with Ctrl-C as in a terminal."""
    folders = os.pathsep.join(str(ROOT / part) for part in ("", "lib", "tests_host/shim"))
    return subprocess.Popen(
        [sys.executable, "-m", "tools.cli", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": folders},
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        **more,
    )


@pytest.mark.parametrize("option", [["--add", 7], ["--resync", 9], ["--csv", "paid.csv"]], ids=str)
def test_an_output_that_is_full_names_the_way_to_the_token(batch, option):
    named = [] if option[0] == "--csv" else ["--serial", "SLT000000003"]
    (batch.parent / "paid.csv").write_text("SLT000000003,add,7\n")
    option = [batch.parent / word if word == "paid.csv" else word for word in option]
    with open("/dev/full", "w") as full:
        process = start("token", "--batch", batch, *named, *option, stdout=full)
        error = process.communicate(timeout=60)[1].splitlines()[-1]
    assert process.returncode == 1
    again = {
        "--add": f"in the ledger, and payg ledger last SLT000000003 --batch {batch} prints",
        "--resync": f"payg ledger show SLT000000003 --ledger {batch.parent / 'ledger.db'} prints",
        "--csv": f"the tokens were issued, and are in {batch.parent / 'paid-tokens.csv'}",
    }[option[0]]
    assert "No space left on device" in error and again in error


@pytest.mark.parametrize("moment", ["made", "written", "committed"])
def test_ctrl_c_says_whether_tokens_were_issued(payg, batch, monkeypatch, moment):
    def stop():
        os.kill(os.getpid(), signal.SIGINT)

    def stopping(original):
        def run(*arguments, **more):
            result = original(*arguments, **more)
            stop()
            return result

        return run

    place = {
        "made": "tools.batches.ledger._make",
        "written": "tools.batches.issuing.write_tokens",
        "committed": "tools.batches.ledger.Ledger.issue",
    }[moment]
    module, name = pydoc.locate(place.rpartition(".")[0]), place.rpartition(".")[2]
    monkeypatch.setattr(module, name, stopping(getattr(module, name)))
    code, said, error = payg(*ask(batch, "SLT000000001,add,1\n"))
    out = batch.parent / "paid-tokens.csv"
    with Ledger(str(batch.parent / "ledger.db")) as ledger:
        issued_ones = ledger.tokens("SLT000000001")
    assert (code, said, not list(batch.parent.glob("*.part"))) == (130, "", True)
    if moment == "committed":
        assert error.endswith(f"Stopped after the tokens were issued; they are in {out}\n")
        assert [row["Count"] for row in results(out)] == ["2"] and len(issued_ones) == 1
    else:
        assert error.endswith("Stopped. No token was issued.\n")
        assert not out.exists() and not issued_ones


def test_a_name_taken_after_they_count(payg, batch, monkeypatch):
    """The tokens are issued by then: they are not thrown away."""
    out = batch.parent / "paid-tokens.csv"
    original = Ledger.issue

    def issue(*arguments, **more):
        made = original(*arguments, **more)
        out.write_text("theirs")
        return made

    monkeypatch.setattr(Ledger, "issue", issue)
    code, _, error = payg(*ask(batch, "SLT000000001,add,1\n"))
    (part,) = batch.parent.glob("*.part")
    assert (code, str(part) in error, out.read_text()) == (1, True, "theirs")
    assert results(part)[0]["Count"] == "2"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.sampled_from('SLT0001,add set7\n\r"\0;²é\ufeff'), max_size=60))
def test_any_requests_are_judged(tmp_path, text):
    path = tmp_path / "any.csv"
    path.write_text(text, encoding="utf-8", newline="")
    wishes, problems, _ = read_wishes(path)
    assert wishes or problems
    for _, wish in wishes:
        try:
            order_of(unit(1, serial=wish.serial), wish)
        except ValueError as error:
            assert "days" in str(error)


def test_the_other_commands_start_without_sqlalchemy():
    program = (
        "import sys, tools.tokens, tools.commands.batch; sys.exit('sqlalchemy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT).returncode == 0
