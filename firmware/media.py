"""Where records lie: files on the chip's littlefs, or an I2C EEPROM.

A medium has `read(name, slot) -> bytes or None` and `write(name, slot, data)`, both raising
OSError when the medium does not answer. What `read` gives may be torn or stale: the store judges
it.
"""

import os
from time import sleep_ms

_EIO = 5


class Files:
    """Records as files `<folder>/<name>.<slot>`.

    Littlefs keeps the old contents until the new file is closed.
    """

    def __init__(self, folder):
        self._folder = folder

    def read(self, name, slot):
        try:
            with open("{}/{}.{}".format(self._folder, name, slot), "rb") as file:
                return file.read()
        except OSError:
            return None

    def write(self, name, slot, data):
        path = "{}/{}.{}".format(self._folder, name, slot)
        try:
            file = open(path, "wb")
        except OSError:
            os.mkdir(self._folder)
            file = open(path, "wb")
        with file:
            file.write(data)


class Eeprom:
    """Records in an AT24C32 (Atmel 0336: 32-byte pages, two address bytes, 10 ms write cycle, NACK
    meanwhile).

    Pages that already hold the right bytes are not written: a full record changes in five pages of
    twenty-two.
    """

    _PLACES = {"full": (0, 1024), "beat": (2048, 128)}  # name -> first address, bytes a slot

    def __init__(self, i2c, address, page):
        self._i2c = i2c
        self._address = address
        self._page = page

    def read(self, name, slot):
        if name not in self._PLACES:
            return None
        start, size = self._PLACES[name]
        start += slot * size
        head = self._get(start, 6)
        length = (head[4] | head[5] << 8) + 22  # header, CRC and tag around the payload
        return self._get(start, length) if length <= size else None

    def write(self, name, slot, data):
        start, size = self._PLACES[name]
        if len(data) > size:
            raise OSError(_EIO)
        start += slot * size
        for offset in range(0, len(data), self._page):
            part = data[offset : offset + self._page]
            if self._get(start + offset, len(part)) != part:
                self._i2c.writeto_mem(self._address, start + offset, part, addrsize=16)

    def _get(self, address, length):
        """Read, waiting for a write cycle to end: the chip does not answer before."""
        for _ in range(20):
            try:
                return self._i2c.readfrom_mem(self._address, address, length, addrsize=16)
            except OSError:
                sleep_ms(1)
        raise OSError(_EIO)
