"""Measures the paid time that an honest customer is charged beyond the calendar.

The whole firmware runs, simulated.

Each row is a usage: how often and how long the power fails, the fault of the clock chip. `notes`:
the figure of the model by which the rule was chosen; `before`: the figure of the rules before. A
cut lasts 1 to 3 s at a random time, and the load is on all day, unless the row says otherwise.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

from tools.identity import Identity
from tools.interpreter import simulator_command
from tools.proofs.simulator import Sim, root_with_board
from tools.seconds import DAY
from tools.tokens import make_token

UNIT = Identity("H1", bytes(range(16)), 123_456_789)
PAID = 995  # days
CUT_MS = (1_000, 3_000)
SEED = 12
A_TENTH = 0.1  # of the notes' figure, or so many percentage points
FAULT = ("power off", "run 2000", "power on")
DEAD = ("rtc lost", *FAULT)  # the first fault, which is free, lies before what is measured
TWICE = (*DEAD, *FAULT)  # and the second one, too
NO_CLOCK = 'CLOCK = {"chip": None}\ndel EEPROM\n'  # a board without the module that has both


Row = dict[str, Any]


class Usage(NamedTuple):
    """`cuts`: a day, at random; `use_h`: hours with power in each day.

    `first`: commands before the measurement; `board`: lines added to the board's data.
    """

    case: str
    before: float
    notes: float
    days: int
    cuts: float = 0
    use_h: int = 24
    first: tuple[str, ...] = ()
    board: str = ""


USAGES = (
    Usage("good clock, no cuts", 0, 0, 4),
    Usage("good clock, off 12 h each night", 0, 0, 6, use_h=12),
    Usage("good clock", 0.16, 0.19, 30, 5),
    Usage("good clock", 0.65, 0.77, 14, 20),
    Usage("good clock", 3.2, 3.7, 5, 100),
    Usage("clock 1.9 % fast", 0.19, 0.19, 30, 5, first=("clock rate 1.019",)),
    Usage("clock 2.1 % fast", 29, 31, 30, 5, first=(*DEAD, "rtc cell", "clock rate 1.021")),
    Usage("dead cell", 4.1, 2.3, 112, 1 / 7, first=DEAD),
    Usage("dead cell", 23, 13, 60, 1, first=DEAD),
    Usage("dead cell", 27, 31, 24, 5, first=DEAD),
    Usage("dead cell", 29, 34, 12, 12, first=DEAD),
    Usage("dead cell", 48, 34, 8, 20, first=DEAD),
    Usage("dead cell, off 2 h each night", 15, 8, 14, use_h=22, first=TWICE),
    Usage("no clock chip", 21, 0.2, 30, 5, board=NO_CLOCK),
)
PAUSES = (  # hours of use a day: before, notes; calendar days from one paid day
    (4, 4.5, 4.5),
    (8, 2.2, 2.25),
    (12, 1.5, 1.5),
    (20, 0.94, 1.0),
)
PAUSE_DAYS = 6
CHANGE_DAYS = 3
CHANGE_S = 60  # without power and cell


class PaidUnit:
    """A simulated unit with many paid days, and the time charged since the start."""

    def __init__(self, first: tuple[str, ...] = (), board: str = "") -> None:
        self._first, self._board = first, board
        self._stack = ExitStack()
        self._left = 0
        self.sim: Sim | None = None

    def __enter__(self) -> PaidUnit:
        command = simulator_command(UNIT, None)
        if self._board:
            folder = self._stack.enter_context(tempfile.TemporaryDirectory())
            root = root_with_board(folder, self._board)
            command = simulator_command(UNIT, None, root=root)
        self.sim = self._stack.enter_context(Sim(timeout=600, command=command))
        _, token = make_token(UNIT, "add", PAID)
        self._do(f"keys {token}#", "advance 60", *self._first)
        self._left = self._do("levels", "status")["seconds_left"]
        return self

    def __exit__(self, *exception: Any) -> None:
        self._stack.__exit__(*exception)

    def _do(self, *lines: str) -> dict[str, Any]:
        assert self.sim
        answers: list[dict[str, Any]] = self.sim.do_all(lines)
        wrong = [answer for answer in answers if "error" in answer]
        if wrong:
            raise RuntimeError(wrong[0]["error"])
        return answers[-1]

    def live(self, lines: Iterable[str]) -> tuple[float, float]:
        """Do these commands; return (seconds passed, seconds charged)."""
        status = self._do(*lines, "status")
        passed = self._do("levels")["ms"] / 1000
        if not status["power"]:
            raise RuntimeError("the usage ended without power")
        return passed, self._left - status["seconds_left"]


def cut_at_random(source: random.Random, days: int, cuts: float) -> Iterator[str]:
    """Yield the commands of a usage with `cuts` cuts a day, spread evenly but at random."""
    number = round(days * cuts)
    times = sorted(source.randrange(days * DAY * 1000) for _ in range(number))
    now = 0
    for time in times:
        off = source.randint(*CUT_MS)
        yield f"advance {max(0, time - now) // 1000}"
        yield f"run {max(0, time - now) % 1000}"
        yield from ("power off", f"run {off}", "power on")
        now = max(now, time) + off
    yield f"advance {max(0, days * DAY * 1000 - now) // 1000}"


def nightly(days: int, use_h: int) -> Iterator[str]:
    """Yield the commands of a usage with `use_h` hours of power a day."""
    for _ in range(days):
        yield f"advance {use_h * 3600}"
        if use_h < 24:
            yield from ("power off", f"advance {(24 - use_h) * 3600}", "power on")


def close(ours: float, notes: float) -> bool:
    """Is `ours` the notes' figure, within a tenth or a tenth of a percentage point?"""
    return abs(ours - notes) <= max(A_TENTH, A_TENTH * notes)


def usage_row(usage: Usage, seed: int) -> Row:
    """Return the row of a usage."""
    source = random.Random(seed)
    lines = cut_at_random(source, usage.days, usage.cuts) if usage.cuts else None
    with PaidUnit(usage.first, usage.board) as unit:
        passed, charged = unit.live(lines or nightly(usage.days, usage.use_h))
    percent = round(100 * (charged - passed) / passed, 2) + 0.0  # no minus zero
    return {
        "bench": "honesty",
        "case": usage.case,
        "cuts_a_day": round(usage.cuts, 2),
        "cut_s": "1 to 3" if usage.cuts else None,
        "use_h_a_day": usage.use_h,
        "faults_in_the_month_before": usage.first.count("power on"),
        "days": usage.days,
        "seed": seed if usage.cuts else None,
        "before_percent": usage.before,
        "notes_percent": usage.notes,
        "percent": percent,
        "as_noted": close(percent, usage.notes),
    }


def change_cell() -> Row:
    """Return the row of a unit whose coin cell is changed once."""
    lines = (f"advance {DAY}", "power off", "rtc lost", "rtc cell", f"run {CHANGE_S * 1000}")
    with PaidUnit() as unit:
        passed, charged = unit.live((*lines, "power on", f"advance {CHANGE_DAYS * DAY}"))
    minutes = round((charged - passed) / 60, 2)
    return {
        "bench": "honesty",
        "case": "cell changed once",
        "without_power_s": CHANGE_S,
        "days": CHANGE_DAYS + 1,
        "before_min": 26,
        "notes_min": 0,
        "min": minutes,
        "as_noted": minutes <= 1,
    }


def pause(use_h: int, before: float, notes: float) -> Row:
    """Return the row of a person who removes the cell and switches the unit off after each use."""
    with PaidUnit(first=TWICE) as unit:
        passed, charged = unit.live(nightly(PAUSE_DAYS, use_h))
    days = round(passed / charged, 2)
    return {
        "bench": "pausing",
        "case": "cell removed, off when not used",
        "use_h_a_day": use_h,
        "days": PAUSE_DAYS,
        "before_days_of_a_paid_one": before,
        "notes_days_of_a_paid_one": notes,
        "days_of_a_paid_one": days,
        "as_noted": abs(days - notes) <= A_TENTH * notes,
    }


def main() -> None:
    """Print the rows; raise AssertionError for a figure unlike the notes'."""
    bad: list[str] = []

    def tell(row: Row) -> None:
        print(json.dumps(row), flush=True)
        if not row["as_noted"]:
            bad.append(row["case"])

    for usage in USAGES:
        tell(usage_row(usage, SEED))
    tell(change_cell())
    for use in PAUSES:
        tell(pause(*use))
    assert not bad, f"not as noted: {bad}"


if __name__ == "__main__":
    main()
