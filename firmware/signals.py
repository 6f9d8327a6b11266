"""Green and red LED and a buzzer, with the blink patterns of the protocol's reference devices.

Nothing here blocks.
"""

from firmware.wake import Wake

# Steps of (green, red, buzzer, milliseconds).
_GAP = (0, 0, 0, 150)
_GREEN = (1, 0, 1, 150)
CLICK = ((0, 0, 1, 15),)
WARN = ((0, 1, 1, 60),)
REFUSE = ((0, 1, 1, 200),)
USED = (_GREEN,)
VALID = (_GREEN, _GAP, _GREEN)
WRONG = ((0, 1, 1, 1000),)
FREE = (_GREEN, _GAP, _GREEN, _GAP, _GREEN, _GAP, _GREEN, _GAP, _GREEN)


class Signals:
    """Plays patterns. `green`, `red`, `buzzer`: callables of 1 (on) or 0; None where
    not fitted.
    """

    def __init__(self, green, red, buzzer):
        self._outputs = (green, red, buzzer)
        self._next = None
        self._wake = Wake()

    def play(self, pattern):
        """Play a pattern instead of the current one."""
        self._next = pattern
        self._set(pattern[0])  # at once: a key press is answered before anything else happens
        self._wake.set()

    async def run(self):
        """Play patterns for ever."""
        while True:
            if self._next is None:
                self._set((0, 0, 0))
                await self._wake.wait_ms(3600_000)
                continue
            pattern, self._next = self._next, None
            for step in pattern:
                self._set(step)
                await self._wake.wait_ms(step[3])
                if self._next is not None:
                    break

    def _set(self, step):
        for index, output in enumerate(self._outputs):
            if output:
                output(step[index])
