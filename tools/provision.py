"""`payg provision`: units from blank to sealed, several at a time, each with a row of a list.

With `--sim` the units are simulated ones, whose keys it presses itself.
"""

import contextlib
import os
import platform
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
from rich.console import Console as Terminal
from rich.progress import BarColumn, Progress, TextColumn

from tools import ledger_db
from tools.boards import BOARDS
from tools.cable import CableError, SimulatedUnit
from tools.factory import (
    Job,
    ProvisionError,
    SelfTest,
    UnsureError,
    is_already,
    key_check,
    provision,
)
from tools.identity import LANGUAGES
from tools.interpreter import MissingInterpreterError
from tools.ledger import Ledger, LedgerError, TakenError
from tools.lists import ListError, find, read_list

STEPS = (*SelfTest.STEPS, "sealed")
SIM_SECONDS = 30  # for the keys of a simulated unit
AT_ONCE = 4  # simulated units for each processor: most of the time they wait
ALREADY = "is this unit already, nothing was changed"
LOST = ". If it is that unit and its memory was lost, repeat with --again"


class StoppedError(Exception):
    """The person at the station stopped it."""


class Report:
    """What is told while units are made: bars on a terminal, else lines."""

    def __init__(self, terminal=None):
        self._terminal = terminal or Terminal()
        self._lock = threading.Lock()
        self._bars = None
        self.stopped = False
        if self._terminal.is_terminal:
            self._bars = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=len(STEPS) * 2),
                TextColumn("{task.fields[text]}", markup=False),
                console=self._terminal,
            )

    def __enter__(self):
        if self._bars:
            self._bars.start()
        return self

    def __exit__(self, *error):
        if self._bars:
            self._bars.stop()

    def unit(self, name):
        """Return the function that is told (step, text) of one unit; lines tell what lasts."""
        bar = self._bars.add_task(name, total=len(STEPS), text="") if self._bars else None

        def say(step, text, passing=False):
            if self.stopped and step != STEPS[-1]:  # what is sealed is sealed
                raise StoppedError
            if self._bars:
                done = STEPS.index(step) + 1
                self._bars.update(bar, completed=done, text=f"{step}: {text}")
            elif not passing:
                self.line(f"{name}  {step}: {text}")

        return say

    def line(self, text):
        """Print a line of its own."""
        with self._lock:
            self._terminal.print(text, markup=False, highlight=False, soft_wrap=True)


class Station:
    """Makes units and keeps the ledger. `name`: of this station, in the ledger.

    again: the units were provisioned before, and lost their memory.
    """

    def __init__(self, name, ledger, report, again=False):
        self._name = name
        self._ledger = ledger
        self._report = report
        self._again = again

    def make(self, port, job, place=None):
        """Provision the unit on `port`; return whether it is now what it should be."""
        name = f"{place or port}  {job.unit.serial}"
        try:
            done, *told = self._made(port, job, self._report.unit(name))
        except (ProvisionError, LedgerError) as error:
            self._report.line(f"{name}  FAILED  {error}")
            return False
        self._report.line(f"{name}  {done}, key check {key_check(job.unit.key)}")
        for sentence in told:
            self._report.line(f"{name}  {sentence}")
        return True

    def _made(self, port, job, say):
        """Return what became of the unit, and what else is to be told about it, in words."""
        serial, check = job.unit.serial, key_check(job.unit.key)
        try:
            self._ledger.reserve(serial, self._name, check if self._again else None)
        except TakenError as error:
            if is_already(port, job.unit):
                return (ALREADY,)
            raise ProvisionError(
                f"{error}. Nothing was changed on the unit{LOST if error.done else ''}"
            ) from None
        count, told = self._count(job.unit)
        try:
            made = provision(port, job._replace(unit=job.unit._replace(count=count)), say)
        except UnsureError:
            raise  # the serial number stays reserved: the same command finishes it
        except (ProvisionError, StoppedError) as error:
            reason = str(error) or "stopped at the station"
            self._ledger.failed(serial, self._name, reason)
            raise ProvisionError(reason) from None
        if made is None and self._ledger.provisioned_ones([serial]):
            return (ALREADY,)
        self._ledger.provisioned(
            serial, self._name, made and made.firmware, check, count, self._again
        )
        return ("provisioned and sealed", *told, *made.told) if made else (ALREADY,)

    def _count(self, unit):
        """Return the count that a unit begins with, and sentences about it.

        Tokens up to it are used: all that were issued, for a former life of the unit may have
        had them.
        """
        issued = self._ledger.count(unit.serial) or 0
        if issued <= unit.count:
            return unit.count, ()
        return issued, (
            f"Its count is {issued}, the ledger's: no token that was issued before works on it",
        )

    def simulate(self, sim, board, job):
        """Make a simulated unit in a directory below `sim`, and provision it."""
        unit = SimulatedUnit(state=sim / job.unit.serial, board=board)
        with unit:

            def press(keys):
                threading.Thread(target=_press, args=(unit, keys), daemon=True).start()

            unit.do("run 200")  # it draws its display: Ctrl-C would leave half a frame on the wire
            return self.make(unit.port, job._replace(robot=press, seconds=SIM_SECONDS), sim)


def _press(unit, keys):
    with contextlib.suppress(CableError):  # then the unit says which keys are missing
        unit.do(f"keys {keys}")


def scanned(port, batch, taken):
    """Return the unit of the list whose serial number the worker scans, or types."""
    while True:
        click.echo(f"Scan the serial number of the unit on {port}:")
        line = sys.stdin.readline()
        serial = line.strip()
        if not line:
            raise click.ClickException("no serial number was scanned. Nothing was changed")
        if serial in taken:
            click.echo(f"{serial} is on another port. Scan the label of this unit")
            continue
        try:
            return find(batch, [serial])[serial]
        except ListError as error:
            click.echo(f"{error}. Scan again")


def following(batch, ledger, station, how_many):
    """Return the next free units of a list, reserved; tell of those that were left midway."""
    left = ledger.begun(station)
    if left:
        click.echo(
            f"Begun here and not finished: {', '.join(left)}. If that was another time, finish"
            " each by --serial"
        )
    units = []
    for _ in range(how_many):
        serial = ledger.next_serial((unit.serial for unit in read_list(batch)), station)
        if serial is None:
            for taken in units:
                ledger.release(taken, station)
            raise click.ClickException(
                f"no serial number of {batch} is free for every unit. Nothing was changed"
            )
        units.append(serial)
    found = find(batch, units)
    return [found[serial] for serial in units]


def chosen(serial, batch, ledger, station, ports):
    """Return a unit of the list for each port."""
    if serial == "scan":
        units = []
        for port in ports:
            units.append(scanned(port, batch, {unit.serial for unit in units}))
        return units
    if serial == "next":
        return following(batch, ledger, station, len(ports))
    if len(ports) > 1:
        raise click.UsageError("--serial names one unit; several ports need next or scan")
    return [find(batch, [serial])[serial]]


def check_names(units):
    """Refuse serial numbers that cannot name a simulated unit's directory."""
    for unit in units:
        if "/" in unit.serial or unit.serial.startswith("."):
            raise click.UsageError(f"{unit.serial} cannot be the name of a directory")


def run(report, makes):
    """Call all functions of `makes` [(function, arguments)] at once; return what they return."""
    with ThreadPoolExecutor(min(len(makes), AT_ONCE * (os.cpu_count() or 1))) as pool:
        futures = [pool.submit(function, *arguments) for function, *arguments in makes]
        try:
            return [future.result() for future in futures]
        except KeyboardInterrupt:
            report.stopped = True
            for future in futures:
                future.cancel()
            raise click.Abort from None


def finish(units, done):
    """Print the last line; return the exit code."""
    failed = [unit.serial for unit, good in zip(units, done) if not good]
    if failed:
        click.echo(f"{len(failed)} of {len(units)} units failed: {', '.join(failed)}")
        return 1
    click.echo(f"{len(units)} of {len(units)} units are provisioned and sealed")
    return 0


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
    help="Which row: scan reads labels with a barcode scanner (what is done without this option),"
    " next takes the list's next free one, all is for --sim.",
)
@ledger_db.option
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
def command(ports, batch, serial, ledger, station, again, language, seconds, sim, board):
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
    if bool(ports) == bool(sim):
        raise click.UsageError("name the units' ports by --port, or a directory by --sim")
    if len(set(ports)) < len(ports):
        raise click.UsageError("the same --port is named twice")
    if again and serial in ((None, "next", "all") if sim else ("next", "all")):
        raise click.UsageError("--again is for units that are named or scanned, one by one")
    if sim is None and (board or serial == "all"):
        raise click.UsageError("--board and --serial all are for --sim")
    try:
        with Ledger(ledger_db.place(ledger, batch)) as book:
            if sim and serial in (None, "all"):
                units = list(read_list(batch))
            else:
                units = chosen(serial or "scan", batch, book, station, ports or (str(sim),))
            with Report() as report:
                worker = Station(station, book, report, again)
                jobs = [Job(unit, language, seconds) for unit in units]
                if sim:
                    check_names(units)
                    makes = [(worker.simulate, sim, board, job) for job in jobs]
                else:
                    makes = [(worker.make, port, job) for port, job in zip(ports, jobs)]
                done = run(report, makes)
    except (LedgerError, ListError, CableError, MissingInterpreterError) as error:
        raise click.ClickException(str(error)) from error
    click.get_current_context().exit(finish(units, done))
