"""The directory of `--state`: a unit's non-volatile memories, kept between runs.

Everything is written through, as in the chips: a killed simulator leaves the same contents as a
board without power. Flash and EEPROM are written step by step; clock chip and key-value store go
to small files, replaced through temporary files.
"""

import json
import os

from tools.sim.words import reason

MISSING = 2  # ENOENT


class KeepError(BaseException):
    """A file of the directory does not have the expected contents.

    Not an Exception: the firmware must not take a fault of the host for a fault of a chip.
    """


class HostError(KeepError):
    """The host refuses a file or the directory: the disk is full, say."""


class _Host:
    open = open
    rename = os.rename


class Keep:
    """Binds a board's memories to the files of directory `path` (made if missing).

    `same_world`: the world's clock has run on since the files were written (see ClockChip.load);
    `host`: object with the host's `open` and `rename`.
    """

    def __init__(self, path, board, same_world=False, host=None):
        self._path = path
        self._host = host or _Host
        self._board = board
        self._clock = None
        self._wear = None
        _make_directory(path)
        flash = board.flash
        self._flash = self._bind("flash.bin", flash)
        self._eeprom = self._bind("eeprom.bin", board.eeprom) if board.eeprom else None
        clock = self._read("clock.bin")
        if clock is not None and board.clock is not None:
            self._load("clock.bin", lambda image: board.clock.load(image, same_world), clock)
        self._values = None
        values = self._read("nvs.json")
        if values is not None and board.nvs is not None:
            self._load("nvs.json", self._load_values, values)
        wear = self._read("wear.txt")
        if wear is not None:
            self._load("wear.txt", self._load_wear, wear)
        if board.clock is not None:
            board.clock.record = self._save_clock
        if board.nvs is not None:
            board.nvs.record = self._save_values

    def save(self):
        """Save the values that are not written through: the time, and the
        sectors' erase counts.
        """
        if self._board.clock is not None:
            self._save_clock()
        if self._board.nvs is not None:
            self._save_values()
        wear = sum(self._board.flash.erases)
        if wear != self._wear:
            text = " ".join([str(count) for count in self._board.flash.erases])
            self._write("wear.txt", text.encode())
            self._wear = wear

    def _save_clock(self):
        clock = self._board.clock.dump(True)
        if clock != self._clock:
            self._write("clock.bin", clock)
            self._clock = clock

    def _save_values(self):
        values = [list(name) + [value.hex()] for name, value in self._board.nvs.dump().items()]
        text = json.dumps(sorted(values)).encode()
        if text != self._values:
            self._write("nvs.json", text)
            self._values = text

    def _bind(self, name, chip):
        image = self._read(name)
        if image is None:
            self._write(name, chip.dump())
        else:
            self._load(name, chip.load, image)
        path = self._path + "/" + name
        file = _told(path, self._host.open, path, "r+b")

        def record(offset, data):
            _told(path, file.seek, offset)
            _told(path, file.write, data)
            if self._board.clock is not None:  # no record may be newer than the saved clock
                self._save_clock()

        chip.record = record
        return file

    def _load(self, name, load, image):
        try:
            load(image)
        except ValueError as error:
            raise KeepError("%s/%s: %s" % (self._path, name, error)) from None

    def _load_values(self, text):
        values = json.loads(text)
        self._board.nvs.load({(space, key): bytes.fromhex(value) for space, key, value in values})

    def _load_wear(self, text):
        erases = [int(word) for word in text.decode().split()]
        if len(erases) != self._board.flash.sectors:
            raise ValueError("not one number for each sector")
        self._board.flash.erases[:] = erases

    def _read(self, name):
        path = self._path + "/" + name
        try:
            with open(path, "rb") as file:
                return file.read()
        except OSError as error:
            if error.errno != MISSING:
                raise HostError("%s: %s" % (path, reason(error))) from None
            return None

    def _write(self, name, data):
        path = self._path + "/" + name
        with _told(path, self._host.open, path + ".new", "wb") as file:
            _told(path, file.write, data)
        _told(path, self._host.rename, path + ".new", path)


def _told(path, function, *arguments):
    """Call a function of the host; an error names the path."""
    try:
        return function(*arguments)
    except OSError as error:
        raise HostError("%s: %s" % (path, reason(error))) from None


def _make_directory(path):
    made = ""
    for part in path.split("/"):
        made += part + "/"
        try:
            os.stat(made)
        except OSError:
            _told(made[:-1], os.mkdir, made[:-1])
