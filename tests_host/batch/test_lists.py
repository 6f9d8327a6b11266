"""Lists: what is read, what is judged and with which words, and that no key is ever shown."""

import contextlib
import csv
import io
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests_host.batch.conftest import KEY, unit
from tools.batches.lists import (
    HEADER,
    ListError,
    Repeats,
    find,
    judge,
    new_file,
    read_list,
    write_list,
)

TITLE = (
    "Serial Number,Starting Code,Key,Count,Time Divider,Restricted Digit Mode,"
    "Hardware Model,Version,Test Code\n"
)
GOOD = ["A1", "123456789", KEY, "1", "24", "1", "SHS60", "1.0", "000000042"]
texts = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=20)
units = st.builds(
    unit,
    st.just(0),
    serial=st.text(st.characters(codec="ascii", exclude_categories=["C", "Z"]), min_size=1)
    .map(lambda text: text.replace(";", "x")[:32])
    .filter(bool),
    starting_code=st.none() | st.integers(0, 999_999_999),
    key=st.binary(min_size=16, max_size=16),
    count=st.integers(0, 0xFFFFFF),
    time_divider=st.integers(1, 255),
    restricted=st.booleans(),
    hardware_model=texts,
    version=texts,
    test_code=st.none() | st.integers(0, 999_999_999),
)


def problems_of(path):
    """Return {line number: problems} of a file, repeats among them."""
    repeats, found = Repeats(), {}
    for row in judge(path):
        problems = row.problems + (repeats.problems(row.number, row.unit) if row.unit else [])
        if problems:
            found[row.number] = problems
    return found


def write(tmp_path, content):
    path = tmp_path / "list.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def row(**changes):
    """Return a row's line, some cells of it changed by their column's number: _0, _1 …"""
    cells = list(GOOD)
    for name, text in changes.items():
        cells[int(name[1:])] = text
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


def test_a_row(tmp_path):
    (read,) = read_list(write(tmp_path, TITLE + row()))
    assert read._asdict() == {
        "serial": "A1",
        "starting_code": 123456789,
        "key": bytes.fromhex(KEY),
        "count": 1,
        "time_divider": 24,
        "restricted": True,
        "hardware_model": "SHS60",
        "version": "1.0",
        "test_code": 42,
    }
    identity = read.identity()
    assert (identity.serial, identity.key, identity.starting_code) == ("A1", read.key, 123456789)
    assert (identity.count, identity.time_divider, identity.restricted) == (1, 24, True)
    assert KEY not in repr(read) + str(read) + f"{[read]}"
    assert repr(bytes.fromhex(KEY)) not in repr(read)


@given(st.lists(units, max_size=5))
def test_what_is_written_is_read(tmp_path_factory, listed):
    path = tmp_path_factory.mktemp("lists") / "list.csv"
    write_list(path, listed)
    assert list(read_list(path)) == listed
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == TITLE.strip().split(",")
    assert [(cells[0], cells[2]) for cells in rows[1:]] == [
        (read.serial, read.key.hex()) for read in listed
    ]


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff" + TITLE + row(),
        (TITLE + row()).replace("\n", "\r\n"),
        TITLE + "\n" + row() + "\n\n",
        (TITLE + row()).rstrip("\n"),
        TITLE + ",".join(f'"{cell}"' for cell in GOOD) + "\n",
        ",".join(f'"{name}"' for name in HEADER) + "\n" + row(),
        TITLE + row(_2=KEY.upper()),
    ],
    ids=["BOM", "CRLF", "blank lines", "no end", "quoted", "quoted header", "upper case"],
)
def test_the_same_list_otherwise_written(tmp_path, content):
    path = write(tmp_path, content)
    assert problems_of(path) == {}
    assert [read.cells() for read in read_list(path)] == [tuple(GOOD)]


def test_what_may_be_empty(tmp_path):
    changes = {"_1": "", "_4": "", "_5": "", "_6": "", "_7": "", "_8": ""}
    (read,) = read_list(write(tmp_path, TITLE + row(**changes)))
    assert read[1:2] + read[3:] == (None, 1, 1, False, "", "", None)


def test_a_comma_in_quotes_is_no_column(tmp_path):
    (read,) = read_list(write(tmp_path, TITLE + row(_6='SHS "60", grey')))
    assert read.hardware_model == 'SHS "60", grey'


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (TITLE.replace(",", ";") + row().replace(",", ";"), "semicolons"),
        (TITLE.replace(",Test Code", "") + "x", "lacks Test Code"),
        (TITLE.replace("Version", "Firmware Version"), "lacks Version"),
        (row(), "not the header"),
        (TITLE.replace("Key,Count", "Count,Key"), "not the header"),
        (TITLE.strip() + ",More\n", "not the header"),
        (TITLE.encode("utf-16"), "UTF-8"),
        (TITLE.replace("\n", "\r") + row(), "UTF-8"),
        ('"Serial Number', "quotes"),
        (b"x" * 5_000_000, "1000 bytes"),
    ],
)
def test_a_bad_header_ends_it(tmp_path, content, problem):
    path = write(tmp_path, content)
    found = problems_of(path)
    assert list(found) == [1]
    assert problem in found[1][0]
    for read in (lambda: list(read_list(path)), lambda: find(path, ["A1"])):
        with pytest.raises(ListError, match="line 1"):
            read()


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (0, ""),
        (0, "A 1"),
        (0, "A;1"),
        (0, "Ä1"),
        (0, "x" * 33),
        (1, "1000000000"),
        (1, "-1"),
        (1, "1.0"),
        (1, "1e8"),
        (1, "١٢٣"),
        (2, ""),
        (2, KEY[:-1]),
        (2, KEY + "0"),
        (2, KEY[:-1] + "g"),
        (2, " " + KEY[1:]),
        (2, "1.23E+31"),
        (3, ""),
        (3, "-1"),
        (3, "16777216"),
        (4, "0"),
        (4, "256"),
        (5, "2"),
        (5, "TRUE"),
        (6, "x" * 101),
        (8, "1234567890"),
        (8, "x"),
    ],
)
def test_each_column_is_judged(tmp_path, column, text):
    bad = row(**{f"_{column}": text})
    path = write(tmp_path, TITLE + row(_0="A0", _2="0" * 32) + bad + row(_0="A2", _2="1" * 32))
    found = problems_of(path)
    assert list(found) == [3]
    assert len(found[3]) == 1
    assert found[3][0].startswith(f"{HEADER[column]} is not ")
    with pytest.raises(ListError, match="line 3"):
        list(read_list(path))


@pytest.mark.parametrize(
    "bad",
    [
        "A1,1," + KEY + "\n",
        row().strip() + ",more\n",
        row().replace("SHS60", '"SHS60'),
        row().replace("SHS60", 'SHS"60"'[:4] + '"x"y'),
        row().replace("SHS60", "SHS\t60"),
        row().replace("SHS60", "SHS\x0060"),
        row().replace("SHS60", "x" * 2000),
        row().encode().replace(b"SHS60", b"\xff\xfe"),
        row().replace(",", ";"),
    ],
)
def test_a_bad_line_is_one_line(tmp_path, bad):
    """An unclosed quote, a NUL or a huge cell must not swallow the rows below."""
    bad = bad if isinstance(bad, bytes) else bad.encode()
    last = row(_0="A2", _2="1" * 32) + row(_0="A3", _2="x")
    path = write(tmp_path, (TITLE + row(_0="A0", _2="0" * 32)).encode() + bad + last.encode())
    found = problems_of(path)
    assert found.pop(5) == ["Key is not 32 hexadecimal digits"]
    assert list(found) in ([3], [])  # a quote within a cell is just that
    assert [read.serial for read in find(path, ["A0", "A2"]).values()] == ["A0", "A2"]


def test_repeats(tmp_path):
    lines = [row(), row(_0="A2", _2="0" * 32), row(_2="1" * 32), row(_0="A3", _2=KEY.upper())]
    assert problems_of(write(tmp_path, TITLE + "".join(lines))) == {
        4: ["Serial Number is that of line 2"],
        5: ["Key is that of line 2"],
    }


def test_a_serial_twice_is_not_found(tmp_path):
    path = write(tmp_path, TITLE + row() + row(_0="A2") + row(_2="0" * 32))
    assert find(path, ["A2"])["A2"].serial == "A2"
    with pytest.raises(ListError, match="line 4: A1 is there a second time"):
        find(path, ["A1", "A2"])


def test_what_is_missing_is_named(tmp_path):
    path = write(tmp_path, TITLE + row())
    with pytest.raises(ListError, match="A2: not in"):
        find(path, ["A1", "A2"])
    with pytest.raises(ListError, match="B0, B1, B2 and 7 more"):
        find(path, [f"B{number}" for number in range(10)])
    with pytest.raises(ListError, match="cannot be read"):
        find(tmp_path / "none.csv", ["A1"])


def windows(key, length=8):
    return {key[at : at + length] for at in range(len(key) - length + 1)}


@given(
    st.lists(
        st.sampled_from([*GOOD, KEY, '"', ",", ";", "\n", "", "\0", "é", KEY.upper(), KEY[5:]]),
        max_size=40,
    ),
    st.sampled_from([",", ";", "", "\t"]),
)
def test_no_key_is_shown_whatever_a_list_is(tmp_path_factory, pieces, between):
    path = tmp_path_factory.mktemp("lists") / "list.csv"
    path.write_text(TITLE + between.join(pieces), encoding="utf-8")
    said = repr(problems_of(path))
    for read in (lambda: list(read_list(path)), lambda: find(path, ["A1"])):
        try:
            said += repr(read())
        except ListError as error:
            said += str(error)
    assert not any(part in said.lower() for part in windows(KEY))


@given(st.binary(max_size=3000))
def test_any_bytes_are_judged(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("lists") / "list.csv"
    for start in (b"", TITLE.encode()):
        path.write_bytes(start + content)
        for judged in judge(path):
            assert (judged.unit is None) == bool(judged.problems)
        with contextlib.suppress(ListError):
            find(path, ["A1"])


def test_a_million_quotes_do_not_take_a_minute(tmp_path):
    path = write(tmp_path, TITLE.encode() + b'"' * 1_000_000 + b"\n" + row().encode())
    assert list(problems_of(path)) == [2]


# -- writing ---------------------------------------------------------------------------------


def test_nothing_is_overwritten(tmp_path):
    path = tmp_path / "list.csv"
    for kind in ("file", "link to nowhere"):
        path.write_text("mine") if kind == "file" else path.symlink_to("nowhere")
        with pytest.raises(ListError, match="is not overwritten"):
            write_list(path, itertools.repeat(unit(1)))
        assert list(tmp_path.iterdir()) == [path]
        path.unlink()


def test_a_name_taken_in_the_meantime(tmp_path):
    path = tmp_path / "list.csv"
    with pytest.raises(ListError, match="all of it is in") as caught, new_file(path) as file:
        file.write("ours")
        path.write_text("theirs")
    assert path.read_text() == "theirs"
    (part,) = tmp_path.glob("*.part")
    assert (part.read_text(), str(part) in str(caught.value)) == ("ours", True)
    assert part.stat().st_mode & 0o777 == 0o600


def test_a_file_system_without_links(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    write_list(tmp_path / "list.csv", [unit(1)])
    assert [path.name for path in tmp_path.iterdir()] == ["list.csv"]
    with pytest.raises(ListError, match="not overwritten"):
        write_list(tmp_path / "list.csv", [unit(1)])


def test_a_full_disk_leaves_nothing(tmp_path):
    def units_until_full():
        yield unit(1)
        raise OSError(28, "No space left on device")

    with pytest.raises(ListError, match="No space left"):
        write_list(tmp_path / "list.csv", units_until_full())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["none/list.csv", "", "x" * 300])
def test_a_place_that_is_none(tmp_path, name):
    with pytest.raises(ListError):
        write_list(tmp_path / name, [unit(1)])
