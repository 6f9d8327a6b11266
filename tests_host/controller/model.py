"""A whole unit as its customer sees it: tools.conformance's model, records, and the glass.

The rule of paid time is that of docs/threat-model.md, written anew: what is stored when, what a
start charges, what a clock fault costs. Nothing is shared with the firmware.
"""

from typing import NamedTuple

from tools.conformance import model
from tools.conformance.model import DAY

FIRST, LONGEST = 10, 60  # bounds: of a start's first record; the longest
IDLE = 3600  # between records of a unit with neither credit nor lockout
CALM, DOUBT = 30 * DAY, DAY // 2  # doubt after a first clock fault, and what each further one adds
BOUNCES = 3  # starts in a row with one record each, before a patient one
LATE = 0.012  # seconds by which each record that comes by itself may be late


def days_text(seconds):
    """Days left as the glass says them: rounded up, so that 0 is never said while there is any."""
    days = -(-seconds // DAY)
    return "1 day left" if days == 1 else f"{days} days left"


class Record(NamedTuple):
    """A stored record: `at`, seconds since the start; the load may follow for `bound` seconds."""

    at: float
    bound: int
    left: float
    locked: float
    doubt: float


class Model(model.Model):
    """A unit with power and a display.

    `record`: the newest; `due`: when the next one comes by itself; `faults`: clock faults;
    `patient`: this start's first record allows no load.
    """

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.now = 0.0
        self.faults = self.doubt = 0
        self.patient = False
        self._bounced = 0
        self._first(FIRST)
        self._store()  # a new unit fills both slots

    # --- records -------------------------------------------------------------------------

    def _first(self, bound):
        """A start's first record."""
        self.now = 0.0
        self._next = bound
        self._store()

    def _store(self, late=0.0):
        bound = self._next
        self._late = late
        self.record = Record(self.now, bound, self.left, self.locked, self.doubt)
        self._next = min(LONGEST, max(FIRST, 2 * bound))
        busy = self.left or self.locked
        self.due = self.now + (max(FIRST, bound) * 5 / 6 - 1 if busy else IDLE)
        if bound > FIRST:
            self._bounced = 0
        self.patient = self.patient and bound == 0

    def near_record(self):
        """Is a record about to come, or has it just come by itself, to a second and a half?"""
        return self.due - self.now < 1.5 or 0 < self.record.at > self.now - 1.5

    # --- time ----------------------------------------------------------------------------

    def run(self, seconds):
        """Powered time passes."""
        end = self.now + seconds
        while self.due <= end:
            self._pass(self.due - self.now)
            self._store(self._late + LATE)
        self._pass(end - self.now)

    def _pass(self, seconds):
        doubted = max(0, min(seconds, self.doubt - CALM))
        super().run(seconds)
        self.left = max(0, self.left - doubted / 3)
        self.doubt = max(0, self.doubt - seconds)
        self.now += seconds

    def start(self, off, fault):
        """The power was off for so many seconds; return what may be left, and what locked.

        Both as (least, most) seconds: after an hour of records the newest one's age is not known
        any more. fault: the clock is not believed.
        """
        record = self.record
        self._bounced = min(BOUNCES, self._bounced + 1) if self._one_record() else 0
        left, locked = [], []
        for age, then in self._newest():
            gone = record.bound if fault else max(record.bound, age + off)
            left.append(max(0, then.left - gone))
            locked.append(then.locked)
        self.doubt = record.doubt
        if fault:
            self.faults += 1
            self.doubt = CALM + DOUBT if self.doubt else CALM
        self.patient = self._bounced == BOUNCES
        self.left, self.locked = left[0], locked[0]
        self._first(0 if self.patient else FIRST)
        return (min(left), max(left)), (min(locked), max(locked))

    def _newest(self):
        """Yield (age, record) of what may be the newest record."""
        record = self.record
        if self._late < 1:
            yield self.now - record.at, record
            return
        for age in (0, self.due - record.at + 1):
            left = self.left + age if self.left else 0
            locked = self.locked + age if self.locked else 0
            yield age, record._replace(left=left, locked=locked)

    def _one_record(self):
        return self.record.left and self.record.bound <= FIRST

    def enter(self, typed):
        """An entry is submitted; return its outcome."""
        outcome = super().enter(typed)
        if outcome not in ("LOCKED", "MALFORMED"):
            self._store()  # the attempt,
            self._store()  # what came of it
        return outcome

    # --- the glass -----------------------------------------------------------------------

    def idle_glass(self):
        """Return the idle page."""
        wait = self._wait()
        if self.free:
            return "Free\n" + wait
        if self.left:
            return days_text(self.left) + "\n" + wait
        return "Locked\n" + (wait or "Enter a token")

    def entry_glass(self, outcome):
        """Return the page right after an entry."""
        if outcome == "LOCKED":
            return self._wait() + "\n"
        if outcome == "MALFORMED":
            return "Check the digits\n{} or {}".format(*self.rules.lengths())
        if outcome == "INVALID":
            return "Invalid\n" + self.idle_glass().split("\n")[1]
        state = "Free" if self.free else days_text(self.left)
        if outcome == "ALREADY_USED":
            return "Already used\n" + state
        if self.free:
            return "Free\n"
        if outcome in ("RESERVED", "EXTENDED"):
            return "Valid\n"
        if outcome == "SET_TIME" and not self.left:
            return "Locked\n"
        return ("Valid, maximum\n" if self.capped else "Valid\n") + state

    def _wait(self):
        return f"Wait {-(-self.locked // 60)} min" if self.locked else ""
