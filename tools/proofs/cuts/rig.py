"""A unit whose power can be cut anywhere: the real firmware on real littlefs and chip models.

For MicroPython only (`vfs.VfsLfs2`). All writes are logged, so that the media's state at a cut is
rebuilt by repeating the log up to the cut: each cut costs one boot and nothing else. The time is
the rig's own and moves only when the firmware sleeps or a test moves the time.
"""

import os
import random

import vfs

import opaygo
from firmware.clock import DS1307, DS3231
from firmware.load import LoadSwitch
from firmware.media import Eeprom, Files, Nvram
from firmware.nvs import take_over
from firmware.store import Identity, Store
from firmware.unit import Unit
from opaygo.chain import Chain
from tools.proofs.cuts import wires
from tools.proofs.cuts.wires import CLOCK, EEPROM, TIME
from tools.sim.chips.ds1307 import Ds1307
from tools.sim.chips.ds3231 import Ds3231
from tools.sim.chips.flash import PAGE, SECTOR
from tools.sim.chips.nvs import NVS, Partition
from tools.sim.parts import PowerCut, Steps

IDENTITY = Identity("CUT-1", bytes(range(3, 19)), 123456789)
MOUNT = "/unit"
# Parts of a unit: flash sectors, clock chip, EEPROM present. The ESP32 also has an NVS, from which
# records of earlier firmware are migrated.
KINDS = {
    "pico": (16, "ds3231", True),
    "ds1307": (16, "ds1307", False),
    "esp32": (16, "ds3231", True),
    "bare": (16, None, False),
    "whole": (352, "ds3231", True),
    "corner": (6, "ds1307", True),
}


class Rig:
    """A unit of one of KINDS."""

    def __init__(self, kind):
        sectors, clock, eeprom = KINDS[kind]
        self.clock = clock
        self.second = eeprom or clock == "ds1307"
        self.small = not eeprom
        self.log = []
        self.level = 0
        self.nvs = kind == "esp32"
        self._steps = Steps()
        self._flash = wires.Nor(self._steps, sectors)
        self._device = None
        self.partition = Partition(self._steps)
        self._chips = {}
        self._eeprom = None
        if eeprom:
            self._eeprom = self._chips[EEPROM] = wires.Eeprom(self._now, self._steps)
        if clock:
            chip = {"ds3231": Ds3231, "ds1307": Ds1307}[clock]
            self._chips[CLOCK] = chip(self._now)
        self._bus = wires.Bus(self._chips, self.log)
        self._driver = clock and {"ds3231": DS3231, "ds1307": DS1307}[clock](self._bus)
        self._power(True)
        if clock:
            self._driver.set(200_000_000)
        self._erase_blank()

    def _now(self):
        return TIME.us

    def _erase_blank(self):
        vfs.VfsLfs2.mkfs(wires.Device(self._flash, []), progsize=PAGE)

    @property
    def erases(self):
        """Number of erases of each sector."""
        return self._flash.erases

    def count_writes(self):
        """Count the writes of each EEPROM page in `page_writes` from now on."""
        self.page_writes = [0] * 128

        def count(offset, _data):
            self.page_writes[offset // 32] += 1

        if self._eeprom:
            self._eeprom.record = count

    def wipe(self):
        """Lose the file system and the NVS."""
        self.wipe_files()
        self.partition.load({})

    def wipe_files(self):
        """Lose the file system."""
        self._flash.restore({})
        self._erase_blank()

    def garble(self, seed):
        """Fill all memories with noise, the flash included."""
        random.seed(seed)
        noise = bytearray(65536)
        for at in range(len(noise)):
            noise[at] = random.getrandbits(8)
        noise = bytes(noise)
        if self._flash:
            self._flash.restore(
                {n: noise[n * 777 : n * 777 + SECTOR] for n in range(self._flash.sectors)}
            )
        if self._eeprom:
            self._eeprom.load(noise[100:4196])
        if CLOCK in self._chips:
            self._bus.write(CLOCK, 0x08, noise[:6], 8)
        names = [n + s for n in ("identity", "full", "beat") for s in (".0", ".1")]
        self.partition.load({("payg", name): noise[: random.getrandbits(9)] for name in names})

    # --- power -----------------------------------------------------------------------------

    def _power(self, on):
        for chip in self._chips.values():
            if hasattr(chip, "power_on" if on else "power_off"):
                chip.power_on() if on else chip.power_off()

    def boot(self, may_format=False):
        """Turn the power on; return the started unit. Raises OSError without a file system."""
        self._power(False)
        self._power(True)
        TIME.booted = TIME.us
        self.log.clear()
        media = self._media(may_format)
        if self._eeprom:
            media.append(Eeprom(self._bus, EEPROM, 32))
        if isinstance(self._driver, DS1307):
            media.append(Nvram(self._bus))
        self.level = 0
        unit = Unit(Store(media), self._driver, LoadSwitch(self._load, 1))
        unit.start()
        return unit

    def _media(self, may_format):
        if self._device:
            self._device.plugged = False
        if MOUNT[1:] in os.listdir("/"):
            vfs.umount(MOUNT)
        device = self._device = wires.Device(self._flash, self.log)
        try:
            system = vfs.VfsLfs2(device, progsize=PAGE)
        except OSError:
            if not may_format:
                raise
            vfs.VfsLfs2.mkfs(device, progsize=PAGE)
            system = vfs.VfsLfs2(device, progsize=PAGE)
        vfs.mount(system, MOUNT)
        files = Files(MOUNT + "/state")
        if self.nvs:
            take_over(wires.LoggedNvs(self.partition, self.log), files)
        return [files]

    def _load(self, level):
        self.level = level
        self.log.append(("load", level, None, 0))

    # --- cuts ------------------------------------------------------------------------------

    def snapshot(self):
        """Return all non-volatile state."""
        return (
            self._flash and self._flash.snapshot(),
            self._eeprom and self._eeprom.dump(),
            CLOCK in self._chips and self._chips[CLOCK].dump(),
            self.partition.dump(),
            TIME.us,
        )

    def restore(self, image):
        """Go back to a snapshot."""
        flash, eeprom, clock, nvs, TIME.us = image
        if self._flash:
            self._flash.restore(flash)
        if self._eeprom:
            self._eeprom.restore(eeprom)
        if clock:
            self._chips[CLOCK].load(clock)
        self.partition.load(nvs)

    def redo(self, step, at=None):
        """Repeat a logged step: all of it, or `at` bytes and half of the bits of the next byte."""
        what, where, data, _ = step
        nvs = NVS(self.partition, "payg")
        if what == "erased":
            nvs.erase_key(where)  # in RAM, as left by the step before
        if at is not None:
            self._steps.arm(1, at)
        try:
            if what == "program":
                self._flash.program(where, data)
            elif what == "erase":
                self._flash.erase(where // SECTOR)
            elif what == "erase key":
                nvs.erase_key(where)
            elif what == "erased":
                nvs.commit()
            elif what == EEPROM:
                self._bus.write(EEPROM, where, data, 16)
            else:  # the clock chip stores each byte at once
                self._bus.write(CLOCK, where, data if at is None else data[:at], 8)
        except PowerCut:
            pass
        self._steps.arm(0)

    def is_flash(self, step):
        """Is the step a write to the chip's own flash?"""
        return step[0] not in (EEPROM, CLOCK)

    def content(self, step):
        """Return the contents of the place where a step writes."""
        if step[0] in ("program", "erase"):
            data = bytearray(SECTOR)
            self._flash.read(step[1] // SECTOR * SECTOR, data)
            return data
        if step[0] == EEPROM:
            return self._eeprom.dump()[step[1] : step[1] + step[3]]
        return self._chips[CLOCK].dump() if step[0] == CLOCK else self.partition.dump()

    def scramble(self, step):
        """Do a logged flash step with a random part of the bits; return False for another kind of
        step.
        """
        if step[0] not in ("program", "erase"):
            return False
        self._flash.scramble(step[1], step[2])
        return True


def tokens(value, count, step, extended=False):
    """Yield digits of the tokens for IDENTITY of one value, from a count on, in steps
    of `step`.
    """
    device = opaygo.Device(IDENTITY.key, IDENTITY.starting_code)
    bases = 1_000_000 if extended else 1000
    base = (device.starting_code + value) % bases
    chain = Chain(device.schedule, extended, 0, 0)
    chain.seek(0, device.starting_code // bases * bases + base)
    chain.next(count)
    while True:
        yield "%0*d" % (12 if extended else 9, chain.code // bases * bases + base)
        chain.next(step)


def token(value, count, extended=False):
    """Return the digits of one token for IDENTITY."""
    return next(tokens(value, count, 1, extended))


def enter(unit, digits):
    """Type an entry and judge to the end; return the outcome."""
    unit.outcome = None
    for _ in unit.entering(digits):
        pass
    return unit.outcome
