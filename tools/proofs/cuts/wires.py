"""The wires of a rig (rig.py): time, and media that log each step.

A logged step is (kind, where, data, size). Kind is "program", "erase", "erase key", "erased" or an
I2C address; size is the number of places inside the step at which a write can tear.
"""

import random
import sys

from tools.sim.chips.at24c32 import At24c32
from tools.sim.chips.flash import PAGE, SECTOR, Flash
from tools.sim.chips.nvs import NVS

EEPROM, CLOCK = 0x57, 0x68  # I2C addresses


class Time:
    """`time` for the firmware: microseconds of the world, and ticks that start with the MCU."""

    def __init__(self):
        self.us = 0
        self.booted = 0

    def ticks_ms(self):
        return (self.us - self.booted) // 1000 & 0x3FFFFFFF

    def ticks_add(self, ticks, delta):
        return ticks + delta & 0x3FFFFFFF

    def ticks_diff(self, later, earlier):
        return (later - earlier + 0x20000000 & 0x3FFFFFFF) - 0x20000000

    def sleep_ms(self, ms):
        self.us += ms * 1000


TIME = Time()
sys.modules["time"] = TIME

_BLANK = memoryview(b"\xff" * SECTOR)


class Nor(Flash):
    """The flash, with snapshots that copy changed sectors only."""

    def __init__(self, steps, sectors):
        super().__init__(steps, None, sectors)
        self.record = self._touch
        self._touched = set()
        self._kept = {}

    def _touch(self, offset, _data):
        self._touched.add(offset // SECTOR)

    def snapshot(self):
        """Return the content: sector -> bytes."""
        for sector in self._touched:
            if sector in self._content:
                self._kept[sector] = bytes(self._content[sector])
            else:
                self._kept.pop(sector, None)
        self._touched.clear()
        return dict(self._kept)

    def restore(self, image):
        """Go back to a snapshot."""
        for sector in set(image) | set(self._content):
            data = image.get(sector)
            if sector in self._touched or data is not self._kept.get(sector):
                if data is None:
                    self._content.pop(sector, None)
                else:
                    self._content[sector] = bytearray(data)
        self._touched.clear()
        self._kept = dict(image)

    def read_in(self, sector, start, buffer):
        """Fill `buffer` from one sector: the base class's `read_in`, but quicker."""
        content = self._content.get(sector)
        end = start + len(buffer)
        buffer[:] = _BLANK[start:end] if content is None else memoryview(content)[start:end]

    def scramble(self, offset, data):
        """Do a step with a random part of the bits; `data` None: erase, else program."""
        content = self._writable(offset // SECTOR)
        start, size = (0, SECTOR) if data is None else (offset % SECTOR, PAGE)
        noise = random.getrandbits(30)
        for at in range(size):
            noise = (noise * 1103515245 + 12345) & 0x3FFFFFFF
            if data is None:
                content[at] |= noise >> 16 & 255
            else:
                content[start + at] &= data[at] | (noise >> 16 & 255)
        self._touched.add(offset // SECTOR)


class Eeprom(At24c32):
    """The chip with an instant write cycle, and time that may go back."""

    def __init__(self, clock, steps):
        super().__init__(clock, steps)
        self.write_us = 0

    def restore(self, image):
        """Go back to an image of `dump`."""
        self.load(image)
        self._busy_until = 0


class Device:
    """The block device of one start of the MCU; logs each step."""

    def __init__(self, flash, log):
        self._flash = flash
        self._log = log
        self.plugged = True

    def readblocks(self, block, buffer, offset=0):
        self._flash.read_in(block, offset, buffer)

    def writeblocks(self, block, buffer, offset=None):
        if not self.plugged:
            return -5
        if offset is None:
            self.ioctl(6, block)
            offset = 0
        start = block * SECTOR + offset
        for at in range(0, len(buffer), PAGE):
            page = bytes(memoryview(buffer)[at : at + PAGE])
            self._log.append(("program", start + at, page, PAGE))
            self._flash.program(start + at, page)

    def ioctl(self, operation, argument):
        if operation == 6:
            if not self.plugged:
                return -5
            self._log.append(("erase", argument * SECTOR, None, SECTOR))
            self._flash.erase(argument)
        return self._flash.sectors if operation == 4 else SECTOR if operation == 5 else 0


class Bus:
    """`machine.I2C` with chip models; logs each write to a memory."""

    def __init__(self, chips, log):
        self._chips = chips
        self._log = log

    def _select(self, address, at, bits):
        chip = self._chips.get(address)
        if chip is None or not chip.start(False):
            raise OSError(5)
        for shift in range(bits - 8, -1, -8):
            chip.write(at >> shift & 255)
        return chip

    def readfrom_mem(self, addr, memaddr, nbytes, *, addrsize=8):
        if addr == EEPROM and addr in self._chips:  # the same, but quick
            return self._chips[addr].dump()[memaddr : memaddr + nbytes]
        data = bytearray(nbytes)
        self.readfrom_mem_into(addr, memaddr, data, addrsize=addrsize)
        return bytes(data)

    def readfrom_mem_into(self, addr, memaddr, buf, *, addrsize=8):
        chip = self._select(addr, memaddr, addrsize)
        chip.start(True)
        for at in range(len(buf)):
            buf[at] = chip.read()
        chip.stop()

    def writeto_mem(self, addr, memaddr, buf, *, addrsize=8):
        if addr == EEPROM or memaddr >= 7:
            self._log.append((addr, memaddr, bytes(buf), len(buf)))
        self.write(addr, memaddr, buf, addrsize)

    def write(self, addr, memaddr, buf, addrsize):
        chip = self._select(addr, memaddr, addrsize)
        for byte in buf:
            chip.write(byte)
        chip.stop()


class LoggedNvs(NVS):
    """`esp32.NVS` with a log of each step."""

    def __init__(self, partition, log):
        super().__init__(partition, "payg")
        self._log = log

    def erase_key(self, key):
        self._key = key
        self._log.append(("erase key", key, None, 1))
        super().erase_key(key)

    def commit(self):
        self._log.append(("erased", self._key, None, 1))
        super().commit()
