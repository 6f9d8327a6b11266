"""The time of an emulated board: the chip's own clock while the chip runs, else a plain number.

Provides the part of tools.sim.world.World needed by the board's models and the session.
"""

import heapq
from collections.abc import Callable

from tools.emulator.pico import Pico
from tools.sim.parts import PowerCut


class EmulatedWorld:
    """The world. `now`: microseconds, never goes back; `chip`: a Pico, or None without power."""

    def __init__(self) -> None:
        self.chip: Pico | None = None
        self._base = 0  # `now` when the chip's clock was 0
        self._events: list[tuple[int, int, Callable[[], object]]] = []
        self._serial = 0

    @property
    def now(self) -> int:
        """Microseconds since the world began."""
        return self._base + (self.chip.nanos // 1_000 if self.chip else 0)

    @property
    def running(self) -> bool:
        """Does the MCU have power?"""
        return self.chip is not None

    def start(self, chip: Pico) -> None:
        """Give the MCU power."""
        self._base = self.now
        self.chip = chip

    def stop(self, reason: str) -> None:
        """Take the MCU's power away, or reset the MCU from outside."""
        if self.chip is None:
            return
        if reason == "power":
            now = self.now
            self.chip.halt()
            self.chip = None
            self._base = now
        else:
            self.chip.reset()

    def at(self, due: int, action: Callable[[], object]) -> None:
        """Call `action()` at `due` (us)."""
        self._serial += 1
        heapq.heappush(self._events, (due, self._serial, action))

    def stall(self, duration: int) -> None:
        """Let `duration` (us) pass with the MCU held up."""
        if self.chip is not None:
            self.chip.stall(duration * 1_000)

    def hurry(self, duration: int) -> int:
        """Return the time in `duration` (us)."""
        return self.now + duration

    def run_until(self, due: int) -> None:
        """Let everything happen until `due` (us)."""
        while True:
            event = self._events[0] if self._events else None
            limit = min(due, event[0]) if event else due
            self._pass(limit)
            if event is None or event[0] > due:
                return
            heapq.heappop(self._events)
            event[2]()

    def run_while(self, condition: Callable[[], object], longest: int) -> bool:
        """Let time pass while `condition()` holds, `longest` us at most; return True if the
        condition fell.
        """
        end = self.now + longest
        while condition():
            if self.now >= end:
                return False
            self.run_until(min(self.now + 1_000, end))
        return True

    def _pass(self, limit: int) -> None:
        while self.now < limit:
            if self.chip is None:
                self._base = limit
                return
            try:
                self.chip.run_until((limit - self._base) * 1_000)
            except PowerCut:
                pass  # the chip is gone by now; time goes on
