"""The value of a token, specified with sets. Independent of lib/opaygo, the code to be checked.

A specification judges decoded tokens, given by the value, extended or not, the digits (anything
hashable), and the set of all counts from 1 upwards whose token has these digits.
"""

from dataclasses import dataclass, replace

from tools.seconds import DAY

CREDIT, DISABLE, SYNC = range(996), 998, 999
ACCEPTED = ("ADD_TIME", "SET_TIME", "DISABLE_PAYG", "COUNTER_SYNC", "RESERVED", "EXTENDED")


@dataclass(frozen=True)
class Windows:
    """Distances allowed from the newest count, and the number of remembered tokens."""

    jump: int = 64
    older: int = 16
    ahead: int = 100
    back: int = 64
    ring: int = 64


@dataclass(frozen=True)
class Life:
    """A unit's history up to now.

    `last`: newest count; `gone`: every count up to this count is used; `used`: used counts above
    `gone`; `ring`: (digits, extended, count) of the remembered tokens in order of acceptance;
    `floor`: counts up to this count are no longer accepted.
    """

    last: int
    gone: int
    used: frozenset
    ring: tuple
    floor: int


def new_life(count):
    """Return the life of a unit provisioned at this count."""
    return Life(last=count, gone=count, used=frozenset(), ring=(), floor=count)


def acceptable(windows, life, value, extended, counts):
    """Return the members of `counts` at which a token of this value may be accepted now."""
    ahead = set(range(life.last + 1, life.last + windows.jump + 1))
    if not extended and value == SYNC:
        ahead = set(range(life.last - windows.back + 1, life.last + windows.ahead + 1))
    elif not extended and value in CREDIT:
        late = set(range(life.last - windows.older + 1, life.last + 1))
        ahead |= {n for n in late if n % 2 == 0 and n > life.gone and n not in life.used}
    return {n for n in counts & ahead if n > max(0, life.floor)}


def outcome_of(value, extended, count):
    """Return the outcome of an accepted token of this value and count."""
    if extended:
        return "EXTENDED"
    special = {SYNC: "COUNTER_SYNC", DISABLE: "DISABLE_PAYG", 996: "RESERVED", 997: "RESERVED"}
    return special.get(value) or ("ADD_TIME", "SET_TIME")[count % 2]


def judge(windows, life, value, extended, digits, counts, divider=1):
    """Return ((outcome, value, count, seconds), life afterwards)."""
    for known, long, count in life.ring:
        if (known, long) == (digits, extended):
            return ("ALREADY_USED", value, count, 0), life
    top = life.last + (windows.ahead if value == SYNC and not extended else windows.jump)
    legal = acceptable(windows, life, value, extended, counts)
    if not legal:
        past = [n for n in counts if 1 <= n <= top]
        if past:
            return ("ALREADY_USED", value, max(past), 0), life
        return ("INVALID", 0, 0, 0), life
    count = min(legal)
    outcome = outcome_of(value, extended, count)
    seconds = value * DAY // divider if outcome in ("ADD_TIME", "SET_TIME") else 0
    return (outcome, value, count, seconds), _after(
        windows, life, outcome, digits, extended, count
    )


def _after(windows, life, outcome, digits, extended, count):
    ring, floor = (*life.ring, (digits, extended, count)), life.floor
    if len(ring) > windows.ring:
        lowest = min(ring, key=lambda entry: entry[2])
        ring = tuple(entry for entry in ring if entry is not lowest)
        floor = max(floor, lowest[2])
    if outcome in ("SET_TIME", "DISABLE_PAYG", "COUNTER_SYNC"):
        return Life(count, count, frozenset(), ring, floor)
    used = life.used | {count}
    return replace(life, last=max(life.last, count), used=used, ring=ring, floor=floor)
