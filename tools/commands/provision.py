"""`payg provision`: options and what is printed."""

import platform
from pathlib import Path
from typing import Any

import click

from tools.batches import database as ledger_db
from tools.batches.ledger import open_for_counts
from tools.batches.lists import read_list
from tools.boards import BOARDS
from tools.cable.unit import CableError
from tools.identity import LANGUAGES
from tools.station.prompt import PortError, check_port
from tools.station.provision import Report, Station, check_names, chosen, finish, run
from tools.station.selftest import Job
from tools.station.versions import untested_option


@click.command(name="provision")
@click.option("--port", "ports", multiple=True, metavar="PORT", help="Serial port of a unit.")
@click.option(
    "--batch",
    required=True,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The list (CSV) that has the keys.",
)
@click.option(
    "--serial",
    metavar="SERIAL|next|scan|all",
    help="Which row: scan reads labels with a barcode scanner, next takes the list's next free"
    " one, all makes every unit of the list (for --sim). Without this option: scan; with --sim,"
    " all.",
)
@ledger_db.option
@ledger_db.new_option
@click.option(
    "--station", default=platform.node(), metavar="NAME", help="Of this computer, in the ledger."
)
@click.option(
    "--again", is_flag=True, help="The units named were provisioned before, and lost their memory."
)
@click.option("--language", type=click.Choice(LANGUAGES), default="en", help="Of the display.")
@click.option(
    "--seconds",
    type=click.IntRange(5, 600),
    default=60,
    show_default=True,
    help="For pressing all keys.",
)
@click.option(
    "--sim",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Make simulated units, each in a directory below this one.",
)
@click.option("--board", type=click.Choice(list(BOARDS)), help="Of the simulated units.")
@untested_option
def command(
    ports: tuple[str, ...],
    batch: Path,
    serial: str | None,
    ledger: str | None,
    new_ledger: bool,
    station: str,
    again: bool,
    language: str,
    seconds: int,
    sim: Path | None,
    board: str | None,
    untested_version: bool,
) -> None:
    """Give blank units their identity after a self-test, and seal them.

    Each unit is tested (clock, load, memory, token, display, keys), gets its row of the list and
    restarts sealed: blank or complete, whenever the cable is pulled. Then the command can simply
    be repeated. Exit code 0: all units are what they should be.

    \b
    One unit; its serial number is scanned from its label:
      payg provision --port /dev/ttyACM0 --batch batch.csv
    Four at once, with the list's next free serial numbers:
      payg provision --port /dev/ttyACM0 --port /dev/ttyACM1 --port /dev/ttyACM2 \\
        --port /dev/ttyACM3 --batch batch.csv --serial next
    Twenty simulated ones, and one of them in this terminal:
      payg batch new --prefix SLT --first 1 --quantity 20 --out batch.csv
      payg provision --sim units --batch batch.csv --serial all
      payg sim --state units/SLT000000001
    One whose memory was lost (its flash was erased): used tokens stay used
      payg provision --port /dev/ttyACM0 --batch batch.csv --serial SLT000000001 --again
    """
    _check(ports, sim, serial, again, board)
    done = None
    try:
        for port in ports:
            check_port(port)  # before anybody is asked to scan a label
        with open_for_counts(ledger_db.place(ledger, batch), new_ledger) as book:
            if sim and serial in (None, "all"):
                units = list(read_list(batch))
            else:
                units = chosen(serial or "scan", batch, book, station, ports or (str(sim),))
            try:
                book.refuse_keys((unit.serial, unit.key) for unit in units)
            except ledger_db.LedgerError:
                for unit in units if serial == "next" else ():  # reserved a moment ago
                    book.release(unit.serial, station)
                raise
            with Report() as report:
                worker = Station(station, book, report, again)
                jobs = [Job(unit, language, seconds, insisted=untested_version) for unit in units]
                if sim:
                    check_names(units)
                    makes: list[tuple[Any, ...]]
                    makes = [(worker.simulate, sim, board, job) for job in jobs]
                else:
                    makes = [(worker.make, port, job) for port, job in zip(ports, jobs)]
                done = run(report, makes)
    except (CableError, PortError) as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        if done is None:
            raise
    click.get_current_context().exit(finish(units, done, report.stopped))


def _check(
    ports: tuple[str, ...], sim: Path | None, serial: str | None, again: bool, board: str | None
) -> None:
    """Refuse options that do not go together."""
    if bool(ports) == bool(sim):
        raise click.UsageError("name the units' ports by --port, or a directory by --sim")
    if len(set(ports)) < len(ports):
        raise click.UsageError("the same --port is named twice")
    if len(ports) > 1 and serial not in (None, "scan", "next"):
        raise click.UsageError("--serial names one unit; several ports need next or scan")
    if again and serial in ((None, "next", "all") if sim else ("next", "all")):
        raise click.UsageError("--again is for units that are named or scanned, one by one")
    if sim is None and (board or serial == "all"):
        raise click.UsageError("--board and --serial all are for --sim")
