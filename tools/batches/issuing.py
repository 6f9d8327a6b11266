"""Tokens for units of a list: plan orders from wishes, write the issued tokens.

The ledger issues (tools.batches.ledger.Ledger.issue), so that no count is used twice.
"""

import csv
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple, TextIO

from openpaygo.token_shared import OpenPAYGOTokenShared

from tools.batches.ledger import Issued, Order
from tools.batches.lists import ListedUnit, search, similar, sync
from tools.batches.wishes import RESULT, Problem, Wish
from tools.tokens import grouped, make_token, value_asked

DAY_MINUTES = 24 * 60
HINTS = 5  # unknown serial numbers that get a similar one as a hint


def span(days: Fraction) -> str:
    """Return days in words: whole days, or else hours, or else minutes."""
    units = ((days, "day"), (days * 24, "hour"), (days * DAY_MINUTES, "minute"))
    number, name = next((unit for unit in units if unit[0].denominator == 1), units[-1])
    return f"{float(number):g} {name}{'s' * (number != 1)}"


def sms(wish: Wish, digits: str, step: int = 1, steps: int = 1) -> str:
    """Return the text message for a customer, or for a field agent.

    step, of steps: place of the token among tokens that are entered one after the other.
    """
    given = Fraction(wish.given or 0)
    meaning = {
        "disable": "unlocked for good",
        "sync": "count brought up to date",
        "extended": f"extended value {wish.given}",
        "add": f"{span(given)} more",
        "set": f"{span(given)} from now" if given else "locked",
    }[wish.kind]
    if steps > 1:
        meaning += f", {step}/{steps} (in the sequence 1 to {steps})"
    return f"{wish.serial}: {meaning}. Type {grouped(digits)} #"


def worth(kind: str, value: int | None, time_divider: int) -> str:
    """Return a token's kind and value in words; value: time units, an extended value or None."""
    if kind in ("add", "set"):
        return f"{kind} {span(Fraction(value or 0, time_divider))}"
    return f"{kind} {value}" if kind == "extended" else kind


def order_of(unit: ListedUnit, wish: Wish) -> Order:
    """Return the ledger's Order for a wish, or raise ValueError."""
    given = wish.given
    value: int | None
    if isinstance(given, Fraction):
        value = value_asked(wish.kind, given, unit.time_divider)
    else:
        value = given
    identity = unit.identity()

    def make(count: int) -> tuple[int, str]:
        return make_token(identity._replace(count=count), wish.kind, value)

    never = None if unit.test_code is None else typed_test_code(unit.test_code, unit.restricted)
    return Order(unit.serial, unit.count, wish.kind, value, make, never)


def typed_test_code(code: int, restricted: bool) -> str:
    """Return a test code as a person types it: nine digits, restricted 15 digits from 1 to 4."""
    if restricted:
        return f"{OpenPAYGOTokenShared.convert_to_4_digit_token(code):015}"
    return f"{code:09}"


class Plan(NamedTuple):
    """Orders for wishes, problems of wishes without an order, [(serial number, key)] of units."""

    orders: list[Order]
    problems: list[Problem]
    keys: list[tuple[str, bytes]]


def plan(list_path: Path, wishes: Sequence[tuple[int, Wish]]) -> Plan:
    """Return the Plan for the [(line number, Wish)] of units of a list.

    A unit that the list has not, has twice or has in a bad row is a problem. Raises ListError
    when the list cannot be read.
    """
    found = search(list_path, {wish.serial for _, wish in wishes})
    near = similar(list_path, found.missing[:HINTS]) if found.missing else {}
    orders: list[Order] = []
    problems: list[Problem] = []
    for number, wish in wishes:
        if wish.serial in found.bad:
            problems.append(Problem(number, found.bad[wish.serial]))
            continue
        if wish.serial not in found.units:
            hint = near.get(wish.serial)
            meant = f"; do you mean {hint}?" if hint else ""
            text = f"{wish.serial or 'an empty serial number'}: not in {list_path}{meant}"
            problems.append(Problem(number, text, "not in the list"))
            continue
        try:
            orders.append(order_of(found.units[wish.serial], wish))
        except ValueError as error:
            problems.append(Problem(number, str(error)))
    return Plan(orders, problems, [(unit.serial, unit.key) for unit in found.units.values()])


def free_before(free: set[str], wishes: Iterable[Wish]) -> set[str]:
    """Return the serial numbers with an addition or a set while their units are free.

    free: serial numbers of units that are free before the first wish.
    """
    free, found = set(free), set()
    for wish in wishes:
        if wish.kind in ("add", "set") and wish.serial in free:
            found.add(wish.serial)
        if wish.kind == "disable":
            free.add(wish.serial)
        elif wish.kind == "set":
            free.discard(wish.serial)
    return found


def write_tokens(
    file: TextIO, wishes: Sequence[Wish], issued: Sequence[Issued], extra: Sequence[str] = ()
) -> None:
    """Write the rows of RESULT for what was issued, and make sure that they are on the disk.

    extra: names of the columns that each wish brings with it.
    """
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow((*RESULT, *extra))
    for wish, token in zip(wishes, issued):
        digits = grouped(token.digits)  # a spreadsheet keeps their leading zeros
        text = sms(wish, token.digits)
        row = (wish.serial, wish.kind, wish.text, token.count, digits, text)
        writer.writerow((*row, *wish.extra))
    sync(file)
