"""The simulated world: one clock in microseconds, the events due, and the MCU's running state.

Time moves only here: through `sleep`, `spend` or `stall`, called to wait, and through `step`,
called by the asyncio loop. Between these calls no time passes, however long Python takes.
"""

import heapq

NEVER = 1 << 60
"""A time (us) that does not come."""

_SLOTS = 8  # for handlers held back, as in MicroPython's scheduler
_MCU = 3  # index of an event's owner flag


class Halt(BaseException):
    """Unwinds the firmware: `reason` is "power", "reset", "watchdog" or "quit"."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


class World:
    """The clock and the events of one simulated board.

    `now`: microseconds, never goes back; `booted`: time at which the MCU last left reset, the zero
    of the ticks; `driver()`: called when the time given to `ask` has come and the firmware has
    nothing left to do, so that the script can act; `has_prompt`: Ctrl-C is for the firmware;
    `GRACE`: microseconds that the driver waits for firmware that blocks instead of awaiting;
    `horizon`: no event is due before this time, 0 while the MCU is dead.
    """

    has_prompt = False
    GRACE = 1_000_000

    def __init__(self, now=0):
        self.now = now
        self.booted = now
        self.running = False
        self.driver = None
        self.horizon = 0
        self._wish = NEVER
        self._stopped = "power"
        self._heap = []
        self._serial = 0
        self._masks = 0
        self._pending = []
        self._driving = False

    # --- the MCU -------------------------------------------------------------------------

    def start(self):
        """Let the MCU leave reset."""
        self.booted = self.now
        self.running = True
        self._masks = 0
        self._pending = []
        self._look_ahead()

    def stop(self, reason):
        """Stop the MCU: its timers are gone, and any further action of the
        firmware raises Halt.
        """
        if self.running:
            self.running = False
            self._stopped = reason
        self._heap = [event for event in self._heap if not event[_MCU]]
        heapq.heapify(self._heap)
        self._pending = []
        self._masks = 0
        self._look_ahead()

    def halt(self, reason):
        """Stop the MCU from within the firmware, unless already dead."""
        self.check()
        self.stop(reason)
        raise Halt(reason)

    def check(self):
        """Raise Halt unless the MCU runs: dead firmware that is unwinding must have no effect."""
        if not self.running:
            raise Halt(self._stopped)

    # --- events --------------------------------------------------------------------------

    def at(self, due, action, mcu=False):
        """Call `action()` at `due` (us); return the event for `cancel`.

        With `mcu`, the event belongs to the MCU and dies with a reset.
        """
        self._serial += 1
        event = [due, self._serial, action, mcu]
        heapq.heappush(self._heap, event)
        self._look_ahead()
        return event

    def cancel(self, event):
        """Cancel an event; no effect if the event has happened."""
        event[2] = None

    def ask(self, wish):
        """Give control to the driver at `wish` (us)."""
        self._wish = wish
        self._look_ahead()

    def interrupt(self, handler, argument):
        """Run an interrupt handler now, or when interrupts are enabled again.

        Drops the interrupt when too many are held back already.
        """
        if self._masks:
            if len(self._pending) < _SLOTS and (handler, argument) not in self._pending:
                self._pending.append((handler, argument))
        elif self.running:
            handler(argument)

    def mask(self):
        """Disable interrupts; return the state for `unmask`."""
        self._masks += 1
        return self._masks - 1

    def unmask(self, state):
        """Restore a state returned by `mask`; interrupts held back run now."""
        self._masks = state
        while self._pending and not self._masks:
            handler, argument = self._pending.pop(0)
            handler(argument)

    # --- time ----------------------------------------------------------------------------

    def sleep(self, duration):
        """Let `duration` (us) pass while the firmware blocks; interrupts are served."""
        until = self.now + duration
        if until < self.horizon:
            self.now = until
            return
        while self.horizon <= until:
            self.check()
            heap = self._heap
            wish = NEVER if self._driving else self._wish + self.GRACE
            if heap and heap[0][0] <= min(until, wish):
                self._fire()
            elif wish > until:
                break
            else:
                self.now = max(self.now, wish)
                self._drive()
        if until > self.now:
            self.now = until
        self.check()

    spend = sleep

    def hurry(self, duration):
        """Return the time in `duration` (us), to be reached without waiting for the outside."""
        return self.now + duration

    def stall(self, duration):
        """Let `duration` (us) pass with interrupts held back, as during a flash write."""
        state = self.mask()
        try:
            self.sleep(duration)
        finally:
            self.unmask(state)

    def glance(self):
        """Let a microsecond pass, as the firmware looked at the time: polling loops must end.

        No time passes when the driver looks, between two moments.
        """
        if not self._driving:
            now = self.now + 1
            if now < self.horizon:
                self.now = now
            else:
                self.sleep(1)

    def step(self, limit=NEVER):
        """Go to the next event, the driver's wish or `limit` (us), the earliest of these.

        At the same instant events come first, then the caller (due at `limit`), then the driver,
        who finds the world at rest.
        """
        heap = self._heap
        due = heap[0][0] if heap else NEVER
        wish = self._wish
        if due <= limit and due <= wish:
            self._fire()
        elif wish < limit:
            if wish > self.now:
                self.now = wish
            self._drive()
        elif limit > self.now:
            self.now = limit

    # --- inside --------------------------------------------------------------------------

    def _look_ahead(self):
        horizon = self._wish + self.GRACE
        heap = self._heap
        if heap and heap[0][0] < horizon:
            horizon = heap[0][0]
        self.horizon = horizon if self.running else 0

    def _fire(self):
        event = heapq.heappop(self._heap)
        self._look_ahead()
        if event[0] > self.now:
            self.now = event[0]
        action = event[2]
        if action is not None:
            event[2] = None
            action()

    def _drive(self):
        was_running = self.running
        self._driving = True
        try:
            self.driver()
        finally:
            self._driving = False
        if was_running:
            self.check()
