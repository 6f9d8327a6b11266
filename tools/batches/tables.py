"""The ledger's tables, and how SQLite and PostgreSQL are made to behave alike."""

import sqlite3
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from tools.batches.database import LedgerError
from tools.identity import SERIAL_LENGTH

PATIENCE = 30  # seconds for another process to finish its transaction
CREATING = 0x70617967  # PostgreSQL's advisory lock while the tables are made

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


def make_tables(database: sa.Connection) -> None:
    """Make what is missing, in the transaction `database`; no two do it at once."""
    if database.dialect.name == "postgresql":
        database.execute(sa.select(sa.func.pg_advisory_xact_lock(CREATING)))
    TABLES.create_all(database)


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
        reading = connection.get_execution_options().get("reading")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def insert_new(database: sa.Connection, table: sa.Table, row: dict[str, object]) -> bool:
    """Insert a row unless its primary key is there; return whether it was inserted."""
    dialect = {"sqlite": sqlite, "postgresql": postgresql}[database.dialect.name]
    insert = dialect.insert(table).values(row).on_conflict_do_nothing()
    return database.execute(insert, execution_options={"preserve_rowcount": True}).rowcount == 1
