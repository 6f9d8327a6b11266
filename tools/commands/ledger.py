"""`payg ledger`: options and what is printed."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tools.batches import database as ledger_db
from tools.batches.lists import find, nearest
from tools.identity import SERIAL, Checked
from tools.plain import hide_keys
from tools.tokens import grouped

if TYPE_CHECKING:  # SQLAlchemy is slow to import
    from tools.batches.history import Life, Token
    from tools.batches.ledger import Ledger

TOKEN_COLUMNS = ("issued_at", "serial", "kind", "value", "count", "token")
EVENT_COLUMNS = ("time", "what", "station", "kind", "value", "count", "token", "reason")
WORK_COLUMNS = ("station", "outcome", "reason", "number")
FIRST_YEAR = 2020  # no ledger is older
OUTCOMES = ("made", "begun", "again")  # fields of Work; failures are told by reason

Command = TypeVar("Command", bound=Callable[..., Any])


def _options(command: Command) -> Command:
    """Decorate a command with --ledger, --json and --csv."""
    for option in (
        click.option("--csv", "as_csv", is_flag=True, help="Print CSV, times in UTC."),
        click.option("--json", "as_json", is_flag=True, help="Print JSON, times in UTC."),
        click.option(
            "--ledger",
            metavar="URL",
            envvar="PAYG_LEDGER",
            help=f"File or database URL; else $PAYG_LEDGER, or {ledger_db.DEFAULT_NAME} here.",
        ),
    ):
        command = option(command)
    return command


def _opened(ledger: str | None, beside: Path = Path()) -> Ledger:
    from tools.batches.ledger import Ledger

    return Ledger(ledger_db.place(ledger, beside / "list"), create=False)


def _one_form(as_json: bool, as_csv: bool) -> None:
    if as_json and as_csv:
        raise click.UsageError("--json or --csv, not both")


def _print_json(answer: object) -> None:
    click.echo(json.dumps(answer, indent=2))


def _print_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)


def _unknown(ledger: Ledger, serial: str) -> click.ClickException:
    from tools.batches.history import known_serials

    near = nearest(serial, known_serials(ledger))
    meant = f"; do you mean {near}?" if near else ""
    return click.ClickException(f"the ledger knows nothing of {hide_keys(serial)}{meant}")


def _worth(token: Token) -> str:
    """Return a token's kind and value in words."""
    if token.value is None or token.kind in ("disable", "sync"):
        return token.kind
    return f"{token.kind} {token.value}"


def _row(token: Token) -> tuple[object, ...]:
    return (*token[:-1], grouped(token.token))  # a spreadsheet keeps its leading zeros


@click.group(name="ledger")
def command() -> None:
    """Ask the ledger: a unit's history, its last token, a day's tokens, the stations' work.

    Nothing is changed or issued, and no answer has a key. Values of add and set are time units:
    days, unless the list has another time divider.

    \b
    The history of a unit:
      payg ledger show SLT000000001
    The message got lost:
      payg ledger last SLT000000001 --batch batch.csv
    Today's tokens for a spreadsheet, and the day of a complaint:
      payg ledger day --csv > today.csv
      payg ledger day 2026-11-21
    Units made and failed, by station and reason:
      payg ledger stations
    """


@command.command()
@click.argument("serial", type=SERIAL)
@_options
def show(serial: str, ledger: str | None, as_json: bool, as_csv: bool) -> None:
    """Print the history of a unit: provisioning, failures, tokens with their counts.

    Again: provisioned after the unit lost its memory. Resync and raised: a change of the count
    without a customer's token, by `payg token --resync` and by `payg conform --batch`.

    \b
    On the screen, and for a program:
      payg ledger show SLT000000001
      payg ledger show SLT000000001 --json
    """
    from tools.batches.history import life

    _one_form(as_json, as_csv)
    with _opened(ledger) as book:
        found = life(book, serial)
        if found is None:
            raise _unknown(book, serial)
    if as_json:
        answer = found._asdict()
        answer["tokens"] = [token._asdict() for token in found.tokens]
        answer["failures"] = [failure._asdict() for failure in found.failures]
        answer["again"] = [failure._asdict() for failure in found.again]
        answer["notes"] = [note._asdict() for note in found.notes]
        answer["wipes"] = [wipe._asdict() for wipe in found.wipes]
        _print_json(answer)
    elif as_csv:
        _print_csv(EVENT_COLUMNS, _events(found))
    else:
        _tell(found)


def _events(found: Life) -> list[tuple[object, ...]]:
    """Return rows of EVENT_COLUMNS, the first event first."""
    none = ("",) * 4
    rows: list[tuple[object, ...]] = []
    if found.reserved_at:
        rows.append((found.reserved_at, "reserved", found.station, *none, ""))
    if found.provisioned_at:
        rows.append((found.provisioned_at, "provisioned", found.station, *none, ""))
    rows += [(time, "failed", station, *none, why) for time, station, why in found.failures]
    rows += [(time, "again", station, *none, why) for time, station, why in found.again]
    for time, what, count, text in found.notes:
        rows.append((time, what, "", "", "", count, "", text))
    for token in found.tokens:
        value = "" if token.value is None else token.value
        columns = (token.kind, value, token.count, grouped(token.token))
        rows.append((token.issued_at, "issued", "", *columns, ""))
    for _, station, time, count in found.wipes:
        rows.append((time, "wiped", station, "", "", count, "", ""))
    return sorted(rows, key=lambda row: str(row[0]))  # of one second: in the order above


def _tell(found: Life) -> None:
    click.echo(f"{found.serial}: count {found.count or 'not known'}")
    if found.list_name:
        click.echo(f"list {found.list_name}")
    if found.provisioned_at:
        click.echo(
            f"key check {found.key_check}, firmware {(found.firmware_hash or 'not read')[:12]}"
        )
    for time, what, station, kind, value, count, token, reason in _events(found):
        from tools.batches.history import local

        where = f" at {station}" if station else ""
        worth = f" {kind} {value}".rstrip() if kind else ""
        rest = f", count {count}, {token}" if kind else f": {reason}" if reason else ""
        if count and not kind:
            rest = f", count {count}{rest}"
        click.echo(f"{local(str(time))}  {what}{where}{worth}{rest}")


@command.command()
@click.argument("serial", type=SERIAL)
@click.option(
    "--batch",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The unit's list: the message then names days. Also: the ledger beside this list.",
)
@_options
def last(serial: str, batch: Path | None, ledger: str | None, as_json: bool, as_csv: bool) -> None:
    """Print the last token of a unit once more. Nothing is issued, no count is used.

    \b
    The message got lost; with the list its text is as it was:
      payg ledger last SLT000000001 --batch batch.csv
    """
    from tools.batches.history import local, tokens_of

    _one_form(as_json, as_csv)
    unit = find(batch, [serial])[serial] if batch else None
    divider = unit.time_divider if unit else None
    with _opened(ledger, batch.parent if batch else Path()) as book:
        if unit:
            book.refuse_keys([(serial, unit.key)])
        issued = tokens_of(book, serial)
        if not issued and book.unit(serial) is None:
            raise _unknown(book, serial)
    if not issued:
        raise click.ClickException(f"no token was issued for {serial} from this ledger")
    token = issued[-1]
    if as_json:
        _print_json(token._asdict())
    elif as_csv:
        _print_csv(TOKEN_COLUMNS, [_row(token)])
    else:
        click.echo(f"token {grouped(token.token)}")
        click.echo(f"count {token.count}")
        click.echo(f"sms   {_message(token, divider)}")
        click.echo(f"Note: issued {local(token.issued_at)}, printed again", err=True)


def _message(token: Token, divider: int | None) -> str:
    """Return the message to send; divider: time units in a day, or None if not known."""
    from tools.batches.issuing import sms
    from tools.batches.wishes import Wish

    timed = token.kind in ("add", "set")
    if timed and divider is None:
        return f"{token.serial}: Type {grouped(token.token)} #"
    given = Fraction(token.value or 0, divider or 1) if timed else token.value
    return sms(Wish(token.serial, token.kind, given), token.token)


def _parse_date(text: str) -> date:
    try:
        day = datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError as error:
        if re.fullmatch("[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}", text):
            raise ValueError(f"the calendar has no day {text}") from error
        day = date.min
    if day.year < FIRST_YEAR:
        raise ValueError(f"a day is written as 2026-11-21, not {text!r}")
    return day


@command.command()
@click.argument("day", type=Checked("date", _parse_date), required=False)
@_options
def day(day: date | None, ledger: str | None, as_json: bool, as_csv: bool) -> None:
    """Print the tokens that were issued on a DAY of this computer's time zone; without DAY, today.

    \b
    Today, and a day for a spreadsheet:
      payg ledger day
      payg ledger day 2026-11-21 --csv > tokens.csv
    """
    from tools.batches.history import local, tokens_on

    _one_form(as_json, as_csv)
    asked = day or date.today()
    with _opened(ledger) as book:
        issued = tokens_on(book, asked)
    if as_json:
        _print_json([token._asdict() for token in issued])
        return
    if as_csv:
        _print_csv(TOKEN_COLUMNS, map(_row, issued))
        return
    for token in issued:
        time, digits = local(token.issued_at)[-5:], grouped(token.token)
        click.echo(f"{time}  {token.serial}  {_worth(token)}, count {token.count}, {digits}")
    kinds = Counter(token.kind for token in issued)
    parts = ", ".join(f"{number:,} {kind}" for kind, number in sorted(kinds.items()))
    of = len({token.serial for token in issued})
    tokens = f"{ledger_db.counted(len(issued), 'token')} for {ledger_db.counted(of, 'unit')}"
    click.echo(f"{asked}: {tokens}{f' ({parts})' if parts else ''}")


@command.command()
@_options
def stations(ledger: str | None, as_json: bool, as_csv: bool) -> None:
    """Print how many units each station made, and how many failures it had, by reason.

    Again: units that came back without their memory. Begun: neither finished nor failed.

    \b
    On the screen, and for a spreadsheet:
      payg ledger stations
      payg ledger stations --csv > stations.csv
    """
    from tools.batches.history import work

    _one_form(as_json, as_csv)
    with _opened(ledger) as book:
        done = work(book)
    if as_json:
        _print_json([one._asdict() for one in done])
        return
    if as_csv:
        rows: list[tuple[object, ...]] = []
        for one in done:
            rows += [(one.station, name, "", getattr(one, name)) for name in OUTCOMES]
            rows += [(one.station, "failed", why, times) for why, times in one.reasons.items()]
        _print_csv(WORK_COLUMNS, rows)
        return
    for one in done:
        numbers = ", ".join(f"{getattr(one, name):,} {name}" for name in (*OUTCOMES, "failed"))
        click.echo(f"{one.station}: {numbers}")
        for why, times in one.reasons.items():
            click.echo(f"  {times:,} x {why}")
    if not done:
        click.echo("no station is in this ledger yet")
