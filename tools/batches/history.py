"""Questions to the ledger: the life of a unit, the tokens of a day, the work of the stations.

Nothing is changed, and no answer has a key: the ledger has none.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import date, datetime, time, timedelta, timezone
from itertools import islice
from typing import Any, NamedTuple

import sqlalchemy as sa

from tools.batches.ledger import RAISED, RESYNC, TIME, Ledger, Record, Wipe, list_of
from tools.batches.tables import failures, tokens, units

LOST = "lost its memory"  # reason that Ledger.reserve keeps of a second provisioning
LOOKED_THROUGH = 20_000  # serial numbers of the ledger to look through for a similar one
NOBODY = Record("", "", "", None, None, None)
NOTE = re.compile(f"({RESYNC}|{RAISED}), count ([0-9]+): (.*)")


class Token(NamedTuple):
    """An issued token. value: time units, an extended value, or None; issued_at: UTC."""

    issued_at: str
    serial: str
    kind: str
    value: int | None
    count: int  # type: ignore[assignment]  # tuple.count
    token: str


class Note(NamedTuple):
    """A change of a unit's count without a customer's token. what: RESYNC or RAISED."""

    noted_at: str
    what: str
    count: int  # type: ignore[assignment]  # tuple.count
    text: str


class Failure(NamedTuple):
    """A failed provisioning, or one of a unit that lost its memory."""

    failed_at: str
    station: str
    reason: str


class Life(NamedTuple):
    """All that the ledger knows of a unit. list_name: of the list that was made with it.

    again: provisioned after the unit lost its memory; wipes: when the unit was made blank again.
    """

    serial: str
    list_name: str | None
    count: int | None  # type: ignore[assignment]  # tuple.count
    station: str | None
    reserved_at: str | None
    provisioned_at: str | None
    firmware_hash: str | None
    key_check: str | None
    tokens: list[Token]
    failures: list[Failure]
    again: list[Failure]
    notes: list[Note]
    wipes: list[Wipe]


class Work(NamedTuple):
    """The work of a station.

    made: provisioned units; begun: units neither finished nor failed; again: units that came back
    without their memory; failed: failures; reasons: {first words of the reason: failures}.
    """

    station: str
    made: int
    begun: int
    again: int
    failed: int
    reasons: dict[str, int]


def life(ledger: Ledger, serial: str) -> Life | None:
    """Return the Life of a unit, or None if the ledger does not know the serial number."""
    record = ledger.unit(serial)
    count = ledger.count(serial)
    rows = [Failure(*row) for row in ledger.failures(serial)]
    listed = list_of(ledger, serial)
    if record is None and count is None and not rows and listed is None:
        return None
    again = [row for row in rows if row.reason.startswith(LOST)]
    notes = [note for row in rows if (note := _note(row))]
    failed = [row for row in rows if row not in again and not _note(row)]
    known = record or NOBODY
    return Life(
        serial,
        listed,
        count,
        known.station or None,
        known.reserved_at or None,
        known.provisioned_at,
        known.firmware_hash,
        known.key_check,
        tokens_of(ledger, serial),
        failed,
        [row._replace(reason=LOST) for row in again],
        notes,
        [wipe for wipe in ledger.wipes().values() if wipe.serial == serial],
    )


def _note(row: Failure) -> Note | None:
    found = NOTE.fullmatch(row.reason)
    return Note(row.failed_at, found[1], int(found[2]), found[3]) if found else None


def tokens_of(ledger: Ledger, serial: str) -> list[Token]:
    """Return the tokens of a unit in the order of their counts."""
    return _tokens(ledger, tokens.c.serial == serial, tokens.c.count)


def tokens_on(ledger: Ledger, day: date) -> list[Token]:
    """Return the tokens that were issued on a day of this computer's time zone."""
    begin, end = (
        datetime.combine(day + timedelta(days=days), time())
        .astimezone(timezone.utc)
        .strftime(TIME)
        for days in (0, 1)
    )
    within = (tokens.c.issued_at >= begin) & (tokens.c.issued_at < end)
    return _tokens(ledger, within, tokens.c.issued_at, tokens.c.serial, tokens.c.count)


def _tokens(
    ledger: Ledger, which: sa.ColumnElement[bool], *order: sa.ColumnElement[Any]
) -> list[Token]:
    names = ("issued_at", "serial", "kind", "value", "count", "digits")
    query = sa.select(*(tokens.c[name] for name in names)).where(which).order_by(*order)
    with ledger.reading() as database:
        return [Token(*row) for row in database.execute(query)]


def work(ledger: Ledger) -> list[Work]:
    """Return the Work of each station, by the stations' names."""
    done = units.c.provisioned_at.is_not(None)
    query = sa.select(units.c.station, done, sa.func.count()).group_by(units.c.station, done)
    made: Counter[tuple[str, bool]] = Counter()
    reasons: dict[str, Counter[str]] = {}
    with ledger.reading() as database:
        for station, finished, number in database.execute(query):
            made[station, bool(finished)] = number
            reasons.setdefault(station, Counter())
        for station, reason in database.execute(sa.select(failures.c.station, failures.c.reason)):
            if NOTE.fullmatch(reason):
                continue
            reasons.setdefault(station, Counter())[_first_words(reason)] += 1
    result = []
    for station, why in sorted(reasons.items()):
        again = why.pop(LOST, 0)
        counted = dict(sorted(why.items(), key=lambda pair: (-pair[1], pair[0])))
        numbers = (made[station, True], made[station, False], again, why.total())
        result.append(Work(station, *numbers, counted))
    return result


def _first_words(reason: str) -> str:
    """Return a reason up to the first colon that is not in parentheses."""
    found = re.match(r"(?:[^:(]|\([^()]*\)|\()*", reason)
    return found[0] if found else reason


def known_serials(ledger: Ledger) -> list[str]:
    """Return the first serial numbers of the ledger."""
    return list(islice(ledger.serials(), LOOKED_THROUGH))


def local(utc: str) -> str:
    """Return a time of the ledger as this computer's clock shows it: 2026-11-21 14:03."""
    moment = datetime.strptime(utc, TIME).replace(tzinfo=timezone.utc)
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")
