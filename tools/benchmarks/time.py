"""Searches for a theft of paid time (tools/proofs/time/search.py), at full scale, and the shortest
way to the harm of each planted bug.
"""

import json
import time
from typing import Any

from tools.proofs.time.scales import FULL, bugs, find
from tools.proofs.time.search import explore
from tools.proofs.time.world import Scale
from tools.proofs.tokens.mutate import Mutant


def search_row(name: str, scale: Scale) -> dict[str, Any]:
    """Search one scale until nothing new appears; return the row."""
    started = time.monotonic()
    result = explore(scale)
    return {
        "bench": "time_search",
        "search": name,
        "states": result.states,
        "moves": result.moves,
        "worst_slack_s": result.worst,
        "added_to_lockout_s": result.added,
        "broken": result.broken,
        "path": result.path,
        "seconds": round(time.monotonic() - started, 1),
    }


def bug_row(bug: Mutant, finder: str) -> dict[str, Any]:
    """Plant one bug, search for the fewest moves that break a promise; return the row."""
    started = time.monotonic()
    result = find(bug, finder)
    return {
        "bench": "time_bug",
        "bug": bug.name,
        "broken": result.broken,
        "path": result.path,
        "seconds": round(time.monotonic() - started, 1),
    }


def main() -> None:
    """Print the rows; raise AssertionError if time can be stolen, or a bug goes unnoticed."""
    rows = []
    for name, scale in FULL.items():
        rows.append(search_row(name, scale))
        print(json.dumps(rows[-1]), flush=True)
    for bug, finder in bugs():
        rows.append(bug_row(bug, finder))
        print(json.dumps(rows[-1]), flush=True)
    wrong = [row for row in rows if bool(row["broken"]) == (row["bench"] == "time_search")]
    assert not wrong, wrong


if __name__ == "__main__":
    main()
