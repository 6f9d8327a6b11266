"""DS1307: a clock chip with 56 bytes of battery-backed RAM (Maxim 100101, rev 3/15).

Registers 0x00-0x06 are the time, 0x07 the square wave's control, 0x08-0x3F the RAM. The address
wraps from 0x3F to 0x00. Without a battery everything is gone with the supply.
"""

from tools.sim.chips.ds3231 import _bcd, _number
from tools.sim.parts import ChipError, date_of, day_number, days_in

_EPOCH = day_number(2000, 1, 1)
_SPAN = (day_number(2100, 1, 1) - _EPOCH) * 86_400
_EXACT = 1_000_000  # rate: millionths of the true one

CH = 0x80
_LAST = 0x3F
_NOISE = bytes([(0x5B * index + 0x2F) & 0xFF for index in range(56)])
"""The RAM after the first power-on: the datasheet promises nothing."""


class Ds1307:
    """The chip. `clock()` gives the world's microseconds.

    Its oscillator, once started, runs on battery or supply alike; CH halts it.
    """

    address = 0x68
    fastest = 100_000  # Hz

    def __init__(self, clock):
        self._clock = clock
        self._ram = bytearray(_NOISE)
        self._control = 0x03
        self._pointer = 0
        self._first = False
        self._started = clock()  # the time at the start condition
        self._buffer = None  # its registers, worked out when they are read
        self._incoming = None  # time registers written since the start condition
        self._base = 0  # seconds since 2000 at `_since`
        self._since = clock()
        self._rate = _EXACT
        self._halted = True
        self._twelve = False
        self._weekday = 1
        self._weekday_of = 0  # day number for which `_weekday` was written
        self.powered = False
        self.battery = True

    # --- the wires -----------------------------------------------------------------------

    def start(self, read):
        """A start condition with this address."""
        self._finish()
        self._started = self._clock()
        self._buffer = None
        self._first = not read
        return True

    def write(self, byte):
        """A byte: the register address, then data."""
        if self._first:
            if byte > _LAST:
                raise ChipError("no register 0x%02x" % byte)
            self._first = False
            self._pointer = byte
            return True
        pointer = self._pointer
        if pointer <= 6:
            if self._incoming is None:
                self._incoming = bytearray(self._frozen_time())
            self._incoming[pointer] = byte
        elif pointer == 7:
            self._control = byte & 0x93
        else:
            self._ram[pointer - 8] = byte
        self._advance()
        return True

    def read(self):
        """The next register."""
        pointer = self._pointer
        self._advance()
        if pointer <= 6:
            return self._frozen_time()[pointer]
        return self._control if pointer == 7 else self._ram[pointer - 8]

    def stop(self):
        """A stop condition."""
        self._finish()

    # --- the world -----------------------------------------------------------------------

    @property
    def seconds(self):
        """Seconds since 2000-01-01 that the chip believes in."""
        return self._at(self._clock())

    @property
    def valid(self):
        """Whether the oscillator runs; the chip does not tell whether it ever stood still."""
        return not self._halted

    def power_on(self):
        """The board's supply comes."""
        self.powered = True

    def power_off(self):
        """The board's supply goes: on to the battery, if there is one."""
        self.powered = False
        self._incoming = None
        if not self.battery:
            self._lose()

    def set(self, seconds):
        """Someone moved the clock by `seconds`, which may be negative."""
        self._rebase(min(max(self.seconds + seconds, 0), _SPAN - 1))

    def lost(self):
        """The battery died: everything is gone, and goes again with each power cut."""
        self.battery = False
        self._lose()

    def set_rate(self, millionths):
        """From now on run `millionths` / 1,000,000 times as fast as the world."""
        self._rebase(self.seconds)
        self._rate = millionths

    def dump(self):
        """Return all that the chip remembers, as bytes for `load`."""
        text = "%d %d %d %d %d %d %d %d" % (
            self.seconds,
            self._rate,
            self._halted,
            self._twelve,
            self._weekday,
            self._weekday_of,
            self.battery,
            self._control,
        )
        return bytes(self._ram) + text.encode()

    def load(self, image):
        """Take everything from bytes that `dump` returned; no time has passed since."""
        numbers = [int(word) for word in bytes(image[len(_NOISE) :]).decode().split()]
        if len(numbers) != 8:
            raise ValueError("not the state of a DS1307")
        self._ram[:] = image[: len(_NOISE)]
        self._rebase(numbers[0])
        self._rate = numbers[1]
        self._halted, self._twelve = bool(numbers[2]), bool(numbers[3])
        self._weekday, self._weekday_of = numbers[4], numbers[5]
        self.battery = bool(numbers[6])
        self._control = numbers[7]

    # --- inside --------------------------------------------------------------------------

    def _advance(self):
        self._pointer = 0 if self._pointer == _LAST else self._pointer + 1

    def _at(self, now):
        if self._halted:
            return self._base
        elapsed = now - self._since
        if self._rate != _EXACT:
            elapsed = elapsed * self._rate // _EXACT
        return (self._base + elapsed // 1_000_000) % _SPAN

    def _rebase(self, seconds):
        self._base = seconds
        self._since = self._clock()

    def _lose(self):
        self._ram[:] = _NOISE
        self._control = 0x03
        self._twelve = False
        self._weekday, self._weekday_of = 1, 0
        self._rebase(0)
        self._halted = True

    def _frozen_time(self):
        if self._buffer is None:
            self._buffer = self._time_registers()
        return self._buffer

    def _time_registers(self):
        day, rest = divmod(self._at(self._started), 86_400)
        year, month, date = date_of(day + _EPOCH)
        hour = rest // 3600
        if self._twelve:
            hours = 0x40 | (0x20 if hour >= 12 else 0) | _bcd((hour + 11) % 12 + 1)
        else:
            hours = _bcd(hour)
        return bytes(
            [
                _bcd(rest % 60) | (CH if self._halted else 0),
                _bcd(rest // 60 % 60),
                hours,
                (self._weekday - 1 + day - self._weekday_of) % 7 + 1,
                _bcd(date),
                _bcd(month),
                _bcd(year % 100),
            ]
        )

    def _finish(self):
        """Take over a time that was written."""
        incoming, self._incoming = self._incoming, None
        if incoming is None:
            return
        second = _number(incoming[0] & 0x7F, 59, "second")
        minute = _number(incoming[1], 59, "minute")
        hour = self._hour(incoming[2])
        weekday = _number(incoming[3], 7, "weekday")
        date = _number(incoming[4], 31, "date")
        month = _number(incoming[5], 12, "month")
        year = 2000 + _number(incoming[6], 99, "year")
        if not weekday or not month or not 1 <= date <= days_in(year, month):
            raise ChipError("no such date: %d-%02d-%02d" % (year, month, date))
        day = day_number(year, month, date) - _EPOCH
        self._weekday, self._weekday_of = weekday, day
        self._halted = bool(incoming[0] & CH)
        self._rebase(day * 86_400 + hour * 3600 + minute * 60 + second)

    def _hour(self, byte):
        self._twelve = bool(byte & 0x40)
        if not self._twelve:
            return _number(byte, 23, "hour")
        hour = _number(byte & 0x1F, 12, "hour")
        if not hour:
            raise ChipError("there is no hour 0 in twelve-hour mode")
        return hour % 12 + (12 if byte & 0x20 else 0)
