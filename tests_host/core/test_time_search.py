"""Paid time cannot be stolen, whatever happens in whatever order: by enumeration, on scaled-down
constants. The attacks and planted bugs of tools/proofs/time/bugs.txt are found by the same search.
"""

import pytest

from tools.proofs.time.scales import QUICK, bugs, find
from tools.proofs.time.search import explore

SEEN = {
    "cuts, hangs and a flash that refuses": {"refused", "cut before", "key held", "patient start"},
    "clock": {"clock set back", "clock set forward", "clock stopped", "clock silent"},
    "cell": {"clock stopped", "clock silent", "clock cannot be set"},
    "keypad": {"refused", "refused but stored", "stored, cut", "cut before", "key held"},
    "test code": {"refused", "stored, cut"},
    "slow writes and late looks": {"a slow write", "the look is late", "patient start"},
    "ends of seconds": {"refused", "cut before", "patient start"},
}
BUGS = bugs()


@pytest.mark.long
@pytest.mark.parametrize("name", QUICK)
def test_load_on_time_never_exceeds_paid_time(name):
    result = explore(QUICK[name])
    print(f"{name}: {result.states} states, {result.moves} moves, worst slack {result.worst} s")
    assert not result.broken, result.path
    assert result.worst == 0  # all that was paid can be used
    assert result.states > 4000
    assert result.seen >= SEEN[name]


@pytest.mark.parametrize("bug, finder", BUGS, ids=[bug.name for bug, _ in BUGS])
def test_a_planted_bug_is_found(bug, finder):
    result = find(bug, finder)
    print(f"{bug.name}: {result.broken} ({'; '.join(result.path)})")
    assert result.broken and result.path
    if bug.name.startswith("attack"):
        assert "longer than paid for" in result.broken


def test_the_three_attacks_and_enough_bugs_are_there():
    names = [bug.name for bug, _ in BUGS]
    assert all(any(name.startswith(f"attack {n},") for name in names) for n in (1, 2, 3))
    assert len(names) >= 3 + 8 and len(set(names)) == len(names)


def test_the_search_without_long_waits_finds_a_bug_too():
    bug, _ = next(bug for bug in BUGS if bug[0].name == "a token counts before it is stored")
    change = {"firmware.unit": [(bug.right, bug.wrong)]}
    assert "longer than paid for" in explore(QUICK["keypad"], change).broken
