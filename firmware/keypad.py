"""Keypads: a matrix of rows and columns, or a row of buttons to ground.

Rows are open-drain outputs, columns inputs with pull-ups and an edge interrupt. While no key is
pressed, all rows are low and no code runs: a falling column wakes the scanner.
"""

from asyncio import ThreadSafeFlag, sleep_ms
from time import sleep_us, ticks_diff, ticks_ms

_CONFIRM_MS = 5  # a change that lasts this long counts: contacts bounce for less
_SCAN_MS = 8  # between scans while keys are held: a press is reported within 20 ms
_SETTLE_US = 10  # for a pull-up to charge a column; an ESP32 returns at once from less than 5
_STUCK_MS = 30_000  # a key down for this long is stuck
_HOLD_MS = 1_000  # `#` held for this long clears (Buttons)


class Keypad:
    """Scans a matrix keypad.

    `rows`: open-drain outputs; `columns`: inputs with pull-up; `keys`: one string per row;
    `on_key(character)`: called at each press; `on_stuck(characters)`: called with the keys that
    have been down for half a minute and are ignored from then on, and with "" when all of these
    are released; `falling`: trigger constant for `Pin.irq`; `quiet`: no key is down or bouncing,
    apart from stuck keys.

    Ghost keys (three corners of a rectangle) are not reported.
    """

    def __init__(self, rows, columns, keys, on_key, on_stuck, falling):
        self._rows = rows
        self._columns = columns
        self._keys = "".join(keys)
        self._on_key = on_key
        self._on_stuck = on_stuck
        self._flag = ThreadSafeFlag()
        self._closed = 0  # bit per key: contact closed, settled
        self._since = ticks_ms()  # when `_closed` last changed
        self._down = 0  # bit per key: pressed and reported
        self._stuck = 0
        self.quiet = True
        for column in columns:
            column.irq(self._edge, falling)
        self._drive(0)

    def _edge(self, pin):
        self._flag.set()

    def _drive(self, level):
        for row in self._rows:
            row(level)

    async def run(self):
        """Report keys for ever."""
        while True:
            self._drive(0)
            sleep_us(_SETTLE_US)
            self._flag.clear()
            if not self._any():
                self.quiet = True
                await self._flag.wait()
            self.quiet = False
            await self._scan_until_released()

    def _any(self):
        for column in self._columns:
            if not column():
                return True
        return False

    async def _scan_until_released(self):
        """Scan while something is pressed."""
        self._drive(1)
        last, wait = -1, _CONFIRM_MS
        while True:
            await sleep_ms(wait)
            bits = self._scan()
            if bits != last:
                last, wait = bits, _CONFIRM_MS
                continue
            wait = _SCAN_MS
            self._settled(bits)
            self.quiet = not bits & ~self._stuck
            if not bits:
                return

    def _scan(self):
        """Return the bits of the closed keys, bit 0 for the first key of the first row."""
        bits, bit = 0, 1
        columns = self._columns
        for row in self._rows:
            row(0)
            sleep_us(_SETTLE_US)
            for column in columns:
                if not column():
                    bits |= bit
                bit <<= 1
            row(1)
        return bits

    def _settled(self, bits):
        """Report changes, given the bits of the closed contacts after bouncing."""
        now = ticks_ms()
        if bits != self._closed:
            self._closed, self._since = bits, now
            if self._stuck & ~bits:
                self._tell_stuck(self._stuck & bits)
        elif bits & ~self._stuck and ticks_diff(now, self._since) >= _STUCK_MS:
            self._tell_stuck(bits)
        if bits != self._down and not self._ghost(bits):
            pressed = bits & ~self._down & ~self._stuck
            self._down = bits
            for index, key in enumerate(self._keys):
                if pressed >> index & 1:
                    self._pressed(key, now)

    def _tell_stuck(self, bits):
        self._stuck = bits
        self._on_stuck("".join([k for i, k in enumerate(self._keys) if bits >> i & 1]))

    def _pressed(self, key, now):
        self._on_key(key)

    def _ghost(self, bits):
        """Do two rows share two columns? Then one of the four keys may not be pressed at all."""
        width = len(self._columns)
        mask = (1 << width) - 1
        while bits:
            first, bits = bits & mask, bits >> width
            rest = bits
            while first and rest:
                shared = first & rest & mask
                if shared & (shared - 1):
                    return True
                rest >>= width
        return False


class Buttons(Keypad):
    """A row of buttons from the columns to ground, for tokens of the digits 1 to 4.

    `#` enters when released and clears (`*`) when held for a second. The press of `#` is reported
    as "", for an immediate click.
    """

    def __init__(self, rows, columns, keys, on_key, on_stuck, falling):
        super().__init__((_ground,), columns, keys, on_key, on_stuck, falling)
        self._enter = 1 << self._keys.find("#")
        self._entering = None  # ticks_ms when `#` was pressed

    def _pressed(self, key, now):
        if key == "#":
            self._entering, key = now, ""
        self._on_key(key)

    def _settled(self, bits):
        super()._settled(bits)
        if self._entering is None:
            return
        if not bits & self._enter:
            self._entering = None
            self._on_key("#")
        elif ticks_diff(ticks_ms(), self._entering) >= _HOLD_MS:
            self._entering = None
            self._on_key("*")


def _ground(level):
    """Stand in for the single row, always low."""
