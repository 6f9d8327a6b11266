"""Battery-backed clock chips.

Time is seconds since 2020-01-01 in an int, a small int until 2054 on every port.

DS3231: Maxim 19-5170 Rev 10, register map on page 11, OSF on page 14. Its alarm registers are not
used as alarms: they hold a *tally*, how long the unit has been powered since its last record, for
they cost no wear.
"""

_ADDRESS = 0x68
_OSF = 0x80
_TALLY = 0x07  # alarm 1: four bytes that read back as written
_STATUS = 0x0F
_DAYS_BEFORE = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)


def _from_bcd(byte):
    return (byte >> 4) * 10 + (byte & 15)


def _to_bcd(number):
    return number // 10 << 4 | number % 10


def days_since_2020(year, month, day):
    """Days from 2020-01-01 to a date of 2020..2099 in the Gregorian calendar."""
    years = year - 2020
    leap = 1 if month > 2 and year % 4 == 0 else 0
    return years * 365 + (years + 3) // 4 + _DAYS_BEFORE[month - 1] + day - 1 + leap


def date_since_2020(days):
    """(year, month, day) of a number of days since 2020-01-01, up to 2099."""
    year = 2020
    while days >= (366 if year % 4 == 0 else 365):
        days -= 366 if year % 4 == 0 else 365
        year += 1
    month = 12
    while days_since_2020(year, month, 1) > days_since_2020(year, 1, 1) + days:
        month -= 1
    first = days_since_2020(year, month, 1) - days_since_2020(year, 1, 1)
    return year, month, days - first + 1


class DS3231:
    """The chip at 0x68 of `i2c`. Every method raises OSError when it does not answer."""

    def __init__(self, i2c):
        self._i2c = i2c
        self._all = bytearray(16)
        self._mark = bytearray(4)

    def read(self):
        """Seconds since 2020, or None when the oscillator stopped since the clock was set.

        One burst read.
        """
        r = self._all
        self._i2c.readfrom_mem_into(_ADDRESS, 0, r)
        if r[_STATUS] & _OSF or not r[5] & 0x1F or not r[4] & 0x3F:
            return None
        hour = _from_bcd(r[2] & 0x3F)
        if r[2] & 0x40:  # 12-hour mode: bit 5 is PM
            hour = _from_bcd(r[2] & 0x1F) % 12 + (12 if r[2] & 0x20 else 0)
        year, month = 2000 + _from_bcd(r[6]), _from_bcd(r[5] & 0x1F)
        if year < 2020 or month > 12 or r[5] & 0x80:
            return None
        days = days_since_2020(year, month, _from_bcd(r[4] & 0x3F))
        return days * 86400 + hour * 3600 + _from_bcd(r[1] & 0x7F) * 60 + _from_bcd(r[0] & 0x7F)

    def valid(self):
        """False when the stop flag says that the time was lost."""
        self._i2c.readfrom_mem_into(_ADDRESS, 0, self._all)
        return not self._all[_STATUS] & _OSF

    def set(self, seconds):
        """Set the time and clear the stop flag."""
        year, month, day = date_since_2020(seconds // 86400)
        second = seconds % 86400
        registers = (second % 60, second // 60 % 60, second // 3600, 1, day, month, year - 2000)
        self._i2c.writeto_mem(_ADDRESS, 0, bytes([_to_bcd(r) for r in registers]))
        self._i2c.writeto_mem(_ADDRESS, _STATUS, b"\x00")

    def mark(self, sequence, periods):
        """Leave a tally: `periods` (0..255) of powered time since the record `sequence`."""
        m = self._mark
        m[0], m[1], m[2] = sequence & 255, sequence >> 8 & 255, periods
        m[3] = (m[0] ^ m[1] ^ m[2]) ^ 0xA5
        self._i2c.writeto_mem(_ADDRESS, _TALLY, m)

    def tally(self, sequence):
        """Periods left by `mark` as of the last `read`, or None when they belong to another
        record.

        The record before `sequence` counts as none: power may fail between a record and its mark.
        """
        low, high, periods, check = self._all[_TALLY : _TALLY + 4]
        if low ^ high ^ periods ^ 0xA5 != check:
            return None
        behind = (sequence - (low | high << 8)) & 0xFFFF
        return periods if behind == 0 else 0 if behind == 1 else None
