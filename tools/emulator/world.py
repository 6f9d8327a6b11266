"""The time of an emulated board: the chip's own clock while it runs, else a mere number.

It has of tools.sim.world.World what the board's models and the session need.
"""

import heapq
from collections.abc import Callable

from tools.emulator.pico import Pico
from tools.sim.parts import PowerCut


class EmulatedWorld:
    """`now`: microseconds, never goes back. `chip` is what runs, a Pico, or None without power."""

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
        """Whether the MCU has power."""
        return self.chip is not None

    def start(self, chip: Pico) -> None:
        """The MCU gets power."""
        self._base = self.now
        self.chip = chip

    def stop(self, reason: str) -> None:
        """The MCU has no power any more, or is to be reset from outside."""
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
        """Return when `duration` (us) has passed."""
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
        """Let all happen while `condition()` holds, `longest` us at most; tell whether it fell."""
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
