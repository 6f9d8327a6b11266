"""Units of a new list: serial numbers that nobody has, keys and starting codes by chance."""

import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from tools.batches.database import NoLedgerError, file_of
from tools.batches.lists import NUMBER_DIGITS, ListedUnit, read_serials, tracked, write_list

NUMBER_MAX = 10**NUMBER_DIGITS - 1
FIRST_CODE, CODES = 100_000_000, 900_000_000
"""Starting codes have nine digits, none of them a leading zero: spreadsheets lose those."""


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
    prefix: str, numbers: range, against: Iterable[Path], ledger: str, must: bool
) -> None:
    """Raise click.ClickException if a list or the ledger has one of the new serial numbers.

    must: a ledger in a file must be there.
    """
    for path in against:
        serials = tracked(read_serials(path), None, f"Comparing with {path.name}")
        _refuse(first_taken(prefix, numbers, serials), path)
    from tools.batches.ledger import Ledger, in_list  # SQLAlchemy is slow to import

    try:
        known = Ledger(ledger, create=False)
    except NoLedgerError:
        if must and file_of(ledger):
            raise
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


def _refuse(serial: str | None, where: object) -> None:
    if serial:
        raise click.ClickException(
            f"{serial} is in {where} already; begin after the last one there: --first N"
        )
