"""NOR flash of an RP2040 board (W25Q16JV or similar), and the port's block device on top.

Programming turns bits from 1 to 0 in pages of 256 bytes, erasing turns a sector of 4096 bytes back
to 1. Each page and each sector is a step in which the power can fail.
"""

from tools.sim.parts import ChipError, PowerCut

SECTOR = 4096
PAGE = 256
SECTORS = 352  # 1408 KB: the file system's share on a Pico
ERASE_US = 45_000  # typical, W25Q16JV datasheet, section 9.6 (at most 400 ms)
PROGRAM_US = 400  # typical (at most 3 ms)
EIO = 5

_BLANK_PAGE = b"\xff" * PAGE
_BLANK_SECTOR = memoryview(b"\xff" * SECTOR)


class Flash:
    """The chip.

    `steps`: parts.Steps; `wait(us)`: called for the duration of each step; `sectors`: size;
    `erases`: erase count of each sector; `record(offset, data)`: called at every change, if set;
    `refuses`: the flash is worn out, and the port's driver reports an error for every write.
    """

    def __init__(self, steps, wait=None, sectors=SECTORS):
        self.sectors = sectors
        self.erases = [0] * sectors
        self.record = None
        self.refuses = False
        self._steps = steps
        self._wait = wait
        self._content = {}  # sector number -> bytearray; blank sectors are absent

    def device(self):
        """Return a block device that works until `unplug`: a new device at each
        start of the MCU.
        """
        return BlockDevice(self)

    def read(self, offset, buffer):
        """Fill `buffer` from `offset`."""
        self.read_in(offset // SECTOR, offset % SECTOR, buffer)

    def read_in(self, sector, start, buffer):
        """Fill `buffer` from byte `start` of `sector` on, across sectors if need be."""
        end = start + len(buffer)
        if end > SECTOR:
            whole = memoryview(buffer)
            self.read_in(sector, start, whole[: SECTOR - start])
            self.read_in(sector + 1, 0, whole[SECTOR - start :])
            return
        content = self._content.get(sector)
        if content is None:
            buffer[:] = _BLANK_SECTOR[start:end]
        else:
            buffer[:] = memoryview(content)[start:end]

    def program(self, offset, data):
        """Program whole pages."""
        if offset % PAGE or len(data) % PAGE:
            raise ChipError("flash is programmed in whole pages of 256 bytes")
        for start in range(0, len(data), PAGE):
            self._program_page(offset + start, memoryview(data)[start : start + PAGE])

    def erase(self, sector):
        """Erase one sector."""
        if not 0 <= sector < self.sectors:
            raise ChipError("no sector %d" % sector)
        self.erases[sector] += 1
        torn = self._steps.take(SECTOR)
        if torn < 0:
            self._content.pop(sector, None)
            self._tell(sector * SECTOR, None)
            if self._wait is not None:
                self._wait(ERASE_US)
            return
        content = self._writable(sector)
        content[:torn] = b"\xff" * torn
        if torn < SECTOR:
            content[torn] |= 0x55  # half of the bits of the torn byte
        self._tell(sector * SECTOR, content)
        self._steps.cut()

    def wipe(self):
        """Erase the whole flash from outside; no step, no time."""
        sectors = list(self._content)
        self._content = {}
        for sector in sectors:
            self._tell(sector * SECTOR, None)

    def load(self, image):
        """Take the content from `image`, bytes of the whole flash."""
        if len(image) != self.sectors * SECTOR:
            raise ValueError("the image is not %d bytes long" % (self.sectors * SECTOR))
        blank = b"\xff" * SECTOR
        view = memoryview(image)
        for sector in range(self.sectors):
            piece = view[sector * SECTOR : (sector + 1) * SECTOR]
            if piece == blank:
                self._content.pop(sector, None)
            else:
                self._content[sector] = bytearray(piece)

    def dump(self):
        """Return the whole content as bytes."""
        image = bytearray(self.sectors * SECTOR)
        whole = memoryview(image)
        for sector in range(self.sectors):
            self.read_in(sector, 0, whole[sector * SECTOR : (sector + 1) * SECTOR])
        return bytes(image)

    def _writable(self, sector):
        content = self._content.get(sector)
        if content is None:
            content = self._content[sector] = bytearray(b"\xff" * SECTOR)
        return content

    def _program_page(self, offset, page):
        sector, start = divmod(offset, SECTOR)
        if not 0 <= sector < self.sectors:
            raise ChipError("no sector %d" % sector)
        torn = self._steps.take(PAGE)
        content = self._writable(sector)
        end = start + PAGE if torn < 0 else start + torn
        if content[start : start + PAGE] == _BLANK_PAGE:
            content[start:end] = page[: end - start]
        else:
            for index in range(start, end):
                content[index] &= page[index - start]
        if torn >= 0 and torn < PAGE:
            content[end] &= page[torn] | 0x55  # half of the bits of the torn byte
        self._tell(offset, memoryview(content)[start : start + PAGE])
        if torn >= 0:
            self._steps.cut()
        if self._wait is not None:
            self._wait(PROGRAM_US)

    def _tell(self, offset, data):
        if self.record is not None:
            self.record(offset, b"\xff" * SECTOR if data is None else data)


class BlockDevice:
    """`rp2.Flash()`: MicroPython's block protocol, simple and extended.

    After a power cut each call raises PowerCut again, so that closing a file while unwinding does
    not turn the cut into another error. After `unplug` each call returns an input/output error
    without an exception: a file object collected later finds nothing to write to.
    """

    def __init__(self, flash):
        self._flash = flash
        self._plugged = True
        self._cut = False

    def unplug(self):
        """Disconnect the device: the MCU of this start is gone."""
        self._plugged = False

    def readblocks(self, block, buffer, offset=0):
        """Read from `block` and `offset` until the buffer is full."""
        if not self._plugged:
            return -EIO
        if self._cut:
            raise PowerCut()
        self._flash.read_in(block, offset, buffer)

    def writeblocks(self, block, buffer, offset=None):
        """Program; without `offset` erase the blocks first."""
        if offset is None:
            for number in range(block, block + len(buffer) // SECTOR):
                self._try(self._flash.erase, number)
            offset = 0
        return self._try(self._flash.program, block * SECTOR + offset, buffer)

    def ioctl(self, operation, argument):
        """Handle initialise (1), shut down (2), sync (3), block count (4), block size (5), erase
        (6).
        """
        if operation == 4:
            return self._flash.sectors
        if operation == 5:
            return SECTOR
        if operation == 6:
            return self._try(self._flash.erase, argument)
        if operation in (1, 2, 3):
            return 0
        return None

    def _try(self, action, *arguments):
        if not self._plugged or self._flash.refuses:
            return -EIO
        if self._cut:
            raise PowerCut()
        try:
            action(*arguments)
        except PowerCut:
            self._cut = True
            raise
        return 0
