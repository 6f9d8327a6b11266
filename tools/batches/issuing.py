"""`payg token --batch`: tokens for units of a list, each count used once, by way of the ledger."""

import csv
from typing import NamedTuple

import click
from openpaygo.token_shared import OpenPAYGOTokenShared

from tools.batches import database as ledger_db
from tools.batches.ledger import Ledger, Order
from tools.batches.lists import ListError, find, new_file, read_cells, sync, tracked
from tools.tokens import EXTENDED_MAX, KINDS, make_token, parse_days, value_of

REQUEST = ("serial", "kind", "value")
RESULT = ("Serial Number", "Kind", "Value", "Count", "Token", "SMS")
DAY_MINUTES = 24 * 60


class Wish(NamedTuple):
    """What somebody asked for. given: days, an extended value or None; text: as it was written."""

    serial: str
    kind: str
    given: object
    text: str = ""


def groups(digits):
    """Return a token's digits in groups of three: people read, hear and type it like this."""
    return " ".join(digits[at : at + 3] for at in range(0, len(digits), 3))


def span(days):
    """Return days in words: whole days, or else hours, or else minutes."""
    units = ((days, "day"), (days * 24, "hour"), (days * DAY_MINUTES, "minute"))
    number, name = next((unit for unit in units if unit[0].denominator == 1), units[-1])
    return f"{float(number):g} {name}{'s' * (number != 1)}"


def sms(wish, digits):
    """Return the text message for a customer, or for a field agent."""
    meaning = {
        "disable": lambda: "unlocked for good",
        "sync": lambda: "count brought up to date",
        "extended": lambda: f"extended value {wish.given}",
        "add": lambda: f"{span(wish.given)} more",
        "set": lambda: f"{span(wish.given)} from now" if wish.given else "locked",
    }[wish.kind]()
    return f"{wish.serial}: {meaning}. Type {groups(digits)} #"


def order_of(unit, wish):
    """Return the ledger's Order for a wish, or raise ValueError."""
    value = wish.given
    if wish.kind in ("add", "set"):
        value = value_of(wish.given, unit.time_divider)
    identity = unit.identity()

    def make(count):
        return make_token(identity._replace(count=count), wish.kind, value)

    return Order(unit.serial, unit.count, wish.kind, value, make, _test_digits(unit))


def _test_digits(unit):
    """Return the unit's test code as it would be typed, or None."""
    if unit.test_code is None:
        return None
    if unit.restricted:
        return f"{OpenPAYGOTokenShared.convert_to_4_digit_token(unit.test_code):015}"
    return f"{unit.test_code:09}"


def parse_given(kind, text):
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


def read_wishes(path):
    """Return ([(line number, Wish)], problems) of a file with the columns serial, kind, value."""
    wishes, problems = [], []
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


def issue_one(list_path, place, wish):
    """Issue a token and print it. Raises click.ClickException."""
    try:
        unit = find(list_path, [wish.serial])[wish.serial]
        try:
            order = order_of(unit, wish)
        except ValueError as error:
            raise click.UsageError(f"--{wish.kind}: {error}") from error
        with _ledger(place) as ledger:
            _note_blank(ledger, {unit.serial})
            (issued,) = ledger.issue([order])
    except (ListError, ledger_db.LedgerError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"token {groups(issued.digits)}")
    click.echo(f"count {issued.count}")
    click.echo(f"sms   {sms(wish, issued.digits)}")


def issue_many(list_path, place, requests, out):
    """Issue the tokens that the file `requests` asks for, all or none; write them to `out`."""
    out = out or requests.with_name(f"{requests.stem}-tokens.csv")
    try:
        wishes, problems = read_wishes(requests)
        units = find(list_path, {wish.serial for _, wish in wishes})
        orders = []
        for number, wish in wishes:
            try:
                orders.append(order_of(units[wish.serial], wish))
            except ValueError as error:
                problems.append((number, str(error)))
        _refuse(requests, problems)
        with _ledger(place) as ledger, new_file(out) as file:
            _note_blank(ledger, units.keys())
            _issue_into(file, ledger, orders, [wish for _, wish in wishes])
    except (ListError, ledger_db.LedgerError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{out}: {len(orders):,} tokens")


def _refuse(path, problems):
    if not problems:
        return
    for number, problem in sorted(problems):
        click.echo(f"{path}:{number}: {problem}", err=True)
    raise click.ClickException("no token was issued; put these lines right and repeat")


def _issue_into(file, ledger, orders, wishes):
    """The file is on the disk before the ledger counts its tokens as issued."""

    def write(issued):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(RESULT)
        for wish, token in zip(wishes, issued):
            digits = groups(token.digits)  # a spreadsheet keeps their leading zeros
            text = sms(wish, token.digits)
            writer.writerow((wish.serial, wish.kind, wish.text, token.count, digits, text))
        sync(file)

    bar = tracked(range(len(orders)), len(orders), "Making tokens")
    ledger.issue(orders, before_commit=write, step=lambda: next(bar))
    bar.close()


def _ledger(place):
    if not ledger_db.exists(place):
        click.echo(f"Note: a new ledger is begun, {place}", err=True)
    return Ledger(place)


def _note_blank(ledger, serials):
    blank = set(serials) - ledger.provisioned_ones(serials)
    if blank:
        some = f"{min(blank)} is" if len(blank) == 1 else f"{len(blank):,} of the units are"
        click.echo(f"Note: {some} not provisioned as far as this ledger knows", err=True)
