"""The protocol's device list: one row per unit in a CSV file, its secret key among them.

Nothing that is said about a list repeats what is in a cell, so that no key gets onto a screen or
into a log. A row is one line; lines are read one by one, so that a list may be of any length.
"""

import contextlib
import csv
import difflib
import os
import re
import sys
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TextIO, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tools.batches.database import counted
from tools.identity import (
    COUNT_MAX,
    STARTING_CODE_MAX,
    TIME_DIVIDER_MAX,
    Identity,
    parse_key,
    parse_serial,
    parse_whole,
)
from tools.plain import hide_keys

HEADER = (
    "Serial Number",
    "Starting Code",
    "Key",
    "Count",
    "Time Divider",
    "Restricted Digit Mode",
    "Hardware Model",
    "Version",
    "Test Code",
)
LONGEST_LINE = 1000  # bytes
TEXT_MAX = 100  # characters of a hardware model or version
NUMBER_DIGITS = 9  # at the end of each serial number of a list that is made here
TEST_CODE_DIGITS = 9
TEST_CODE_MAX = 10**TEST_CODE_DIGITS - 1
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
UTF_16_PROBLEM = (
    'the file is in UTF-16 ("Unicode Text"), not in UTF-8: save the file as "CSV UTF-8"'
)
NOT_UTF_8_PROBLEM = (
    'the line has letters that are not in UTF-8, but in Latin-1 or the like: save the file as "CSV'
    ' UTF-8"'
)
TABS_PROBLEM = 'the columns are separated by tabs ("Text"): save the file as "CSV UTF-8"'
SEMICOLONS_PROBLEM = "the columns are separated by semicolons: save the file with commas"
EMPTY: tuple[int, list[str] | str] = (1, "the file is empty")
SIMILAR_ROWS = 5_000  # rows in which a similar serial number is looked for
SIMILAR = 0.7  # difflib's ratio from which serial numbers are similar
STEP = 100  # rows between two looks of the progress bar


Thing = TypeVar("Thing")


class ListError(click.ClickException):
    """A list cannot be read or written; the text says which line, and never shows a key."""


class ClaimedError(ListError):
    """The `*.part` of a file is there: another run writes it, or a run was killed."""

    def __init__(self, part: str) -> None:
        super().__init__(f"{part} is there: another run is writing the file, or was cut short")
        self.part = Path(part)


class ListedUnit(NamedTuple):
    """A row. key: 16 bytes; starting_code: 0..999999999, None: derived from the key.

    count: tokens up to this one are used; time_divider: units in a day; restricted: tokens of the
    digits 1 to 4; test_code: 0..999999999 or None.
    """

    serial: str
    starting_code: int | None
    key: bytes
    count: int  # type: ignore[assignment]  # tuple.count
    time_divider: int
    restricted: bool
    hardware_model: str
    version: str
    test_code: int | None

    def __repr__(self) -> str:
        return f"ListedUnit({self.serial})"

    def identity(self) -> Identity:
        """Return the Identity that the other commands take."""
        return Identity(
            self.serial,
            self.key,
            self.starting_code,
            self.count,
            self.time_divider,
            self.restricted,
        )

    def cells(self) -> tuple[str, ...]:
        """Return the texts of a row."""
        return (
            self.serial,
            _nine_digits(self.starting_code),
            self.key.hex(),
            str(self.count),
            str(self.time_divider),
            "1" if self.restricted else "0",
            self.hardware_model,
            self.version,
            _nine_digits(self.test_code),
        )


class Row(NamedTuple):
    """A judged line. number: of the line, 1 is the header; problems: in words, unit: if none."""

    number: int
    unit: ListedUnit | None
    problems: list[str]


def _nine_digits(code: int | None) -> str:
    return "" if code is None else f"{code:09}"


def parse_text(text: str) -> str:
    """Return a hardware model or version as it is, or raise ValueError."""
    if len(text) > TEXT_MAX or not text.isprintable():
        raise ValueError(
            f"a model or version is a text of up to {TEXT_MAX} characters on one line"
        )
    return text


def _whole(name: str, lowest: int, highest: int, empty: int | None = None) -> Callable[[str], int]:
    """Return a parser of a whole number; an empty cell is `empty` unless that is None."""

    def parse(text: str) -> int:
        if not text and empty is not None:
            return empty
        return parse_whole(text, name, lowest, highest)

    return parse


def _code(text: str) -> int | None:
    return parse_whole(text, "", 0, STARTING_CODE_MAX) if text else None


# Of each column: how its cell is read, and what is said when that fails.
_COLUMNS = (
    (parse_serial, "1 to 32 characters without spaces, semicolons or accents"),
    (_code, f"a whole number from 0 to {STARTING_CODE_MAX}, or empty: derived from the key"),
    (parse_key, "32 hexadecimal digits"),
    (_whole("", 0, COUNT_MAX), f"a whole number from 0 to {COUNT_MAX}"),
    (_whole("", 1, TIME_DIVIDER_MAX, 1), f"a whole number from 1 to {TIME_DIVIDER_MAX}"),
    (_whole("", 0, 1, 0), "0 or 1"),
    (parse_text, f"a text of up to {TEXT_MAX} characters"),
    (parse_text, f"a text of up to {TEXT_MAX} characters"),
    (_code, f"a whole number from 0 to {TEST_CODE_MAX}, or empty"),
)


def _unit_of(cells: list[str]) -> tuple[ListedUnit | None, list[str]]:
    """Return (ListedUnit or None, problems) of a row's texts."""
    if len(cells) != len(HEADER):
        return None, [f"{counted(len(cells), 'column')} instead of {len(HEADER)}"]
    values: list[Any] = []
    problems: list[str] = []
    for name, (parse, wanted), cell in zip(HEADER, _COLUMNS, cells):
        try:
            values.append(parse(cell))
        except ValueError:
            problems.append(f"{name} is not {wanted}")
    if problems:
        return None, problems
    values[5] = bool(values[5])
    return ListedUnit(*values), []


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield (number, bytes) of each line without its end; of one too long there is only a NUL."""
    number = 0
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            while line and not line.endswith(b"\n"):
                line = file.readline(LONGEST_LINE)
            line = b"\0"
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")  # spreadsheet programs put it there
        yield number, line.rstrip(b"\r\n")


def _text(line: bytes) -> str:
    """Return a line's text. Raises ValueError that says why there is none."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError(NOT_UTF_8_PROBLEM) from None
    if re.search("[\0-\x1f\x7f]", text):
        raise ValueError(f"not a line of text of at most {LONGEST_LINE} bytes in UTF-8")
    return text


def _file_problem(line: bytes) -> str | None:
    """Return in words why a file with this first line is no CSV in UTF-8, or None."""
    if line.startswith(_UTF_16) or (len(line) > 1 and line.count(b"\0") >= len(line) // 3):
        return UTF_16_PROBLEM
    return TABS_PROBLEM if b"\t" in line and b"," not in line else None


def split(text: str) -> list[str] | None:
    """Return the cells of a line of CSV, or None if its quotes are not closed."""
    if '"' not in text:
        return text.split(",")
    try:
        return next(csv.reader([text], strict=True))
    except csv.Error:
        return None


def read_cells(path: Path) -> Iterator[tuple[int, list[str] | str]]:
    """Yield (line number, [cells]) or (line number, a problem in words) of a CSV file.

    Lines without anything are left out. A file in UTF-16 or with tabs is one problem. Raises
    ListError if the file cannot be read.
    """
    try:
        with open(path, "rb") as file:
            for number, line in _lines(file):
                problem = _file_problem(line) if number == 1 else None
                if problem:
                    yield number, problem
                    return
                try:
                    text = _text(line)
                except ValueError as error:
                    yield number, str(error)
                    continue
                if text:
                    yield number, split(text) or "its quotes are not closed"
    except OSError as error:
        raise ListError(f"{path} cannot be read: {error.strerror}") from error


def _header_problems(cells: list[str] | str) -> list[str]:
    if isinstance(cells, str):
        return [cells]
    if tuple(cells) == HEADER:
        return []
    if len(cells) == 1 and ";" in cells[0]:
        return [SEMICOLONS_PROBLEM]
    missing = [name for name in HEADER if name not in cells]
    if missing and len(missing) < len(HEADER):
        return [f"the header lacks {', '.join(missing)}"]
    return ["this is not the header of a device list, which is " + ",".join(HEADER)]


def judge(path: Path) -> Iterator[Row]:
    """Yield a Row for each line after the header, and for a bad header, which ends it.

    A row is judged by itself: see Repeats. Raises ListError if the file cannot be read.
    """
    rows = read_cells(path)
    number, header = next(rows, EMPTY)
    problems = _header_problems(header)
    if problems:
        yield Row(number, None, problems)
        return
    for number, cells in rows:
        row = (None, [cells]) if isinstance(cells, str) else _unit_of(cells)
        yield Row(number, *row)


class Repeats:
    """Remembers serial numbers and keys, and says where one was before."""

    def __init__(self) -> None:
        self._serials: dict[str, int] = {}
        self._keys: dict[bytes, int] = {}

    def problems(self, number: int, unit: ListedUnit) -> list[str]:
        """Return in words what a unit in line `number` has in common with an earlier one."""
        first = self._serials.setdefault(unit.serial, number)
        same_key = self._keys.setdefault(unit.key, number)
        found = []
        if first != number:
            found.append(f"Serial Number is that of line {first}")
        if same_key != number:
            found.append(f"Key is that of line {same_key}")
        return found


def _refuse_problems(path: Path, number: int, problems: list[str]) -> None:
    if problems:
        raise ListError(
            f"{path}, line {number}: {'; '.join(problems)}."
            f" All its problems: payg batch check {path}"
        )


def _checked(path: Path, row: Row) -> ListedUnit:
    _refuse_problems(path, row.number, row.problems)
    assert row.unit
    return row.unit


def read_list(path: Path) -> Iterator[ListedUnit]:
    """Yield the Units of a list. Raises ListError at the first bad row; repeats are not sought."""
    for row in judge(path):
        yield _checked(path, row)


def _rows(path: Path) -> Iterator[tuple[int, list[str] | str]]:
    """Return the cells after a header that is good. Raises ListError."""
    rows = read_cells(path)
    number, header = next(rows, EMPTY)
    _refuse_problems(path, number, _header_problems(header))
    return rows


def read_serials(path: Path) -> Iterator[str]:
    """Yield what stands for a serial number in each row, good or bad. Raises ListError."""
    for _, cells in _rows(path):
        if not isinstance(cells, str):
            yield cells[0]


class Search(NamedTuple):
    """Units that were looked for. missing: serial numbers not in the list; bad: {serial: why}."""

    units: dict[str, ListedUnit]
    missing: list[str]
    bad: dict[str, str]


def search(path: Path, serials: Iterable[str]) -> Search:
    """Look for these serial numbers, each to be there exactly once; raise ListError.

    Rows of other units may be bad.
    """
    wanted = set(serials)
    found: dict[str, ListedUnit] = {}
    bad: dict[str, str] = {}
    for number, cells in _rows(path):
        if isinstance(cells, str) or cells[0] not in wanted:
            continue
        unit, problems = _unit_of(cells)
        if unit is None:
            bad.setdefault(cells[0], f"{path}, line {number}: {'; '.join(problems)}")
        elif found.setdefault(unit.serial, unit) is not unit:
            again = f"{path}, line {number}: {hide_keys(unit.serial)} is there a second time"
            bad.setdefault(unit.serial, again)
    return Search(found, sorted(wanted - found.keys() - bad.keys()), bad)


def find(path: Path, serials: Iterable[str]) -> dict[str, ListedUnit]:
    """Return {serial: ListedUnit} of these serial numbers, each there exactly once.

    Rows of other units may be bad. Raises ListError.
    """
    found, missing, bad = search(path, serials)
    if bad:
        raise ListError(f"{next(iter(bad.values()))}. All its problems: payg batch check {path}")
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        hints = [hint for hint in similar(path, missing[:3]).values() if hint]
        meant = f"; do you mean {', '.join(hints)}?" if hints else ""
        raise ListError(f"{hide_keys(', '.join(missing[:3]))}{more}: not in {path}{meant}")
    return found


def _alike(serial: str) -> str:
    """Return a serial number in which letters and digits that look alike are the same."""
    return serial.upper().translate(str.maketrans("OIL", "011"))


def similar(path: Path, serials: Iterable[str]) -> dict[str, str | None]:
    """Return {serial: the nearest serial number among a list's first good rows, or None}."""
    rows = islice(judge(path), SIMILAR_ROWS)
    known = [row.unit.serial for row in rows if row.unit]
    return {serial: nearest(serial, known) for serial in serials}


def nearest(serial: str, known: Iterable[str]) -> str | None:
    """Return the serial number in `known` that is most similar to `serial`, or None.

    The same number with more or fewer leading zeros is the most similar serial number. A serial
    number that looks like a key is never returned.
    """
    alike = {_alike(other): other for other in known if hide_keys(other) == other}
    wanted = _alike(serial)
    same = [text for text in alike if _without_zeros(text) == _without_zeros(wanted)]
    matches = same or difflib.get_close_matches(wanted, alike, 1, SIMILAR)
    return alike[matches[0]] if matches else None


def _without_zeros(serial: str) -> str:
    """Return a serial number without the leading zeros of the number at its end."""
    return re.sub("(?<![0-9])0+(?=[0-9]+$)", "", serial)


@contextlib.contextmanager
def new_file(path: Path, claim: bool = False) -> Iterator[TextIO]:
    """Open a file for writing, for its owner only, that is called `path` when it is complete.

    What is there already is never overwritten. A run that is killed leaves at most a file named
    `*.part`. claim: all runs use the same `*.part`, so that the second run is refused at once
    by ClaimedError. The with-block's value is the open file. Raises ListError.
    """
    path = Path(path)
    refuse_existing(path)
    handle, part = _new_part(path, claim)
    try:
        if claim:
            refuse_existing(path)  # another run was complete in between
        with open(handle, "w", encoding="utf-8", newline="") as file:
            yield file
            sync(file)
    except BaseException as error:
        os.unlink(part)
        if isinstance(error, OSError):
            raise ListError(f"{path} cannot be written: {error.strerror}") from error
        raise
    try:
        _name(part, path)
    except (OSError, ListError) as error:
        raise ListError(f"{path} cannot be named so; all of it is in {part}") from error


def _new_part(path: Path, claim: bool) -> tuple[int, str]:
    """Return (file descriptor, name) of the new file that will be `path`. Raises ListError."""
    name = f"{path}.part"
    try:
        if claim:
            return os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), name
        return tempfile.mkstemp(".part", f"{path.name}.", path.parent)
    except FileExistsError:
        raise ClaimedError(name) from None
    except OSError as error:
        raise ListError(f"{path} cannot be written: {error.strerror}") from error


def sync(file: TextIO) -> None:
    """Make sure that what was written is on the disk."""
    file.flush()
    os.fsync(file.fileno())


def refuse_existing(path: Path) -> None:
    """Raise ListError if there is something called `path`."""
    if os.path.lexists(path):
        raise ListError(f"{path} is there already, and is not overwritten: name another file")


def _name(part: str, path: Path) -> None:
    """Give a complete file its name, unless that was taken in the meantime."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links, such as a memory stick's
        refuse_existing(path)
        os.rename(part, path)
    else:
        os.unlink(part)


def write_list(
    path: Path, units: Iterable[ListedUnit], before_naming: Callable[[], object] | None = None
) -> None:
    """Write a new list of these Units. Raises ListError, and what `units` raises.

    `before_naming` is called when all units are on the disk and the file has not its name yet; an
    exception of it leaves no file.
    """
    with new_file(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(unit.cells() for unit in units)
        if before_naming:
            sync(file)
            before_naming()


def tracked(things: Iterable[Thing], total: int | None, text: str) -> Generator[Thing, None, None]:
    """Yield `things` while a bar on the terminal shows how far it is; total: None if unknown."""
    columns = (TextColumn(text), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(text, total=total)
        for number, thing in enumerate(things, 1):
            yield thing
            if number % STEP == 0:
                progress.update(task, completed=number)
        progress.update(task, completed=total)
