"""Paid time, lockout and doubt of a unit, in whole seconds that the caller counts.

No clock, no storage. The rule, its reasons and its proof: docs/threat-model.md. In short: each
record says for how many seconds the load may at most be on before the next record (its bound),
and each start charges the bound of the newest record. So load-on time never exceeds paid time,
whatever the clock chip says. The chip only tells how long the power was off.
"""

import struct

DAY = 86400
CAP = 9999 * DAY  # most paid time a unit keeps
FIRST = 10  # bound of the first record of a start; it doubles with each record,
LONGEST = 60  # up to this one
UNKNOWN = 3600  # bound of a record that an earlier version or the second medium kept
ABSENCE = 400 * DAY  # a longer one is a clock set forward
CALM = 30 * DAY  # doubt after a first clock fault: it costs nothing. A multiple of three
DOUBT = DAY // 2  # what a further fault adds to that
BOUNCES = 3  # starts in a row that stored one record only: the next one is patient
FORGIVEN = 2  # mistakes without a lockout
_FORMAT = "<IIIHHHBBB"
_FREE = 1  # flags: bit 0 free, bits 1 and 2 starts, above them tests
_STARTS = 1
_TESTS = 3
OUTCOMES = (
    None,
    "ADD_TIME",
    "SET_TIME",
    "DISABLE_PAYG",
    "COUNTER_SYNC",
    "RESERVED",
    "EXTENDED",
    "ALREADY_USED",
    "INVALID",
    "TEST",
)


def lockout(mistakes):
    """Seconds of lockout after the `mistakes`-th wrong token in a row: 0, 0, then 2, 4, 8 ...

    512 minutes.
    """
    return 0 if mistakes <= FORGIVEN else 60 << min(mistakes - FORGIVEN, 9)


class Account:
    """What is written with every record: 21 bytes.

    left: paid seconds, 0..CAP. free: unlocked for good. locked: seconds of lockout left. mistakes:
    wrong tokens in a row. last: index of the last judged entry's outcome in OUTCOMES. tests: how
    often the test code was used. chip: the clock chip's reading at the record (seconds since
    2020), 0 when it is not to be believed. bound: seconds of load at most that may follow the
    record before the next one. doubt: powered seconds until clock faults are forgotten. faults:
    clock faults so far. starts: starts in a row, the newest not counted, in which no record
    followed after the load had closed; at most BOUNCES.
    """

    def __init__(self):
        self.left = 0
        self.free = False
        self.locked = 0
        self.mistakes = 0
        self.last = 0
        self.tests = 0
        self.chip = 0
        self.bound = 0
        self.doubt = 0
        self.faults = 0
        self.starts = 0

    def pack(self):
        """Return the account as bytes. Numbers are capped: MicroPython's struct would wrap."""
        return struct.pack(
            _FORMAT,
            min(self.left, CAP),
            min(self.chip, 0xFFFFFFFF),
            min(self.doubt, CALM + DOUBT),
            min(self.locked, 0xFFFF),
            min(self.bound, 0xFFFF),
            min(self.faults, 0xFFFF),
            min(self.mistakes, 255),
            self.last,
            _FREE * self.free | self.starts << _STARTS | min(self.tests, 31) << _TESTS,
        )

    @classmethod
    def unpack(cls, data):
        """Return the account that `pack` made bytes of."""
        self = cls()
        (
            self.left,
            self.chip,
            self.doubt,
            self.locked,
            self.bound,
            self.faults,
            self.mistakes,
            self.last,
            flags,
        ) = struct.unpack(_FORMAT, data)
        self.free = bool(flags & _FREE)
        self.starts = flags >> _STARTS & 3
        self.tests = flags >> _TESTS
        return self

    def charge(self, seconds):
        """Take paid time away."""
        self.left = max(0, self.left - seconds)

    def credit(self, seconds):
        """Add paid time, up to the cap.

        True when something was lost to the cap. A free unit stays as it is.
        """
        if self.free:
            return False
        self.left += seconds
        return self._cut()

    def set(self, seconds):
        """Replace the paid time and end free use; True when something was lost to the cap."""
        self.free = False
        self.left = seconds
        return self._cut()

    def release(self):
        """Unlock for good."""
        self.free = True
        self.left = 0

    def _cut(self):
        over = self.left > CAP
        self.left = min(self.left, CAP)
        return over

    def mistake(self):
        """Count a wrong token and start the lockout that it earns."""
        self.mistakes = min(self.mistakes + 1, 255)
        self.locked = lockout(self.mistakes)
        self.last = OUTCOMES.index("INVALID")

    def forgive(self):
        """A valid token ends the row of mistakes."""
        self.mistakes = self.locked = 0

    def away(self, reading):
        """Return for how many seconds the power was off, None when the clock is not believed.

        reading: the clock chip's, None when it stopped or does not answer.
        """
        if reading is None or not self.chip or not 0 <= reading - self.chip <= ABSENCE:
            return None
        return reading - self.chip

    def resume(self, away, hung):
        """Charge for a start, in the account of the newest record.

        away: seconds without power, None for a clock fault. hung: seconds for which the MCU may
        have hung, with the load on, before the watchdog reset it.
        """
        self.starts = min(self.starts + 1, BOUNCES) if self.left and self.bound <= FIRST else 0
        self.charge(max(self.bound + hung, away or 0))
        if away is None:
            self.faults = min(self.faults + 1, 0xFFFF)
            self.doubt = CALM + DOUBT if self.doubt else CALM

    def power(self, seconds):
        """Let powered seconds pass for the doubt. Above CALM three of them cost one more."""
        before = max(self.doubt, CALM)
        self.doubt = max(0, self.doubt - seconds)
        self.charge(before // 3 - max(self.doubt, CALM) // 3)

    def clear_faults(self):
        """Forget the clock faults; a service action."""
        self.faults = self.doubt = 0


def from_version_1(data):
    """Return the packed account of this version for that of records of version 1 (46 bytes)."""
    self = Account()
    self.left, self.chip, self.locked, self.mistakes, self.last, flags, self.faults = (
        struct.unpack_from("<IIHBBBH", data)
    )
    self.free = bool(flags & 1)
    self.tests = flags >> 3
    self.bound = UNKNOWN
    if flags & 2:  # the chip had disagreed with the ticks
        self.chip = 0
    return self.pack()
