"""The ledger's tables, and how SQLite and PostgreSQL are made to behave alike."""

import contextlib
import os
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from tools.batches.database import FIND_IT, LedgerError, NoLedgerError
from tools.identity import SERIAL_LENGTH

PATIENCE = 30  # seconds for another process to finish its transaction
NOTICE_AFTER = 2  # seconds of waiting until the person is told
CREATING = 0x70617967  # PostgreSQL's advisory lock while tables or lists are made
VERSION = 3
"""Of the tables. 1: units, counts, tokens, failures. 2 added version and lists, 3 added wipes
and boards."""

TABLES = sa.MetaData()


def _serial(**options: Any) -> sa.Column[str]:
    return sa.Column("serial", sa.String(SERIAL_LENGTH), nullable=False, **options)


# A row is a reservation until it has a time in `provisioned_at`. Times are UTC, ISO 8601.
units = sa.Table(
    "payg_units",
    TABLES,
    _serial(primary_key=True),
    sa.Column("station", sa.String, nullable=False),
    sa.Column("reserved_at", sa.String, nullable=False),
    sa.Column("provisioned_at", sa.String),
    sa.Column("firmware_hash", sa.String),
    sa.Column("key_check", sa.String),
)
counts = sa.Table(
    "payg_counts",
    TABLES,
    _serial(primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
)
tokens = sa.Table(
    "payg_tokens",
    TABLES,
    _serial(primary_key=True),
    sa.Column("count", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("value", sa.Integer),
    sa.Column("digits", sa.String, nullable=False),
    sa.Column("issued_at", sa.String, nullable=False),
    sa.UniqueConstraint("serial", "digits"),
)
failures = sa.Table(
    "payg_failures",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True),
    _serial(),
    sa.Column("station", sa.String, nullable=False),
    sa.Column("failed_at", sa.String, nullable=False),
    sa.Column("reason", sa.String, nullable=False),
)
VERSION_1 = {table.name for table in (units, counts, tokens, failures)}
about = sa.Table(
    "payg_ledger", TABLES, sa.Column("version", sa.Integer, primary_key=True, autoincrement=False)
)
# A piece of a list that was made: serial numbers `prefix` + nine digits, `first` to `last`.
# `key_hashes` has the same number of bytes for each unit, in their order.
lists = sa.Table(
    "payg_lists",
    TABLES,
    sa.Column("prefix", sa.String(SERIAL_LENGTH), primary_key=True),
    sa.Column("first", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("last", sa.Integer, nullable=False),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
    sa.Column("key_hashes", sa.LargeBinary, nullable=False),
)
# The board that has the identity of a serial number, or may have it. `board_id`: hex digits.
boards = sa.Table(
    "payg_boards",
    TABLES,
    _serial(primary_key=True),
    sa.Column("board_id", sa.String, nullable=False),
    sa.Column("station", sa.String, nullable=False),
    sa.Column("begun_at", sa.String, nullable=False),
)
# A unit that was made blank again, or is about to be: count, and a hash of the key as in lists.
wipes = sa.Table(
    "payg_wipes",
    TABLES,
    sa.Column("key_hash", sa.LargeBinary, primary_key=True),
    _serial(),
    sa.Column("station", sa.String, nullable=False),
    sa.Column("wiped_at", sa.String, nullable=False),
    sa.Column("key_check", sa.String, nullable=False),
    sa.Column("count", sa.Integer, nullable=False),
)


def one_at_a_time(database: sa.Connection) -> None:
    """Wait until no other transaction makes tables or lists. SQLite has one writer anyway."""
    if database.dialect.name == "postgresql":
        database.execute(sa.select(sa.func.pg_advisory_xact_lock(CREATING)))


def make_tables(database: sa.Connection, where: str, new: bool) -> None:
    """Make missing tables in the transaction `database`, unless something else is there.

    where: name of the ledger; new: the database may be without a ledger. Raises LedgerError, on a
    server without a ledger NoLedgerError.
    """
    one_at_a_time(database)
    names = set(sa.inspect(database).get_table_names())
    found = VERSION_1 & names
    if not found and not new and database.dialect.name == "postgresql":
        raise NoLedgerError(where)
    if found != VERSION_1 and (found or not new):
        raise LedgerError(
            f"the ledger {where} cannot be used: this database has not the tables of a ledger."
            f" {FIND_IT}"
        )
    version = database.scalar(sa.select(about.c.version)) if about.name in names else 1
    if version is None or version > VERSION:
        raise LedgerError(
            f"the ledger {where} has version {version}, and this program knows the versions 1 to"
            f" {VERSION}. Update this program (git pull, then make setup); nothing was changed"
        )
    if version < VERSION or not found:
        TABLES.create_all(database)
        database.execute(sa.delete(about))
        database.execute(sa.insert(about).values(version=VERSION))


def new_ledger(url: sa.URL, path: Path) -> None:
    """Make a ledger's file, for its owner only, that is complete when it gets its name.

    If another program was faster, the file of the other program stays. Raises LedgerError.
    """
    try:
        handle, part = tempfile.mkstemp(".part", f"{path.name}.", path.parent)
    except OSError as error:
        raise LedgerError(f"the ledger {path} cannot be made: {error.strerror}") from error
    try:
        os.close(handle)
        engine = make_engine(url.set(database=part))
        try:
            with engine.begin() as database:
                make_tables(database, str(path), True)
        except sa.exc.DBAPIError as error:
            raise LedgerError(f"the ledger {path} cannot be made: {error.orig}") from error
        finally:
            engine.dispose()
        try:
            os.link(part, path)
        except FileExistsError:
            pass
        except OSError:  # a file system without links, such as a memory stick's
            if not path.exists():
                os.rename(part, path)
    finally:
        Path(part).unlink(missing_ok=True)


@contextlib.contextmanager
def _patiently(where: str | None) -> Iterator[None]:
    """Tell the person if the with-block takes long."""
    text = f"Note: another program is writing to the ledger {where}; waiting up to {PATIENCE} s"
    notice = threading.Timer(NOTICE_AFTER, click.echo, (text,), {"err": True})
    notice.daemon = True
    notice.start()
    try:
        yield
    finally:
        notice.cancel()


def make_engine(url: sa.URL) -> sa.Engine:
    """Return SQLAlchemy's engine for a URL. Raises LedgerError."""
    if url.get_backend_name() != "sqlite":
        try:
            return sa.create_engine(url, connect_args={"connect_timeout": PATIENCE})
        except ModuleNotFoundError:
            reason = "PostgreSQL needs psycopg: pip install --editable '.[postgres]'"
            raise LedgerError(reason) from None
    engine = sa.create_engine(url, connect_args={"timeout": PATIENCE})

    @sa.event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # transactions begin where we say so, not at a write

    @sa.event.listens_for(engine, "begin")
    def begun(connection: sa.Connection) -> None:
        # A transaction that reads first and writes later would be refused when two do it.
        with _patiently(url.database):
            if connection.get_execution_options().get("reading"):
                connection.exec_driver_sql("BEGIN")
                connection.exec_driver_sql("SELECT count(*) FROM sqlite_master")  # waits here
            else:
                connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def insert_new(database: sa.Connection, table: sa.Table, row: dict[str, object]) -> bool:
    """Insert a row unless its primary key is there; return whether it was inserted."""
    dialect = {"sqlite": sqlite, "postgresql": postgresql}[database.dialect.name]
    insert = dialect.insert(table).values(row).on_conflict_do_nothing()
    return database.execute(insert, execution_options={"preserve_rowcount": True}).rowcount == 1
