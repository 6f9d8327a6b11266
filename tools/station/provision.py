"""`payg provision`: units from blank to sealed, several at a time, each with a row of a list.

With `--sim` the units are simulated, and the keys are pressed by program.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import click
from rich.console import Console as Terminal
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column

from tools.batches.database import LedgerError
from tools.batches.ledger import Ledger, TakenError
from tools.batches.lists import ListedUnit, ListError, find, read_list
from tools.cable.unit import CableError, SimulatedUnit
from tools.state import StateError, StateFolder
from tools.station.selftest import (
    Job,
    ProvisionError,
    Say,
    SelfTestJudge,
    UnsureError,
    is_already,
    key_check,
    provision,
)

STEPS = (*SelfTestJudge.STEPS, "trial", "sealed")
SIM_TRIAL = 1  # seconds: a simulated unit has no wiring to fail
SIM_SECONDS = 30  # for the keys of a simulated unit
AT_ONCE = 4  # simulated units for each processor: most of the time they wait
ALREADY = "is this unit already, nothing was changed"
LOST = ". If it is that unit and its memory was lost, repeat with --again"


class StoppedError(Exception):
    """The person at the station stopped the run."""


class Report:
    """Progress of the units in work: bars on a terminal, else lines."""

    def __init__(self, terminal: Terminal | None = None) -> None:
        self._terminal = terminal or Terminal()
        self._lock = threading.Lock()
        self._bars: Progress | None = None
        self.stopped = False
        if self._terminal.is_terminal:
            self._bars = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=len(STEPS) * 2),
                TextColumn("{task.fields[text]}", markup=False, table_column=Column(ratio=1)),
                console=self._terminal,
                expand=True,  # a narrow terminal cuts the text, not the serial number
            )

    def __enter__(self) -> Report:
        if self._bars:
            self._bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._bars:
            self._bars.stop()

    def unit(self, name: str) -> Say:
        """Return the function that takes (step, text) of one unit.

        Without a terminal a step has one line, its first that is not `passing`.
        """
        told: set[str] = set()
        bar = self._bars.add_task(name, total=len(STEPS), text="") if self._bars else None

        def say(step: str, text: str, passing: bool = False) -> None:
            if self.stopped and step != STEPS[-1]:  # a sealed unit stays sealed
                raise StoppedError
            if self._bars and bar is not None:
                done = STEPS.index(step) + 1
                self._bars.update(bar, completed=done, text=f"{step}: {text}")
            elif not passing and step not in told:
                told.add(step)
                self.line(f"{name}  {step}: {text}")

        return say

    def line(self, text: str) -> None:
        """Print a separate line."""
        with self._lock:
            self._terminal.print(text, markup=False, highlight=False, soft_wrap=True)


class Station:
    """Makes units and keeps the ledger. `name`: the station's name in the ledger.

    again: the units were provisioned before, and lost their memory.
    """

    def __init__(self, name: str, ledger: Ledger, report: Report, again: bool = False) -> None:
        self._name = name
        self._ledger = ledger
        self._report = report
        self._again = again

    def make(self, port: str, job: Job, place: object = None) -> bool:
        """Provision the unit on `port`; return True when the unit is as `job` says."""
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

    def _made(self, port: str, job: Job, say: Say) -> tuple[str, ...]:
        """Return the outcome in words, then further sentences about the unit."""
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

        board = None

        def claim(board_id: str) -> None:
            nonlocal board
            self._ledger.claim(serial, self._name, board_id, job.unit.key, self._again)
            board = board_id
            if (self._ledger.count(serial) or 0) > count:
                raise ProvisionError(
                    "a token was issued meanwhile, and would work although it is older than the"
                    " unit. The unit is blank. Repeat the same command"
                )

        try:
            made = provision(
                port, job._replace(unit=job.unit._replace(count=count), claim=claim), say
            )
        except UnsureError:
            raise  # the serial number stays reserved: the same command finishes it
        except (ProvisionError, StoppedError) as error:
            reason = str(error) or "stopped at the station"
            self._ledger.failed(serial, self._name, reason, board)
            raise ProvisionError(reason) from None
        if made is None and self._ledger.provisioned_ones([serial]):
            return (ALREADY,)
        self._ledger.provisioned(
            serial, self._name, made and made.firmware, check, count, self._again
        )
        return ("provisioned and sealed", *told, *made.told) if made else (ALREADY,)

    def _count(self, unit: ListedUnit) -> tuple[int, tuple[str, ...]]:
        """Return the count that a unit begins with, and sentences about the count.

        Tokens up to this count are used: an earlier identity of the unit may have used all issued
        tokens.
        """
        issued = self._ledger.count(unit.serial) or 0
        if issued <= unit.count:
            return unit.count, ()
        return issued, (
            f"Its count is {issued}, the ledger's: no token that was issued before works on it",
        )

    def simulate(self, sim: Path, board: str | None, job: Job) -> bool:
        """Make a simulated unit in a directory below `sim`, and provision it."""
        try:
            return self._simulated(sim, board, job)
        except (StateError, CableError, OSError) as error:
            where = f"{error.filename}: " if isinstance(error, OSError) and error.filename else ""
            reason = error.strerror if isinstance(error, OSError) else error
            self._report.line(f"{sim}  {job.unit.serial}  FAILED  {where}{reason}")
            return False

    def _simulated(self, sim: Path, board: str | None, job: Job) -> bool:
        state = sim / job.unit.serial
        with StateFolder(state, board) as folder, SimulatedUnit(state, folder.board) as unit:

            def press(keys: str) -> None:
                threading.Thread(target=_press, args=(unit, keys), daemon=True).start()

            unit.do("run 200")  # it draws its display: Ctrl-C would leave half a frame on the wire
            assert unit.port is not None
            return self.make(
                unit.port, job._replace(robot=press, seconds=SIM_SECONDS, trial=SIM_TRIAL), sim
            )


def _press(unit: SimulatedUnit, keys: str) -> None:
    with contextlib.suppress(CableError):  # the unit names the missing keys anyway
        unit.do(f"keys {keys}")


def scanned(port: str, batch: Path, taken: set[str]) -> ListedUnit:
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
            found: dict[str, ListedUnit] = find(batch, [serial])
            return found[serial]
        except ListError as error:
            click.echo(f"{error}. Scan again")


def following(batch: Path, ledger: Ledger, station: str, how_many: int) -> list[ListedUnit]:
    """Return the next free units of a list, reserved; tell of units left midway."""
    left = ledger.begun(station)
    if left:
        click.echo(
            f"Begun here and not finished: {', '.join(left)}. If that was another time, finish"
            " each by --serial"
        )
    units: list[str] = []
    for _ in range(how_many):
        serial = ledger.next_serial((unit.serial for unit in read_list(batch)), station)
        if serial is None:
            for taken in units:
                ledger.release(taken, station)
            raise click.ClickException(_used_up(batch, len(units), how_many))
        units.append(serial)
    found = find(batch, units)
    return [found[serial] for serial in units]


def _used_up(batch: Path, free: int, wanted: int) -> str:
    """Return in words that a list has too few free serial numbers, and how to make more."""
    serials = [unit.serial for unit in read_list(batch)]
    newest = re.fullmatch("(.*?)([0-9]{1,9})", max(serials, default=""))
    first = f"--prefix {newest[1]} --first {int(newest[2]) + 1}" if newest else "--first N"
    text = (
        f"all {len(serials)} serial numbers of {batch} are used or reserved. Nothing was changed"
    )
    if free:
        text = (
            f"no serial number of {batch} is free for every unit. Nothing was changed:"
            f" {free} free, {wanted} needed"
        )
    return f"{text}. Make the next list: payg batch new {first} --quantity N"


def chosen(
    serial: str, batch: Path, ledger: Ledger, station: str, ports: Sequence[str]
) -> list[ListedUnit]:
    """Return a unit of the list for each port."""
    if serial == "scan":
        units: list[ListedUnit] = []
        for port in ports:
            units.append(scanned(port, batch, {unit.serial for unit in units}))
        return units
    if serial == "next":
        return following(batch, ledger, station, len(ports))
    return [find(batch, [serial])[serial]]


def check_names(units: Iterable[ListedUnit]) -> None:
    """Refuse serial numbers that cannot name a simulated unit's directory, and doubled ones."""
    rows: dict[str, int] = {}
    for row, unit in enumerate(units, 1):
        if "/" in unit.serial or unit.serial.startswith("."):
            raise click.UsageError(f"{unit.serial} cannot be the name of a directory")
        if unit.serial in rows:
            raise click.ClickException(
                f"{unit.serial} is in the list twice, in rows {rows[unit.serial]} and {row} below"
                " the header. Nothing was changed. Remove the wrong row"
            )
        rows[unit.serial] = row


def run(report: Report, makes: Sequence[tuple[Any, ...]]) -> list[bool]:
    """Call all functions of `makes` [(function, arguments)] at once; return the results.

    After Ctrl-C the units in work end as soon as possible, and the others are not begun: False.
    """
    pool = ThreadPoolExecutor(min(len(makes), AT_ONCE * (os.cpu_count() or 1)))
    futures = [pool.submit(function, *arguments) for function, *arguments in makes]
    try:
        wait(futures)
    except KeyboardInterrupt:
        report.stopped = True
        for future in futures:
            future.cancel()
        with contextlib.suppress(KeyboardInterrupt):  # the second: wait no longer
            wait(futures)
    pool.shutdown(wait=False)
    return [future.done() and not future.cancelled() and future.result() for future in futures]


def finish(units: Sequence[ListedUnit], done: Iterable[bool], stopped: bool = False) -> int:
    """Print the last line; return the exit code. Raises click.Abort for a run that was stopped."""
    failed = [unit.serial for unit, good in zip(units, done) if not good]
    if failed and stopped:
        made = len(units) - len(failed)
        click.echo(
            f"{made} of {len(units)} units are provisioned and sealed, not {', '.join(failed)}"
        )
        raise click.Abort
    if failed:
        click.echo(f"{len(failed)} of {len(units)} units failed: {', '.join(failed)}")
        return 1
    click.echo(f"{len(units)} of {len(units)} units are provisioned and sealed")
    return 0
