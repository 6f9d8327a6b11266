"""Counts erases of each flash sector and writes of each EEPROM page caused by paid time.

Run by MicroPython: `wear.py SECTORS DAYS`; SECTORS: flash sectors left free by the build. The unit
is on all day: a record each 49 s, a token each day, a mistake each week. Prints one JSON object.
"""

import json
import random
import sys

from tools.proofs.cuts.cutter import spend
from tools.proofs.cuts.rig import IDENTITY, KINDS, Rig, enter, token, tokens
from tools.seconds import DAY


def run(sectors, days):
    """Live `days` days; return the figures."""
    KINDS["wear"] = sectors, "ds3231", True
    rig = Rig("wear")
    rig.count_writes()
    unit = rig.boot()
    unit.provision(IDENTITY)
    random.seed(7)
    enter(unit, token(30, 2))  # so that no day ends without credit
    for day, digits in zip(range(days), tokens(1, 4, 2)):
        if day % 7 == 6:  # a few in a thousand mistakes equal tokens of years ago
            outcome = enter(unit, "%09d" % random.getrandbits(29))
            if outcome not in ("INVALID", "ALREADY_USED"):
                raise AssertionError(f"the mistake was {outcome}")
        if enter(unit, digits) != "ADD_TIME" or 0 in unit._store._bases[:2]:
            raise AssertionError(f"day {day}: {unit.outcome} {unit.problem}")
        for _ in range(24):
            spend(unit, DAY // 24)
            rig.log.clear()
        if unit.problem or not unit.active():
            raise AssertionError(f"day {day}: {unit.problem}, {unit.seconds_left()} s left")
    return {
        "sectors": sectors,
        "days": days,
        "erases": sum(rig.erases),
        "max_erases_per_sector": max(rig.erases),
        "max_writes_per_page": max(rig.page_writes),
    }


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]), int(sys.argv[2]))))
