"""Media for records: littlefs, an I2C EEPROM or FRAM, a clock chip's NVRAM; and the I2C bus.

A medium has `read(name, slot) -> bytes or None` and `write(name, slot, data)`, both raising
OSError when the medium does not answer, and `small`: True when there is room for briefs only.
Bytes returned by `read` may be torn or stale: the store judges them.
"""

import os
from time import sleep_ms, ticks_diff, ticks_ms

_ENOENT = 2
_ENOSPC = 28
_ETIMEDOUT = (110, 116)  # on most ports; on the ESP32
_LONGEST = 1024  # bytes, more than any record
_REST_MS = 1_000


class Files:
    """Records as files `<folder>/<name>.<slot>`.

    Littlefs keeps the old contents until the new file is closed.
    """

    small = False

    def __init__(self, folder):
        self._folder = folder

    def read(self, name, slot):
        try:
            with open(self._path(name, slot), "rb") as file:
                return file.read(_LONGEST)
        except OSError:
            return None

    def write(self, name, slot, data):
        path = self._path(name, slot)
        try:
            _write_file(path, data)
        except OSError as error:
            if error.errno == _ENOENT:
                os.mkdir(self._folder)
            elif error.errno == _ENOSPC:
                _write_file(path, b"")  # makes room: the slot's contents are stale
            else:
                raise
            _write_file(path, data)

    def _path(self, name, slot):
        return "{}/{}.{}".format(self._folder, name, slot)


def _write_file(path, data):
    with open(path, "wb") as file:
        file.write(data)


class Bus:
    """An I2C bus. After two calls in a row that timed out, all calls of a second fail at once.

    On a bus held low, an ESP32 waits for a tenth of a second for the address and for each byte; a
    record would wait several times, and hold up the load's protection. Why two: the first call
    frees a bus that a reset in the middle of a call left busy.
    """

    def __init__(self, i2c):
        self._i2c = i2c
        self._late = 0  # calls in a row that timed out
        self._since = ticks_ms()  # of the newest call that failed

    def _call(self, name, *arguments, **options):
        if self._late > 1 and 0 <= ticks_diff(ticks_ms(), self._since) < _REST_MS:
            raise OSError(_ETIMEDOUT[0])
        try:
            found = getattr(self._i2c, name)(*arguments, **options)
            self._late = 0
            return found
        except OSError as error:
            self._late = self._late + 1 if error.errno in _ETIMEDOUT else 0
            self._since = ticks_ms()
            raise

    def writeto(self, *arguments):
        return self._call("writeto", *arguments)

    def readfrom_into(self, *arguments):
        return self._call("readfrom_into", *arguments)

    def writeto_mem(self, *arguments, **options):
        return self._call("writeto_mem", *arguments, **options)

    def readfrom_mem(self, *arguments, **options):
        return self._call("readfrom_mem", *arguments, **options)

    def readfrom_mem_into(self, *arguments):
        return self._call("readfrom_mem_into", *arguments)


class Eeprom:
    """Records in an I2C EEPROM of 4096 bytes or more, or in a FRAM.

    AT24C32 (Atmel 0336): 32-byte pages, two address bytes, 10 ms write cycle, NACK meanwhile. A
    FRAM has no pages or write cycles and takes any `page`. Pages already right are not written.
    Known page contents are cached, for reading takes as long as writing.
    """

    small = False
    _PLACES = {"full": (0, 1024), "beat": (2048, 128)}  # name -> first address, bytes a slot

    def __init__(self, i2c, address, page):
        self._i2c = i2c
        self._address = address
        self._page = page
        self._known = {}  # address of a page -> its bytes

    def read(self, name, slot):
        start, size = self._PLACES[name]
        start += slot * size
        head = self._get(start, 6)
        length = (head[4] | head[5] << 8) + 22  # header, CRC and tag around the payload
        if length > size:
            return None
        # Page by page: a whole record would exceed the RP2040's bus timeout (50 ms).
        for offset in range(0, length, self._page):
            at = start + offset
            self._known[at] = self._get(at, min(self._page, length - offset))
        return b"".join([self._known[start + i] for i in range(0, length, self._page)])

    def write(self, name, slot, data):
        start, size = self._PLACES[name]
        if len(data) > size:
            raise OSError(_ENOSPC)
        start += slot * size
        self._get(start, 1)  # a bus held low costs the time of a byte, not of a page
        for offset in range(0, len(data), self._page):
            part = data[offset : offset + self._page]
            at = start + offset
            if self._known.get(at) == part:
                continue
            self._known.pop(at, None)
            if self._get(at, len(part)) != part:
                self._i2c.writeto_mem(self._address, at, part, addrsize=16)
            self._known[at] = part

    def _get(self, at, length):
        """Read, waiting for the end of a write cycle, during which the chip does not answer."""
        for last in (False,) * 20 + (True,):
            try:
                return self._i2c.readfrom_mem(self._address, at, length, addrsize=16)
            except OSError as error:
                if last or error.errno in _ETIMEDOUT:  # the bus is stuck: do not wait 20 times
                    raise
                sleep_ms(1)


class Nvram:
    """Briefs in the battery-backed RAM of a DS1307: registers 0x08 to 0x3B.

    Writing takes no time and causes no wear.
    """

    small = True
    _FIRST = 0x08
    _SIZE = 26

    def __init__(self, i2c, address=0x68):
        self._i2c = i2c
        self._address = address

    def read(self, name, slot):
        start = self._FIRST + slot * self._SIZE
        return self._i2c.readfrom_mem(self._address, start, self._SIZE)

    def write(self, name, slot, data):
        self._i2c.writeto_mem(self._address, self._FIRST + slot * self._SIZE, data)
