"""Drivers of battery-backed clock chips.

Time is an int of seconds since 2020-01-01: a small int until 2054 on every port.
"""

_LAST_DAY = 29_219  # 2099-12-31
_DAYS_BEFORE = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)


def _from_bcd(byte):
    return (byte >> 4) * 10 + (byte & 15)


def _to_bcd(number):
    return number // 10 << 4 | number % 10


def days_since_2020(year, month, day):
    """Return the days from 2020-01-01 to a date of 2020..2099 in the Gregorian calendar."""
    years = year - 2020
    leap = 1 if month > 2 and year % 4 == 0 else 0
    return years * 365 + (years + 3) // 4 + _DAYS_BEFORE[month - 1] + day - 1 + leap


def date_since_2020(days):
    """Return (year, month, day) for a number of days since 2020-01-01, up to 2099."""
    year = 2020
    while days >= (366 if year % 4 == 0 else 365):
        days -= 366 if year % 4 == 0 else 365
        year += 1
    month = 12
    while days_since_2020(year, month, 1) > days_since_2020(year, 1, 1) + days:
        month -= 1
    first = days_since_2020(year, month, 1) - days_since_2020(year, 1, 1)
    return year, month, days - first + 1


class _Chip:
    """Time and date registers, common to both chips.

    Every method raises OSError when the chip does not answer. Only `set` allocates memory.
    """

    _STOP = 0  # register of the stop flag (bit 7)

    def __init__(self, i2c, address=0x68):
        self._i2c = i2c
        self._address = address
        self._time = bytearray(7)
        self._flag = bytearray(1)

    def read(self):
        """Return seconds since 2020, or None when the oscillator stopped since the clock was set.

        The date is read in a single burst: the chip holds the time still meanwhile.
        """
        if not self.valid():
            return None
        r = self._time
        self._i2c.readfrom_mem_into(self._address, 0, r)
        second, minute, hour = _from_bcd(r[0]), _from_bcd(r[1]), _from_bcd(r[2] & 0x3F)
        if r[2] & 0x40:  # 12-hour mode: bit 5 is PM
            hour = _from_bcd(r[2] & 0x1F) % 12 + (12 if r[2] & 0x20 else 0)
        day, month, year = _from_bcd(r[4]), _from_bcd(r[5]), 2000 + _from_bcd(r[6])
        if second > 59 or minute > 59 or hour > 23:
            return None
        if not 1 <= day <= 31 or not 1 <= month <= 12 or not 2020 <= year <= 2099:
            return None  # also the DS3231's century bit
        return ((days_since_2020(year, month, day) * 24 + hour) * 60 + minute) * 60 + second

    def valid(self):
        """Return False when the stop flag says "time lost".

        Reads a single byte: on a bus held low each byte costs an ESP32 a tenth of a second.
        """
        self._i2c.readfrom_mem_into(self._address, self._STOP, self._flag)
        return not self._flag[0] & 0x80

    def set(self, seconds):
        """Set the time in seconds since 2020; a day after 2099 becomes the last of 2099.

        The stop flag is cleared last, for power may fail before.
        """
        year, month, day = date_since_2020(min(seconds // 86400, _LAST_DAY))
        second = seconds % 86400
        registers = (second % 60, second // 60 % 60, second // 3600, 1, day, month, year - 2000)
        self._start(bytearray([_to_bcd(r) for r in registers]))

    def _start(self, registers):
        self._i2c.writeto_mem(self._address, 0, registers)


class DS3231(_Chip):
    """Maxim 19-5170 rev 10: register map on page 11, OSF on page 14."""

    _STOP = 0x0F

    def _start(self, registers):
        super()._start(registers)
        # Control: run on the battery too, no alarms; status: no stop flag.
        self._i2c.writeto_mem(self._address, 0x0E, b"\x1c\x00")


class DS1307(_Chip):
    """Maxim 100101 rev 2015: register map in table 2. At most 100 kHz.

    CH, bit 7 of the seconds, halts the oscillator and is set at the first power-on.
    """

    def _start(self, registers):
        registers[0] |= 0x80  # halted, so that no second passes between the two writes
        super()._start(registers)
        registers[0] &= 0x7F
        self._i2c.writeto_mem(self._address, 0, registers[:1])
