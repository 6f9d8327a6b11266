"""A matrix keypad: switches between row wires and column wires.

Rows and columns are equal here: either may scan. Three closed corners of a rectangle join the
fourth, and ghost keys follow without extra code.
"""

from tools.sim.parts import ChipError


class Keypad:
    """The wires. Ends are numbered rows first, then columns; levels are 0, 1 or None.

    `keys`: one string per row, one character per column; `levels`: level of each end, None if no
    driver is connected, 0 if pull-ups and pull-downs are connected only, which is a level between
    low and high; `changed`: called with ends whose level may have changed; `shorts`: how
    often two ends drove against each other through closed switches; the low level wins.
    """

    def __init__(self, keys):
        self.keys = keys
        self.rows = len(keys)
        self.columns = len(keys[0])
        self.levels = [None] * (self.rows + self.columns)
        self.shorts = 0
        self.changed = None
        self._drives = [None] * (self.rows + self.columns)
        self._pulls = [None] * (self.rows + self.columns)
        self._closed = set()
        self._joined = {}  # end -> all ends connected there, this end included

    def has(self, key):
        """Is there such a key?"""
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
        """Let the MCU drive `end` to 0 or 1, or release the end (None)."""
        self._drives[end] = level
        if self._joined:
            ends = self._joined.get(end)
            if ends is not None:
                self._settle(ends)

    def pull(self, end, level):
        """Let the MCU pull `end` to 0 or 1, or not at all (None)."""
        self._pulls[end] = level
        if self._joined and end in self._joined:
            self._settle(self._joined[end])

    def _settle(self, ends, joined_anew=False):
        """Find the level of connected ends. Without `joined_anew`, all of them had the same level
        before.
        """
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
        if found is None:
            pulls = [self._pulls[end] for end in ends]
            found = 0 if 0 in pulls and 1 in pulls else None
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
    """A lamp, buzzer or relay on one wire, with the history of changes.

    `active`: the level that means "on" (a resistor pulls an undriven wire inactive); `limit`:
    changes kept until `take`, the oldest are dropped; `changes`: (microseconds, on) pairs.
    """

    def __init__(self, clock, active=1, limit=64):
        self.on = False
        self.changes = []
        self.levels = [1 - active]  # held by the resistor; no other driver
        self._clock = clock
        self._active = active
        self._limit = limit

    def drive(self, end, level):
        """Let the MCU drive the wire, or release the wire (None)."""
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
