"""OpenPAYGO Token v2.3 and this project's additions to it, as plain sets: what a unit must answer.

Written from the protocol's text; it shares nothing with lib/opaygo. The state is four things: the
last count, the counts that are used, the accepted tokens that are remembered, the floor. The
tests hold the firmware against it, `payg conform` any unit.
"""

AHEAD = 64
SYNC_AHEAD = 100
SYNC_BACK = 63
OLDER = 16
REMEMBERED = 64

DISABLE, SYNC = 998, 999
RESERVED = (996, 997)
FINAL = ("SET_TIME", "DISABLE_PAYG", "COUNTER_SYNC")  # older counts are used after these


class TokenRules:
    """Which tokens of a unit are used.

    `unit` has `starting_code`, `token(value, count, extended, restricted)` and `chain(value,
    count, extended)`: the codes of a chain from count 0 to that count or further.
    """

    def __init__(self, unit, count=1, restricted=False):
        self.unit = unit
        self.restricted = restricted
        self.last = count
        self.used = set(range(count + 1))
        self.floor = count
        self.accepted = []  # (count, entry), oldest first

    def lengths(self):
        """Digits of a plain and of an extended token."""
        return (15, 20) if self.restricted else (9, 12)

    def token(self, value, count, extended=False):
        """Return the token of a value and a count as it is entered."""
        return self.unit.token(value, count, extended, self.restricted)

    def read(self, entry):
        """Return (code, extended) of an entry, or None when it is malformed."""
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

    def judge(self, entry):
        """Return (outcome, value) of an entry and spend it where it is accepted."""
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

    def value(self, entry):
        """Return what a well-formed entry says."""
        code, extended = self.read(entry)
        return (code - self.unit.starting_code) % (10**6 if extended else 1000)

    def matches(self, entry):
        """Return the counts, up to the furthest in reach, whose token a well-formed entry is."""
        code, extended = self.read(entry)
        value = self.value(entry)
        top = self.last + (SYNC_AHEAD if value == SYNC and not extended else AHEAD)
        bases = 10**6 if extended else 1000
        chain = self.unit.chain(value, top, extended)
        high = code // bases
        return [count for count in range(1, top + 1) if chain[count] // bases == high]

    def kind(self, value, count, extended=False):
        """The value speaks first, then the count's parity."""
        if extended:
            return "EXTENDED"
        if value == DISABLE:
            return "DISABLE_PAYG"
        if value == SYNC:
            return "COUNTER_SYNC"
        if value in RESERVED:
            return "RESERVED"
        return "SET_TIME" if count % 2 else "ADD_TIME"

    def acceptable(self, kind, count):
        """May a token of this kind with this count still be accepted?"""
        if count <= self.floor:
            return False
        if kind == "COUNTER_SYNC":
            return self.last - SYNC_BACK <= count <= self.last + SYNC_AHEAD
        if kind == "ADD_TIME" and self.last - OLDER < count <= self.last:
            return count not in self.used
        return self.last < count <= self.last + AHEAD

    def _accept(self, kind, count, entry):
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
