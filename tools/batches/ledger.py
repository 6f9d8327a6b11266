"""The ledger: what became of which unit. SQLite, or PostgreSQL by changing its URL.

It says which serial number was provisioned when and at which station, with which firmware and key
check value, which tokens were issued, what failed. No key is in it. A serial number is the primary
key of `payg_units`, so two stations cannot both have it; a count, and the digits of a token, are
there once per unit, so none is issued twice.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

import click
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from tools.batches.database import (
    FIND_IT,
    LedgerError,
    NoLedgerError,
    file_of,
    is_there,
    url_of,
)
from tools.batches.lists import NUMBER_DIGITS
from tools.batches.tables import (
    PATIENCE,
    boards,
    counts,
    failures,
    insert_new,
    lists,
    make_engine,
    make_tables,
    new_ledger,
    one_at_a_time,
    tokens,
    units,
    wipes,
)
from tools.identity import COUNT_MAX
from tools.plain import hide_keys

CHUNK = 500  # serial numbers in one question
PIECE = 10_000  # units of a list in one row
SYNC_REACH = 100  # counts ahead of its own that a unit takes a sync (docs/token-engine.md)
TYPED = 30  # sync tokens that a person types one after the other
HASH = 8  # bytes that stand for a key
DAMAGED = ("not a database", "malformed", "unable to open")  # words of SQLite
RESYNC, RAISED = "resync", "raised"  # begin the reasons of notes, which payg_failures has as well
A_RUN = timedelta(hours=2)  # in which raises of a count are one note


TIME = "%Y-%m-%dT%H:%M:%SZ"  # UTC


class TakenError(LedgerError):
    """This serial number is provisioned (`done`), or being provisioned elsewhere."""

    def __init__(self, text: str, done: bool = False) -> None:
        super().__init__(text)
        self.done = done


class MadeList(NamedTuple):
    """A list that was made: its file's name, its serial numbers from `first` to `last`, when."""

    name: str
    first: str
    last: str
    made_at: str


class Record(NamedTuple):
    """What is known of a unit. `provisioned_at` is None while it is only reserved."""

    serial: str
    station: str
    reserved_at: str
    provisioned_at: str | None
    firmware_hash: str | None
    key_check: str | None


class Wipe(NamedTuple):
    """A unit that was made blank again. count: the unit's then; wiped_at: UTC."""

    serial: str
    station: str
    wiped_at: str
    count: int  # type: ignore[assignment]  # tuple.count


class Order(NamedTuple):
    """A token to be issued.

    listed: the unit's count in its list; the ledger's counts if it is higher. make: function of
    the count of the last token that returns (new count, digits). never: digits that must not be
    issued, or None.
    """

    serial: str
    listed: int
    kind: str
    value: int | None
    make: Callable[[int], tuple[int, str]]
    never: str | None = None


class Issued(NamedTuple):
    """A token that is in the ledger. kind, value: as in the order; count: the token's own."""

    serial: str
    kind: str
    value: int | None
    count: int  # type: ignore[assignment]  # tuple.count
    digits: str


class _FasterError(Exception):
    """Another program changed a unit's count while tokens were made."""


Numbered = list[tuple[int, Order]]  # orders of a unit, each with its place in the sequence
Known = tuple["int | None", set[str]]  # count and digits of all tokens of a unit


def _now() -> str:
    return datetime.now(timezone.utc).strftime(TIME)


class Ledger:
    """A context manager. Threads may share one; processes open their own.

    Every method is one transaction, committed when it returns, and raises LedgerError.
    """

    def __init__(self, place: str, create: bool = True) -> None:
        """Open the ledger at `place`, a file's name or a URL.

        create: make a missing ledger; otherwise a missing ledger raises NoLedgerError.
        """
        self._url = url_of(place)
        self._where = self._url.render_as_string(hide_password=True)
        path = file_of(place)
        if path is not None and not is_there(path, create):
            new_ledger(self._url, path)
        self._engine = make_engine(self._url)
        try:
            with self._writing() as database:
                make_tables(database, self._where, create and path is None)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.begin() as database:
                yield database
        except SQLAlchemyError as error:
            raise self._trouble(error) from error

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.connect() as database:
                yield database.execution_options(reading=True)
        except SQLAlchemyError as error:
            raise self._trouble(error) from error

    def _trouble(self, error: SQLAlchemyError) -> LedgerError:
        reason = str(getattr(error, "orig", None) or "").strip().split("\n")[0]
        if "locked" in reason:
            reason = f"another program has held it for {PATIENCE} s"
        reason = reason or type(error).__name__
        if any(words in reason for words in DAMAGED):
            reason = f"{reason}. {FIND_IT}"
        return LedgerError(f"the ledger {self._where} cannot be used: {reason}")

    # -- provisioning ------------------------------------------------------------------------

    def reserve(self, serial: str, station: str, again: str | None = None) -> None:
        """Take a serial number for `station` before its unit is touched. Raises TakenError.

        What this station had reserved it may take again: so a crash is repaired by repeating.
        again: key check value of a unit that was provisioned and lost its memory; that is kept.
        """
        with self._writing() as database:
            while not self._reserved(database, serial, station):
                record = _record(database, serial)
                if record is None:
                    continue  # it was released in between
                if record.provisioned_at is None and record.station == station:
                    return
                if _is_wiped(database, record):
                    row = {"station": station, "reserved_at": _now(), "provisioned_at": None}
                    row |= {"firmware_hash": None, "key_check": None}
                    mine = sa.update(units).where(units.c.serial == serial)
                    database.execute(mine.values(row))
                    return
                if record.provisioned_at is None or again is None:
                    raise TakenError(_taken(record), record.provisioned_at is not None)
                if record.key_check != again:
                    raise TakenError(f"{_taken(record)}, with another key than the list has")
                _fail(database, serial, station, f"lost its memory: {_taken(record)}")
                return

    def claim(
        self, serial: str, station: str, board_id: str, key: bytes, again: bool = False
    ) -> None:
        """Take a serial number for one board, before the board gets the key. Raises TakenError.

        Called again right before the identity is written: the key may be wiped meanwhile.
        The same board may claim it again, and another board once `failed` gave it back. board_id:
        hex digits; again: the board that had the serial number is gone, or lost its memory.
        """
        row: dict[str, object] = {"serial": serial, "board_id": board_id, "station": station}
        row["begun_at"] = _now()
        here = boards.c.serial == serial
        with self._writing() as database:
            if database.scalar(sa.select(wipes.c.serial).where(wipes.c.key_hash == key_hash(key))):
                raise TakenError(f"{serial} was wiped meanwhile: its key is never used again")
            if insert_new(database, boards, row):
                return
            found = database.execute(sa.select(boards).where(here).with_for_update()).one()
            if found.board_id == board_id:
                return
            if not again:
                raise TakenError(
                    f"{serial} was begun on another board at {found.station}, {found.begun_at}."
                    " Its identity may be there: finish that board by the same command; if that"
                    " board is lost, repeat with --again"
                )
            database.execute(sa.update(boards).where(here).values(row))

    def next_serial(self, serials: Iterable[str], station: str) -> str | None:
        """Reserve and return the first of `serials` that nobody ever reserved, or None.

        What a crash left reserved is not given out by this, since another port of this station
        might be at it: see begun().
        """
        for some in _chunks(serials):
            with self.reading() as database:
                taken = set(database.scalars(sa.select(units.c.serial).where(_among(units, some))))
            for serial in some:
                if serial in taken:
                    continue
                with self._writing() as database:
                    if self._reserved(database, serial, station):
                        return serial
        return None

    def begun(self, station: str) -> list[str]:
        """Return the serial numbers that `station` reserved and neither finished nor failed."""
        query = (
            sa.select(units.c.serial)
            .where(units.c.station == station, units.c.provisioned_at.is_(None))
            .order_by(units.c.reserved_at, units.c.serial)
        )
        with self.reading() as database:
            return list(database.scalars(query))

    def provisioned(
        self,
        serial: str,
        station: str,
        firmware_hash: str | None,
        key_check: str,
        count: int = 1,
        again: bool = False,
    ) -> None:
        """Keep that a unit has its identity. Raises TakenError unless this station reserved it.

        The same said twice is kept once. count: the unit's first, at least. again: it has had it
        before, and lost it; the same key is all that is asked for then.
        """
        known = {"station": station, "firmware_hash": firmware_hash, "key_check": key_check}
        mine = (units.c.station == station) & units.c.provisioned_at.is_(None)
        with self._writing() as database:
            done = database.execute(
                sa.update(units)
                .where(units.c.serial == serial)
                .where(mine | (units.c.key_check == key_check) if again else mine)
                .values(provisioned_at=_now(), **known)
            )
            if not done.rowcount:
                record = _record(database, serial)
                if record is None:
                    raise TakenError(f"{serial} is not reserved: reserve it before it is written")
                if record.station != station or record.key_check != key_check:
                    raise TakenError(_taken(record))
            _raise_count(database, serial, count)

    def failed(self, serial: str, station: str, reason: str, board_id: str | None = None) -> None:
        """Keep why a unit could not be provisioned, and release its serial number.

        board_id: the board that had claimed the number. The number of another board is kept.
        """
        here = boards.c.serial == serial
        with self._writing() as database:
            database.execute(sa.delete(boards).where(here, boards.c.board_id == board_id))
            if database.scalar(sa.select(boards.c.board_id).where(here)) is None:
                _release(database, serial, station)
            _fail(database, serial, station, reason)

    def release(self, serial: str, station: str) -> None:
        """Give a reserved serial number back whose unit was not touched."""
        with self._writing() as database:
            _release(database, serial, station)

    @staticmethod
    def _reserved(database: sa.Connection, serial: str, station: str) -> bool:
        return insert_new(
            database, units, {"serial": serial, "station": station, "reserved_at": _now()}
        )

    def wiped(self, serial: str, station: str, key: bytes, check: str, count: int) -> None:
        """Keep the count and key of a unit that will be made blank: `refuse_keys` knows them.

        The same said twice is kept once. check: key check value of the key. A unit of this ledger
        with the same serial number and another key is not touched.
        """
        row = {"key_hash": key_hash(key), "serial": serial, "station": station, "count": count}
        now = _now()
        unit: dict[str, object] = {"serial": serial, "station": station, "key_check": check}
        unit |= {"reserved_at": now, "provisioned_at": now}
        with self._writing() as database:
            insert_new(database, wipes, {**row, "wiped_at": now, "key_check": check})
            insert_new(database, units, unit)  # one that no station of this ledger made
            record = _record(database, serial)
            if record and record.key_check == check:
                database.execute(sa.delete(boards).where(boards.c.serial == serial))
            _raise_count(database, serial, count)

    def wipes(self) -> dict[bytes, Wipe]:
        """Return {key_hash: Wipe} of all units that were made blank again."""
        columns = (wipes.c.key_hash, *(wipes.c[name] for name in Wipe._fields))
        with self.reading() as database:
            return {hashed: Wipe(*row) for hashed, *row in database.execute(sa.select(*columns))}

    # -- lists -------------------------------------------------------------------------------

    def refuse_keys(self, keys: Iterable[tuple[str, bytes]]) -> None:
        """Do `refuse_other_keys`, and raise TakenError for the key of a wiped unit."""
        keys = list(keys)
        self.refuse_other_keys(keys)
        gone = self.wipes()
        for serial, key in keys:
            wipe = gone.get(key_hash(key)) if gone else None
            if wipe:
                raise TakenError(
                    f"{serial} was wiped at {wipe.station}, {wipe.wiped_at}: its key is never used"
                    " again, because the tokens issued for it would work again. The unit takes the"
                    " next serial number of a list"
                )

    def list_with(self, prefix: str, numbers: range) -> MadeList | None:
        """Return a list that was made and has one of these serial numbers, or None."""
        with self.reading() as database:
            return _list_with(database, prefix, numbers)

    def keep_list(self, name: str, prefix: str, numbers: range, key_hashes: bytes) -> None:
        """Keep which serial numbers a new list has, and a hash of each key, one after the other.

        Raises TakenError if another list has one of the serial numbers.
        """
        made_at = _now()
        with self._writing() as database:
            one_at_a_time(database)
            other = _list_with(database, prefix, numbers)
            if other:
                raise TakenError(in_list(other))
            for at in range(0, len(numbers), PIECE):
                some = numbers[at : at + PIECE]
                hashes = key_hashes[at * HASH : (at + len(some)) * HASH]
                row = {"prefix": prefix, "first": some[0], "last": some[-1], "name": name}
                row |= {"made_at": made_at, "key_hashes": hashes}
                database.execute(sa.insert(lists).values(row))

    def refuse_other_keys(self, keys: Iterable[tuple[str, bytes]]) -> None:
        """Raise TakenError if a unit has another key than in the list made for this ledger.

        keys: (serial number, key). Units of lists made elsewhere are not judged.
        """
        piece: tuple[str, int, int, str, bytes] = ("", 0, -1, "", b"")
        with self.reading() as database:
            for serial, key in keys:
                prefix, number = serial[:-NUMBER_DIGITS], serial[-NUMBER_DIGITS:]
                if not (len(number) == NUMBER_DIGITS and number.isascii() and number.isdigit()):
                    continue
                at = int(number)
                if prefix != piece[0] or not piece[1] <= at <= piece[2]:
                    query = _pieces(prefix, range(at, at + 1), lists.c.key_hashes)
                    row = database.execute(query).first()
                    if row is None:
                        continue
                    piece = (prefix, row.first, row.last, row.name, row.key_hashes)
                start = (at - piece[1]) * HASH
                if piece[4][start : start + HASH] != key_hash(key):
                    raise TakenError(
                        f"{serial} has another key in the list {piece[3]}, which was made for this"
                        " ledger: a unit takes the tokens of one list. Use that list"
                    )

    # -- questions ---------------------------------------------------------------------------

    def unit(self, serial: str) -> Record | None:
        """Return the Record of a unit, or None."""
        with self.reading() as database:
            return _record(database, serial)

    def count(self, serial: str) -> int | None:
        """Return the count of the unit's last token, or None if the ledger knows none."""
        return self.counts([serial]).get(serial)

    def raise_count(self, serial: str, count: int) -> None:
        """Keep that all counts of a unit up to `count` are used; a count is never lowered.

        A note says so: nothing else explains counts without tokens. `payg conform` does this.
        """
        with self._writing() as database:
            before, _ = _known(database, serial)
            _raise_count(database, serial, count)
            if count > (before or 0):
                _note_raise(database, serial, before or 0, count)

    def counts(self, serials: Iterable[str]) -> dict[str, int]:
        """Return {serial: count} of those that the ledger knows."""
        return self._pairs(counts, counts.c.count, serials)

    def provisioned_ones(self, serials: Iterable[str]) -> set[str]:
        """Return those of `serials`, a set, whose units were provisioned."""
        found = self._pairs(units, units.c.provisioned_at, serials)
        return {serial for serial, time in found.items() if time is not None}

    def free_ones(self, serials: Iterable[str]) -> set[str]:
        """Return those of `serials` whose newest disable or set token is a disable token."""
        last: dict[str, tuple[int, str]] = {}
        query = sa.select(tokens.c.serial, sa.func.max(tokens.c.count), tokens.c.kind)
        query = query.where(tokens.c.kind.in_(["disable", "set"]))
        query = query.group_by(tokens.c.serial, tokens.c.kind)
        with self.reading() as database:
            for some in _chunks(serials):
                for serial, count, kind in database.execute(query.where(_among(tokens, some))):
                    last[serial] = max(last.get(serial, (0, "")), (count, kind))
        return {serial for serial, (_, kind) in last.items() if kind == "disable"}

    def _pairs(
        self, table: sa.Table, column: sa.Column[Any], serials: Iterable[str]
    ) -> dict[str, Any]:
        found: dict[str, Any] = {}
        with self.reading() as database:
            for some in _chunks(serials):
                query = sa.select(table.c.serial, column).where(_among(table, some))
                found.update((serial, value) for serial, value in database.execute(query))
        return found

    def serials(self) -> Iterator[str]:
        """Yield every serial number that the ledger knows of, some of them twice."""
        query = sa.union_all(sa.select(units.c.serial), sa.select(counts.c.serial))
        with self.reading() as database:
            rows = database.execution_options(yield_per=10_000).execute(query)
            for row in rows:
                yield row.serial

    def failures(self, serial: str) -> list[tuple[str, str, str]]:
        """Return [(time, station, reason)] of a unit, the first one first."""
        columns = (failures.c.failed_at, failures.c.station, failures.c.reason)
        query = sa.select(*columns).where(failures.c.serial == serial).order_by(failures.c.id)
        with self.reading() as database:
            return [(time, at, why) for time, at, why in database.execute(query)]

    def tokens(self, serial: str) -> list[Issued]:
        """Return [Issued] of a unit in the order of their counts."""
        with self.reading() as database:
            columns = [tokens.c[name] for name in Issued._fields]
            query = sa.select(*columns).where(tokens.c.serial == serial).order_by(tokens.c.count)
            return [Issued(*row) for row in database.execute(query)]

    # -- tokens ------------------------------------------------------------------------------

    def issue(
        self,
        orders: Sequence[Order],
        before_commit: Callable[[list[Issued]], object] | None = None,
        step: Callable[[], object] | None = None,
    ) -> list[Issued]:
        """Make and keep a token for each Order; return [Issued] in the same sequence.

        All or none: an exception, also one of `before_commit` (called with the tokens when they
        are about to be kept), leaves the ledger as it was. `step` is called once per token.
        Tokens are made before anything is locked, and again if another program was faster.
        """
        groups: dict[str, list[tuple[int, Order]]] = {}
        for number, order in enumerate(orders):
            groups.setdefault(order.serial, []).append((number, order))
        with self.reading() as database:
            known = {serial: _known(database, serial) for serial in groups}
        made = {serial: _make(known[serial], some, step) for serial, some in groups.items()}
        result: dict[int, Issued] = {}
        with self._writing() as database:
            for serial in sorted(groups):  # in one order everywhere: no two wait for each other
                some = groups[serial]
                if _lock(database, serial, some) != made[serial][0]:
                    made[serial] = _make(_known(database, serial), some)
                _keep(database, serial, made[serial][1])
                for (number, _), issued in zip(some, made[serial][1]):
                    result[number] = issued
            if before_commit:
                before_commit([result[number] for number in range(len(orders))])
        return [result[number] for number in range(len(orders))]

    def resync(
        self, order: Order, reported: int, step: Callable[[], object] | None = None
    ) -> list[Issued]:
        """Make and keep the sync tokens after which unit and ledger have the same count.

        reported: count of the unit. order: a sync. The ledger's count rises to `reported` if that
        is higher; then one token follows. A unit takes a sync at most SYNC_REACH counts ahead: for
        a unit further behind, tokens at counts that were never issued lead there, in the sequence
        in which they must be entered; at most TYPED. `step` is called once per token. All or none.
        Tokens are made before anything is locked, and again if another program was faster.
        """
        order = order._replace(listed=max(order.listed, reported))
        while True:
            with contextlib.suppress(_FasterError):
                return self._resync(order, reported, step)

    def _resync(
        self, order: Order, reported: int, step: Callable[[], object] | None
    ) -> list[Issued]:
        """Do one attempt of `resync`. Raises _FasterError, and then nothing was kept."""
        serial = order.serial
        rows = sa.select(tokens.c.count).where(tokens.c.serial == serial)
        with self.reading() as database:
            known, used = _known(database, serial)
            taken = set(database.scalars(rows))
        behind = max(known or 0, order.listed) - reported
        if behind > TYPED * SYNC_REACH:
            raise _too_far(serial, behind)
        (last,) = _make((known, used), [(0, order)], step)[1]
        steps = _steps(order, reported, last.count, taken, used, step)
        with self._writing() as database:
            if _locked(database, serial) != (known or 0):
                raise _FasterError
            _keep(database, serial, [*steps, last])
            _note(database, serial, RESYNC, reported, f"the ledger had count {known or 0}")
        return [*steps, last]


def _too_far(serial: str, behind: int) -> LedgerError:
    """Return the refusal of a resync that takes more than TYPED tokens."""
    return LedgerError(
        f"{serial} is {behind:,} counts behind: nobody types that many sync tokens (at most"
        f" {TYPED}). If the count is right and the unit lost its memory, `payg provision --again`"
        " brings the unit to the ledger's count. Nothing was issued"
    )


def _steps(
    order: Order,
    at: int,
    end: int,
    taken: set[int],
    used: set[str],
    step: Callable[[], object] | None = None,
) -> list[Issued]:
    """Return the sync tokens, none if not needed, that lead a unit from count `at` towards `end`.

    taken: counts of all tokens; used: digits of all tokens. The digits of the result join `used`.
    `step` is called once per token. Raises LedgerError, also above TYPED tokens with the last.
    """
    steps: list[Issued] = []
    behind = end - at
    while end > at + SYNC_REACH:
        if len(steps) + 2 > TYPED:
            raise _too_far(order.serial, behind)
        odd = range(at + SYNC_REACH - (at + SYNC_REACH + 1) % 2, at, -2)
        made = (order.make(count - 1) for count in odd if count not in taken)
        free = ((count, digits) for count, digits in made if digits not in {*used, order.never})
        at, digits = next(free, (0, ""))
        if not digits:
            raise LedgerError(
                f"every count that {order.serial} accepts for a sync was issued already: enter the"
                " newest of these tokens, read the unit's count again, and repeat"
            )
        used.add(digits)
        steps.append(Issued(order.serial, order.kind, order.value, at, digits))
        if step:
            step()
    return steps


def _chunks(serials: Iterable[str]) -> Iterator[list[str]]:
    some: list[str] = []
    for serial in serials:
        some.append(serial)
        if len(some) == CHUNK:
            yield some
            some = []
    if some:
        yield some


def key_hash(key: bytes) -> bytes:
    """Return the HASH bytes that stand for a key in the ledger; they do not give it away."""
    return hashlib.sha256(b"payg list" + key).digest()[:HASH]


def in_list(made: MadeList) -> str:
    """Return in words that serial numbers belong to a list."""
    after = int(made.last[-NUMBER_DIGITS:]) + 1
    return (
        f"the list {made.name}, made {made.made_at}, has the serial numbers {made.first} to"
        f" {made.last}; begin after the last one there: --first {after}"
    )


def _pieces(
    prefix: str, numbers: range, *more: sa.Column[Any]
) -> sa.Select[tuple[int, int, str, Any]]:
    columns = (lists.c.first, lists.c.last, lists.c.name, *more)
    overlap = (lists.c.first <= numbers[-1]) & (lists.c.last >= numbers[0])
    return sa.select(*columns).where(lists.c.prefix == prefix, overlap).order_by(lists.c.first)


def _list_with(database: sa.Connection, prefix: str, numbers: range) -> MadeList | None:
    piece = database.execute(_pieces(prefix, numbers, lists.c.made_at)).first()
    if piece is None:
        return None
    same = (lists.c.name == piece.name) & (lists.c.made_at == piece.made_at)
    ends = sa.select(sa.func.min(lists.c.first), sa.func.max(lists.c.last))
    first, last = database.execute(ends.where(lists.c.prefix == prefix, same)).one()
    serials = [f"{prefix}{number:0{NUMBER_DIGITS}}" for number in (first, last)]
    return MadeList(piece.name, serials[0], serials[1], piece.made_at)


def list_of(ledger: Ledger, serial: str) -> str | None:
    """Return the name of the list that was made with a serial number, or None."""
    number = serial[-NUMBER_DIGITS:]
    if not (len(number) == NUMBER_DIGITS and number.isascii() and number.isdigit()):
        return None
    made = ledger.list_with(serial[:-NUMBER_DIGITS], range(int(number), int(number) + 1))
    return made.name if made else None


def open_or_begin(place: str) -> Ledger:
    """Return the Ledger at `place`; a missing ledger is begun with a note. Raises LedgerError."""
    try:
        return Ledger(place, create=False)
    except NoLedgerError as missing:
        begun = Ledger(place)
        click.echo(f"Note: a new ledger is begun, {missing.where}", err=True)
        return begun


def open_for_counts(place: str, new: bool) -> Ledger:
    """Return the Ledger at `place` for a command that issues or uses counts.

    new: begin the ledger, which must not be there yet; otherwise the ledger must be there: a lost
    ledger that is begun anew would issue used counts. Raises LedgerError.
    """
    if not new:
        try:
            return Ledger(place, create=False)
        except NoLedgerError as missing:
            raise missing.before_counts() from None
    try:
        Ledger(place, create=False).close()
    except NoLedgerError:
        return open_or_begin(place)
    raise LedgerError(f"the ledger {_name(place)} is there already: leave out --new-ledger")


def _name(place: str) -> str:
    return str(file_of(place) or url_of(place).render_as_string(hide_password=True))


def _among(table: sa.Table, serials: list[str]) -> sa.ColumnElement[bool]:
    return table.c.serial.in_(serials)


def _record(database: sa.Connection, serial: str) -> Record | None:
    row = database.execute(sa.select(units).where(units.c.serial == serial)).first()
    return Record(*row) if row else None


def _release(database: sa.Connection, serial: str, station: str) -> None:
    reserved = (units.c.station == station) & units.c.provisioned_at.is_(None)
    database.execute(sa.delete(units).where(units.c.serial == serial, reserved))


def _fail(database: sa.Connection, serial: str, station: str, reason: str) -> None:
    row = {"serial": serial, "station": station, "failed_at": _now()}
    database.execute(sa.insert(failures).values(reason=hide_keys(reason), **row))


def _note(database: sa.Connection, serial: str, what: str, count: int, text: str) -> None:
    """Keep a note of a change of a unit's count, RESYNC or RAISED, of no station."""
    _fail(database, serial, "", f"{what}, count {count}: {text}")


def _note_raise(database: sa.Connection, serial: str, before: int, count: int) -> None:
    """Keep a note that a count was raised; a note of the same run is replaced."""
    mine = sa.select(failures).where(failures.c.serial == serial)
    last = database.execute(mine.order_by(failures.c.id.desc()).limit(1)).first()
    text = f"by payg conform, from count {before}"
    since = (datetime.now(timezone.utc) - A_RUN).strftime(TIME)
    if last and last.reason.startswith(f"{RAISED}, count {before}: ") and last.failed_at > since:
        text = last.reason.partition(": ")[2]
        database.execute(sa.delete(failures).where(failures.c.id == last.id))
    _note(database, serial, RAISED, count, text)


def _is_wiped(database: sa.Connection, record: Record) -> bool:
    """Was this unit made blank again since it was provisioned?"""
    query = sa.select(sa.func.max(wipes.c.wiped_at)).where(
        wipes.c.serial == record.serial, wipes.c.key_check == record.key_check
    )
    last = database.scalar(query)
    return bool(last and record.provisioned_at and last >= record.provisioned_at)


def _taken(record: Record) -> str:
    if record.provisioned_at:
        return f"{record.serial} was provisioned at {record.station}, {record.provisioned_at}"
    return (
        f"{record.serial} was begun at {record.station}, {record.reserved_at}, and not finished;"
        " finish it there, or take the next serial number"
    )


def _raise_count(database: sa.Connection, serial: str, count: int) -> None:
    insert_new(database, counts, {"serial": serial, "count": count})
    database.execute(
        sa.update(counts)
        .where(counts.c.serial == serial, counts.c.count < count)
        .values(count=count)
    )


def _lock(database: sa.Connection, serial: str, some: Numbered) -> int:
    """Return the unit's count, which nobody else can change until the transaction ends."""
    _raise_count(database, serial, max(order.listed for _, order in some))
    query = sa.select(counts.c.count).where(counts.c.serial == serial).with_for_update()
    return database.scalar(query) or 0


def _locked(database: sa.Connection, serial: str) -> int:
    """Return the unit's count, or 0; nobody else can change the count in this transaction."""
    insert_new(database, counts, {"serial": serial, "count": 0})
    query = sa.select(counts.c.count).where(counts.c.serial == serial).with_for_update()
    return database.scalar(query) or 0


def _known(database: sa.Connection, serial: str) -> Known:
    """Return (count or None, digits of all tokens) of a unit."""
    count = database.scalar(sa.select(counts.c.count).where(counts.c.serial == serial))
    digits = sa.select(tokens.c.digits).where(tokens.c.serial == serial)
    return count, set(database.scalars(digits))


def _make(
    known: Known, some: Numbered, step: Callable[[], object] | None = None
) -> tuple[int, list[Issued]]:
    """Return (count before, [Issued]) for the orders of a unit; nothing is kept yet."""
    count, used = known
    before = last = max(count or 0, *(order.listed for _, order in some))
    made = []
    for _, order in some:
        digits = None
        while digits is None or digits in used or digits == order.never:
            if last + 2 > COUNT_MAX:
                raise LedgerError(f"{order.serial} has used all of its {COUNT_MAX:,} counts")
            last, digits = order.make(last)
        used.add(digits)
        made.append(Issued(order.serial, order.kind, order.value, last, digits))
        if step:
            step()
    return before, made


def _keep(database: sa.Connection, serial: str, made: list[Issued]) -> None:
    time = _now()
    database.execute(sa.insert(tokens), [{**token._asdict(), "issued_at": time} for token in made])
    database.execute(
        sa.update(counts).where(counts.c.serial == serial).values(count=made[-1].count)
    )
