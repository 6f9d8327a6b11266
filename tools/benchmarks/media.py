"""Searches for free time given away by the second medium (tools/proofs/media/search.py).

At full scale, and with the shortest way to the harm of each planted bug.
"""

import json
import time
from typing import Any

from tools.proofs.media.bugs import BUGS, LONG, SHORT, Bug, Scale


def search_row(scale: Scale) -> dict[str, Any]:
    """Search one scale until nothing new appears; return the row."""
    started = time.monotonic()
    found = scale.search()
    return {
        "bench": "media_search",
        "tokens": scale.tokens,
        "second_medium": "briefs" if scale.small else "whole records",
        "faults": scale.faults._asdict(),
        "states": found.states,
        "runs": found.runs,
        "power_cuts": found.cuts,
        "depth": found.depth,
        "least_slack_s": found.least_slack_s,
        "broken": found.violation and str(found.violation),
        "path": found.violation and found.violation.path,
        "seconds": round(time.monotonic() - started, 1),
    }


def bug_row(bug: Bug) -> dict[str, Any]:
    """Plant one bug, search for the fewest actions that break its promise; return the row."""
    started = time.monotonic()
    violation = bug.search().violation
    return {
        "bench": "media_bug",
        "bug": bug.name,
        "broken": violation and str(violation),
        "path": violation and violation.path,
        "seconds": round(time.monotonic() - started, 1),
    }


def main() -> None:
    """Print the rows; raise AssertionError for a broken promise or an undiscovered bug."""
    good = True
    for scale in SHORT + LONG:
        row = search_row(scale)
        print(json.dumps(row), flush=True)
        good = good and not row["broken"]
    for bug in BUGS:
        row = bug_row(bug)
        print(json.dumps(row), flush=True)
        good = good and row["broken"] == bug.promise
    assert good


if __name__ == "__main__":
    main()
