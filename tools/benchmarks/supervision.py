"""The cost of supervision and pace: blocking steps, used tokens over the cable, a bad lamp."""

from __future__ import annotations

import json
import tempfile
from typing import Any

from tools.identity import DEMO
from tools.proofs.blocking import FAULTS, measure
from tools.proofs.lamp import shine
from tools.proofs.simulator import Sim
from tools.tokens import make_token

USED = 2_000  # entries of used tokens
AT_ONCE = 100  # lines sent in one go, which the unit's buffer holds


def blocking() -> None:
    """Print the longest step between two awaits, of each kind and under each fault."""
    for fault in FAULTS:
        with tempfile.TemporaryDirectory() as folder:
            steps = measure(folder + "/unit", fault)
        for kind, longest in steps.longest.items():
            row = {"bench": "blocking_step", "fault": fault, "kind": kind, "value": longest}
            print(json.dumps({**row, "unit": "ms", "steps": steps.seen[kind]}))


def used_tokens() -> None:
    """Print the time for 2,000 used tokens over the console, and the wear."""
    token = make_token(DEMO, "add", 30)[1]
    with paid(token) as sim:
        began, erases = sim.status()["t"], sum(sim.do("flash report")["erases"])
        said = 0
        while said < USED:
            answers = sim.do_all([f"uart #TOKEN;{token}"] * AT_ONCE)
            lines = [line for answer in answers for line in answer["uart"]]
            while len(lines) < AT_ONCE:
                lines += sim.do("run 1000")["uart"]
            if set(lines) != {"#TOKEN;ALREADY_USED"}:
                raise RuntimeError(f"not all were used: {set(lines)}")
            said += len(lines)
        seconds = sim.status()["t"] - began
        erases = sum(sim.do("flash report")["erases"]) - erases
    row = {"bench": "used_tokens_over_console", "entries": said, "value": seconds, "unit": "s"}
    print(json.dumps({**row, "sector_erases": erases}))


def lamp() -> None:
    """Print the cost of an hour with a lamp whose inrush resets the MCU."""
    with paid(make_token(DEMO, "add", 30)[1]) as sim:
        sim.do("advance 120")
        cost, flashes = shine(sim, 3600)
    row = {"bench": "hour_of_a_lamp_that_resets_the_unit", "value": cost, "unit": "paid s"}
    print(json.dumps({**row, "resets": flashes}))


def paid(token: str) -> _Paid:
    """Return a simulator (a context manager that pays on entering) whose load is on."""
    assert DEMO.key
    return _Paid(token, serial=DEMO.serial, key=DEMO.key.hex(), starting_code=DEMO.starting_code)


class _Paid(Sim):
    def __init__(self, token: str, **options: Any) -> None:
        super().__init__(**options)
        self._token = token

    def __enter__(self) -> _Paid:
        super().__enter__()
        if not self.keys(self._token + "#")["load"]:
            raise RuntimeError("the token was not taken")
        return self


def main() -> None:
    """Print the figures."""
    blocking()
    used_tokens()
    lamp()


if __name__ == "__main__":
    main()
