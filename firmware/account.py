"""Paid time, lockout and clock faults of a unit: plain whole seconds, counted by the caller.

No clock, no storage.

Rules and their reasons are in docs/threat-model.md: while powered only the MCU's ticks count; the
clock chip says how long the power was off; a chip that cannot be believed costs time instead of
giving it.
"""

import struct

DAY = 86400
CAP = 9999 * DAY  # most paid time a unit keeps
HEARTBEAT = 3600  # seconds at most between two records of a powered unit
DOUBT = 180  # most seconds that short brown-outs may be given the benefit of the doubt for
FORWARD_LIMIT = 400 * DAY  # a longer absence is a clock set forward
FORGIVEN = 2  # mistakes without a lockout
PENALTY = DAY // 2  # what a fault costs from the fourth one in FAULT_SPAN
FAULT_SPAN = 30 * DAY
_FORMAT = "<IIHBBBHIIIIIIBIH"
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
_FREE, _SUSPECT, _PENAL = 1, 2, 4  # of the flags; above them the tests
_TESTS = 3


_STEPS = (0, 1, 2, 4, 8, 16, 32)


def tallied(step):
    """Seconds of powered time since the last record that the tally `step` (0..255) stands for.

    The steps are fine right after a record, then a minute each.
    """
    return _STEPS[step] if step < len(_STEPS) else 60 * (step - len(_STEPS) + 1)


def lockout(mistakes):
    """Seconds of lockout after the `mistakes`-th wrong token in a row: 0, 0, then 2, 4, 8 ...

    512 minutes.
    """
    return 0 if mistakes <= FORGIVEN else 60 << min(mistakes - FORGIVEN, 9)


class Account:
    """What is written with every record: about fifty bytes.

    left: paid seconds, 0..CAP. free: unlocked for good. locked: seconds of lockout left. mistakes:
    wrong tokens in a row. chip: clock chip's reading at the record (seconds since 2020), 0 for
    none. suspect: the chip disagreed with the ticks. last: number of the last judged entry's
    outcome in OUTCOMES. tests: how often the test code was used. powered, counted: seconds with
    power, and seconds of all counted time. faults: clock faults so far.
    """

    def __init__(self):
        self.left = 0
        self.free = False
        self.locked = 0
        self.mistakes = 0
        self.last = 0
        self.tests = 0
        self.chip = 0
        self.suspect = False
        self.powered = 0
        self.counted = 0
        self.faults = 0
        self._recent = (0, 0, 0)  # counted time of the last three faults, 0 for none
        self._window = 0  # powered time when the running day of faults began
        self._window_faults = 0
        self._window_cost = 0
        self._penal = False
        self._doubt = DOUBT  # what is left of it

    def pack(self):
        flags = _FREE * self.free | _SUSPECT * self.suspect | _PENAL * self._penal
        flags |= self.tests << _TESTS
        return struct.pack(
            _FORMAT,
            self.left,
            self.chip,
            self.locked,
            self.mistakes,
            self.last,
            flags,
            self.faults,
            self.powered,
            self.counted,
            self._recent[0],
            self._recent[1],
            self._recent[2],
            self._window,
            self._window_faults,
            self._window_cost,
            self._doubt,
        )

    @classmethod
    def unpack(cls, data):
        self = cls()
        (
            self.left,
            self.chip,
            self.locked,
            self.mistakes,
            self.last,
            flags,
            self.faults,
            self.powered,
            self.counted,
            *recent,
            self._window,
            self._window_faults,
            self._window_cost,
            self._doubt,
        ) = struct.unpack(_FORMAT, data)
        self._recent = tuple(recent)
        self.free = bool(flags & _FREE)
        self.suspect = bool(flags & _SUSPECT)
        self._penal = bool(flags & _PENAL)
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

    def forgive(self):
        """A valid token ends the row of mistakes."""
        self.mistakes = self.locked = 0

    def resume(self, chip, tally):
        """Account for the time since the last record.

        Call it once, at power-on. True when the clock was at fault.

        chip: reading now, or None when it stopped or does not answer. tally: last step of powered
        time since that record that the chip's spare registers tell of, or None when they do not
        fit the record.
        """
        away = self._away(chip, tally)
        if away is None:
            self.fault()
            return True
        # The unit ran for at least `sure` seconds and for less than `most`. An honest chip tells
        # how long exactly; one that was set back by less than a step cannot be told from it, so
        # it is believed up to an allowance. Paid time that surely ran out without power makes up
        # for that: what the load gets in all is never more than was paid, but for DOUBT once.
        sure = max(away, tallied(tally))
        most = max(away, tallied(tally + 1))
        given = min(most - sure, self._doubt)
        unused = max(0, min(away, self.left) - tallied(tally + 1))
        self._doubt = min(DOUBT, self._doubt - given + unused)
        self.charge(most - given)
        self.counted += away
        self.powered += tallied(tally)
        return False

    def resume_blind(self):
        """The same for a board without a battery-backed clock: it never faults.

        Its time without power is 0, but the stretch that no record tells of is paid for.
        """
        self.charge(HEARTBEAT)

    def _away(self, chip, tally):
        if chip is None or tally is None or not self.chip or self.suspect:
            return None
        away, seen = chip - self.chip, tallied(tally)
        if not 0 <= away <= FORWARD_LIMIT or away < seen - tolerance(seen):
            return None
        return away

    def fault(self):
        """Count a clock fault and charge for it: one heartbeat, or the penalty once within a
        powered day.
        """
        now = self.counted = self.counted + HEARTBEAT
        if self._window_faults == 0 or self.powered - self._window > DAY:
            self._window, self._window_faults = self.powered, 0
            self._window_cost, self._penal = 0, False
        self.faults = min(self.faults + 1, 0xFFFF)
        self._window_faults = min(self._window_faults + 1, 255)
        oldest = self._recent[0]
        if oldest and now - oldest <= FAULT_SPAN:
            self._penal = True
        self._recent = self._recent[1:] + (now,)
        due = max(self._window_faults * HEARTBEAT, PENALTY if self._penal else 0)
        self.charge(due - self._window_cost)
        self._window_cost = due

    def clear_faults(self):
        """Forget the clock faults; a service action."""
        self.faults = 0
        self._recent = (0, 0, 0)
        self._window_faults = 0


def tolerance(seconds):
    """Seconds by which the chip may differ from the ticks over a stretch: 2 % and its own
    resolution.
    """
    return 2 + seconds // 50
