"""Sequences to be searched: short ones for the tests, long ones for the benchmark."""

from dataclasses import dataclass

from tools.proofs.tokens.exhaustive import alphabet
from tools.proofs.tokens.small import Small
from tools.proofs.tokens.spec import Windows

MAIN = Small(Windows(jump=6, older=4, ahead=8, back=6, ring=4))
TINY = Small(Windows(jump=3, older=3, ahead=4, back=4, ring=3), margin=1, marks=1)
CREDIT, RESERVED, DISABLE, SYNC = 5, 996, 998, 999
LONG = CREDIT  # an extended token of the same value
COUNTS = range(60)
WRONG = 99

DISTINCT = [0, *(100 + n for n in COUNTS[1:])]
REPEATED = [0, *(100 + n % 9 for n in COUNTS[1:])]  # codes repeat after nine counts
CROWDED = [0, *(100 + n % 5 for n in COUNTS[1:])]


@dataclass(frozen=True)
class Search:
    """Arguments of explore(), and the least number of states to be reached."""

    arguments: dict
    states: int


def _search(small, prefixes, depth, start, counts, values, extended_values=(), states=0):
    tokens = alphabet(values, extended_values, counts, prefixes, WRONG)
    arguments = {
        "small": small,
        "prefixes": prefixes,
        "tokens": tokens,
        "depth": depth,
        "start": start,
    }
    return Search(arguments, states)


ALL = (CREDIT, RESERVED, DISABLE, SYNC)
FEW = (CREDIT, SYNC)

QUICK = {
    "all kinds, depth 4": _search(MAIN, DISTINCT, 4, 8, range(6, 14), ALL, (LONG,), 30000),
    "credit and sync, any length": _search(MAIN, DISTINCT, None, 4, range(5, 11), FEW, (), 20000),
    "equal codes, all kinds, depth 3": _search(MAIN, REPEATED, 3, 8, range(6, 15), ALL, (LONG,)),
    "equal codes, depth 4": _search(MAIN, REPEATED, 4, 8, range(6, 15), FEW),
    "tiny, from count 0, any length": _search(TINY, DISTINCT, None, 0, range(1, 7), FEW, (LONG,)),
    "tiny, equal codes, depth 6": _search(TINY, CROWDED, 6, 0, range(1, 9), FEW),
}

LONG_ONES = {
    "all kinds, depth 4": _search(MAIN, DISTINCT, 4, 8, range(4, 17), ALL, (LONG,)),
    "all kinds, depth 6": _search(MAIN, DISTINCT, 6, 4, range(5, 10), (CREDIT, DISABLE, SYNC)),
    "extended, any length": _search(MAIN, DISTINCT, None, 4, range(5, 10), FEW, (LONG,)),
    "equal codes, depth 5": _search(MAIN, REPEATED, 5, 8, range(6, 15), FEW),
    "tiny, any length": _search(TINY, DISTINCT, None, 0, range(1, 9), FEW, (LONG,)),
    "tiny, equal codes, depth 7": _search(TINY, CROWDED, 7, 0, range(1, 9), FEW, (LONG,)),
}
