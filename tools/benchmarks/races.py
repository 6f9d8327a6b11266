"""The states visited by the search of tools/proofs/interleavings.py, and the races found."""

import json
import time

from tools.proofs.interleavings import LONG, PLANTED, find


def main() -> None:
    """Print a line for each scenario: states, and 0 or 1 violations; fail after a violation."""
    for name, scenario in LONG.items():
        began = time.perf_counter()
        found = find(scenario)
        took = round(time.perf_counter() - began, 1)
        row = {"bench": "interleavings", "scenario": name, "value": found.states, "unit": "states"}
        print(json.dumps({**row, "violations": int(found.violation is not None), "seconds": took}))
        if found.violation:
            raise RuntimeError(f"{found.violation}: {found.violation.path}")
    caught = [bool(find(scenario, changes).violation) for scenario, _, changes in PLANTED.values()]
    row = {"bench": "planted_races_found", "value": sum(caught), "of": len(caught)}
    print(json.dumps(row))


if __name__ == "__main__":
    main()
