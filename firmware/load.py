"""The load switch: one output that gives power to the customer's appliances or not."""


class LoadSwitch:
    """`pin`: a configured output; `active`: the level (0 or 1) that closes the switch."""

    def __init__(self, pin, active=1):
        self._pin = pin
        self._active = active
        self.on = False
        self.set(False)

    def set(self, on):
        """Close (True) or open the switch."""
        self.on = bool(on)
        self._pin(self._active if on else 1 - self._active)
