"""A whole unit as its customer sees it: tools.conformance's model, and the glass."""

from tools.conformance import model
from tools.conformance.model import DAY


def days_text(seconds):
    """Days left as the glass says them: rounded up, so that 0 is never said while there is any."""
    days = -(-seconds // DAY)
    return "1 day left" if days == 1 else f"{days} days left"


class Model(model.Model):
    """A unit with power and a display."""

    def idle_glass(self):
        """What is shown when nobody does anything."""
        wait = self._wait()
        if self.free:
            return "Free\n" + wait
        if self.left:
            return days_text(self.left) + "\n" + wait
        return "Locked\n" + (wait or "Enter a token")

    def entry_glass(self, outcome):
        """What is shown right after an entry."""
        if outcome == "LOCKED":
            return self._wait() + "\n"
        if outcome == "MALFORMED":
            return "Check the digits\n{} or {}".format(*self.ledger.lengths())
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
