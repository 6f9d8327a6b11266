"""Base of the clock chips of the DS1307's family: registers, calendar and battery.

Registers 0x00-0x06 are the time in BCD, further registers follow. The address wraps after the last
register. The time follows the world's clock, at the chip's own rate.
"""

from tools.seconds import DAY
from tools.sim.parts import ChipError, date_of, day_number, days_in

EXACT = 1_000_000  # a rate is in millionths of the true rate
_TIME = 7  # registers of the time
_EPOCH = day_number(2000, 1, 1)


def bcd(value):
    """Return a number of two digits as BCD."""
    return value // 10 << 4 | value % 10


def number(byte, highest, what):
    """Return the number in a BCD register. Raises ChipError above `highest`."""
    value = (byte >> 4) * 10 + (byte & 15)
    if byte & 15 > 9 or value > highest:
        raise ChipError("0x%02x is not the BCD of a valid %s" % (byte, what))
    return value


class ClockChip:
    """A clock chip. `clock()`: the world's microseconds; `powered`: by the board's supply;
    `battery`: a good battery is present.

    Each chip's model sets: `fastest`: bus frequency in Hz; `blank`: all registers after the first
    power-on, of which the seven time registers are not used; `centuries`: from 2000 on; `halt`,
    `century`: bits of the seconds and of the month, 0 on a chip without.
    """

    address = 0x68
    fastest = 100_000
    blank = bytes(_TIME)
    centuries = 1
    halt = 0
    century = 0

    def __init__(self, clock):
        self._clock = clock
        self._registers = bytearray(self.blank)
        self._last = len(self.blank) - 1
        self._span = (day_number(2000 + self.centuries * 100, 1, 1) - _EPOCH) * DAY
        self._pointer = 0
        self._first = False
        self._started = clock()  # microseconds at the start condition
        self._buffer = None  # time registers at the start condition, computed at the first read
        self._incoming = None  # time registers written since the start condition
        self._second_written = False  # the seconds are among `_incoming`
        self._base = 0  # seconds since 2000 at `_since`
        self._since = clock()
        self._rate = EXACT
        self._halted = False
        self._twelve = False
        self._weekday = 1
        self._weekday_of = 0  # day number for which `_weekday` was written
        self._day, self._date = -1, None  # newest day converted, and the date
        self.powered = False
        self.battery = True

    # --- the wires -----------------------------------------------------------------------

    def start(self, read):
        """Take a start condition with this address."""
        self._finish()
        self._freeze_time()
        self._first = not read
        return True

    def write(self, byte):
        """Take a byte: the register address, then data."""
        pointer = self._pointer
        if self._first:
            if byte > self._last:
                raise ChipError("no register 0x%02x" % byte)
            self._first = False
            self._pointer = byte
            return True
        if pointer < _TIME:
            if self._incoming is None:
                self._incoming = bytearray(self._frozen_time())
                self._second_written = False
            self._incoming[pointer] = byte
            self._second_written = self._second_written or pointer == 0
        else:
            self._write_register(pointer, byte)
        self._advance()
        return True

    def read(self):
        """Return the next register."""
        pointer = self._pointer
        byte = self._frozen_time()[pointer] if pointer < _TIME else self._registers[pointer]
        self._advance()
        return byte

    def stop(self):
        """Take a stop condition."""
        self._finish()

    # --- the world -----------------------------------------------------------------------

    @property
    def seconds(self):
        """The chip's time, in seconds since 2000-01-01."""
        return self._at(self._clock())

    def power_on(self):
        """Turn the board's supply on."""
        self.powered = True

    def power_off(self):
        """Turn the board's supply off; without a battery the time is lost."""
        self.powered = False
        self._incoming = None
        if not self.battery:
            self._lose()

    def set(self, seconds):
        """Move the clock by `seconds`, forward or (negative) back."""
        self._rebase(min(max(self.seconds + seconds, 0), self._span - 1))

    def lost(self):
        """Kill the battery: all registers are lost now, and again at each power cut."""
        self.battery = False
        self._lose()

    def set_rate(self, millionths):
        """Run at `millionths` / 1,000,000 times the world's speed from now on."""
        self._rebase(self.seconds)
        self._rate = millionths

    def dump(self, moment=False):
        """Return the chip's whole memory as bytes for `load`; `moment`: with the world's time."""
        text = "%d %d %d %d %d %d %d" % (
            self.seconds,
            self._rate,
            self._halted,
            self._twelve,
            self._weekday,
            self._weekday_of,
            self.battery,
        )
        if moment:
            text += " %d %d" % (self._base, self._since)
        return bytes(self._registers) + text.encode()

    def load(self, image, same_world=False):
        """Take everything from bytes made by `dump`; no time has passed since.

        With `same_world`, the world's clock has run on since the moment noted in `image`.
        """
        size = len(self.blank)
        numbers = [int(word) for word in bytes(image[size:]).decode().split()]
        if len(numbers) not in (7, 9):
            raise ValueError("not the state of a clock chip")
        self._registers[:] = image[:size]
        self._rebase(numbers[0])
        self._rate = numbers[1]
        self._halted, self._twelve = bool(numbers[2]), bool(numbers[3])
        self._weekday, self._weekday_of = numbers[4], numbers[5]
        self.battery = bool(numbers[6])
        if same_world and len(numbers) == 9:
            self._base, self._since = numbers[7:]

    # --- overridden by chips -------------------------------------------------------------

    def _write_register(self, register, byte):
        """Take a byte for a register beyond the time registers."""
        self._registers[register] = byte

    def _take_time(self, seconds, halt):
        """Take a written time; `halt`: the halt bit."""
        self._rebase(seconds)

    # --- inside --------------------------------------------------------------------------

    def _advance(self):
        self._pointer = 0 if self._pointer == self._last else self._pointer + 1

    def _at(self, now):
        if self._halted:
            return self._base
        elapsed = now - self._since
        if self._rate != EXACT:
            elapsed = elapsed * self._rate // EXACT
        return (self._base + elapsed // 1_000_000) % self._span

    def _rebase(self, seconds):
        self._base = seconds
        self._since = self._clock()

    def _lose(self):
        self._registers[:] = self.blank
        self._twelve = False
        self._weekday, self._weekday_of = 1, 0
        self._rebase(0)

    def _freeze_time(self):
        self._started = self._clock()
        self._buffer = None

    def _frozen_time(self):
        """Return the time registers as frozen."""
        if self._buffer is None:
            self._buffer = self._time_registers()
        return self._buffer

    def _time_registers(self):
        day, rest = divmod(self._at(self._started), DAY)
        if day != self._day:
            self._day, self._date = day, date_of(day + _EPOCH)
        year, month, date = self._date
        return bytes(
            [
                bcd(rest % 60) | (self.halt if self._halted else 0),
                bcd(rest // 60 % 60),
                self._hour_register(rest // 3600),
                (self._weekday - 1 + day - self._weekday_of) % 7 + 1,
                bcd(date),
                bcd(month) | (self.century if year >= 2100 else 0),
                bcd(year % 100),
            ]
        )

    def _hour_register(self, hour):
        if not self._twelve:
            return bcd(hour)
        return 0x40 | (0x20 if hour >= 12 else 0) | bcd((hour + 11) % 12 + 1)

    def _finish(self):
        """Take over a written time."""
        incoming, self._incoming = self._incoming, None
        if incoming is None:
            return
        second = number(incoming[0] & ~self.halt, 59, "second")
        minute = number(incoming[1], 59, "minute")
        hour = self._hour(incoming[2])
        weekday = number(incoming[3], 7, "weekday")
        date = number(incoming[4], 31, "date")
        month = number(incoming[5] & ~self.century, 12, "month")
        year = 2100 if incoming[5] & self.century else 2000
        year += number(incoming[6], 99, "year")
        if not weekday or not month or not 1 <= date <= days_in(year, month):
            raise ChipError("no such date: %d-%02d-%02d" % (year, month, date))
        day = day_number(year, month, date) - _EPOCH
        self._weekday, self._weekday_of = weekday, day
        seconds = day * DAY + hour * 3600 + minute * 60 + second
        self._take_time(seconds, bool(incoming[0] & self.halt))

    def _hour(self, byte):
        self._twelve = bool(byte & 0x40)
        if not self._twelve:
            return number(byte, 23, "hour")
        hour = number(byte & 0x1F, 12, "hour")
        if not hour:
            raise ChipError("there is no hour 0 in twelve-hour mode")
        return hour % 12 + (12 if byte & 0x20 else 0)
