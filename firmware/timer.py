"""The activation timer: runs the account down by the MCU's ticks and schedules records.

Synchronous; no I/O but the clock chip's. Methods take `now` in `ticks_ms`; calls must be at most
six days apart (half the period of a 32-bit port's ticks). Rules and reasons: docs/threat-model.md.
"""

from time import ticks_add, ticks_diff

from firmware.account import BOUNCES, CALM, FIRST, LONGEST

MARGIN_MS = 2_000  # the load opens this long before the bound: rounding and a slow write
HOLD_MS = 5_000  # longest wait of a due record for the release of a key
HOLD_MARGIN_MS = 2_500  # a due record waits for no key when the bound is this close
RETRY_MS = 10_000  # after a record that the flash refused
IDLE_MS = 3600_000  # between records of a unit with neither credit nor lockout
_ASK = 3  # reads without answer before the clock chip counts as silent
_SILENT = -1


class _Seconds:
    """Counts whole seconds; the rest of a second is kept for the next call."""

    def __init__(self, now):
        self.mark = now

    def take(self, now):
        """Return the whole seconds since the last call."""
        gone = max(0, ticks_diff(now, self.mark) // 1000)
        self.mark = ticks_add(self.mark, gone * 1000)
        return gone


class ActivationTimer:
    """Runs credit and lockout of `account` from a start (`now`) on.

    `clock`: a clock chip's driver or None; `covered`: the newest record allows the load to be on
    for paid time; `powered`: whole seconds since the start.
    """

    def __init__(self, account, clock, now):
        self.account = account
        self.covered = False
        self.powered = 0
        self._clock = clock
        self._power = _Seconds(now)
        self._credit = _Seconds(now)  # in step with paid seconds, not with powered seconds
        self._lock = _Seconds(now)
        self._synced = now
        self._snapshot = now  # time of the newest record
        self._bound = 0  # bound of the newest record
        self._next = FIRST  # bound of the next record
        self._due = now  # time at which the next record is due
        self._known = (1, 0)  # the clock chip's last reading, and `powered` then
        self._base = None  # reading and `powered` where the comparison with the ticks began
        self._lost = False  # set the clock after the next record

    def resume(self, hung):
        """Charge for a start; return True for a clock fault. `account` is the newest record's.

        `hung`: see Account.resume.
        """
        account, away = self.account, 0
        if self._clock:
            self._known = max(1, account.chip), 0
            away = account.away(self._first_reading())
        account.resume(away, hung)
        if account.starts == BOUNCES:
            self._next = 0
        return away is None

    def begin(self):
        """Begin without a record, in a new unit."""
        if self._clock:
            self._first_reading()

    def sync(self, now):
        """Bring the account up to `now`."""
        account, gone = self.account, self._power.take(now)
        self.powered += gone
        account.power(gone)
        account.charge(self._credit.take(now))
        account.locked = max(0, account.locked - self._lock.take(now))
        self._synced = now
        if ticks_diff(now, self._snapshot) >= self._bound * 1000 - MARGIN_MS:
            self.covered = False

    def fractions(self, now):
        """Return milliseconds gone in the running second: (of credit, of lockout)."""
        return ticks_diff(now, self._credit.mark), ticks_diff(now, self._lock.mark)

    def replace(self, account, now, fresh_lock=False):
        """Continue with a changed copy of the account.

        `fresh_lock`: a new lockout begins now. If no credit was left, the first paid second begins
        now.
        """
        if fresh_lock:
            self._lock.mark = now
        if not self.account.left:
            self._credit.mark = now
        self.account = account

    def stamp(self, account):
        """Write bound and clock reading into an account right before the account is recorded."""
        account.bound = self._next
        account.chip = self._reading() if self._clock else 0
        if self._next > FIRST:
            account.starts = 0

    def recorded(self, account):
        """Let a stored record cover the load; `account` is as of the last `sync`."""
        now = self._snapshot = self._synced
        self._bound = account.bound
        self.covered = self._bound * 1000 > MARGIN_MS
        wait = IDLE_MS
        if account.left or account.locked:
            wait = max(FIRST, self._bound) * 5000 // 6 - 1000
        self._due = ticks_add(now, wait)
        self._next = min(LONGEST, max(FIRST, 2 * self._bound))
        if self._lost:
            self._set_clock()

    def refused(self, now):
        """Retry soon, as a record could not be stored."""
        self._due = ticks_add(now, RETRY_MS)

    def record_due(self, now, quiet):
        """Is it time for a record? `quiet`: no key is down."""
        late = ticks_diff(now, self._due)
        if late < 0 or quiet or late >= HOLD_MS:
            return late >= 0
        to_bound = self._bound * 1000 - ticks_diff(now, self._snapshot)
        return bool(self.account.left or self.account.locked) and to_bound <= HOLD_MARGIN_MS

    def due(self, now):
        """Return milliseconds until the credit ends, a record is due, or the load has to open."""
        left = min(self.account.left, 3600)
        wait = ticks_diff(self._due, now)
        if left:
            since = ticks_diff(now, self._credit.mark)
            if self.account.doubt > CALM:  # the last paid second may end with a powered one
                left = max(1, left * 3 // 4)
                since = max(since, ticks_diff(now, self._power.mark))
            wait = min(wait, left * 1000 - since)
            if self.covered:
                open_at = ticks_add(self._snapshot, self._bound * 1000 - MARGIN_MS)
                wait = min(wait, ticks_diff(open_at, now))
        return max(0, wait)

    # --- the clock chip ------------------------------------------------------------------

    def _ask(self):
        """Return the chip's reading, None when the chip stopped, _SILENT when
        there is no answer.
        """
        for _ in range(_ASK):
            try:
                return self._clock.read()
            except OSError:
                pass
        return _SILENT

    def _first_reading(self):
        """Return the reading at a start, or None, and begin the comparison with the ticks."""
        reading = self._ask()
        self._lost = reading is None
        if reading is None or reading == _SILENT:
            return None
        self._known = self._base = reading, 0
        return reading

    def _expected(self):
        """Return the reading expected from the last reading and the ticks."""
        return self._known[0] + self.powered - self._known[1]

    def _reading(self):
        """Return the reading for a record: 0 when the chip stopped or disagreed with the ticks."""
        reading = self._ask()
        if reading == _SILENT:
            return self._expected()
        if reading is None:  # stopped, or failed to start after `_set_clock`
            new, self._lost = not self._lost, True
            return 0 if new else self._expected()
        self._known = reading, self.powered
        if self._base is None:
            self._base = self._known
        since, start = self._base
        stretch = self.powered - start
        agrees = abs(reading - since - stretch) <= 2 + stretch // 50
        return reading if agrees else 0

    def _set_clock(self):
        """Set a clock that lost the time, to the reading expected from the last record."""
        try:
            self._known = self._base = self._expected(), self.powered
            self._clock.set(self._known[0])
            self._lost = False
        except OSError:
            pass  # try again after the next record
