"""The timer of a blank unit: no time is paid for, and none runs down.

The methods are those of firmware.timer.ActivationTimer.
"""

from firmware.account import Account


class BlankTimer:
    """Stands in for the timer as long as firmware.unit.Unit has no identity."""

    covered = False

    def __init__(self):
        self.account = Account()

    def sync(self, now):
        pass

    def refused(self, now):
        pass

    def fractions(self, now):
        return 0, 0

    def record_due(self, now, quiet):
        return False

    def due(self, now):
        return 3600_000
