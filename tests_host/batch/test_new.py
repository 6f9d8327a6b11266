"""`payg batch new` and `payg batch check`."""

import csv
import os
import pty
import re
import signal
import subprocess
import sys
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opaygo import Device
from tests_host.batch.conftest import ask, unit
from tools.batches.fresh import first_taken, make_units
from tools.batches.ledger import Ledger, Order, TakenError
from tools.batches.lists import read_list, write_list
from tools.paths import ROOT

NEW = ["batch", "new", "--prefix", "SLT", "--model", "SHS60", "--hw-version", "1.0"]


def rows_of(path):
    """Return the rows as dicts, by a reader that is not ours."""
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_batch(payg, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, said, _ = payg(*NEW, "--first", 1, "--quantity", 1000)
    name = "SLT000000001-SLT000001000.csv"
    assert (code, {path.name for path in tmp_path.iterdir()}) == (0, {name, "ledger.db"})
    assert said.startswith(f"{name}: 1,000 units")
    rows = rows_of(name)
    assert [row["Serial Number"] for row in rows] == [f"SLT{n:09}" for n in range(1, 1001)]
    assert len({row["Key"] for row in rows}) == 1000
    assert len({row["Starting Code"] for row in rows}) > 995
    for row in rows:
        assert len(bytes.fromhex(row["Key"])) == 16
        assert 100_000_000 <= int(row["Starting Code"]) <= 999_999_999
        kept = [value for name, value in row.items() if name not in list(row)[:3]]
        assert kept == ["1", "1", "0", "SHS60", "1.0", ""]
    assert not any(row["Key"] in said for row in rows)


@pytest.mark.parametrize("code", ["000000000", "123456789", "999999999"])
def test_a_restricted_unit_accepts_the_printed_test_code(payg, tmp_path, code):
    out = tmp_path / "a.csv"
    more = ["--first", 1, "--quantity", 1, "--out", out, "--test-code", code]
    assert "Test code" not in payg(*NEW, *more)[1]
    restricted = ["--first", 2, "--out", tmp_path / "b.csv", "--restricted"]
    said = payg(*NEW, *more, *restricted)[1].splitlines()[-1]
    digits = re.fullmatch("Test code, to be typed: ([1-4 ]+) #", said)[1].replace(" ", "")
    (made,) = read_list(tmp_path / "b.csv")
    device = Device(made.key, made.starting_code, 1, True)
    assert device.read(digits) == (made.test_code, False)


def test_keys_use_all_their_bits():
    """A constant bit, a lost nibble or a doubled one would show in two thousand keys."""
    keys = [made.key for made in make_units("A", range(2000))]
    for bit in range(128):
        ones = sum(int.from_bytes(key, "big") >> bit & 1 for key in keys)
        assert 800 < ones < 1200


def test_everything_that_can_be_said(payg, tmp_path):
    out = tmp_path / "a.csv"
    more = ["--time-divider", 24, "--restricted", "--test-code", "000000042", "--out", out]
    assert payg(*NEW, "--first", 7, "--quantity", 1, *more)[0] == 0
    (row,) = rows_of(out)
    assert list(row.values())[3:] == ["1", "24", "1", "SHS60", "1.0", "000000042"]
    assert row["Serial Number"] == "SLT000000007"


def test_its_own_check_is_content(payg, tmp_path):
    out = tmp_path / "a.csv"
    payg(*NEW, "--first", 1, "--quantity", 50, "--out", out)
    assert payg("batch", "check", out) == (0, f"{out}: 50 rows, no problems\n", "")


def test_the_reference_reader_of_a_csv_gets_the_header(payg, tmp_path):
    payg(*NEW, "--first", 1, "--quantity", 1, "--out", tmp_path / "a.csv")
    first = (tmp_path / "a.csv").read_bytes().split(b"\n")[0]
    assert first == (
        b"Serial Number,Starting Code,Key,Count,Time Divider,Restricted Digit Mode,"
        b"Hardware Model,Version,Test Code"
    )


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--first", 1, "--quantity", 0], "--quantity"),
        (["--first", -1, "--quantity", 1], "--first"),
        (["--first", 999_999_999, "--quantity", 2], "SLT999999999"),
        (["--quantity", 1], "--first"),
        (["--first", 1, "--quantity", 1, "--prefix", "x" * 24], "--prefix"),
        (["--first", 1, "--quantity", 1, "--prefix", "a;b"], "--prefix"),
        (["--first", 1, "--quantity", 1, "--prefix", "../a"], "--out"),
        (["--first", 1, "--quantity", 1, "--test-code", "1234567890"], "--test-code"),
        (["--first", 1, "--quantity", 1, "--test-code", "12"], "a test code has 9 digits"),
        (["--first", 1, "--quantity", 1, "--test-code", "12345678x"], "a test code has 9 digits"),
        (["--first", 1, "--quantity", 1, "--time-divider", 256], "--time-divider"),
        (["--first", 1, "--quantity", 1, "--model", "two\nlines"], "--model"),
        (["--first", 1, "--quantity", 1, "--against", "none.csv"], "--against"),
    ],
)
def test_a_mistake_is_one_plain_line(payg, tmp_path, monkeypatch, arguments, reason):
    monkeypatch.chdir(tmp_path)
    code, said, error = payg(*NEW, *arguments)
    assert (code, said, error.count("\n")) == (2, "", 1)
    assert reason in error
    assert list(tmp_path.iterdir()) == []


# -- no serial number twice ------------------------------------------------------------------


@pytest.mark.parametrize(("first", "taken"), [(20, "SLT000000020"), (1, "SLT000000001")])
def test_against_a_list(payg, batch, tmp_path, first, taken):
    out = tmp_path / "b.csv"
    new = [*NEW, "--quantity", 5, "--out", out, "--against", batch]
    code, _, error = payg(*new, "--first", first)
    assert (code, out.exists()) == (1, False)
    assert f"{taken} is in {batch} already" in error
    assert payg(*new, "--first", 21)[0] == 0


def test_against_several_lists_bad_rows_among_them(payg, batch, tmp_path):
    other = tmp_path / "other.csv"
    write_list(other, [unit(30)])
    text = other.read_text().replace(unit(30).key.hex(), "damaged")
    other.write_text(text)
    new = [*NEW, "--first", 29, "--quantity", 5, "--out", tmp_path / "c.csv"]
    code, _, error = payg(*new, "--against", batch, "--against", other)
    assert (code, "SLT000000030" in error) == (1, True)


@pytest.mark.parametrize("where", ["beside", "named", "environment"])
def test_against_the_ledger(payg, tmp_path, monkeypatch, where):
    path = tmp_path / ("ledger.db" if where == "beside" else "other.db")
    with Ledger(str(path)) as ledger:
        ledger.reserve("SLT000000003", "north")
        ledger.issue([Order("SLT000000009", 1, "add", 1, lambda count: (count + 1, "1"))])
    if where == "environment":
        monkeypatch.setenv("PAYG_LEDGER", str(path))
    named = ["--ledger", path] if where == "named" else []
    for first, taken in ((1, "SLT000000003"), (8, "SLT000000009")):
        new = [*NEW, "--first", first, "--quantity", 3, "--out", tmp_path / "a.csv", *named]
        code, _, error = payg(*new)
        assert (code, f"{taken} is in the ledger" in error) == (1, True)
    new = [*NEW, "--first", 4, "--quantity", 3, "--out", tmp_path / "a.csv", *named]
    assert payg(*new)[0] == 0


def test_a_ledger_that_is_named_must_be_there(payg, tmp_path):
    new = [*NEW, "--first", 1, "--quantity", 3, "--out", tmp_path / "a.csv"]
    code, _, error = payg(*new, "--ledger", tmp_path / "none.db")
    assert (code, "there is no ledger" in error) == (1, True)
    assert list(tmp_path.iterdir()) == []


def test_a_ledger_of_the_environment_is_made(payg, tmp_path, monkeypatch):
    monkeypatch.setenv("PAYG_LEDGER", str(tmp_path / "none.db"))
    new = [*NEW, "--first", 1, "--quantity", 3, "--out", tmp_path / "a.csv"]
    code, _, notes = payg(*new)
    assert (code, notes) == (0, f"Note: a new ledger is begun, {tmp_path / 'none.db'}\n")


# -- the ledger knows the lists that were made -------------------------------------------------


def new_list(out, first, quantity, *more):
    return [*NEW, "--first", first, "--quantity", quantity, "--out", out, *more]


@pytest.mark.parametrize(("first", "quantity"), [(1, 20), (20, 1), (1, 1), (5, 100), (0, 2)])
def test_no_second_list_with_the_same_serial_numbers(payg, tmp_path, first, quantity):
    assert payg(*new_list(tmp_path / "a.csv", 1, 20))[0] == 0
    code, said, error = payg(*new_list(tmp_path / "b.csv", first, quantity))
    assert (code, said, (tmp_path / "b.csv").exists()) == (1, "", False)
    assert "the list a.csv, made 20" in error
    assert "SLT000000001 to SLT000000020; begin after the last one there: --first 21" in error
    assert payg(*new_list(tmp_path / "c.csv", 21, 5))[0] == 0
    assert payg(*new_list(tmp_path / "d.csv", 1, 5, "--prefix", "SLX"))[0] == 0


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9)), max_size=8))
def test_lists_never_overlap(tmp_path_factory, ranges):
    place = str(tmp_path_factory.mktemp("ledgers") / "l.db")
    given_out = set()
    with pytest.MonkeyPatch.context() as patch, Ledger(place) as ledger:
        patch.setattr("tools.batches.ledger.PIECE", 3)
        for first, quantity in ranges:
            numbers = range(first, first + quantity)
            free = given_out.isdisjoint(numbers)
            assert (ledger.list_with("SLT", numbers) is None) == free
            try:
                ledger.keep_list(f"{first}", "SLT", numbers, bytes(8 * quantity))
            except TakenError:
                assert not free
            else:
                assert free
                given_out.update(numbers)
                made = ledger.list_with("SLT", numbers[-1:])
                assert made[:3] == (f"{first}", f"SLT{first:09}", f"SLT{numbers[-1]:09}")


def test_a_list_in_the_ledger_of_a_server(payg, tmp_path, postgresql, monkeypatch):
    monkeypatch.setenv("PAYG_LEDGER", postgresql)
    monkeypatch.setattr("tools.batches.ledger.PIECE", 7)
    assert payg(*new_list(tmp_path / "a.csv", 1, 20))[0] == 0
    assert "the list a.csv" in payg(*new_list(tmp_path / "b.csv", 15, 20))[2]
    one = ["--serial", "SLT000000015", "--add", 7]
    assert payg("token", "--batch", tmp_path / "a.csv", *one)[0] == 0


def test_no_key_of_a_new_list_in_the_ledger(payg, tmp_path):
    payg(*new_list(tmp_path / "a.csv", 1, 200))
    content = (tmp_path / "ledger.db").read_bytes()
    for made in read_list(tmp_path / "a.csv"):
        assert made.key not in content and made.key[:8] not in content
        assert made.key.hex()[:12].encode() not in content.lower()


@pytest.mark.parametrize("command", ["token", "csv", "export"])
def test_a_list_with_other_keys_is_refused(payg, tmp_path, command):
    """It was made beside another ledger: its tokens would fit other units."""
    mine, theirs = tmp_path / "mine.csv", tmp_path / "there" / "theirs.csv"
    theirs.parent.mkdir()
    for out in (mine, theirs):
        assert payg(*new_list(out, 1, 20))[0] == 0
    (tmp_path / "paid.csv").write_text("SLT000000004,add,7\n")
    arguments = {
        "token": ["token", "--serial", "SLT000000004", "--add", 7],
        "csv": ["token", "--csv", tmp_path / "paid.csv"],
        "export": ["export", "--out", tmp_path / "out.csv"],
    }[command]
    named = ["--ledger", tmp_path / "ledger.db", "--batch"]
    before = sorted(tmp_path.iterdir())
    code, said, error = payg(*arguments, *named, theirs)
    assert (code, said, sorted(tmp_path.iterdir())) == (1, "", before)
    assert "has another key in the list mine.csv" in error
    with Ledger(str(tmp_path / "ledger.db")) as ledger:
        assert ledger.count("SLT000000004") is None
    assert payg(*arguments, *named, mine)[0] == 0


@pytest.mark.parametrize("serial", ["next", "all", "SLT000000004"])
def test_no_unit_is_made_from_a_list_with_other_keys(payg, tmp_path, serial):
    theirs = tmp_path / "there" / "theirs.csv"
    theirs.parent.mkdir()
    for out in (tmp_path / "mine.csv", theirs):
        assert payg(*new_list(out, 1, 20))[0] == 0
    named = ["--ledger", tmp_path / "ledger.db", "--batch", theirs, "--station", "north"]
    units = ["--sim", tmp_path / "units", "--serial", serial]
    code, _, error = payg("provision", *named, *units)
    assert (code, (tmp_path / "units").exists()) == (1, False)
    assert "has another key in the list mine.csv" in error
    with Ledger(str(tmp_path / "ledger.db")) as ledger:
        assert ledger.begun("north") == []


@pytest.mark.parametrize("step", ["before", "after"])
def test_cut_short_between_any_two_steps_no_second_list(payg, tmp_path, monkeypatch, step):
    """Either nothing is left, or the ledger knows the serial numbers already."""
    original = Ledger.keep_list

    def stop(self, *arguments):
        if step == "after":
            original(self, *arguments)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "keep_list", stop)
        assert payg(*new_list(tmp_path / "a.csv", 1, 20))[0] == 1
    assert not (tmp_path / "a.csv").exists()
    code, _, error = payg(*new_list(tmp_path / "a.csv", 1, 20))
    assert code == (0 if step == "before" else 1)
    assert ("the list a.csv" in error) == (step == "after")


def test_two_at_once_make_one_list(payg, tmp_path, monkeypatch):
    """The second one wrote its list while the first one finished."""
    original = Ledger.keep_list

    def late(self, *arguments):
        monkeypatch.setattr(Ledger, "keep_list", original)
        assert payg(*new_list(tmp_path / "theirs.csv", 11, 20))[0] == 0
        original(self, *arguments)

    monkeypatch.setattr(Ledger, "keep_list", late)
    code, _, error = payg(*new_list(tmp_path / "mine.csv", 1, 20))
    assert (code, "the list theirs.csv" in error) == (1, True)
    assert {path.name for path in tmp_path.iterdir()} == {"theirs.csv", "ledger.db"}


@pytest.mark.parametrize("where", ["beside", "elsewhere"])
def test_a_lost_ledger_and_the_same_serial_numbers(payg, tmp_path, monkeypatch, where):
    """New keys for serial numbers that units have already would fit no unit."""
    place = tmp_path / "ledgers" / "ledger.db"
    place.parent.mkdir()
    if where == "elsewhere":
        monkeypatch.setenv("PAYG_LEDGER", str(place))
    else:
        place = tmp_path / "ledger.db"
    assert payg(*new_list(tmp_path / "batch.csv", 1, 20))[0] == 0
    place.unlink()
    (tmp_path / "paid.csv").write_text("serial,kind,value\nSLT000000030,add,7\n")
    (tmp_path / "a.csv").write_bytes(b"\xff\xfe\0")
    (tmp_path / "folder.csv").mkdir()
    before = sorted(tmp_path.iterdir())
    code, said, error = payg(*new_list(tmp_path / "again.csv", 20, 5))
    assert (code, said, sorted(tmp_path.iterdir())) == (1, "", before)
    assert "SLT000000020 is in batch.csv already" in error and "I lost the ledger" in error
    assert not place.exists()
    code, _, said = payg(*new_list(tmp_path / "again.csv", 21, 20))
    assert code == 0 and "the new ledger knows no counts of batch.csv" in said
    assert "I lost the ledger" in said


def test_the_search_beside_a_new_ledger_is_bounded(payg, tmp_path, monkeypatch):
    monkeypatch.setattr("tools.batches.fresh.ROWS_BESIDE", 12)
    write_list(tmp_path / "a.csv", [unit(number) for number in range(1, 11)])
    write_list(tmp_path / "b.csv", [unit(number) for number in range(11, 21)])
    assert "SLT000000012 is in b.csv" in payg(*new_list(tmp_path / "c.csv", 12, 1))[2]
    assert payg(*new_list(tmp_path / "c.csv", 13, 1))[0] == 0


def test_what_only_looks_alike_is_not_taken():
    others = [
        "SLT1",
        "SLT0000000010",
        "XSLT00000001",
        "SLT00000000x",
        "slt000000001",
        "SLT٠٠٠٠٠٠٠٠١",
    ]
    assert first_taken("SLT", range(1, 10), others) is None
    assert first_taken("SLT", range(1, 10), [*others, "SLT000000009"]) == "SLT000000009"
    assert first_taken("SLT", range(1, 9), [*others, "SLT000000009"]) is None


# -- the file --------------------------------------------------------------------------------


def test_memory_does_not_grow(tmp_path):
    def peak(quantity):
        tracemalloc.start()
        write_list(tmp_path / f"{quantity}.csv", make_units("A", range(quantity)))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(10)
    assert peak(6000) < peak(600) + 20_000


def start_huge(tmp_path, umask):
    """Start a run of many units; return (process, its file) once there is something in it."""
    command = [sys.executable, "-m", "tools.cli", *NEW, "--first", "1", "--quantity", "50000000"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [*command, "--out", str(tmp_path / "a.csv")],
        env=environment,
        stderr=subprocess.PIPE,
        umask=umask,
        # Whoever runs the tests in the background has it ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        for part in tmp_path.glob("*.part"):
            if part.stat().st_size:
                return process, part
    process.kill()
    raise AssertionError(process.communicate()[1])


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_killed_it_leaves_no_list(tmp_path, umask):
    process, part = start_huge(tmp_path, umask)
    mode = part.stat().st_mode & 0o777
    process.kill()
    process.communicate()
    assert [path.suffix for path in tmp_path.iterdir()] == [".part"]
    assert mode == 0o600


def test_interrupted_it_leaves_nothing(tmp_path):
    process, _ = start_huge(tmp_path, 0o022)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said.strip()) == (130, b"Stopped.")
    assert list(tmp_path.iterdir()) == []


def test_mode_of_the_list(payg, tmp_path):
    old = os.umask(0)
    try:
        payg(*NEW, "--first", 1, "--quantity", 1, "--out", tmp_path / "a.csv")
    finally:
        os.umask(old)
    assert (tmp_path / "a.csv").stat().st_mode & 0o777 == 0o600


def test_a_second_time_is_refused(payg, tmp_path):
    new = [*NEW, "--first", 1, "--quantity", 2, "--out", tmp_path / "a.csv"]
    payg(*new)
    before = (tmp_path / "a.csv").read_bytes()
    code, _, error = payg(*new)
    assert (code, "not overwritten" in error) == (1, True)
    assert (tmp_path / "a.csv").read_bytes() == before


# -- payg batch check ------------------------------------------------------------------------


def test_check_lists_every_problem(payg, tmp_path):
    good = unit(1)
    path = tmp_path / "a.csv"
    write_list(path, [good, unit(2, serial=good.serial), unit(3, key=good.key), unit(4), unit(5)])
    lines = path.read_text().splitlines()
    lines[4] = lines[4].replace(unit(4).key.hex(), "no key").replace(",1,1,0,", ",x,0,0,")
    lines[5] = "SLT000000005"
    path.write_text("\n".join(lines))
    code, said, _ = payg("batch", "check", path)
    assert code == 1
    assert said.splitlines() == [
        f"{path}:3: Serial Number is that of line 2",
        f"{path}:4: Key is that of line 2",
        f"{path}:5: Key is not 32 hexadecimal digits",
        f"{path}:5: Count is not a whole number from 0 to 16777215",
        f"{path}:5: Time Divider is not a whole number from 1 to 255",
        f"{path}:6: 1 column instead of 9",
        f"{path}: 5 rows, 6 problems",
    ]


def test_check_of_what_is_no_list(payg, tmp_path):
    (tmp_path / "a.csv").write_text("")
    code, said, _ = payg("batch", "check", tmp_path / "a.csv")
    assert (code, "1: the file is empty" in said) == (1, True)
    code, _, error = payg("batch", "check", tmp_path / "none.csv")
    assert (code, "cannot be read" in error) == (1, True)
    code, _, error = payg("batch", "check", tmp_path)
    assert (code, "cannot be read" in error) == (1, True)
    write_list(tmp_path / "none.csv", [])
    assert payg("batch", "check", tmp_path / "none.csv")[0] == 1


def test_one_is_no_plural(payg, tmp_path):
    out = tmp_path / "a.csv"
    assert f"{out}: 1 unit, SLT" in payg(*NEW, "--first", 1, "--quantity", 1, "--out", out)[1]
    assert payg("batch", "check", out)[1] == f"{out}: 1 row, no problems\n"
    said = payg(*ask(out, "SLT000000001,add,7\n"))[1]
    assert said == f"{tmp_path / 'paid-tokens.csv'}: 1 token\n"


def test_check_of_a_device_names_no_mode(payg):
    code, _, error = payg("batch", "check", "/dev/null")
    assert (code, error) == (1, "")


def test_check_tells_who_can_read_it(payg, batch):
    assert payg("batch", "check", batch)[2] == ""
    batch.chmod(0o640)
    assert f"chmod 600 {batch}" in payg("batch", "check", batch)[2]
    assert len(list(read_list(batch))) == 20


def test_the_bar_does_not_take_the_report(tmp_path):
    """The bar is on the terminal, the problems are in the file that was asked for."""
    path = tmp_path / "a.csv"
    write_list(path, [unit(1), unit(1)])
    terminal, theirs = pty.openpty()
    command = [sys.executable, "-m", "tools.cli", "batch", "check", str(path)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "TERM": "xterm"},
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    )
    os.close(theirs)
    shown = os.read(terminal, 100_000).decode()
    os.close(terminal)
    assert (done.returncode, done.stdout.count("is that of line 2")) == (1, 2)
    assert "Judging a.csv" in shown
