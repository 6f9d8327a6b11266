"""The serial console: the line protocol of OpenPAYGO-HDK and of the older factory tool.

    #SETUP;serial;code;key   -> #SETUP;OK;serial;check     #serial;code;key does the same
    #TOKEN;digits            -> #TOKEN;VALID;seconds left, ALREADY_USED, INVALID, PAYG_DISABLED
                                or LOCKED;seconds
    #STATUS or #STATUS;      -> #STATUS;ACTIVE;seconds left, INACTIVE or PAYG_DISABLED
    #ID                      -> #ID;serial;check;count;firmware version
    #COUNTERS                -> #COUNTERS;count;wrong tokens in a row;locked seconds;clock faults;
                                restarts in a row
    #LOG;n                   -> #LOG;n;seconds since 2020 or 0;event;number, 0 the oldest, or
                                #LOG;END (see firmware.events)

Everything else is answered `#INVALID`. A line ends with CR, LF or a pause. Nothing is echoed, and
no key is ever printed: `check` is a key check value, 32 bits of a hash under the key.
"""

import asyncio
from binascii import hexlify, unhexlify

from firmware import VERSION
from firmware.store import Identity, StoreError
from firmware.wake import Wake
from opaygo import siphash24

PAUSE_MS = 500  # silence that ends a line: the older tool sends no line end
_LONGEST = 120
_CHECK_LABEL = b"PAYG key check value"
_INVALID = "#INVALID"
_TYPING_MS = 3_000  # answer a program no faster than a person types: each entry wears the flash
_WORDS = ("TOKEN", "STATUS", "ID", "COUNTERS", "LOG", "SETUP")  # not taken for serial numbers


def key_check(key):
    """Return the key check value of a 16-byte key: eight hexadecimal digits."""
    return hexlify(siphash24(key, _CHECK_LABEL)[:4]).decode()


class Lines:
    """Joins characters to lines. None stands for a line longer than 120 characters."""

    def __init__(self):
        self._line = ""

    def feed(self, character):
        """Take a character; return (line,) when the character ends a line, else ()."""
        if character in "\r\n":
            return self.end()
        if len(self._line) <= _LONGEST:
            self._line += character
        return ()

    def end(self):
        """End the line, at a CR, LF or pause; return (line,), or () for an empty line."""
        line, self._line = self._line, ""
        return (line if len(line) <= _LONGEST else None,) if line else ()


class Console:
    """Answers lines.

    `unit`: firmware.unit.Unit; `enter`: coroutine function of the digits, judges a token;
    `restarts`: firmware.supervisor.Restarts; `source`, `sink`: streams of bytes, since a board's
    text stream would change line ends.
    """

    def __init__(self, unit, enter, restarts, source, sink):
        self._unit = unit
        self._enter = enter
        self._restarts = restarts
        self._source = source
        self._sink = sink
        self._lines = Lines()
        self._answering = asyncio.Lock()  # one line at a time, from either task
        self._heard = Wake()
        self._characters = 0

    async def run(self):
        """Answer for ever."""
        await asyncio.gather(self._listen(), self._end_at_pauses())

    async def _listen(self):
        stream = asyncio.StreamReader(self._source)
        while True:
            byte = await stream.read(1)
            self._characters += 1
            self._heard.set()
            await self._answer(self._lines.feed(chr(byte[0])))

    async def _end_at_pauses(self):
        while True:
            await self._heard.wait_ms(3600_000)
            heard = None
            while heard != self._characters:
                heard = self._characters
                await asyncio.sleep_ms(PAUSE_MS)
            await self._answer(self._lines.end())

    async def _answer(self, lines):
        for line in lines:
            async with self._answering:
                self._sink.write((await self.answer(line) + "\r\n").encode())

    async def answer(self, line):
        """Return the answer to a line; both without line end."""
        if line is None or not line.startswith("#"):
            return _INVALID
        fields = line[1:].split(";")
        if fields[0] == "TOKEN" and len(fields) == 2:
            return await self._token(fields[1])
        if fields == ["STATUS"] or fields == ["STATUS", ""]:
            return "#STATUS;" + self._status()
        if fields == ["ID"]:
            return self._id()
        if fields == ["COUNTERS"]:
            return self._counters()
        if fields[0] == "LOG" and len(fields) == 2:
            return self._event(fields[1])
        if fields[0] == "SETUP" and len(fields) == 4:
            return self._setup(fields[1:])
        if len(fields) == 3 and fields[0] not in _WORDS:
            return self._setup(fields)
        return _INVALID

    async def _token(self, digits):
        unit = self._unit
        if not unit.identity:
            return _INVALID
        outcome = await self._enter(digits)
        if outcome in ("ALREADY_USED", "INVALID"):
            await asyncio.sleep_ms(_TYPING_MS)
        if outcome == "LOCKED":
            return "#TOKEN;LOCKED;{}".format(unit.locked_seconds())
        if outcome == "ALREADY_USED":
            return "#TOKEN;ALREADY_USED"
        if outcome in (None, "INVALID", "MALFORMED"):
            return "#TOKEN;INVALID"
        if unit.free():
            return "#TOKEN;PAYG_DISABLED"
        return "#TOKEN;VALID;{}".format(unit.seconds_left())

    def _status(self):
        if self._unit.free():
            return "PAYG_DISABLED"
        if not self._unit.active():
            return "INACTIVE"
        return "ACTIVE;{}".format(self._unit.seconds_left())

    def _id(self):
        identity = self._unit.identity
        if not identity:
            return "#ID;;;0;" + VERSION
        check = key_check(identity.key)
        return "#ID;{};{};{};{}".format(identity.serial, check, self._unit.count(), VERSION)

    def _counters(self):
        unit = self._unit
        faults, restarts = unit.clock_faults(), self._restarts.count
        counters = unit.count(), unit.mistakes(), unit.locked_seconds(), faults, restarts
        return "#COUNTERS;" + ";".join([str(number) for number in counters])

    def _event(self, number):
        entries = self._unit.log.entries()
        try:
            at = _number(number)
        except ValueError:
            return _INVALID
        return "#LOG;{};{};{};{}".format(at, *entries[at]) if at < len(entries) else "#LOG;END"

    def _setup(self, fields):
        serial, code, key = fields
        try:
            identity = Identity(serial, _key(key), _number(code))
            self._unit.provision(identity)
        except (ValueError, StoreError):
            return _INVALID
        return "#SETUP;OK;{};{}".format(serial, key_check(identity.key))


def _key(text):
    """Return the bytes of 32 hexadecimal digits; spaces are ignored. Raises ValueError."""
    text = text.replace(" ", "")
    if len(text) != 32:
        raise ValueError("key: 32 hexadecimal digits expected")
    return unhexlify(text)


def _number(text):
    """Return the number of 1 to 9 decimal digits. Raises ValueError."""
    if not 1 <= len(text) <= 9 or not all("0" <= c <= "9" for c in text):
        raise ValueError("up to nine digits expected")
    return int(text)
