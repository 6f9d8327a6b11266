"""The headless simulator's speed, in wall time: property tests depend on this speed."""

import json
import time

from tools.identity import DEMO
from tools.proofs.simulator import Sim
from tools.seconds import DAY
from tools.tokens import make_token

ENTRIES = 500
DAYS_30 = 30 * DAY


def tokens(number: int) -> list[str]:
    """Return `number` tokens of one day each, in order."""
    identity = DEMO
    made = []
    for _ in range(number):
        count, digits = make_token(identity, "add", 1)
        identity = identity._replace(count=count)
        made.append(digits)
    return made


def entries_per_second(sim: Sim, entries: list[str]) -> tuple[float, list[str]]:
    """Type complete entries; return (entries a second, their outcomes)."""
    began = time.perf_counter()
    answers = sim.do_all([f"keys {digits}#" for digits in entries])
    took = time.perf_counter() - began
    return len(entries) / took, [answer["result"] for answer in answers]


def say(bench: str, value: float, **more: object) -> None:
    """Print one result."""
    print(json.dumps({"bench": bench, **more, "value": round(value, 3), "runtime": "unix"}))


def main() -> None:
    """Print the figures."""
    good = tokens(ENTRIES)
    assert DEMO.key
    with Sim(key=DEMO.key.hex(), starting_code=DEMO.starting_code) as sim:
        sim.status()
        for kind, entries in (("ADD_TIME", good), ("ALREADY_USED", good[-50:] * 10)):
            value, outcomes = entries_per_second(sim, entries)
            if set(outcomes) != {kind}:
                raise RuntimeError(f"not all were {kind}: {set(outcomes)}")
            say("entries_per_s", value, outcome=kind)
        began = time.perf_counter()
        answer = sim.do(f"advance {DAYS_30}")
        say("advance_30_days_s", time.perf_counter() - began)
        if not answer["load"]:
            raise RuntimeError("the credit did not last for 30 days")


if __name__ == "__main__":
    main()
