"""How often years of use erase each sector of the flash and write each page of the EEPROM.

Run by MicroPython: `wear.py KIND DAYS`, a kind of rig.KINDS with flash. Every day: 24 heartbeats
and a token; every week a mistake. Prints one JSON object.
"""

import json
import random
import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0])

from rig import IDENTITY, TIME, Rig, enter, tokens


def run(kind, days):
    """Live `days` days; return the figures."""
    rig = Rig(kind)
    rig.count_writes()
    unit = rig.boot()
    unit.provision(IDENTITY)
    random.seed(7)
    for day, digits in zip(range(days), tokens(1, 2, 2)):
        for _ in range(24):
            TIME.us += 3_540_000_000
            unit.tick()
            if not unit.beat_due():
                raise AssertionError("no heartbeat was due")
            unit.beat()
            rig.log.clear()
        if day % 7 == 6:  # of a thousand mistakes a few are tokens of years ago
            outcome = enter(unit, "%09d" % random.getrandbits(29))
            if outcome not in ("INVALID", "ALREADY_USED"):
                raise AssertionError(f"the mistake was {outcome}")
        if enter(unit, digits) != "ADD_TIME" or 0 in unit._store._bases[:2]:
            raise AssertionError(f"day {day}: {unit.outcome} {unit.problem}")
    return {
        "kind": kind,
        "sectors": len(rig.erases),
        "days": days,
        "max_erases_per_sector": max(rig.erases),
        "max_writes_per_page": max(rig.page_writes),
    }


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1], int(sys.argv[2]))))
