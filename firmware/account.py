"""Paid time, lockout and clock doubt of a unit, in whole seconds counted by the caller.

No clock and no storage here. Each record states how many seconds the load may be on before the
next record (the record's bound), and each start charges the bound of the newest record. Load-on
time therefore never exceeds paid time, whatever the clock chip says; the chip only tells how long
the power was off. Reasons and proof: docs/threat-model.md.
"""

import struct

DAY = 86400
CAP = 9999 * DAY  # most paid time a unit keeps
FIRST = 10  # bound of a start's first record; the bound doubles with each further record
LONGEST = 60  # highest bound of a record
UNKNOWN = 3600  # bound assumed for a record of an earlier version or of the second medium
ABSENCE = 400 * DAY  # a longer time without power means a clock set forward
CALM = 30 * DAY  # doubt after the first clock fault, free of charge; a multiple of three
DOUBT = DAY // 2  # doubt on top of CALM after a further clock fault
BOUNCES = 3  # after this many starts in a row with a single record, the next start is patient
FORGIVEN = 2  # mistakes without a lockout
_FORMAT = "<IIIHHHBBB"
_FREE = 1  # flags, bit 0: free
_STARTS = 1  # flags, bits 1 and 2: starts
_TESTS = 3  # flags, bit 3 and up: tests
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
    """Return the seconds of lockout after the `mistakes`-th wrong token in a row: 0, 0, then 2 to
    512 minutes, doubling each time.
    """
    return 0 if mistakes <= FORGIVEN else 60 << min(mistakes - FORGIVEN, 9)


class Account:
    """The account as stored in every record: 21 bytes.

    `left`: paid seconds, 0..CAP; `free`: unlocked for good; `locked`: seconds of lockout left;
    `mistakes`: wrong tokens in a row; `last`: index in OUTCOMES of the newest judged entry's
    outcome; `tests`: uses of the test code so far; `chip`: the clock chip's reading at the record,
    in seconds since 2020, 0 when not trusted; `bound`: the most seconds for which the load may be
    on between this record and the next; `doubt`: powered seconds until clock faults are forgotten;
    `faults`: clock faults so far; `starts`: starts in a row, the newest not counted, in which no
    record followed after the load had closed, at most BOUNCES.
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
        """Return the account as bytes. Numbers are capped, as MicroPython's struct would wrap."""
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
        """Return the account packed by `pack`."""
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
        """Add paid time, up to the cap; return True when the cap cut some off.

        A free unit stays as before.
        """
        if self.free:
            return False
        self.left += seconds
        return self._cut()

    def set(self, seconds):
        """Replace the paid time and end free use; return True when the cap cut some off."""
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
        """Count a wrong token and start the lockout due for this number of mistakes."""
        self.mistakes = min(self.mistakes + 1, 255)
        self.locked = lockout(self.mistakes)
        self.last = OUTCOMES.index("INVALID")

    def forgive(self):
        """End the row of mistakes, and with them the lockout, after a valid token."""
        self.mistakes = self.locked = 0

    def away(self, reading):
        """Return the seconds without power, None when the clock is not trusted.

        `reading`: the clock chip's, None when the chip stopped or does not answer.
        """
        if reading is None or not self.chip or not 0 <= reading - self.chip <= ABSENCE:
            return None
        return reading - self.chip

    def resume(self, away, hung):
        """Charge for a start. Call this on the account of the newest record.

        `away`: seconds without power, None for a clock fault; `hung`: seconds for which the MCU
        may have hung, with the load on, before the watchdog's reset.
        """
        self.starts = min(self.starts + 1, BOUNCES) if self.left and self.bound <= FIRST else 0
        self.charge(max(self.bound + hung, away or 0))
        if away is None:
            self.faults = min(self.faults + 1, 0xFFFF)
            self.doubt = CALM + DOUBT if self.doubt else CALM

    def power(self, seconds):
        """Reduce the doubt by powered seconds; above CALM, three of these cost an extra paid
        second.
        """
        before = max(self.doubt, CALM)
        self.doubt = max(0, self.doubt - seconds)
        self.charge(before // 3 - max(self.doubt, CALM) // 3)

    def clear_faults(self):
        """Forget the clock faults; a service action."""
        self.faults = self.doubt = 0


def from_version_1(data):
    """Convert the packed account of a version 1 record (46 bytes) to this version's."""
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
