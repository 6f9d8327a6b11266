"""The simulated world: one clock in microseconds, what is due when, and whether the MCU runs.

Time moves only here. Whoever waits calls `sleep`, `spend` or `stall`; the asyncio loop calls
`step`. Between them nothing passes, however long Python takes.
"""

import heapq

NEVER = 1 << 60
"""A time (us) that does not come."""

_MCU = 3  # index of an event's owner flag


class Halt(BaseException):
    """Unwinds the firmware: `reason` is "power", "reset", "watchdog" or "quit"."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


class World:
    """The clock and the events of one simulated board.

    `now`: microseconds, never goes back. `driver()` is called when its time, given to `ask`, has
    come and the firmware has nothing left to do: that is how the script at the other end acts.
    """

    has_prompt = False  # whether Ctrl-C is for the firmware
    GRACE = 1_000_000  # us the driver waits for a firmware that blocks instead of awaiting

    def __init__(self, now=0):
        self.now = now
        self.booted = now  # when the MCU last left reset: the zero of its ticks
        self.running = False
        self.driver = None
        self.horizon = 0  # until then nothing happens by itself; 0 while the MCU is dead
        self._wish = NEVER
        self._stopped = "power"
        self._heap = []
        self._serial = 0
        self._masks = 0
        self._pending = []
        self._driving = False

    # --- the MCU -------------------------------------------------------------------------

    def start(self):
        """The MCU leaves reset."""
        self.booted = self.now
        self.running = True
        self._masks = 0
        self._pending = []
        self._look_ahead()

    def stop(self, reason):
        """The MCU stops: its timers are gone, and whatever it still does raises Halt."""
        if self.running:
            self.running = False
            self._stopped = reason
        self._heap = [event for event in self._heap if not event[_MCU]]
        heapq.heapify(self._heap)
        self._pending = []
        self._masks = 0
        self._look_ahead()

    def halt(self, reason):
        """Stop the MCU from within its own program, unless it is dead already."""
        self.check()
        self.stop(reason)
        raise Halt(reason)

    def check(self):
        """Raise Halt unless the MCU runs: dead firmware that is unwinding does nothing."""
        if not self.running:
            raise Halt(self._stopped)

    # --- events --------------------------------------------------------------------------

    def at(self, due, action, mcu=False):
        """Call `action()` at `due` (us); return the event for `cancel`.

        With `mcu` the event is the MCU's own and dies with its reset.
        """
        self._serial += 1
        event = [due, self._serial, action, mcu]
        heapq.heappush(self._heap, event)
        self._look_ahead()
        return event

    def cancel(self, event):
        """Make an event not happen; one that has happened already stays happened."""
        event[2] = None

    def ask(self, wish):
        """The driver wants control at `wish` (us)."""
        self._wish = wish
        self._look_ahead()

    def interrupt(self, handler, argument):
        """Run an interrupt handler now, or when interrupts are enabled again."""
        if self._masks:
            if (handler, argument) not in self._pending:
                self._pending.append((handler, argument))
        elif self.running:
            handler(argument)

    def mask(self):
        """Disable interrupts; return the state for `unmask`."""
        self._masks += 1
        return self._masks - 1

    def unmask(self, state):
        """Back to a state that `mask` returned; what came in between happens now."""
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
            if heap and heap[0][0] <= until:
                self._fire()
            elif self._driving or self._wish + self.GRACE > until:
                break
            else:
                self.now = max(self.now, self._wish + self.GRACE)
                self._drive()
        if until > self.now:
            self.now = until
        self.check()

    spend = sleep

    def hurry(self, duration):
        """Return when `duration` (us) has passed, which nobody at the other end waits for."""
        return self.now + duration

    def stall(self, duration):
        """Let `duration` (us) pass with interrupts held back, as during a flash write."""
        state = self.mask()
        try:
            self.sleep(duration)
        finally:
            self.unmask(state)

    def glance(self):
        """The firmware looked at the time: that takes a microsecond, so polling loops end.

        For the driver, who asks between two moments, time stands still.
        """
        if not self._driving:
            now = self.now + 1
            if now < self.horizon:
                self.now = now
            else:
                self.sleep(1)

    def step(self, limit=NEVER):
        """Go to whatever comes next up to `limit` (us): an event, the driver, the limit.

        At one instant events come first, then the caller (who is due at `limit`), then the
        driver: it sees the world at rest.
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
