"""Each known attack on paid time, played on the whole firmware in the simulator.

A row tells the paid time and how long the load was on. The tests play the same attacks:
tests_host/controller/test_paid_time.py.
"""

import json
from collections.abc import Iterable

from tools.proofs import attacks
from tools.proofs.meter import OverdrawnError

PHASES = 96  # of the records, for the attack with a held key


def text(steps: Iterable[str]) -> str:
    """Return steps in one line; power cycles in a row are counted."""
    told: list[str] = []
    left = list(steps)
    while left:
        cycles = 0
        while tuple(left[:2]) == attacks.CYCLE:
            cycles += 1
            del left[:2]
        if cycles:
            told.append(f"{cycles} power cycles" if cycles > 1 else "power cycle")
        else:
            told.append(left.pop(0))
    return ", ".join(told)


def play(name: str) -> tuple[dict[str, object], bool]:
    """Play an attack; return the row, and True if nothing was gained."""
    attack = attacks.ATTACKS[name]
    row: dict[str, object] = {
        "bench": "attack",
        "attack": name,
        "first": text(attack.before),
        "then": text(attack.steps),
        "rounds": attack.rounds,
    }
    try:
        meter = attacks.run(name)
    except OverdrawnError as error:
        return row | {"gained": str(error)}, False
    row["paid_s"] = round(meter.paid_ms / 1000, 3)
    row["load_on_s"] = round(meter.on_ms / 1000, 3)
    row["gained_s"] = round((meter.on_ms - meter.paid_ms) / 1000, 3)
    return row, meter.on_ms <= meter.paid_ms


def main() -> None:
    """Print the rows; raise AssertionError if an attack gained anything."""
    bad: list[str] = []
    for name in attacks.ATTACKS:
        row, good = play(name)
        print(json.dumps(row), flush=True)
        bad += [] if good else [name]
    tried, missed = attacks.held_key(PHASES)
    row = {
        "bench": "attack",
        "attack": attacks.HELD_KEY,
        "then": "a token, a key held, a wrong token over the console, the key let go, a cut",
        "rounds": PHASES,
        "wrong_tokens": tried,
        "not_counted": missed,
    }
    print(json.dumps(row), flush=True)
    assert not bad and not missed, f"gained: {bad}; wrong tokens not counted: {missed}"


if __name__ == "__main__":
    main()
