"""DS3231: a clock chip with its own crystal and battery (Maxim 19-5170 rev 10).

Registers 0x00-0x12. The time runs from the world's clock at a rate of its own; the alarms'
registers are kept, their flags never rise.
"""

from tools.sim.parts import ChipError, date_of, day_number, days_in

_EPOCH = day_number(2000, 1, 1)
_SPAN = (day_number(2200, 1, 1) - _EPOCH) * 86_400  # two centuries, by the century bit
_EXACT = 1_000_000  # rate: millionths of the true one

CONTROL = 0x0E
STATUS = 0x0F
OSF = 0x80
EOSC = 0x80
_LAST = 0x12
_BLANK = bytes([0, 0, 0, 1, 1, 1, 0] + [0] * 7 + [0x1C, 0x88, 0, 25, 0])
"""Registers after the first power-on; the time in them is not used."""


def _bcd(value):
    return value // 10 << 4 | value % 10


def _number(byte, highest, what):
    value = (byte >> 4) * 10 + (byte & 15)
    if byte & 15 > 9 or value > highest:
        raise ChipError("0x%02x is not the BCD of a valid %s" % (byte, what))
    return value


class Ds3231:
    """The chip. `clock()` gives the world's microseconds.

    `record`, when set, is called after each change over the bus.
    """

    address = 0x68
    fastest = 400_000  # Hz

    def __init__(self, clock):
        self.record = None
        self._clock = clock
        self._registers = bytearray(_BLANK)
        self._pointer = 0
        self._first = False
        self._buffer = None  # the time as it was at the start condition, once it is asked for
        self._started = 0
        self._incoming = None  # time registers written since the start condition
        self._restart = False  # whether the seconds were among them: that restarts the second
        self._base = 0  # seconds since 2000 at `_since`
        self._since = clock()
        self._rate = _EXACT
        self._frozen = False
        self._twelve = False
        self._weekday = 1
        self._weekday_of = 0  # day number for which `_weekday` was written
        self._day, self._date = -1, None  # the date last worked out
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
        if self._pointer <= 6:
            if self._incoming is None:
                self._incoming = bytearray(self._frozen_time())
                self._restart = False
            self._incoming[self._pointer] = byte
            self._restart = self._restart or self._pointer == 0
        else:
            self._write_register(self._pointer, byte)
            self._tell()
        self._advance()
        return True

    def read(self):
        """The next register."""
        pointer = self._pointer
        byte = self._frozen_time()[pointer] if pointer <= 6 else self._registers[pointer]
        self._advance()
        return byte

    def stop(self):
        """A stop condition."""
        self._finish()

    # --- the world -----------------------------------------------------------------------

    @property
    def seconds(self):
        """Seconds since 2000-01-01 that the chip believes in."""
        return self._at(self._clock())

    def _at(self, now):
        if self._frozen:
            return self._base
        elapsed = now - self._since
        if self._rate != _EXACT:
            elapsed = elapsed * self._rate // _EXACT
        return (self._base + elapsed // 1_000_000) % _SPAN

    @property
    def valid(self):
        """Whether the oscillator has run ever since the time was set."""
        return not self._registers[STATUS] & OSF

    def power_on(self):
        """The board's supply comes: the oscillator runs in any case."""
        self.powered = True
        self._thaw()

    def power_off(self):
        """The board's supply goes: on to the battery, if there is one."""
        self.powered = False
        self._incoming = None
        if not self.battery:
            self._lose()
        elif self._registers[CONTROL] & EOSC:
            self._freeze()
            self._registers[STATUS] |= OSF

    def setup(self, seconds):
        """The factory set it to `seconds` since 2000: valid from now on."""
        self._rebase(seconds)
        self._registers[STATUS] &= ~OSF & 0xFF

    def set(self, seconds):
        """Someone moved the clock by `seconds`, which may be negative."""
        wished = self.seconds + seconds
        self._rebase(min(max(wished, 0), _SPAN - 1))

    def lost(self):
        """The battery died: time and validity are gone, and go again with each power cut."""
        self.battery = False
        self._lose()

    def set_rate(self, millionths):
        """From now on run `millionths` / 1,000,000 times as fast as the world."""
        self._rebase(self.seconds)
        self._rate = millionths

    def dump(self, moment=False):
        """Return all that the chip remembers, as bytes for `load`; `moment`: and when that was."""
        text = "%d %d %d %d %d %d %d" % (
            self.seconds,
            self._rate,
            self._frozen,
            self._twelve,
            self._weekday,
            self._weekday_of,
            self.battery,
        )
        if moment:
            text += " %d %d" % (self._base, self._since)
        return bytes(self._registers) + text.encode()

    def load(self, image, same_world=False):
        """Take everything from bytes that `dump` returned; no time has passed since.

        With `same_world` the world's clock has run on since the moment that they tell.
        """
        size = len(_BLANK)
        numbers = [int(word) for word in bytes(image[size:]).decode().split()]
        if len(numbers) not in (7, 9):
            raise ValueError("not the state of a DS3231")
        self._registers[:] = image[:size]
        self._rebase(numbers[0])
        self._rate = numbers[1]
        self._frozen = bool(numbers[2])
        self._twelve = bool(numbers[3])
        self._weekday, self._weekday_of = numbers[4], numbers[5]
        self.battery = bool(numbers[6])
        if same_world and len(numbers) == 9:
            self._base, self._since = numbers[7:]

    # --- inside --------------------------------------------------------------------------

    def _advance(self):
        self._pointer = 0 if self._pointer == _LAST else self._pointer + 1
        if self._pointer == 0:
            self._started = self._clock()
            self._buffer = None

    def _frozen_time(self):
        """The time registers as they were at the start condition, or when they came round."""
        if self._buffer is None:
            self._buffer = self._time_registers()
        return self._buffer

    def _rebase(self, seconds):
        self._base = seconds
        self._since = self._clock()

    def _freeze(self):
        self._rebase(self.seconds)
        self._frozen = True

    def _thaw(self):
        if self._frozen:
            self._frozen = False
            self._since = self._clock()

    def _lose(self):
        self._registers[:] = _BLANK
        self._twelve = False
        self._weekday, self._weekday_of = 1, 0
        self._rebase(0)
        self._frozen = not self.powered

    def _time_registers(self):
        seconds = self._at(self._started)
        day, rest = divmod(seconds, 86_400)
        if day != self._day:
            self._day, self._date = day, date_of(day + _EPOCH)
        year, month, date = self._date
        weekday = (self._weekday - 1 + day - self._weekday_of) % 7 + 1
        century = 0x80 if year >= 2100 else 0
        return bytes(
            [
                _bcd(rest % 60),
                _bcd(rest // 60 % 60),
                self._hour_register(rest // 3600),
                weekday,
                _bcd(date),
                _bcd(month) | century,
                _bcd(year % 100),
            ]
        )

    def _hour_register(self, hour):
        if not self._twelve:
            return _bcd(hour)
        return 0x40 | (0x20 if hour >= 12 else 0) | _bcd((hour + 11) % 12 + 1)

    def _finish(self):
        """Take over a time that was written."""
        incoming, self._incoming = self._incoming, None
        if incoming is None:
            return
        second = _number(incoming[0], 59, "second")
        minute = _number(incoming[1], 59, "minute")
        hour = self._hour(incoming[2])
        weekday = _number(incoming[3], 7, "weekday")
        date = _number(incoming[4], 31, "date")
        month = _number(incoming[5] & 0x7F, 12, "month")
        year = _number(incoming[6], 99, "year") + (2100 if incoming[5] & 0x80 else 2000)
        if not weekday or not month or not 1 <= date <= days_in(year, month):
            raise ChipError("no such date: %d-%02d-%02d" % (year, month, date))
        day = day_number(year, month, date) - _EPOCH
        self._weekday, self._weekday_of = weekday, day
        seconds = day * 86_400 + hour * 3600 + minute * 60 + second
        if self._restart or self._frozen:
            self._rebase(seconds)
        else:
            self._base += seconds - self.seconds
        self._tell()

    def _tell(self):
        if self.record is not None:
            self.record()

    def _hour(self, byte):
        self._twelve = bool(byte & 0x40)
        if not self._twelve:
            return _number(byte, 23, "hour")
        hour = _number(byte & 0x1F, 12, "hour")
        if not hour:
            raise ChipError("there is no hour 0 in twelve-hour mode")
        return hour % 12 + (12 if byte & 0x20 else 0)

    def _write_register(self, register, byte):
        if register == CONTROL:
            if byte & 3 and byte & 4:
                raise ChipError("alarm interrupts are not modelled")
            self._registers[register] = byte & ~0x20  # a conversion is over at once
        elif register == STATUS:
            kept = self._registers[STATUS]
            flags = kept & byte & 0x83  # OSF and the alarms' flags can only be cleared
            self._registers[STATUS] = flags | (byte & 0x08) | (kept & 0x04)
        elif register <= 0x0D or register == 0x10:
            self._registers[register] = byte
        # 0x11 and 0x12, the temperature, are read only
