"""The ledger's rules, alike in SQLite and PostgreSQL."""

import os
import re
import sqlite3
import threading

import pytest
import sqlalchemy as sa

from tests_host.batch.conftest import KEY
from tools.batches import tables as ledger_tables
from tools.batches.database import NoLedgerError
from tools.batches.ledger import Ledger, LedgerError, Order, TakenError


def by_two(count):
    """Stands in for an encoder: the next even count, and digits that tell it."""
    count += 2 - count % 2
    return count, f"{count:09}"


def order(serial="A1", listed=1, **more):
    return Order(serial, listed, "add", 7, by_two, **more)


def test_from_reserved_to_provisioned(ledger):
    ledger.reserve("A1", "north")
    record = ledger.unit("A1")
    assert (record.serial, record.station, record.provisioned_at) == ("A1", "north", None)
    assert ledger.begun("north") == ["A1"]
    ledger.provisioned("A1", "north", "f1", "c0ffee00", 1)
    record = ledger.unit("A1")
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", record.provisioned_at)
    assert (record.firmware_hash, record.key_check) == ("f1", "c0ffee00")
    assert (ledger.count("A1"), ledger.begun("north")) == (1, [])
    assert ledger.provisioned_ones({"A1", "A2"}) == {"A1"}


@pytest.mark.parametrize("station", ["north", "south"])
def test_no_second_time(ledger, station):
    ledger.reserve("A1", "north")
    ledger.provisioned("A1", "north", "f1", "c0ffee00")
    before = ledger.unit("A1")
    with pytest.raises(TakenError, match="A1 was provisioned at north"):
        ledger.reserve("A1", station)
    assert ledger.next_serial(["A1"], station) is None
    with pytest.raises(TakenError):
        ledger.provisioned("A1", station, "f1", "another0")
    ledger.failed("A1", station, "it fell")
    assert ledger.unit("A1") == before


def test_a_second_time_for_a_unit_that_lost_its_memory(ledger):
    ledger.reserve("A1", "north")
    ledger.provisioned("A1", "north", "f1", "c0ffee00")
    ledger.issue([order()])
    with pytest.raises(TakenError, match="provisioned at north.* with another key"):
        ledger.reserve("A1", "south", "another0")
    ledger.reserve("A1", "south", "c0ffee00")
    ledger.failed("A1", "south", "it fell")  # and is provisioned as before, for all that is known
    assert ledger.unit("A1").station == "north"
    assert ledger.next_serial(["A1"], "north") is None
    ledger.reserve("A1", "south", "c0ffee00")
    ledger.provisioned("A1", "south", "f2", "c0ffee00", ledger.count("A1"), True)
    record = ledger.unit("A1")
    assert (record.station, record.firmware_hash, ledger.count("A1")) == ("south", "f2", 2)
    reasons = [reason for _, station, reason in ledger.failures("A1") if station == "south"]
    lost, fell, again = reasons
    assert fell == "it fell" and lost == again
    assert lost.startswith("lost its memory: A1 was provisioned at north, 20")
    with pytest.raises(TakenError, match="provisioned at south") as caught:
        ledger.reserve("A1", "south")
    assert caught.value.done


def test_again_does_not_take_what_another_station_is_at(ledger):
    ledger.reserve("A1", "north")
    with pytest.raises(TakenError, match="begun at north") as caught:
        ledger.reserve("A1", "south", "c0ffee00")
    assert not caught.value.done and ledger.failures("A1") == []
    with pytest.raises(TakenError):
        ledger.provisioned("A1", "south", "f1", "c0ffee00", 1, True)
    ledger.reserve("B1", "south", "c0ffee00")  # nobody ever had it: as any other
    ledger.provisioned("B1", "south", "f1", "c0ffee00", 1, True)
    assert ledger.unit("B1").provisioned_at


def test_another_station_has_it(ledger):
    ledger.reserve("A1", "north")
    with pytest.raises(TakenError, match="begun at north"):
        ledger.reserve("A1", "south")
    with pytest.raises(TakenError):
        ledger.provisioned("A1", "south", "f1", "c0ffee00")
    ledger.failed("A1", "south", "not mine")
    assert ledger.unit("A1").station == "north"


def test_provisioned_needs_a_reservation(ledger):
    with pytest.raises(TakenError, match="not reserved"):
        ledger.provisioned("A1", "north", "f1", "c0ffee00")
    assert ledger.count("A1") is None


def test_a_crash_is_repaired_by_repeating(place):
    with Ledger(place) as ledger:
        assert ledger.next_serial(["A1", "A2"], "north") == "A1"
    with Ledger(place) as ledger:
        assert ledger.begun("north") == ["A1"]
        ledger.reserve("A1", "north")
        ledger.provisioned("A1", "north", "f1", "c0ffee00")
        ledger.provisioned("A1", "north", "f1", "c0ffee00")
        assert ledger.next_serial(["A1", "A2"], "north") == "A2"


def test_a_failure_is_kept_and_its_serial_free_again(ledger):
    ledger.reserve("A1", "north")
    ledger.failed("A1", "north", "no clock")
    assert ledger.next_serial(["A1"], "south") == "A1"
    ledger.failed("A1", "south", "no load")
    assert [kept[1:] for kept in ledger.failures("A1")] == [
        ("north", "no clock"),
        ("south", "no load"),
    ]


def test_a_serial_is_given_back(ledger):
    ledger.reserve("A1", "north")
    ledger.release("A1", "south")
    assert ledger.begun("north") == ["A1"]
    ledger.release("A1", "north")
    assert (ledger.unit("A1"), ledger.failures("A1")) == (None, [])
    ledger.reserve("A1", "south")
    ledger.provisioned("A1", "south", "f1", "c0ffee00")
    ledger.release("A1", "south")
    assert ledger.unit("A1").key_check == "c0ffee00"


def test_next_serial_goes_through_a_long_list(ledger, monkeypatch):
    monkeypatch.setattr("tools.batches.ledger.CHUNK", 4)
    serials = [f"A{number}" for number in range(15)]
    for serial in serials[:9]:
        ledger.reserve(serial, "north")
    given = [ledger.next_serial(iter(serials), "south") for _ in range(7)]
    assert given == [*serials[9:], None]


def test_tokens_use_the_count(ledger):
    assert [token.count for token in ledger.issue([order(), order(), order("B1", 6)])] == [2, 4, 8]
    assert ledger.counts(["A1", "B1", "C1"]) == {"A1": 4, "B1": 8}
    assert [token.count for token in ledger.issue([order()])] == [6]
    kept = ledger.tokens("A1")
    assert [(token.kind, token.value, token.digits) for token in kept] == [
        ("add", 7, f"{count:09}") for count in (2, 4, 6)
    ]


def test_the_higher_count_counts(ledger):
    ledger.issue([order(listed=40)])
    assert ledger.issue([order(listed=1)])[0].count == 44
    assert ledger.issue([order(listed=100)])[0].count == 102
    ledger.reserve("A1", "north")
    ledger.provisioned("A1", "north", "f1", "c0ffee00", 1)
    assert ledger.count("A1") == 102
    ledger.reserve("B1", "north")
    ledger.provisioned("B1", "north", "f1", "c0ffee00", 9)
    assert ledger.issue([order("B1", listed=1)])[0].count == 10


def test_a_count_is_raised_and_never_lowered(ledger):
    ledger.raise_count("A1", 40)
    assert ledger.issue([order()])[0].count == 42
    ledger.raise_count("A1", 7)
    assert ledger.issue([order()])[0].count == 44


def test_digits_that_must_not_be_issued_cost_a_count(ledger):
    assert ledger.issue([order(never="000000002")])[0].count == 4


def test_a_token_that_equals_an_earlier_one_is_skipped(ledger):
    same = {2: "000000777", 4: "000000777", 6: "000000778", 8: "000000777", 10: "000000779"}

    def collide(count):
        count += 2 - count % 2
        return count, same[count]

    wish = Order("A1", 1, "add", 7, collide)
    first, second = ledger.issue([wish, wish])
    assert (first.count, second.count) == (2, 6)
    assert ledger.issue([wish])[0].count == 10


def test_all_or_none(ledger):
    def refuse(_):
        raise OSError("the disk is full")

    def broken(_):
        raise ValueError("no encoder")

    with pytest.raises(OSError):
        ledger.issue([order(), order("B1")], before_commit=refuse)
    with pytest.raises(ValueError):
        ledger.issue([order(), Order("B1", 1, "add", 7, broken)])
    assert ledger.counts(["A1", "B1"]) == {}
    assert ledger.tokens("A1") == []


def test_what_is_about_to_be_kept_is_what_is_returned(ledger):
    seen, steps = [], []
    orders = [order("B1"), order("A1"), order("B1")]
    issued = ledger.issue(orders, before_commit=seen.extend, step=lambda: steps.append(1))
    assert seen == issued
    assert [(token.serial, token.count) for token in issued] == [("B1", 2), ("A1", 2), ("B1", 4)]
    assert len(steps) == 3


def test_somebody_was_faster(place):
    """Between the making of a token and its keeping, another process issues for the same unit."""
    with Ledger(place) as mine, Ledger(place) as theirs:
        calls = []

        def slow(count):
            if not calls:
                calls.append(theirs.issue([order()])[0].count)
            return by_two(count)

        issued = mine.issue([Order("A1", 1, "add", 7, slow)])
        assert (calls, issued[0].count) == ([2], 4)
        assert [token.count for token in mine.tokens("A1")] == [2, 4]


def test_counts_end(ledger):
    with pytest.raises(LedgerError, match="used all"):
        ledger.issue([order(listed=0xFFFFFE)])


def test_the_database_itself_refuses(ledger):
    """The tables forbid what the code avoids: another program may write to the tables, too."""
    ledger.reserve("A1", "north")
    (token,) = ledger.issue([order()])
    rows = [
        (ledger_tables.units, {"serial": "A1", "station": "south", "reserved_at": "now"}),
        (ledger_tables.tokens, {**token._asdict(), "digits": "1", "issued_at": "now"}),
        (ledger_tables.tokens, {**token._asdict(), "count": 99, "issued_at": "now"}),
    ]
    for table, row in rows:
        with pytest.raises(LedgerError), ledger._writing() as database:
            database.execute(sa.insert(table).values(row))


def test_every_serial_is_told(ledger):
    ledger.reserve("A1", "north")
    ledger.issue([order("B1"), order("C1")])
    assert set(ledger.serials()) == {"A1", "B1", "C1"}


def test_no_key_in_a_reason(ledger):
    ledger.failed("A1", "north", f"#SETUP;A1;123456789;{KEY} timed out")
    assert ledger.failures("A1")[0][2] == "#SETUP;A1;123456789;(hidden) timed out"


def test_mode_of_the_file(tmp_path):
    old = os.umask(0)
    try:
        with Ledger(str(tmp_path / "l.db")) as ledger:
            ledger.reserve("A1", "north")
    finally:
        os.umask(old)
    assert (tmp_path / "l.db").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["none/l.db", "folder", "text.db", "sqlite:///none/l.db"])
def test_a_file_that_cannot_be_one(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.db").write_text("hello " * 100)
    with pytest.raises(LedgerError, match="the ledger .* cannot be") as caught:
        Ledger(name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize(
    "name",
    [
        ":memory:",
        "file:x",
        "keep.db?mode=ro",
        "sqlite:///:memory:",
        "sqlite:///file:x?uri=true",
        "sqlite:///file:x?mode=memory&uri=true",
        "sqlite:///keep.db?mode=ro",
        "sqlite://host/keep.db",
        "link.db",
        "sqlite:///link.db",
    ],
)
def test_an_odd_name_is_refused_before_a_file_is_made(tmp_path, monkeypatch, name, create):
    monkeypatch.chdir(tmp_path)
    os.symlink("missing.db", "link.db")
    reason = "a link to missing.db, which is not there" if "link" in name else "a ledger is a file"
    with pytest.raises(LedgerError, match=reason):
        Ledger(name, create)
    assert os.listdir() == ["link.db"]


def test_a_link_to_a_ledger_is_a_ledger(tmp_path):
    Ledger(str(tmp_path / "l.db")).close()
    os.symlink("l.db", tmp_path / "link.db")
    with Ledger(str(tmp_path / "link.db"), create=False) as ledger:
        ledger.reserve("A1", "north")


def test_a_ledger_that_must_be_there(tmp_path):
    with pytest.raises(LedgerError, match="there is no ledger"):
        Ledger(str(tmp_path / "l.db"), create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_ledger_that_must_be_on_the_server(postgresql):
    for _ in range(2):  # a refusal makes no tables
        with pytest.raises(NoLedgerError, match="there is no ledger"):
            Ledger(postgresql, create=False)
    Ledger(postgresql).close()
    Ledger(postgresql, create=False).close()


@pytest.mark.parametrize(
    "url", ["mysql://a:pw@b/c", "postgresql://x:pw@/", "://", "sqlite://", "http://pw@x"]
)
def test_a_url_that_is_none(url):
    with pytest.raises(LedgerError) as caught:
        Ledger(url)
    assert "pw" not in str(caught.value)
    assert "password@" not in str(caught.value) and "postgresql://user@host" in str(caught.value)


def test_a_server_that_is_not_there():
    with pytest.raises(LedgerError, match="cannot be used") as caught:
        Ledger("postgresql://payg:sesame@127.0.0.1:1/fleet")
    assert "sesame" not in str(caught.value)


def test_a_file_that_somebody_holds(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger_tables, "PATIENCE", 0)
    monkeypatch.setattr("tools.batches.ledger.PATIENCE", 0)
    with Ledger(str(tmp_path / "l.db")) as ledger:
        other = sqlite3.connect(tmp_path / "l.db")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match="another program has held it"):
            ledger.reserve("A1", "north")
        other.rollback()
        ledger.reserve("A1", "north")
        other.close()


@pytest.mark.parametrize("reading", [False, True])
def test_a_wait_is_told_after_a_while(tmp_path, monkeypatch, capsys, reading):
    assert ledger_tables.NOTICE_AFTER == 2
    monkeypatch.setattr(ledger_tables, "NOTICE_AFTER", 0.2)
    place = str(tmp_path / "l.db")
    with Ledger(place) as ledger:
        ledger.reserve("A1", "north")
        assert capsys.readouterr().err == ""
        other = sqlite3.connect(place, check_same_thread=False)
        other.execute("BEGIN EXCLUSIVE")
        timer = threading.Timer(0.7, other.rollback)
        timer.start()
        assert ledger.unit("A1") if reading else ledger.reserve("A1", "north") is None
        timer.join()
        other.close()
    said = capsys.readouterr().err
    assert said == f"Note: another program is writing to the ledger {place}; waiting up to 30 s\n"


# -- a file that is no ledger, or another version's ---------------------------------------------


def version_1(path):
    """Make a ledger as the first version made it, with a token of count 40."""
    with Ledger(str(path)) as ledger:
        ledger.issue([order(listed=38)])
    with sqlite3.connect(path) as database:
        database.execute("DROP TABLE payg_ledger")
        database.execute("DROP TABLE payg_lists")
    database.close()


def test_an_empty_file_is_no_new_ledger(payg, batch):
    """A full disk leaves one: a fresh ledger would give count 2 again."""
    one = ["token", "--batch", batch, "--serial", "SLT000000001", "--add", 7]
    payg(*one)
    path = batch.parent / "ledger.db"
    path.write_bytes(b"")
    code, said, error = payg(*one)
    assert (code, said, path.read_bytes()) == (1, "", b"")
    assert "the file is empty" in error and "I lost the ledger" in error


@pytest.mark.parametrize("damage", ["malformed", "unable to open database file"])
def test_a_damaged_ledger_points_to_the_page(payg, batch, damage):
    path = batch.parent / "ledger.db"
    if damage == "malformed":
        content = bytearray(path.read_bytes())
        content[100:] = b"\xff" * (len(content) - 100)
        path.write_bytes(content)
    else:
        path.unlink()
        path.mkdir()
    for asked in (
        ["token", "--batch", batch, "--serial", "SLT000000001", "--add", 7],
        ["ledger", "show", "SLT000000001", "--ledger", path],
    ):
        code, said, error = payg(*asked)
        assert (code, said) == (1, "")
        assert damage in error and "I lost the ledger" in error


@pytest.mark.parametrize("content", ["foreign", "no table", "half", "text"])
def test_a_foreign_file_is_no_new_ledger(payg, batch, content):
    path = batch.parent / "ledger.db"
    path.unlink()
    if content == "half":
        version_1(path)
    if content == "text":
        path.write_text("hello " * 100)
    else:
        database = sqlite3.connect(path)
        database.execute(
            {
                "foreign": "CREATE TABLE customers (name)",
                "no table": "PRAGMA user_version = 7",
                "half": "DROP TABLE payg_counts",
            }[content]
        )
        database.close()
    before = path.read_bytes()
    code, said, error = payg("token", "--batch", batch, "--serial", "SLT000000001", "--add", 7)
    assert (code, said, path.read_bytes()) == (1, "", before)
    assert str(path) in error and "cannot be used" in error and "I lost the ledger" in error


def test_a_ledger_of_version_1_goes_on(tmp_path):
    version_1(tmp_path / "l.db")
    with Ledger(str(tmp_path / "l.db")) as ledger:
        assert ledger.issue([order()])[0].count == 42
        ledger.keep_list("a.csv", "SLT", range(1, 3), bytes(16))
    with Ledger(str(tmp_path / "l.db")) as ledger:
        assert ledger.list_with("SLT", range(2, 9)).name == "a.csv"


@pytest.mark.parametrize("version", [4, 99])
def test_a_ledger_of_a_later_version(place, version):
    with Ledger(place) as ledger:
        ledger.issue([order()])
        with ledger._writing() as database:
            database.execute(sa.update(ledger_tables.about).values(version=version))
    with pytest.raises(LedgerError, match=f"has version {version}.*Update this program"):
        Ledger(place)


def test_an_empty_version_is_no_version(place):
    with Ledger(place) as ledger, ledger._writing() as database:
        database.execute(sa.delete(ledger_tables.about))
    with pytest.raises(LedgerError, match="has version None"):
        Ledger(place)


def test_a_server_may_have_other_tables_but_no_half_ledger(postgresql):
    import psycopg

    url = postgresql.replace("postgresql://payg@/", "postgresql://payg@/")
    with psycopg.connect(url) as database:
        database.execute("CREATE TABLE customers (name text)")
    with Ledger(postgresql) as ledger:
        ledger.issue([order()])
    with psycopg.connect(url) as database:
        database.execute("DROP TABLE payg_counts")
    with pytest.raises(LedgerError, match="has not the tables of a ledger"):
        Ledger(postgresql)


def test_a_ledger_gets_its_name_when_it_is_complete(tmp_path, monkeypatch):
    """Killed or out of space before: no file that could pass for a ledger."""

    def full(*_):
        raise OSError(28, "No space left on device")

    def full_for_sqlite(*_):
        raise sa.exc.OperationalError("", {}, sqlite3.Error("database or disk is full"))

    path = tmp_path / "l.db"
    for problem, said in ((full, "No space"), (full_for_sqlite, "cannot be made: database or")):
        with monkeypatch.context() as patch:
            patch.setattr(ledger_tables, "make_tables", problem)
            with pytest.raises((OSError, LedgerError), match=said):
                Ledger(str(path))
        assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(os, "link", full)  # a memory stick has no links
    with Ledger(str(path)) as ledger:
        ledger.reserve("A1", "north")
    assert list(tmp_path.iterdir()) == [path]
