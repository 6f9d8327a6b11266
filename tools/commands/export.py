"""`payg export`: a list with the counts of its ledger, for a move to another platform."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import click

from tools.batches import database as ledger_db
from tools.batches.ledger import Ledger, key_hash
from tools.batches.lists import ListedUnit, read_list, tracked, write_list

CHUNK = 500  # units whose counts are asked for in one go


def with_counts(units: Iterable[ListedUnit], ledger: Ledger) -> Iterator[ListedUnit]:
    """Yield the Units with the ledger's counts, where those are higher, without wiped units."""
    wiped = ledger.wipes()
    units = (unit for unit in units if key_hash(unit.key) not in wiped) if wiped else iter(units)
    while some := list(islice(units, CHUNK)):
        ledger.refuse_other_keys((unit.serial, unit.key) for unit in some)
        counts = ledger.counts(unit.serial for unit in some)
        for unit in some:
            yield unit._replace(count=max(unit.count, counts.get(unit.serial, 0)))


@click.command(name="export")
@click.option(
    "--batch",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="The list (CSV).",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Name of the new list; without it, NAME-export.csv beside NAME.csv.",
)
@ledger_db.option
def command(batch: Path, out: Path | None, ledger: str | None) -> None:
    """Write the list anew, each unit with the count of its last token.

    The platform that imports it goes on where this ledger stopped: issue no tokens here
    afterwards. The new list has the keys, too, and is readable by you only. Units that `payg wipe`
    made blank again are left out.

    \b
    All units of a list, into batch-export.csv:
      payg export --batch batch.csv
    From the ledger that the stations share:
      payg export --batch batch.csv --ledger postgresql://payg@server/payg --out moved.csv
    """
    out = out or batch.with_name(f"{batch.stem}-export.csv")
    with Ledger(ledger_db.place(ledger, batch), create=False) as known:
        units = tracked(read_list(batch), None, f"Writing {out.name}")
        write_list(out, with_counts(units, known))
    click.echo(f"{out}: the units of {batch} with their counts. It has their keys: guard it")
