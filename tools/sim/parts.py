"""Common parts of the chip models: refusals, power cuts, the civil calendar."""


class ChipError(BaseException):
    """The chip was used in a way forbidden by the datasheet: a fault in the driver.

    Not an Exception, so that no `except Exception` of the firmware can hide the fault.
    """


class PowerCut(BaseException):
    """The power failed in the middle of a write, now torn."""


class Steps:
    """Counts the program and erase steps of all memories and cuts the power during a step.

    `on_cut()`: called at the cut, if given, before PowerCut unwinds the caller: from then on
    nothing done by the caller may have an effect.
    """

    def __init__(self, on_cut=None):
        self.on_cut = on_cut
        self.done = 0
        self._left = 0
        self._at = None

    def arm(self, nth, at=None):
        """Cut during the `nth` step from now (1 is the next), 0 disarms.

        `at`: bytes of the step done by then, None for half.
        """
        self._left = nth
        self._at = at

    @property
    def left(self):
        """Steps until the cut, including the torn step; 0 when none is armed."""
        return self._left

    def take(self, size):
        """Begin a step of `size` bytes; return -1 if the step completes, else the bytes to be
        done.

        After 0 or more, the caller must tear the step at this byte and then call `cut()`.
        """
        self.done += 1
        if not self._left:
            return -1
        self._left -= 1
        if self._left:
            return -1
        at = size // 2 if self._at is None else self._at
        return min(max(at, 0), size)

    def cut(self):
        """Fail the power now."""
        if self.on_cut is not None:
            self.on_cut()
        raise PowerCut()


# Days before the first of each month in a common year.
_BEFORE = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)


def is_leap(year):
    """Does `year` have a 29 February?"""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def days_in(year, month):
    """Return the days of a month (1..12)."""
    if month == 2:
        return 29 if is_leap(year) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def day_number(year, month, day):
    """Return the days from 1970-01-01 to a date of the Gregorian calendar."""
    past = year - 1
    leaps = past // 4 - past // 100 + past // 400 - 477  # 477 leap days lie before 1970
    in_year = _BEFORE[month - 1] + day - 1
    if month > 2 and is_leap(year):
        in_year += 1
    return (year - 1970) * 365 + leaps + in_year


def date_of(number):
    """Return (year, month, day) of a day counted from 1970-01-01."""
    year = 1970 + number // 366
    while day_number(year + 1, 1, 1) <= number:
        year += 1
    month = 12
    while day_number(year, month, 1) > number:
        month -= 1
    return year, month, number - day_number(year, month, 1) + 1
