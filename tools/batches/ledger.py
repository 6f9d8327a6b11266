"""The ledger: what became of which unit. SQLite, or PostgreSQL by changing its URL.

It says which serial number was provisioned when and at which station, with which firmware and key
check value, which tokens were issued, what failed. No key is in it. A serial number is the primary
key of `payg_units`, so two stations cannot both have it; a count, and the digits of a token, are
there once per unit, so none is issued twice.
"""

import contextlib
import re
from datetime import datetime, timezone
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from tools.batches.database import LedgerError, file_of, prepare, url_of
from tools.batches.tables import (
    PATIENCE,
    counts,
    failures,
    insert_new,
    make_engine,
    make_tables,
    tokens,
    units,
)
from tools.identity import COUNT_MAX

CHUNK = 500  # serial numbers in one question
_LONG_HEX = re.compile("[0-9a-fA-F]{24,}")


class TakenError(LedgerError):
    """This serial number is provisioned (`done`), or being provisioned elsewhere."""

    def __init__(self, text, done=False):
        super().__init__(text)
        self.done = done


class Record(NamedTuple):
    """What is known of a unit. `provisioned_at` is None while it is only reserved."""

    serial: str
    station: str
    reserved_at: str
    provisioned_at: str | None
    firmware_hash: str | None
    key_check: str | None


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
    make: object
    never: str | None = None


class Issued(NamedTuple):
    """A token that is in the ledger. kind, value: as in the order; count: the token's own."""

    serial: str
    kind: str
    value: int | None
    count: int
    digits: str


def _now():
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Ledger:
    """A context manager. Threads may share one; processes open their own.

    Every method is one transaction, committed when it returns, and raises LedgerError.
    """

    def __init__(self, place, create=True):
        """Open the ledger at `place`, a file's name or a URL; make it there unless told not to."""
        self._url = url_of(place)
        path = file_of(place)
        if path is not None:
            prepare(path, create)
        self._engine = make_engine(self._url)
        try:
            with self._writing() as database:
                make_tables(database)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        """Let go of the database."""
        self._engine.dispose()

    @contextlib.contextmanager
    def _writing(self):
        try:
            with self._engine.begin() as database:
                yield database
        except SQLAlchemyError as error:
            raise self._trouble(error) from error

    @contextlib.contextmanager
    def _reading(self):
        try:
            with self._engine.connect() as database:
                yield database.execution_options(reading=True)
        except SQLAlchemyError as error:
            raise self._trouble(error) from error

    def _trouble(self, error):
        reason = str(getattr(error, "orig", None) or "").strip().split("\n")[0]
        if "locked" in reason:
            reason = f"another program has held it for {PATIENCE} s"
        where = self._url.render_as_string(hide_password=True)
        return LedgerError(f"the ledger {where} cannot be used: {reason or type(error).__name__}")

    # -- provisioning ------------------------------------------------------------------------

    def reserve(self, serial, station, again=None):
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
                if record.provisioned_at is None or again is None:
                    raise TakenError(_taken(record), record.provisioned_at is not None)
                if record.key_check != again:
                    raise TakenError(f"{_taken(record)}, with another key than the list has")
                _fail(database, serial, station, f"lost its memory: {_taken(record)}")
                return

    def next_serial(self, serials, station):
        """Reserve and return the first of `serials` that nobody ever reserved, or None.

        What a crash left reserved is not given out by this, since another port of this station
        might be at it: see begun().
        """
        for some in _chunks(serials):
            with self._reading() as database:
                taken = set(database.scalars(sa.select(units.c.serial).where(_among(units, some))))
            for serial in some:
                if serial in taken:
                    continue
                with self._writing() as database:
                    if self._reserved(database, serial, station):
                        return serial
        return None

    def begun(self, station):
        """Return the serial numbers that `station` reserved and neither finished nor failed."""
        query = (
            sa.select(units.c.serial)
            .where(units.c.station == station, units.c.provisioned_at.is_(None))
            .order_by(units.c.reserved_at, units.c.serial)
        )
        with self._reading() as database:
            return list(database.scalars(query))

    def provisioned(self, serial, station, firmware_hash, key_check, count=1, again=False):
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

    def failed(self, serial, station, reason):
        """Keep why a unit could not be provisioned, and release its serial number."""
        with self._writing() as database:
            _release(database, serial, station)
            _fail(database, serial, station, reason)

    def release(self, serial, station):
        """Give a reserved serial number back whose unit was not touched."""
        with self._writing() as database:
            _release(database, serial, station)

    @staticmethod
    def _reserved(database, serial, station):
        return insert_new(
            database, units, {"serial": serial, "station": station, "reserved_at": _now()}
        )

    # -- questions ---------------------------------------------------------------------------

    def unit(self, serial):
        """Return the Record of a unit, or None."""
        with self._reading() as database:
            return _record(database, serial)

    def count(self, serial):
        """Return the count of the unit's last token, or None if the ledger knows none."""
        return self.counts([serial]).get(serial)

    def counts(self, serials):
        """Return {serial: count} of those that the ledger knows."""
        return self._pairs(counts, counts.c.count, serials)

    def provisioned_ones(self, serials):
        """Return those of `serials`, a set, whose units were provisioned."""
        found = self._pairs(units, units.c.provisioned_at, serials)
        return {serial for serial, time in found.items() if time is not None}

    def _pairs(self, table, column, serials):
        found = {}
        with self._reading() as database:
            for some in _chunks(serials):
                query = sa.select(table.c.serial, column).where(_among(table, some))
                found.update(database.execute(query).all())
        return found

    def serials(self):
        """Yield every serial number that the ledger knows of, some of them twice."""
        query = sa.union_all(sa.select(units.c.serial), sa.select(counts.c.serial))
        with self._reading() as database:
            rows = database.execution_options(yield_per=10_000).execute(query)
            for row in rows:
                yield row.serial

    def failures(self, serial):
        """Return [(time, station, reason)] of a unit, the first one first."""
        columns = (failures.c.failed_at, failures.c.station, failures.c.reason)
        query = sa.select(*columns).where(failures.c.serial == serial).order_by(failures.c.id)
        with self._reading() as database:
            return [tuple(row) for row in database.execute(query)]

    def tokens(self, serial):
        """Return [Issued] of a unit in the order of their counts."""
        with self._reading() as database:
            columns = [tokens.c[name] for name in Issued._fields]
            query = sa.select(*columns).where(tokens.c.serial == serial).order_by(tokens.c.count)
            return [Issued(*row) for row in database.execute(query)]

    # -- tokens ------------------------------------------------------------------------------

    def issue(self, orders, before_commit=None, step=None):
        """Make and keep a token for each Order; return [Issued] in the same sequence.

        All or none: an exception, also one of `before_commit` (called with the tokens when they
        are about to be kept), leaves the ledger as it was. `step` is called once per token.
        Tokens are made before anything is locked, and again if another program was faster.
        """
        groups = {}
        for number, order in enumerate(orders):
            groups.setdefault(order.serial, []).append((number, order))
        with self._reading() as database:
            known = {serial: _known(database, serial) for serial in groups}
        made = {serial: _make(known[serial], some, step) for serial, some in groups.items()}
        result = [None] * len(orders)
        with self._writing() as database:
            for serial in sorted(groups):  # in one order everywhere: no two wait for each other
                some = groups[serial]
                if _lock(database, serial, some) != made[serial][0]:
                    made[serial] = _make(_known(database, serial), some)
                _keep(database, serial, made[serial][1])
                for (number, _), issued in zip(some, made[serial][1]):
                    result[number] = issued
            if before_commit:
                before_commit(result)
        return result


def _chunks(serials):
    some = []
    for serial in serials:
        some.append(serial)
        if len(some) == CHUNK:
            yield some
            some = []
    if some:
        yield some


def _among(table, serials):
    return table.c.serial.in_(serials)


def _record(database, serial):
    row = database.execute(sa.select(units).where(units.c.serial == serial)).first()
    return row and Record(*row)


def _release(database, serial, station):
    reserved = (units.c.station == station) & units.c.provisioned_at.is_(None)
    database.execute(sa.delete(units).where(units.c.serial == serial, reserved))


def _fail(database, serial, station, reason):
    row = {"serial": serial, "station": station, "failed_at": _now()}
    database.execute(sa.insert(failures).values(reason=_LONG_HEX.sub("(hidden)", reason), **row))


def _taken(record):
    if record.provisioned_at:
        return f"{record.serial} was provisioned at {record.station}, {record.provisioned_at}"
    return (
        f"{record.serial} was begun at {record.station}, {record.reserved_at}, and not finished;"
        " finish it there, or take the next serial number"
    )


def _raise_count(database, serial, count):
    insert_new(database, counts, {"serial": serial, "count": count})
    database.execute(
        sa.update(counts)
        .where(counts.c.serial == serial, counts.c.count < count)
        .values(count=count)
    )


def _lock(database, serial, some):
    """Return the unit's count, which nobody else can change until the transaction ends."""
    _raise_count(database, serial, max(order.listed for _, order in some))
    query = sa.select(counts.c.count).where(counts.c.serial == serial).with_for_update()
    return database.scalar(query)


def _known(database, serial):
    """Return (count or None, digits of all tokens) of a unit."""
    count = database.scalar(sa.select(counts.c.count).where(counts.c.serial == serial))
    digits = sa.select(tokens.c.digits).where(tokens.c.serial == serial)
    return count, set(database.scalars(digits))


def _make(known, some, step=None):
    """Return (count before, [Issued]) for the orders of a unit; nothing is kept yet."""
    count, used = known
    before = count = max(count or 0, *(order.listed for _, order in some))
    made = []
    for _, order in some:
        digits = None
        while digits is None or digits in used or digits == order.never:
            if count + 2 > COUNT_MAX:
                raise LedgerError(f"{order.serial} has used all of its {COUNT_MAX:,} counts")
            count, digits = order.make(count)
        used.add(digits)
        made.append(Issued(order.serial, order.kind, order.value, count, digits))
        if step:
            step()
    return before, made


def _keep(database, serial, made):
    time = _now()
    database.execute(sa.insert(tokens), [{**token._asdict(), "issued_at": time} for token in made])
    database.execute(
        sa.update(counts).where(counts.c.serial == serial).values(count=made[-1].count)
    )
