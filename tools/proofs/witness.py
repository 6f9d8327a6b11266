"""An outside observer's account of paid time and attempts, independent of the unit's state.

Takes each record written to the unit's own flash and each answer of the unit; raises a Violation
that names the broken promise.
"""

from tools.proofs.stepper import Violation


class Entry:
    """An entry not yet answered.

    `stage`: "waiting", "tried" once the attempt is in a record, "stored" once the result is.
    """

    def __init__(self, digits):
        self.digits = digits
        self.stage = "waiting"
        self.slice = 0
        self.steps = None  # generator of Unit.entering


class Witness:
    """Checks records and answers; all times are in ms.

    `firmware`: interleavings.Firmware; `scenario`: gives credit and mistakes at the start; `open`:
    task -> Entry; `newest`: account of the newest record; `stored_at`: time of the newest record.
    """

    def __init__(self, firmware, scenario, now):
        self._firmware = firmware
        self.state = firmware.fresh()
        self.mistakes = scenario.mistakes
        self.last = "INVALID" if scenario.mistakes else None
        self.open = {}
        self.locked_until = now
        self.sequence = 0
        self.newest = None
        self.stored_at = now
        self._paid = scenario.credit * 1000, now

    def left_ms(self, now):
        """Return the paid milliseconds left; negative after the end."""
        paid, since = self._paid
        return paid - (now - since)

    def check(self, task, now, sequence, state, account):
        """Check a record just written to the own flash by `task`; `state` None: the state before
        holds.
        """
        if sequence <= self.sequence:
            raise Violation(f"record {sequence} came after record {self.sequence}")
        self.sequence, self.newest, self.stored_at = sequence, account, now
        last = self._firmware.account.OUTCOMES[account.last]
        seen = account.mistakes, last
        tried = [entry for entry in self.open.values() if entry.stage == "tried"]
        own = self.open.get(task)
        for entry in self.open.values():
            if entry.stage != "stored" and self._is_result(entry, seen, state):
                return self._settle(entry, now, account)
        if state not in (None, self.state):
            raise Violation("a record's tokens are not those that were accepted so far")
        if seen == (self.mistakes + 1, "INVALID") and (tried or own):
            (own or tried[0]).stage = "tried"
        elif tried:
            raise Violation(f"an attempt under judgement was overwritten: {seen}")
        elif seen != (self.mistakes, self.last):
            raise Violation(f"a record says {seen}, not {(self.mistakes, self.last)}")
        self._check_left(now, account)

    def _is_result(self, entry, seen, state):
        verdict, after = self._firmware.judge(self.state, entry.digits)
        if verdict.outcome == "ALREADY_USED":
            return entry.stage == "tried" and seen == (self.mistakes, "ALREADY_USED")
        return verdict.outcome != "INVALID" and state == after and seen == (0, verdict.outcome)

    def _settle(self, entry, now, account):
        verdict, self.state = self._firmware.judge(self.state, entry.digits)
        if entry.stage == "waiting":
            raise Violation("a token was credited that was not tried first")
        entry.stage, self.last = "stored", verdict.outcome
        if verdict.outcome != "ALREADY_USED":
            self.mistakes = 0
            self._paid = max(0, self.left_ms(now)) + verdict.seconds * 1000, now
        self._check_left(now, account)

    def _check_left(self, now, account):
        left = max(0, self.left_ms(now))
        if not 0 <= account.left - left // 1000 <= 1:
            raise Violation(f"{account.left} s recorded, {left} ms are left")

    def judged(self, entry, now):
        """Check that an entry may be judged now."""
        if entry.stage != "tried":
            raise Violation("a token is judged before the attempt is stored")
        if now < self.locked_until - 1000:
            raise Violation("a token is judged during a lockout")

    def answered(self, task, outcome, now, refused):
        """Check the unit's answer to an entry."""
        entry = self.open.pop(task)
        verdict, _ = self._firmware.judge(self.state, entry.digits)
        if outcome is None and refused:
            if entry.stage == "tried" and verdict.outcome == "INVALID":
                self._mistake(now)
        elif outcome == "LOCKED":
            if now >= self.locked_until:
                raise Violation("LOCKED without a lockout")
        elif outcome == "INVALID" and entry.stage == "tried":
            self._mistake(now)
        elif entry.stage != "stored":
            raise Violation(f"{outcome} was told and not stored")
        elif outcome != self.last:
            raise Violation(f"{outcome} was told and {self.last} stored")
        self._check_newest(outcome)

    def _mistake(self, now):
        self.mistakes += 1
        self.last = "INVALID"
        self.locked_until = now + self._firmware.account.lockout(self.mistakes) * 1000

    def _check_newest(self, outcome):
        if outcome in (None, "LOCKED"):
            return
        if self.newest.mistakes < self.mistakes:
            raise Violation(f"{outcome} was told and its mistake not stored")
        lockout = self._firmware.account.lockout(self.mistakes)
        if outcome == "INVALID" and self.newest.locked < lockout:
            raise Violation("INVALID was told and its lockout not stored")
