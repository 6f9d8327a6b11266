"""Searches for stolen time: quick searches for the tests, full searches for the benchmark, and
searches that find the planted bugs.
"""

from dataclasses import replace

from tools.paths import ROOT
from tools.proofs.time.search import shortest
from tools.proofs.time.world import ENTRY_WRITES, READINGS, Scale
from tools.proofs.tokens.mutate import read_mutants

BUGS = ROOT / "tools" / "proofs" / "time" / "bugs.txt"
_CUTS = "", "stored, cut", "cut before"
_REFUSED = "", "refused", "stored, cut", "cut before"
_SIMPLE = Scale(lockouts=(0,), entries=("add",), entry_writes=_CUTS[:2], entry_readings=("",))
_SLOW = replace(_SIMPLE, first=6, longest=18, cap=20, add=20, bounces=1)
_LATE = replace(_SLOW, margin_ms=1500, hold_margin_ms=2000, write_ms=500, late=True)
# Looks at both ends of each second, where the largest part of a second can be lost.
_EXACT = replace(_SLOW, hold_margin_ms=1001, hang_ms=1998, steps=(999, 1))
_CLOCK = replace(_SIMPLE, clock="wires", readings=("", "clock stopped"))

QUICK = {
    "cuts, hangs and a flash that refuses": replace(_SIMPLE, cap=14, bounces=1),
    "clock": replace(_CLOCK, cap=14, bounces=1, away=(0, 12), writes=_CUTS),
    "cell": replace(_CLOCK, clock="cell", cap=3, add=3, away=(2,), writes=_CUTS, hang_ms=0),
    "keypad": Scale(cap=4, add=4, set=4, entries=("add", "set 0", "unlock", "used", "wrong")),
    "test code": replace(_SIMPLE, cap=5, tests=2),
    "slow writes and late looks": replace(_LATE, writes=_CUTS),
    "ends of seconds": replace(_EXACT, writes=_REFUSED),
}

_ALL = ENTRY_WRITES
FULL = {
    "cuts, hangs and a flash that refuses": replace(
        _SIMPLE,
        cap=20,
        add=10,
        set=12,
        entries=("add", "set", "set 0", "unlock"),
        entry_writes=_ALL,
    ),
    "clock": replace(_CLOCK, cap=14, bounces=1, entries=("add", "clear"), readings=READINGS),
    "cell": replace(_CLOCK, clock="cell", bounces=1),
    "keypad": Scale(cap=9, bounces=1),
    "keypad and clock": Scale(
        cap=5, add=4, set=5, clock="wires", entries=("set", "wrong"), writes=_REFUSED, away=(0, 4)
    ),
    "test code": Scale(cap=5, tests=2, entries=("add", "set 0", "unlock", "wrong"), set=5),
    "slow writes and late looks": replace(_LATE, entries=("add", "unlock", "used")),
    "ends of seconds": replace(_EXACT, cap=30, entries=("add", "set"), set=25, entry_writes=_ALL),
}

_PLUG = replace(_SIMPLE, hang_ms=0, readings=("",))
_WIRES = replace(_PLUG, clock="wires")
# Search for each bug, by the words in the bug's title.
FINDERS = {
    "plug": replace(_PLUG, entries=("add", "unlock"), entry_writes=("", "refused")),
    "hang": replace(_SIMPLE),
    "bounces": replace(_PLUG, cap=20, add=10, writes=_CUTS, entry_writes=("",)),
    "wires": _WIRES,
    "three faults": replace(_WIRES, faults=3, cap=8, writes=_CUTS, entry_writes=("",)),
    "nine faults": replace(_WIRES, faults=9, cap=8, writes=_REFUSED, entry_writes=("",)),
    "cell": replace(_PLUG, clock="cell"),
    "wrap": replace(_PLUG, cap=14, period_ms=24_000),
    "keypad": replace(_PLUG, entries=("wrong", "add"), lockouts=(0, 0, 2, 4)),
    "wires, keypad": replace(_WIRES, entries=("wrong",), lockouts=(0, 0, 2, 4)),
    "test code": replace(_PLUG, tests=1),
}


def bugs():
    """Return the planted bugs, each as (tools.proofs.tokens.mutate.Mutant, name of its finder)."""
    found = []
    for mutant in read_mutants(BUGS.read_text()):
        module, finder = mutant.module.split(", ", 1)
        found.append((replace(mutant, module=module), finder))
    return found


def find(mutant, finder):
    """Plant a bug and search for the shortest way to a violation; return the Result."""
    changes = {f"firmware.{mutant.module}": [(mutant.right, mutant.wrong)]}
    return shortest(FINDERS[finder], changes)
