"""A matrix keypad: switches that join a row wire and a column wire.

Nothing here knows which end scans. Three closed corners of a rectangle join the fourth: ghost
keys come by themselves.
"""

from .parts import ChipError


class Keypad:
    """The wires. Ends are numbered rows first, then columns; levels are 0, 1 or None.

    `keys`: one string per row, one character per column. `shorts` counts the moments in which
    two ends drove against each other through closed switches; the low one wins.
    """

    def __init__(self, keys):
        self.keys = keys
        self.rows = len(keys)
        self.columns = len(keys[0])
        self.shorts = 0
        self.changed = None  # called with the ends whose level may have changed
        self._drive = [None] * (self.rows + self.columns)
        self._closed = set()
        self._joined = {}  # end -> all ends joined with it, itself too

    def has(self, key):
        """Tell whether there is such a key."""
        return len(key) == 1 and any(key in row for row in self.keys)

    def press(self, key):
        """Close the switch of `key`."""
        self._switch(key, True)

    def release(self, key):
        """Open the switch of `key`."""
        self._switch(key, False)

    def release_all(self):
        """Open all switches."""
        for row, column in list(self._closed):
            self._switch(self.keys[row][column], False)

    @property
    def pressed(self):
        """The keys that are down, sorted."""
        return "".join(sorted(self.keys[row][column] for row, column in self._closed))

    def drive(self, end, level):
        """The MCU drives `end` to 0 or 1, or lets it go (None)."""
        self._drive[end] = level
        if self._joined:
            ends = self._joined.get(end)
            if ends is not None:
                self._tell(ends)

    def level(self, end):
        """The level of `end` as the others make it, None if nobody drives it."""
        if not self._joined:
            return None
        ends = self._joined.get(end)
        if ends is None:
            return None
        found = None
        drive = self._drive
        for other in ends:
            level = drive[other]
            if level is not None:
                if found is not None and level != found:
                    self.shorts += 1
                    return 0
                found = level
        return found

    def _switch(self, key, close):
        for row, keys in enumerate(self.keys):
            column = keys.find(key) if len(key) == 1 else -1
            if column >= 0:
                break
        else:
            raise ChipError("no key %r on this keypad" % key)
        before = self._joined.get(row, ()), self._joined.get(self.rows + column, ())
        if close:
            self._closed.add((row, column))
        else:
            self._closed.discard((row, column))
        self._join()
        touched = set(before[0]) | set(before[1])
        touched.update(self._joined.get(row, ()))
        self._tell(sorted(touched))

    def _join(self):
        joined = {}
        for row, column in self._closed:
            column += self.rows
            group = joined.get(row, [row])
            other = joined.get(column, [column])
            if group is not other:
                group = sorted(group + other)
            for end in group:
                joined[end] = group
        self._joined = joined

    def _tell(self, ends):
        if self.changed is not None:
            self.changed(ends)


class Watch:
    """A lamp, a buzzer, a relay on one wire: what the pin did, and when.

    `active`: the level that means "on". A wire nobody drives is pulled inactive by a resistor.
    `limit`: how many changes are kept until `take` fetches them; the oldest go first.
    """

    def __init__(self, clock, active=1, limit=64):
        self.on = False
        self.changes = []  # (microseconds, on)
        self._clock = clock
        self._active = active
        self._limit = limit

    def drive(self, end, level):
        """The MCU drives the wire, or lets it go (None)."""
        on = level == self._active
        if on != self.on:
            self.on = on
            if len(self.changes) >= self._limit:
                self.changes.pop(0)
            self.changes.append((self._clock(), on))

    def level(self, end):
        """Nobody else drives this wire, but the resistor holds it."""
        return 1 - self._active

    def take(self):
        """Return the changes since the last time."""
        changes, self.changes = self.changes, []
        return changes
