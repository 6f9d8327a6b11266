"""A matrix keypad: switches that join a row wire and a column wire.

Nothing here knows which end scans. Three closed corners of a rectangle join the fourth: ghost
keys come by themselves.
"""

from tools.sim.parts import ChipError


class Keypad:
    """The wires. Ends are numbered rows first, then columns; levels are 0, 1 or None.

    `keys`: one string per row, one character per column. `levels`: what each end is joined to,
    None if nobody drives that. `shorts` counts the times that two ends drove against each other
    through closed switches; the low one wins.
    """

    def __init__(self, keys):
        self.keys = keys
        self.rows = len(keys)
        self.columns = len(keys[0])
        self.levels = [None] * (self.rows + self.columns)
        self.shorts = 0
        self.changed = None  # called with ends whose level may have changed
        self._drives = [None] * (self.rows + self.columns)
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
        for key in self.pressed:
            self._switch(key, False)

    @property
    def pressed(self):
        """The keys that are down, sorted."""
        return "".join(sorted([self.keys[row][column] for row, column in self._closed]))

    def drive(self, end, level):
        """The MCU drives `end` to 0 or 1, or lets it go (None)."""
        self._drives[end] = level
        if self._joined:
            ends = self._joined.get(end)
            if ends is not None:
                self._settle(ends)

    def _settle(self, ends, joined_anew=False):
        """Find the level of ends that are joined; unless they are so anew they all had one."""
        found = None
        drives = self._drives
        for end in ends:
            level = drives[end]
            if level is not None:
                if found is not None and level != found:
                    self.shorts += 1
                    found = 0
                    break
                found = level
        if joined_anew or self.levels[ends[0]] != found:
            for end in ends:
                self.levels[end] = found
            if self.changed is not None:
                self.changed(ends)

    def _switch(self, key, close):
        row, column = self._place(key)
        if close:
            self._closed.add((row, column))
        else:
            self._closed.discard((row, column))
        before = self._joined
        self._join()
        joined = self._joined
        ends = (row, self.rows + column)
        for end in before.get(row, ()):
            if end not in joined:
                self._settle_alone(end)
        for end in ends if joined.get(ends[0]) is not joined.get(ends[1]) else ends[:1]:
            if end in joined:
                self._settle(joined[end], True)

    def _settle_alone(self, end):
        if self.levels[end] is not None:
            self.levels[end] = None
            if self.changed is not None:
                self.changed((end,))

    def _place(self, key):
        for row, keys in enumerate(self.keys):
            column = keys.find(key) if len(key) == 1 else -1
            if column >= 0:
                return row, column
        raise ChipError("no key %r on this keypad" % key)

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


class Watch:
    """A lamp, a buzzer, a relay on one wire: what the pin did, and when.

    `active`: the level that means "on". A wire nobody drives is pulled inactive by a resistor.
    `limit`: how many changes are kept until `take` fetches them; the oldest go first.
    """

    def __init__(self, clock, active=1, limit=64):
        self.on = False
        self.changes = []  # (microseconds, on)
        self.levels = [1 - active]  # nobody else drives this wire, but the resistor holds it
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

    def take(self):
        """Return the changes since the last time."""
        changes, self.changes = self.changes, []
        return changes
