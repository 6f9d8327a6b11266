"""Battery-backed clock chips.

Time is seconds since 2020-01-01 in an int, a small int until 2054 on every port.

Spare registers hold a *tally*, how long the unit has been powered since its last record: they cost
no wear. Nothing vouches for it, so it only ever makes a unit pay more (firmware.account).
"""

_UNMARKED = 8  # records in a row that a bouncing supply may leave without a mark
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


class _Chip:
    """What the two chips share: where the date lies, and the tally.

    Every method but `tally` raises OSError when the chip does not answer. Only `set` allocates.
    """

    _SPAN = 7  # registers of a burst
    _STOP = 0  # register of the stop flag, its bit 7
    _TALLY = 0  # first of four registers that read back as written

    def __init__(self, i2c, address=0x68):
        self._i2c = i2c
        self._address = address
        self._all = bytearray(self._SPAN)
        self._mark = bytearray(4)

    def read(self):
        """Seconds since 2020, or None when the oscillator stopped since the clock was set.

        One burst: the chip holds the time still during it.
        """
        r = self._all
        self._i2c.readfrom_mem_into(self._address, 0, r)
        if r[self._STOP] & 0x80:
            return None
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
        """False when the stop flag says that the time was lost."""
        self._i2c.readfrom_mem_into(self._address, 0, self._all)
        return not self._all[self._STOP] & 0x80

    def set(self, seconds):
        """Set the time (seconds since 2020, up to the end of 2099).

        The stop flag goes last: power may fail before.
        """
        year, month, day = date_since_2020(seconds // 86400)
        second = seconds % 86400
        registers = (second % 60, second // 60 % 60, second // 3600, 1, day, month, year - 2000)
        self._start(bytearray([_to_bcd(r) for r in registers]))

    def _start(self, registers):
        self._i2c.writeto_mem(self._address, 0, registers)

    def mark(self, sequence, step):
        """Leave a tally: `step` (0..255) of powered time since the record `sequence`."""
        m = self._mark
        m[0], m[1], m[2] = sequence & 255, sequence >> 8 & 255, step
        m[3] = m[0] ^ m[1] ^ m[2] ^ 0xA5
        self._i2c.writeto_mem(self._address, self._TALLY, m)

    def tally(self, sequence):
        """Periods that `mark` left, or None when there are none or they belong to another record.

        One of the few records before `sequence` counts as no period: power may fail between a
        record and its mark, and again in the boot that follows.
        """
        m = self._mark
        try:
            self._i2c.readfrom_mem_into(self._address, self._TALLY, m)
        except OSError:
            return None
        if m[0] ^ m[1] ^ m[2] ^ 0xA5 != m[3]:
            return None
        behind = (sequence - (m[0] | m[1] << 8)) & 0xFFFF
        return m[2] if behind == 0 else 0 if behind <= _UNMARKED else None


class DS3231(_Chip):
    """Maxim 19-5170 rev 10: register map on page 11, OSF on page 14."""

    _SPAN = 16
    _STOP = 0x0F
    _TALLY = 0x07  # alarm 1

    def _start(self, registers):
        super()._start(registers)
        # Control: run on the battery too, no alarms; status: no stop flag.
        self._i2c.writeto_mem(self._address, 0x0E, b"\x1c\x00")


class DS1307(_Chip):
    """Maxim 100101 rev 2015: register map in table 2. At most 100 kHz.

    CH, bit 7 of the seconds, halts the oscillator; it is set at the first power-on.
    """

    _TALLY = 0x3C  # the last four bytes of the NVRAM

    def _start(self, registers):
        registers[0] |= 0x80  # halted, so that no second passes between the two writes
        super()._start(registers)
        registers[0] &= 0x7F
        self._i2c.writeto_mem(self._address, 0, registers[:1])
