"""Wishes: the tokens that somebody asks for, and the file in which many of them are.

The file's columns are found by their names in the header line. A file without a header has the
columns serial, kind, value.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from tools.batches.database import counted
from tools.batches.lists import SEMICOLONS_PROBLEM, read_cells
from tools.tokens import EXTENDED_MAX, KINDS, parse_days

REQUEST = ("serial", "kind", "value")
NAMES = {  # name of a column, in small letters: the column
    "serial": "serial",
    "serial number": "serial",
    "serial_number": "serial",
    "kind": "kind",
    "value": "value",
}
RESULT = ("Serial Number", "Kind", "Value", "Count", "Token", "SMS")
MADE_HERE = ("count", "token", "sms")  # columns of RESULT that no request may have
SEPARATOR = ["sep=", ""]  # first line of a file for Excel: sep=,
SHOWN = 5  # problems of one sort


class Problem(NamedTuple):
    """A wrong line. sort: the same text for all problems of a sort; `text` if empty."""

    line: int
    text: str
    sort: str = ""


class Wish(NamedTuple):
    """A token that somebody asks for.

    `given`: days, an extended value, or None; `text`: the same as it was written; `extra`: cells
    that go into the output as they are.
    """

    serial: str
    kind: str
    given: Fraction | int | None
    text: str = ""
    extra: tuple[str, ...] = ()


class Wishes(NamedTuple):
    """A judged file. asked: [(line number, Wish)]; extra: names of the further columns."""

    asked: list[tuple[int, Wish]]
    problems: list[Problem]
    extra: tuple[str, ...] = ()


def parse_given(kind: str, text: str) -> Fraction | int | None:
    """Return days, an extended value or None from the text of a value, or raise ValueError."""
    if kind in ("add", "set"):
        return parse_days(text)
    if kind == "extended":
        if text.isascii() and text.isdigit() and len(text) <= 6:
            return int(text)
        raise ValueError(f"an extended value is a whole number from 0 to {EXTENDED_MAX}")
    if kind not in KINDS:
        raise ValueError(f"the kind is one of {', '.join(KINDS)}")
    if text:
        raise ValueError(f"{kind} has no value")
    return None


class _Columns:
    """Places of the columns of a file."""

    def __init__(self, header: Sequence[str] | None) -> None:
        """Take the cells of the header line, None for a file without one. Raises ValueError."""
        self.named = header is not None
        names = [cell.strip() for cell in header or REQUEST]
        self._places: dict[str, int] = {}
        for place, name in enumerate(names):
            column = NAMES.get(name.lower())
            if column in self._places:
                raise ValueError(f"the header has the column {column} twice")
            if column:
                self._places[column] = place
            elif name.lower() in MADE_HERE:
                raise ValueError(
                    f"the column {name} has the name of a column of the output: rename it,"
                    " or is this a file of issued tokens?"
                )
        for name in REQUEST:
            near = difflib.get_close_matches(name, [other.lower() for other in names], 1, 0.7)
            if name not in self._places and near:
                raise ValueError(f"the column {name} is missing; do you mean {name} by {near[0]}?")
        lacking = [name for name in REQUEST[:2] if name not in self._places]
        if lacking:
            raise ValueError(f"the header lacks {' and '.join(lacking)}")
        self._width = len(names)
        self._others = [at for at in range(len(names)) if at not in self._places.values()]
        self.extra = tuple(names[at] for at in self._others)

    def wish(self, cells: list[str]) -> Wish:
        """Return the Wish of a line. Raises ValueError."""
        if not 2 <= len(cells) <= self._width:
            hint = "" if self.named else "; more columns need a header line"
            names = f"{self._width}" if self.named else ", ".join(REQUEST)
            raise ValueError(f"{counted(len(cells), 'column')} instead of {names}{hint}")
        cells = [*cells, *[""] * (self._width - len(cells))]
        serial, kind, text = (
            cells[self._places[name]].strip() if name in self._places else "" for name in REQUEST
        )
        kind = kind.lower()
        extra = tuple(cells[at] for at in self._others)
        return Wish(serial, kind, parse_given(kind, text), text, extra)


def _is_header(cells: list[str]) -> bool:
    names = {NAMES.get(cell.strip().lower()) for cell in cells}
    return "serial" in names or "kind" in names


def read_wishes(path: Path, allow_duplicates: bool = False) -> Wishes:
    """Return the Wishes of a file, with a Problem for each wrong line.

    Two lines with the same serial number, kind and value are a mistake unless allowed. Raises
    ListError if the file cannot be read.
    """
    rows = _rows(path)
    first = next(rows, None)
    if first is not None and first[1] == SEPARATOR:
        first = next(rows, None)
    if first is None:
        return Wishes([], [Problem(1, "no tokens are asked for")])
    number, cells = first
    if isinstance(cells, str):
        return Wishes([], [Problem(number, cells)])
    if len(cells) == 1 and ";" in cells[0]:
        return Wishes([], [Problem(number, SEMICOLONS_PROBLEM)])
    header = cells if _is_header(cells) else None
    try:
        columns = _Columns(header)
    except ValueError as error:
        return Wishes([], [Problem(number, str(error))])
    asked, problems = _judged(rows if header else chain([first], rows), columns)
    if not columns.named and problems and problems[0].line == number:
        hint = f"{problems[0].text} (a header line names at least the columns serial and kind)"
        problems[0] = Problem(number, hint)
    if not allow_duplicates:
        problems += _duplicates(asked)
    if not asked and not problems:
        problems.append(Problem(number, "no tokens are asked for"))
    return Wishes(asked, problems, columns.extra)


def _rows(path: Path) -> Iterator[tuple[int, list[str] | str]]:
    """Yield the rows of read_cells without rows of empty cells, which spreadsheets append."""
    for number, cells in read_cells(path):
        if isinstance(cells, str) or any(cell.strip() for cell in cells):
            yield number, cells


def _judged(
    rows: Iterable[tuple[int, list[str] | str]], columns: _Columns
) -> tuple[list[tuple[int, Wish]], list[Problem]]:
    asked: list[tuple[int, Wish]] = []
    problems: list[Problem] = []
    for number, cells in rows:
        try:
            if isinstance(cells, str):
                raise ValueError(cells)
            asked.append((number, columns.wish(cells)))
        except ValueError as error:
            sort = str(error).split(", not '")[0]
            problems.append(Problem(number, str(error), sort))
    return asked, problems


def _duplicates(asked: Iterable[tuple[int, Wish]]) -> list[Problem]:
    """Return a Problem for each wish that was there before."""
    first: dict[tuple[object, ...], int] = {}
    problems = []
    for number, wish in asked:
        before = first.setdefault((wish.serial, wish.kind, wish.given), number)
        if before != number:
            text = (
                f"the same as line {before}: {wish.serial}, {wish.kind}"
                f"{wish.text and f' {wish.text}'}; if both are meant, --allow-duplicates"
            )
            problems.append(Problem(number, text, "duplicate"))
    return problems


def told(problems: Iterable[Problem]) -> list[tuple[int, str]]:
    """Return [(line number, text)] in the order of the lines, at most SHOWN of one sort.

    The last shown problem of a sort tells how many more lines have it.
    """
    sorts: dict[str, list[Problem]] = {}
    for problem in sorted(problems):
        sorts.setdefault(problem.sort or problem.text, []).append(problem)
    lines = []
    for some in sorts.values():
        lines += [(problem.line, problem.text) for problem in some[:SHOWN]]
        if len(some) > SHOWN:
            number, text = lines[-1]
            more = len(some) - SHOWN
            lines[-1] = (number, f"{text} ({more:,} more line{'s' * (more > 1)} like this)")
    return sorted(lines)
