"""The activation timer: the account, run down by the MCU's ticks and checked by the clock chip.

Synchronous and without I/O of its own but the clock chip's; every method takes `now` in `ticks_ms`
and must see one at least every six days (half the period of a 32-bit port's ticks).
"""

from time import ticks_add, ticks_diff

from firmware.account import HEARTBEAT, tallied, tolerance

RECORD_EVERY = HEARTBEAT - 60  # a record may have to wait for a key to be released


class _Seconds:
    """Whole seconds as they pass; what is left of one stays for the next time."""

    def __init__(self, now):
        self.mark = now

    def take(self, now):
        """Whole seconds since the last time."""
        gone = max(0, ticks_diff(now, self.mark) // 1000)
        self.mark = ticks_add(self.mark, gone * 1000)
        return gone


class ActivationTimer:
    """Credit and lockout of `account`, from power-on (`now`) on.

    `clock`: a clock chip's driver or None.
    """

    def __init__(self, account, clock, now):
        self.account = account
        self._clock = clock
        self._power = _Seconds(now)
        self._credit = _Seconds(now)  # begin with a paid second, not with a powered one
        self._lock = _Seconds(now)
        self._recorded = account.powered  # powered time at the last record
        self._wait = RECORD_EVERY  # from there to the next one
        self._tallied = 0
        self._checked = None  # (chip, powered) where the running comparison began

    def resume(self, sequence):
        """Charge for the time since the record `sequence`.

        None for a new unit. True when the clock was at fault.
        """
        account, fault = self.account, False
        chip = self._read()
        if sequence is None:
            pass
        elif self._clock is None:
            account.resume_blind()
        else:
            fault = account.resume(chip, self._clock.tally(sequence))
        account.suspect = False
        self._restart(chip)
        return fault

    def sync(self, now):
        """Bring the account up to `now`."""
        account, gone = self.account, self._power.take(now)
        account.powered += gone
        account.counted += gone
        account.charge(self._credit.take(now))
        account.locked = max(0, account.locked - self._lock.take(now))

    def fractions(self, now):
        """Milliseconds of the running second that have gone: (of credit, of lockout)."""
        return ticks_diff(now, self._credit.mark), ticks_diff(now, self._lock.mark)

    def replace(self, account, now, fresh_lock=False):
        """Go on with a changed copy of the account.

        A new lockout begins now; so does the first paid second.
        """
        if fresh_lock:
            self._lock.mark = now
        if not self.account.left:
            self._credit.mark = now
        self.account = account

    def stamp(self, account):
        """Write the chip's reading into an account that is about to be recorded.

        Compare it with the ticks.
        """
        chip = self._read()
        if self._clock is None:
            account.chip = 0
            return
        since, powered = self._checked
        stretch = account.powered - powered
        if chip is None or abs(chip - since - stretch) > tolerance(stretch):
            account.suspect = True
            self.account.suspect = True
            self._restart(chip)
        account.chip = self._checked[0] if chip is None else chip

    def recorded(self, sequence):
        """The account was stored as record `sequence`: start its tally."""
        self._recorded = self.account.powered
        self._wait = RECORD_EVERY
        self._tallied = 0
        self._leave_mark(sequence)

    def postpone(self):
        """The record that was due could not be stored: the next one is due as if it had been."""
        self._wait += RECORD_EVERY

    def tally(self, sequence):
        """Leave a mark in the clock chip at each step since the record, while paid time runs."""
        step, since = self._tallied, self.account.powered - self._recorded
        while step < 254 and tallied(step + 1) <= since:
            step += 1
        if step > self._tallied:
            self._tallied = step
            if self.account.left:
                self._leave_mark(sequence)

    def record_due(self):
        """Is it time for a record?"""
        return self.account.powered - self._recorded >= self._wait

    def due(self, now):
        """Milliseconds until the credit ends, or a record or a tally is due."""
        account = self.account
        since = account.powered - self._recorded
        seconds = max(0, self._wait - since)
        if account.left and self._clock:
            seconds = min(seconds, tallied(self._tallied + 1) - since)
        wait = seconds * 1000 - ticks_diff(now, self._power.mark)
        if account.left:
            wait = min(wait, account.left * 1000 - ticks_diff(now, self._credit.mark))
        return max(0, wait)

    def _leave_mark(self, sequence):
        if self._clock:
            try:
                self._clock.mark(sequence, self._tallied)
            except OSError:
                pass  # the next boot finds no mark and counts a fault

    def _read(self):
        try:
            return self._clock and self._clock.read()
        except OSError:
            return None

    def _restart(self, chip):
        """Begin a comparison of chip and ticks here.

        A chip without a time gets the last one known.
        """
        if self._clock is None:
            return
        if chip is None:
            chip = max(1, self.account.chip)
            try:
                self._clock.set(chip)
            except OSError:
                pass
        self._checked = (chip, self.account.powered)
