"""Tokens for units of a list: read the wishes, plan the orders, issue them, write the tokens.

The ledger issues (tools.batches.ledger.Ledger.issue), so that no count is used twice.
"""

import csv
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple, TextIO

from openpaygo.token_shared import OpenPAYGOTokenShared

from tools.batches.ledger import Issued, Order
from tools.batches.lists import ListedUnit, find, read_cells, sync
from tools.tokens import EXTENDED_MAX, KINDS, grouped, make_token, parse_days, value_of

REQUEST = ("serial", "kind", "value")
RESULT = ("Serial Number", "Kind", "Value", "Count", "Token", "SMS")
DAY_MINUTES = 24 * 60


Problem = tuple[int, str]  # line number, problem in words


class Wish(NamedTuple):
    """A token that somebody asks for.

    `given`: days, an extended value, or None; `text`: the same as it was written.
    """

    serial: str
    kind: str
    given: Fraction | int | None
    text: str = ""


def span(days: Fraction) -> str:
    """Return days in words: whole days, or else hours, or else minutes."""
    units = ((days, "day"), (days * 24, "hour"), (days * DAY_MINUTES, "minute"))
    number, name = next((unit for unit in units if unit[0].denominator == 1), units[-1])
    return f"{float(number):g} {name}{'s' * (number != 1)}"


def sms(wish: Wish, digits: str) -> str:
    """Return the text message for a customer, or for a field agent."""
    given = Fraction(wish.given or 0)
    meaning = {
        "disable": "unlocked for good",
        "sync": "count brought up to date",
        "extended": f"extended value {wish.given}",
        "add": f"{span(given)} more",
        "set": f"{span(given)} from now" if given else "locked",
    }[wish.kind]
    return f"{wish.serial}: {meaning}. Type {grouped(digits)} #"


def order_of(unit: ListedUnit, wish: Wish) -> Order:
    """Return the ledger's Order for a wish, or raise ValueError."""
    given = wish.given
    value = value_of(given, unit.time_divider) if isinstance(given, Fraction) else given
    identity = unit.identity()

    def make(count: int) -> tuple[int, str]:
        return make_token(identity._replace(count=count), wish.kind, value)

    return Order(unit.serial, unit.count, wish.kind, value, make, _test_digits(unit))


def _test_digits(unit: ListedUnit) -> str | None:
    """Return the unit's test code as it would be typed, or None."""
    if unit.test_code is None:
        return None
    if unit.restricted:
        return f"{OpenPAYGOTokenShared.convert_to_4_digit_token(unit.test_code):015}"
    return f"{unit.test_code:09}"


def parse_given(kind: str, text: str) -> Fraction | int | None:
    """Return what stands for the value of a wish of `kind`, or raise ValueError."""
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


def read_wishes(path: Path) -> tuple[list[tuple[int, Wish]], list[Problem]]:
    """Return ([(line number, Wish)], problems) of a file with the columns serial, kind, value."""
    wishes: list[tuple[int, Wish]] = []
    problems: list[Problem] = []
    for number, cells in read_cells(path):
        if not isinstance(cells, str) and len(cells) not in (2, 3):
            cells = f"{len(cells)} columns instead of {', '.join(REQUEST)}"
        if isinstance(cells, str):
            problems.append((number, cells))
            continue
        serial, kind, text = (cell.strip() for cell in (*cells, "")[:3])
        kind = kind.lower()
        if number == 1 and (serial.lower(), kind) == REQUEST[:2]:
            continue
        try:
            wishes.append((number, Wish(serial, kind, parse_given(kind, text), text)))
        except ValueError as error:
            problems.append((number, str(error)))
    if not wishes and not problems:
        problems.append((1, "no tokens are asked for"))
    return wishes, problems


def plan(list_path: Path, wishes: Sequence[tuple[int, Wish]]) -> tuple[list[Order], list[Problem]]:
    """Return ([Order], problems) for the [(line number, Wish)] of units of a list.

    Raises ListError when a unit is not in the list, or when the list cannot be read.
    """
    units = find(list_path, {wish.serial for _, wish in wishes})
    orders: list[Order] = []
    problems: list[Problem] = []
    for number, wish in wishes:
        try:
            orders.append(order_of(units[wish.serial], wish))
        except ValueError as error:
            problems.append((number, str(error)))
    return orders, problems


def write_tokens(file: TextIO, wishes: Sequence[Wish], issued: Sequence[Issued]) -> None:
    """Write the rows of RESULT for what was issued, and make sure that they are on the disk."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(RESULT)
    for wish, token in zip(wishes, issued):
        digits = grouped(token.digits)  # a spreadsheet keeps their leading zeros
        text = sms(wish, token.digits)
        writer.writerow((wish.serial, wish.kind, wish.text, token.count, digits, text))
    sync(file)
