"""Where the ledger is: the option that says so, a file or a server's URL."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    import sqlalchemy as sa

# SQLAlchemy is imported where it is needed: the other commands start without it.

DEFAULT_NAME = "ledger.db"
EXAMPLE_URL = "postgresql://user@host/database; a password belongs into ~/.pgpass"


Command = TypeVar("Command", bound=Callable[..., Any])


FIND_IT = (
    "A ledger that begins anew would give counts away a second time. Name the right ledger by"
    ' --ledger, or put a copy back; docs/batches.md has "I lost the ledger". Delete an empty file'
    " only if no token was ever issued"
)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: 1 unit, 2,000 units."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


class LedgerError(click.ClickException):
    """The ledger cannot be used, or refuses; the text says what to do."""


class NoLedgerError(LedgerError):
    """No ledger is at the named place."""

    def __init__(self, where: object) -> None:
        super().__init__(f"there is no ledger {where}; name it with --ledger or $PAYG_LEDGER")
        self.where = where

    def before_counts(self) -> LedgerError:
        """Return the refusal of a command that uses counts."""
        return LedgerError(
            f"there is no ledger {self.where}, and nothing was issued or changed: if the list is"
            " new here, add --new-ledger; if the ledger was lost or is somewhere else, see"
            ' "I lost the ledger" in docs/batches.md'
        )


def option(command: Command) -> Command:
    """Decorate a command with --ledger."""
    return click.option(
        "--ledger",
        "ledger",
        metavar="URL",
        envvar="PAYG_LEDGER",
        help=f"File or database URL; without it $PAYG_LEDGER, or {DEFAULT_NAME} beside the list.",
    )(command)


def new_option(command: Command) -> Command:
    """Decorate a command with --new-ledger."""
    return click.option(
        "--new-ledger",
        is_flag=True,
        help="Begin a ledger: the list is new here, and none of its counts was used.",
    )(command)


def place(given: str | None, list_path: Path) -> str:
    """Return the URL or file that was given, or the ledger's place beside a list."""
    return given or str(Path(list_path).parent / DEFAULT_NAME)


def file_of(place: str) -> Path | None:
    """Return the path of a ledger in a file, or None if `place` is the URL of a server."""
    if "://" not in place:
        return Path(place)
    url = url_of(place)
    if url.get_backend_name() == "sqlite" and url.database:
        return Path(url.database)
    return None


def url_of(place: str) -> sa.URL:
    """Return SQLAlchemy's URL of a file's name or a URL. Raises LedgerError."""
    import sqlalchemy as sa
    from sqlalchemy.exc import ArgumentError

    if "://" not in place:
        return _plain(sa.URL.create("sqlite", database=place))
    try:
        url = sa.make_url(place)
    except ArgumentError:
        raise LedgerError(
            f"the ledger's URL is not one; use a file's name, or {EXAMPLE_URL}"
        ) from None
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("sqlite", "postgresql+psycopg") or not url.database:
        raise LedgerError(f"a ledger is a file (SQLite), or {EXAMPLE_URL}")
    return _plain(url) if url.drivername == "sqlite" else url


def _plain(url: sa.URL) -> sa.URL:
    """Return SQLite's URL of a file, unless it has options or a special name. Raises LedgerError.

    SQLite would open another file than the named file, or none.
    """
    name = url.database or ""
    if url.query or url.host or "?" in name or name.startswith((":memory:", "file:")):
        raise LedgerError(
            f"a ledger is a file, named without ':memory:', 'file:' and options after '?', or"
            f" {EXAMPLE_URL}"
        )
    return url


def is_there(path: Path, create: bool) -> bool:
    """Return whether the file of a ledger is there.

    Raises LedgerError for a file of no ledger, and for a link to a missing file.

    create: the file need not be there, and there is no NoLedgerError.
    """
    if path.is_symlink() and not path.exists():
        raise LedgerError(
            f"the ledger {path} is a link to {os.readlink(path)}, which is not there. {FIND_IT}"
        )
    if not path.exists():
        if not create:
            raise NoLedgerError(path)
        return False
    if path.is_file() and path.stat().st_size == 0:
        raise LedgerError(f"the ledger {path} cannot be used: the file is empty. {FIND_IT}")
    return True
