"""AT24C32: 4096 bytes of EEPROM on I2C, in pages of 32 (datasheet Atmel/Microchip DOC0336).

A write is collected until the stop condition and goes into one page, wrapping there. During the
write cycle that follows, the chip does not answer. Each page write is a step in which the power
can fail.
"""

from tools.sim.parts import ChipError

WRITE_US = 5_000  # one write cycle; 10 ms at most


class At24c32:
    """The chip.

    `clock()`: microseconds; `steps`: parts.Steps; `record(offset, data)`: called at every change,
    if set; `fastest`: highest bus frequency in Hz at 5 V, still possible with the modules'
    pull-ups at 3.3 V.
    """

    fastest = 400_000

    def __init__(self, clock, steps, address=0x57, size=4096, page=32):
        self.address = address
        self.record = None
        self.write_us = WRITE_US
        self._clock = clock
        self._steps = steps
        self._page = page
        self._content = bytearray(b"\xff" * size)
        self._pointer = 0
        self._incoming = None  # bytes written since the start condition
        self._busy_until = 0
        self._cycle = None  # (offset, old page, written indexes) of the current cycle

    def start(self, read):
        """Take a start condition with this address; no acknowledge during a write cycle."""
        self._commit()
        if self._clock() < self._busy_until:
            return False
        self._cycle = None
        self._incoming = None if read else bytearray()
        return True

    def write(self, byte):
        """Take a byte: two of address, then data."""
        if self._incoming is None:
            raise ChipError("a byte is written without a start condition")
        self._incoming.append(byte)
        if len(self._incoming) == 2:
            self._pointer = (self._incoming[0] << 8 | self._incoming[1]) % len(self._content)
        return True

    def read(self):
        """Return the next byte; after the last follows the first."""
        byte = self._content[self._pointer]
        self._pointer = (self._pointer + 1) % len(self._content)
        return byte

    def stop(self):
        """Take a stop condition: the bytes written since the start go into the page now."""
        incoming, self._incoming = self._incoming, None
        if incoming is not None and len(incoming) > 2:
            self._write_page(memoryview(incoming)[2:])

    def power_on(self):
        """Turn the supply on."""

    def power_off(self):
        """Turn the supply off: the current write cycle stops half-way."""
        left = self._busy_until - self._clock()
        if self._cycle is not None and left > 0:
            base, old, indexes = self._cycle
            kept = len(indexes) * (self.write_us - left) // self.write_us
            for index in indexes[kept:]:
                self._content[base + index] = old[index]
            self._tell(base)
        self._cycle = None
        self._incoming = None
        self._busy_until = 0
        self._pointer = 0

    def load(self, image):
        """Take the content from `image`, bytes of the whole chip."""
        if len(image) != len(self._content):
            raise ValueError("the image is not %d bytes long" % len(self._content))
        self._content[:] = image

    def dump(self):
        """Return the whole content as bytes."""
        return bytes(self._content)

    def _commit(self):
        # A repeated start instead of a stop: the chip drops the data and keeps the address.
        self._incoming = None

    def _write_page(self, data):
        base = self._pointer - self._pointer % self._page
        old = bytes(self._content[base : base + self._page])
        indexes = []
        new = {}
        for byte in data:
            index = self._pointer % self._page
            if index not in new:
                indexes.append(index)
            new[index] = byte
            self._pointer = base + (index + 1) % self._page
        indexes.sort()
        torn = self._steps.take(len(indexes))
        for index in indexes if torn < 0 else indexes[:torn]:
            self._content[base + index] = new[index]
        if torn >= 0:
            if torn < len(indexes):  # the torn byte is neither old nor new
                index = indexes[torn]
                self._content[base + index] = (old[index] & 0xAA) | (new[index] & 0x55)
            self._tell(base)
            self._steps.cut()
        self._tell(base)
        self._cycle = (base, old, indexes)
        self._busy_until = self._clock() + self.write_us

    def _tell(self, base):
        if self.record is not None:
            self.record(base, memoryview(self._content)[base : base + self._page])
