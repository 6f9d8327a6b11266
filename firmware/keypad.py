"""Matrix keypad: rows are open-drain outputs, columns inputs with pull-ups and an edge interrupt.

While nothing is pressed all rows are low and no code runs: a falling column wakes the scanner.
"""

from asyncio import ThreadSafeFlag, sleep_ms
from time import sleep_us, ticks_diff, ticks_ms

_CONFIRM_MS = 5  # a change counts when it is still there after this long: contacts bounce less
_SCAN_MS = 12  # between scans while keys are held; with the above, a press is told within 20 ms
_STUCK_MS = 30_000
_STUCK_SCAN_MS = 100


class Keypad:
    """`rows`: open-drain outputs, `columns`: inputs with pull-up, `keys`: one string a row.

    `on_key(character)`.

    `falling`: the trigger constant for `Pin.irq`. Ghost keys (three corners of a rectangle) and
    stuck keys are not reported; `stuck` holds the characters of the latter.
    """

    def __init__(self, rows, columns, keys, on_key, falling):
        self._rows = rows
        self._columns = columns
        self._keys = "".join(keys)
        self._on_key = on_key
        self._flag = ThreadSafeFlag()
        self._down = 0  # bit per key: pressed and reported
        self._since = 0  # when `_down` last changed
        self._ignored = 0  # bit per key: stuck
        self.quiet = True
        for column in columns:
            column.irq(self._edge, falling)
        self._drive(0)

    @property
    def stuck(self):
        """Characters of the keys that have been down for half a minute."""
        return "".join(k for i, k in enumerate(self._keys) if self._ignored >> i & 1)

    def _edge(self, pin):
        self._flag.set()

    def _drive(self, level):
        for row in self._rows:
            row(level)

    async def run(self):
        """Report keys for ever."""
        while True:
            self._drive(0)
            sleep_us(5)
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
            if self._ghost(bits):
                continue
            if bits != self._down:
                self._change(bits)
            elif bits & ~self._ignored and ticks_diff(ticks_ms(), self._since) > _STUCK_MS:
                self._ignored = bits
            if bits == self._ignored:
                self.quiet = True
                if bits == 0:
                    return
                wait = _STUCK_SCAN_MS
            else:
                self.quiet = False

    def _scan(self):
        """Bits of the keys that are closed, bit 0 the first key of the first row."""
        bits, bit = 0, 1
        columns = self._columns
        for row in self._rows:
            row(0)
            sleep_us(3)  # the line's capacity charges through the pull-up
            for column in columns:
                if not column():
                    bits |= bit
                bit <<= 1
            row(1)
        return bits

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

    def _change(self, bits):
        pressed = bits & ~self._down
        self._down = bits
        self._ignored &= bits
        self._since = ticks_ms()
        for index, key in enumerate(self._keys):
            if pressed >> index & 1:
                self._on_key(key)
