"""Cuts the power of a rig in each step of a write, boots the unit, and checks.

After each cut the unit must be in the state before the operation, after the operation, or before
the operation with one more mistake on record; the load must follow, and the identity must be
there. At step granularity the recovery is cut again, the unit is booted once more and the token is
entered again: the token must credit its days exactly once. After a cut in the second medium, or
anywhere at step granularity and then again after the recovery, the second medium must know as much
alone: the flash is wiped and the unit provisioned.
"""

import sys

import opaygo
from firmware.account import BOUNCES, FIRST, UNKNOWN, lockout
from tools.proofs.cuts.rig import IDENTITY, TIME, enter

SHOWN = 5  # failures described on standard error


class Faults:
    """Counters of failures."""

    def __init__(self):
        self.cuts = self.lost = self.double = self.shortened = 0

    def add(self, kind, text):
        setattr(self, kind, getattr(self, kind) + 1)
        if self.lost + self.double + self.shortened <= SHOWN:
            print(kind, text, file=sys.stderr)


class View:
    """Knowledge of a unit. In a cut `core` must not change, `left` may only shrink, `locked` only
    grow.

    `bound`: of the newest record.
    """

    def __init__(self, core, left, locked, bound):
        self.core = core
        self.left = left
        self.locked = locked
        self.bound = bound

    def same(self, other, alone, small):
        """Does the core equal another View's, as far as the second medium alone can know the core?

        `alone`: only the second medium is left; `small`: the medium has no room for remembered
        tokens.
        """
        if not alone:
            return self.core == other.core
        state = other.core[0]
        states = (state, opaygo.new_state(state.count)) if small else (state,)
        return self.core[0] in states and self.core[1] == other.core[1]


def view(unit):
    """Return the View of a unit now, None for a blank unit."""
    if not unit.identity:
        return None
    unit.tick()
    account = unit._timer.account
    core = (unit._state, account.free, account.mistakes)
    return View(core, account.left, account.locked, unit._timer._bound)


def spend(unit, seconds):
    """Let powered seconds pass like the account's task; no key is down."""
    end = TIME.us + seconds * 1_000_000
    while TIME.us < end:
        TIME.us = min(end, TIME.us + max(10, unit.due()) * 1000)
        unit.tick()
        if unit.beat_due(True):
            unit.beat()


class Operation:
    """An operation that stores, and the results allowed after a cut.

    `before_it`: steps logged before the operation; `steps`: steps of the operation; `time`: start
    of the operation; `digits`: of the entry, or None.
    """

    def __init__(self, name, before, after, digits=None):
        self.name = name
        self.before = before
        self.after = after
        self.digits = digits
        self.before_it = []
        self.steps = []
        self.time = TIME.us
        self.allowed = [before, after]
        if digits:
            state, free, mistakes = before.core
            locked = lockout(mistakes + 1)
            self.allowed.append(View((state, free, mistakes + 1), before.left, locked, 0))

    def cost(self, boots):
        """Return the most seconds charged by `boots` starts after a cut.

        The first start charges the bound of the newest record, each further start the bound of a
        first record.
        """
        return max(v.bound for v in self.allowed if v) + FIRST * (boots - 1) if boots else 0


class Cutter:
    """Cuts operations of one rig."""

    def __init__(self, rig, density, faults):
        self.rig = rig
        self._density = density
        self._faults = faults

    def session(self, unit, acts):
        """Do acts in sequence, then again with a cut in each step; return a new unit.

        An act has a `name`, `prepare(unit)`, which lets time pass and returns the digits to be
        entered or None, and `do(unit, digits)`.
        """
        rig = self.rig
        image, level = rig.snapshot(), rig.level
        operations = []
        rig.log.clear()
        for act in acts:
            start = len(rig.log)
            digits = act.prepare(unit)
            begin = len(rig.log)
            before, time = view(unit), TIME.us
            act.do(unit, digits)
            operation = Operation(act.name, before, view(unit), digits)
            operation.before_it, operation.steps = rig.log[start:begin], rig.log[begin:]
            operation.time = time
            operations.append(operation)
        return self._explore(operations, image, level)

    def boot(self, name, may_format=False):
        """Do a boot, then again with a cut in each step; return a new unit."""
        rig = self.rig
        image = rig.snapshot()
        before = after = view(rig.boot(may_format))
        operation = Operation(name, before, after)
        operation.steps = list(rig.log)
        return self._explore([operation], image, 0)

    def _explore(self, operations, image, level):
        rig = self.rig
        end = rig.snapshot()
        rig.restore(image)
        for operation in operations:
            for step in operation.before_it:
                if step[0] == "load":
                    level = step[1]
                else:
                    rig.redo(step)
            TIME.us = operation.time
            for step in operation.steps:
                if step[0] == "load":
                    level = step[1]
                else:
                    self._cut_in(operation, step, level)
                    rig.redo(step)
        if rig.snapshot()[:4] != end[:4]:
            raise AssertionError(operation.name + ": the log does not lead to the same end")
        self._check(operation, operation.name + " at its end", True, level)
        rig.restore(end)
        return rig.boot()

    def _cut_in(self, operation, step, level):
        rig = self.rig
        here = rig.snapshot()
        last = None
        for at in self._offsets(step[3]):
            rig.restore(here)
            rig.redo(step, at)
            trace = rig.content(step)
            if trace == last:
                continue  # the byte torn here is the same either way
            last = trace
            where = f"{operation.name}: {step[:2]} byte {at}"
            half = at == step[3] // 2
            self._check(operation, where, half, level)
            if rig.second and operation.before and (half or not rig.is_flash(step)):
                rig.restore(here)
                rig.redo(step, at)
                self._check_alone(operation, where)
        rig.restore(here)
        if rig.scramble(step):
            where = f"{operation.name}: {step[:2]} scrambled"
            self._check(operation, where, False, level)
        self._cut_recovery(operation, here, step)
        rig.restore(here)

    def _cut_recovery(self, operation, here, step):
        """Cut in the middle of the step, and again in each step of the following boot."""
        rig = self.rig
        rig.restore(here)
        rig.redo(step, step[3] // 2)
        torn = rig.snapshot()
        rig.boot(operation.before is None)
        recovery = [again for again in rig.log if again[0] != "load"]
        rig.restore(torn)
        for again in recovery:
            at_again = rig.snapshot()
            rig.redo(again, again[3] // 2)
            where = f"{operation.name}: {step[:2]}, then {again[:2]}"
            self._check(operation, where, False, 0, 2)
            rig.restore(at_again)
            rig.redo(again)

    def _offsets(self, size):
        if not self._density or size <= self._density:
            return range(size + 1)
        return [size * n // self._density for n in range(self._density + 1)]

    # --- checks ----------------------------------------------------------------------------

    def _check(self, operation, where, thorough, was_on, boots=1):
        """Boot after the cut and check. `was_on`: the load was on when the power failed."""
        self._faults.cuts += 1
        try:
            unit = self.rig.boot(operation.before is None)
        except OSError as error:
            self._faults.add("lost", f"{where}: no file system: {error}")
            return
        if not self._look(operation, unit, where, boots):
            return
        if was_on and not unit.active():
            self._faults.add("lost", where + ": the load was on before its credit was stored")
        if thorough and unit.identity:
            if self.rig.second and operation.before:
                recovered = self.rig.snapshot()
                self._check_alone(operation, where + ", recovered", 1)
                self.rig.restore(recovered)
            unit = self.rig.boot()
            if self._look(operation, unit, where + ", second boot", boots + 1):
                self._enter_again(operation, unit, where)

    def _check_alone(self, operation, where, boots=0):
        """Lose the flash, too, and check the second medium's knowledge. `boots`: number of boots
        before.
        """
        self.rig.wipe()
        unit = self.rig.boot()
        unit.provision(IDENTITY)
        self._look(operation, unit, where + ", and the flash is lost", boots, True)

    def _look(self, operation, unit, where, boots, alone=False):
        """Check a booted unit; return False after a fault.

        `alone`: only the second medium was left, without the mistakes since the last copy.
        """
        now = view(unit)
        patient = now and unit._timer.account.starts == BOUNCES
        if bool(self.rig.level) > unit.active():
            self._faults.add("double", where + ": the load is on without credit")
        elif unit.active() > bool(self.rig.level) and not patient:
            self._faults.add("lost", where + ": the load is off in spite of the credit")
        if now is None or unit.problem:
            if operation.before is None and not unit.problem:
                return True
            self._faults.add("lost", where + ": blank, or " + str(unit.problem))
            return False
        if unit.identity != IDENTITY:
            self._faults.add("lost", where + ": another identity")
            return False
        known = [v for v in operation.allowed if v and now.same(v, alone, self.rig.small)]
        if not known:
            most = max(v.left for v in operation.allowed if v)
            kind = "double" if now.left > most else "lost"
            self._faults.add(kind, f"{where}: {now.core} {now.left}")
            return False
        cost = operation.cost(boots) + UNKNOWN * alone
        if not any(v.left - cost <= now.left <= v.left for v in known):
            kind = "double" if now.left > max(v.left for v in known) else "lost"
            self._faults.add(kind, f"{where}: {now.left} s left")
            return False
        if not alone and now.locked < min(v.locked for v in known):
            self._faults.add("shortened", f"{where}: locked {now.locked}")
        return True

    def _enter_again(self, operation, unit, where):
        """Enter the token again: a token not yet spent must give its credit, a spent token
        nothing.
        """
        if not operation.digits or operation.after.core[0] == operation.before.core[0]:
            return
        spent = view(unit).core[0] == operation.after.core[0]
        wait = unit.locked_seconds()
        spend(unit, wait)
        left, free = unit.seconds_left(), unit.free()
        outcome = enter(unit, operation.digits)
        again, after = view(unit), operation.after
        if spent:
            if outcome != "ALREADY_USED" or again.left > left or again.core[1] != free:
                self._faults.add("double", f"{where}: {outcome} for a spent token")
        elif again.core != after.core or again.left < after.left - wait - operation.cost(2):
            self._faults.add("lost", f"{where}: {outcome} for a token not spent, {again.left} s")
        elif again.left > after.left:
            self._faults.add("double", f"{where}: {again.left} s")
