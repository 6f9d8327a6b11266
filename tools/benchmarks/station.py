"""Benchmark of provisioning: bytes and seconds for a simulated unit, and for four at once."""

import contextlib
import secrets
import threading
import time

from tools.batches.lists import ListedUnit
from tools.benchmarks.tokens import row
from tools.cable.unit import SimulatedUnit
from tools.station.selftest import Job, provision

MANY = 4


def _job(number: int, unit: SimulatedUnit) -> Job:
    """Return a job with a random key; a robot presses the keys for the unit."""
    key = secrets.token_bytes(16)
    made = ListedUnit(f"BENCH{number:04}", None, key, 1, 1, False, "", "", None)

    def press(keys: str) -> None:
        threading.Thread(target=unit.do, args=(f"keys {keys}",), daemon=True).start()

    return Job(made, robot=press)


def _seconds(units: list[SimulatedUnit]) -> float:
    """Provision all `units` at once; return the seconds until the last unit is sealed."""
    for unit in units:
        unit.do("run 200")  # it draws its display
    jobs = [_job(number, unit) for number, unit in enumerate(units)]
    threads = [
        threading.Thread(target=provision, args=(unit.port, job, lambda *said, **options: None))
        for unit, job in zip(units, jobs)
    ]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - started


def main() -> None:
    """Print the figures of one unit and of four at once."""
    found = {}
    for many in (1, MANY):
        with contextlib.ExitStack() as stack:
            units = [stack.enter_context(SimulatedUnit(board="pico")) for _ in range(many)]
            found[many] = _seconds(units)
            if not all(unit.do("status")["provisioned"] for unit in units):
                raise RuntimeError("a unit was not provisioned")
            row(
                bench="station",
                units=many,
                seconds=round(found[many], 2),
                bytes_to_each=max(unit.sent for unit in units),
            )
    row(bench="station", ratio_of_four_to_one=round(found[MANY] / found[1], 2))
