"""Units of a new list: serial numbers that nobody has, keys and starting codes by chance."""

import contextlib
import secrets
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import click

from tools.batches.database import NoLedgerError, file_of
from tools.batches.lists import (
    NUMBER_DIGITS,
    ListedUnit,
    ListError,
    read_serials,
    tracked,
    write_list,
)

NUMBER_MAX = 10**NUMBER_DIGITS - 1
FIRST_CODE, CODES = 100_000_000, 900_000_000
"""Starting codes have nine digits, none of them a leading zero: spreadsheets lose those."""
FILES_BESIDE, ROWS_BESIDE = 100, 1_000_000
"""Bounds of the search for a list that a lost ledger knew."""


def make_units(
    prefix: str,
    numbers: Iterable[int],
    model: str = "",
    version: str = "",
    time_divider: int = 1,
    restricted: bool = False,
    test_code: int | None = None,
) -> Iterator[ListedUnit]:
    """Yield a ListedUnit for each of `numbers`; keys and starting codes come from `secrets`."""
    for number in numbers:
        yield ListedUnit(
            serial=f"{prefix}{number:0{NUMBER_DIGITS}}",
            starting_code=FIRST_CODE + secrets.randbelow(CODES),
            key=secrets.token_bytes(16),
            count=1,
            time_divider=time_divider,
            restricted=restricted,
            hardware_model=model,
            version=version,
            test_code=test_code,
        )


def first_taken(prefix: str, numbers: range, serials: Iterable[str]) -> str | None:
    """Return the first of `serials` that is one of the new ones, or None.

    Only that one is kept in memory: what is new is a range.
    """
    length = len(prefix) + NUMBER_DIGITS
    for serial in serials:
        if len(serial) != length or not serial.startswith(prefix):
            continue
        number = serial[len(prefix) :]
        if number.isascii() and number.isdigit() and int(number) in numbers:
            return serial
    return None


def refuse_taken(
    prefix: str, numbers: range, against: Sequence[Path], ledger: str, must: bool, folder: Path
) -> None:
    """Raise click.ClickException if a list or the ledger has one of the new serial numbers.

    must: a ledger in a file must be there. folder: of the new list. Without a ledger, the lists
    in the folders of ledger and new list count as well, because a lost ledger knew these lists.
    """
    for path in against:
        serials = tracked(read_serials(path), None, f"Comparing with {path.name}")
        _refuse(first_taken(prefix, numbers, serials), path)
    from tools.batches.ledger import Ledger, in_list  # SQLAlchemy is slow to import

    try:
        known = Ledger(ledger, create=False)
    except NoLedgerError:
        file = file_of(ledger)
        if must and file:
            raise
        folders = {folder.resolve(), (file.parent if file else folder).resolve()}
        _refuse_beside(prefix, numbers, folders)
        return
    with known:
        made = known.list_with(prefix, numbers)
        if made:
            raise click.ClickException(in_list(made))
        _refuse(first_taken(prefix, numbers, known.serials()), "the ledger")


def write_new_list(
    path: Path, prefix: str, numbers: range, units: Iterable[ListedUnit], ledger: str
) -> None:
    """Write the new list of these Units, and keep in the ledger which serial numbers it has.

    The ledger knows the list before the file has its name: no later list gets the same serial
    numbers, whenever this program is killed. Raises click.ClickException.
    """
    from tools.batches.ledger import key_hash, open_or_begin

    hashes = bytearray()

    def noted() -> Iterator[ListedUnit]:
        for unit in units:
            hashes.extend(key_hash(unit.key))
            yield unit

    def keep() -> None:
        with open_or_begin(ledger) as known:
            known.keep_list(path.name, prefix, numbers, bytes(hashes))

    write_list(path, noted(), keep)


def _refuse(serial: str | None, where: object, more: str = "") -> None:
    if serial:
        raise click.ClickException(
            f"{serial} is in {where} already; begin after the last one there: --first N{more}"
        )


def _refuse_beside(prefix: str, numbers: range, folders: Iterable[Path]) -> None:
    """Raise click.ClickException if a list in one of `folders` has a new serial number.

    At most FILES_BESIDE files and ROWS_BESIDE rows are read; a file that is no list is passed.
    """
    paths = islice((path for folder in folders for path in folder.glob("*.csv")), FILES_BESIDE)
    left = iter(range(ROWS_BESIDE))
    lost = '. If the ledger was lost, see "I lost the ledger" in docs/batches.md'
    others = []
    for path in sorted(paths):
        with contextlib.suppress(ListError):
            serials = (serial for serial, _ in zip(read_serials(path), left))
            _refuse(first_taken(prefix, numbers, serials), path.name, lost)
            others.append(path.name)
    if others:
        click.echo(
            f"Note: the new ledger knows no counts of {others[0]}, which lies here, too. If tokens"
            f" of it were issued from another ledger, bring that ledger back first{lost}",
            err=True,
        )
