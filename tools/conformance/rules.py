"""OpenPAYGO Token v2.3 and this project's additions, as plain sets: the right answers of a unit.

Written from the protocol's text; nothing is shared with lib/opaygo. The state is the last count,
the used counts, the remembered tokens and the floor. The tests compare the firmware with these
rules, `payg conform` any unit.
"""

from collections.abc import Sequence
from typing import Protocol

AHEAD = 64
SYNC_AHEAD = 100
SYNC_BACK = 63
OLDER = 16
REMEMBERED = 64

DISABLE, SYNC = 998, 999
RESERVED = (996, 997)
FINAL = ("SET_TIME", "DISABLE_PAYG", "COUNTER_SYNC")  # older counts are used after these


class TokenMaker(Protocol):
    """Makes the tokens of one unit."""

    key: bytes
    starting_code: int

    def token(
        self, value: int, count: int, extended: bool = False, restricted: bool = False
    ) -> str:
        """Return the token of a value and a count."""

    def chain(self, value: int, count: int, extended: bool = False) -> Sequence[int]:
        """Return the codes of a chain from count 0 to that count or further."""


class TokenRules:
    """The tokens of a unit: used, remembered, still acceptable."""

    def __init__(self, unit: TokenMaker, count: int = 1, restricted: bool = False) -> None:
        self.unit = unit
        self.restricted = restricted
        self.last = count
        self.used = set(range(count + 1))
        self.floor = count
        self.accepted: list[tuple[int, str]] = []  # (count, entry), oldest first

    def lengths(self) -> tuple[int, int]:
        """Return the digits of a plain and of an extended token."""
        return (15, 20) if self.restricted else (9, 12)

    def token(self, value: int, count: int, extended: bool = False) -> str:
        """Return the token of a value and a count as typed."""
        return self.unit.token(value, count, extended, self.restricted)

    def read(self, entry: str) -> tuple[int, bool] | None:
        """Return (code, extended) of an entry, or None for a malformed entry."""
        if len(entry) not in self.lengths():
            return None
        extended = len(entry) == self.lengths()[1]
        alphabet = "1234" if self.restricted else "0123456789"
        if not all(digit in alphabet for digit in entry):
            return None
        code = 0
        for digit in entry:
            code = code * len(alphabet) + alphabet.index(digit)
        if code >= (10**12 if extended else 10**9):
            return None
        return code, extended

    def _well_formed(self, entry: str) -> tuple[int, bool]:
        read = self.read(entry)
        if read is None:
            raise ValueError(f"{entry!r} is malformed")
        return read

    def judge(self, entry: str) -> tuple[str, int]:
        """Return (outcome, value) of an entry; an accepted entry is used from now on."""
        read = self.read(entry)
        if read is None:
            return "MALFORMED", 0
        if entry in [known for _, known in self.accepted]:
            return "ALREADY_USED", 0
        _, extended = read
        value = self.value(entry)
        matches = self.matches(entry)
        for count in matches:
            kind = self.kind(value, count, extended)
            if self.acceptable(kind, count):
                self._accept(kind, count, entry)
                return kind, value
        # What lies ahead, yet out of reach, is not known to the unit at all.
        return ("ALREADY_USED" if matches else "INVALID"), 0

    def value(self, entry: str) -> int:
        """Return the value in a well-formed entry."""
        code, extended = self._well_formed(entry)
        return (code - self.unit.starting_code) % (10**6 if extended else 1000)

    def matches(self, entry: str) -> list[int]:
        """Return the counts whose token a well-formed entry is, up to the furthest in reach."""
        code, extended = self._well_formed(entry)
        value = self.value(entry)
        top = self.last + (SYNC_AHEAD if value == SYNC and not extended else AHEAD)
        bases = 10**6 if extended else 1000
        chain = self.unit.chain(value, top, extended)
        high = code // bases
        return [count for count in range(1, top + 1) if chain[count] // bases == high]

    def kind(self, value: int, count: int, extended: bool = False) -> str:
        """Return the kind of a token: by the value first, then by the count's parity."""
        if extended:
            return "EXTENDED"
        if value == DISABLE:
            return "DISABLE_PAYG"
        if value == SYNC:
            return "COUNTER_SYNC"
        if value in RESERVED:
            return "RESERVED"
        return "SET_TIME" if count % 2 else "ADD_TIME"

    def acceptable(self, kind: str, count: int) -> bool:
        """May a token of this kind with this count still be accepted?"""
        if count <= self.floor:
            return False
        if kind == "COUNTER_SYNC":
            return self.last - SYNC_BACK <= count <= self.last + SYNC_AHEAD
        if kind == "ADD_TIME" and self.last - OLDER < count <= self.last:
            return count not in self.used
        return self.last < count <= self.last + AHEAD

    def _accept(self, kind: str, count: int, entry: str) -> None:
        self.accepted.append((count, entry))
        if len(self.accepted) > REMEMBERED:
            lowest = min(self.accepted, key=lambda known: known[0])
            self.accepted.remove(lowest)
            self.floor = max(self.floor, lowest[0])
        if kind in FINAL:
            self.last = count
            self.used = set(range(count + 1))
        else:
            self.last = max(self.last, count)
            self.used.add(count)
