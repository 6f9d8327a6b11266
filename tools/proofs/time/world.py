"""A unit with scaled-down constants, of which every moment can be kept, restored and continued.

The code is the device's own (Unit, ActivationTimer, Account). Around the code stand a store of one
record, a clock chip, a load switch and the judging of tokens, all controlled by an adversary
through `World.choose`. The world counts `slack`, the paid seconds during which the load was not
yet on, from the load pin and the tokens alone, without the unit's account.
"""

from collections import namedtuple
from dataclasses import dataclass
from types import SimpleNamespace

from tools.proofs.stepper import Modules, Violation

_MODULES = ("firmware.account", "firmware.timer", "firmware.unit", "firmware.store")
_READING = 1_000_000  # the clock chip's reading at every kept moment
_FAR = 10  # seconds by which a chip disagrees
# Fates of a record. A cut before an entry's record equals a cut at the moment before the entry.
ENTRY_WRITES = "", "refused", "refused but stored", "stored, cut"
WRITES = ENTRY_WRITES + ("cut before",)
READINGS = "", "clock disagrees", "clock stopped", "clock silent"  # the chip's, for a record
_UNCOVERED = -1  # replaces a record's age once nothing depends on the age


@dataclass(frozen=True)
class Scale:
    """The constants of a search and the adversary's options; in seconds unless the name ends in
    ms.

    `hang_ms`, `hung`: longest hang allowed by the watchdog, 0 for no hangs, and the value told to
    the next start; `lockouts`: by mistakes in a row; `add`, `set`: value of such a token; `tests`:
    uses of the test code; `clock`: None, "wires" (the adversary chooses each reading) or "cell"
    (the chip only loses the time); `away`: times without power by a trusted clock; `entries`:
    kinds of tokens; `writes`, `readings`: fates of the record of a start or of a due record;
    `entry_writes`, `entry_readings`: fates of an entry's records.

    `steps`: ms between two looks of the account's task, in turn, with no deadline in between;
    `write_ms`: longest duration of a write; `late`: a look may come a step late; `faults`: number
    of clock faults told apart (the rule needs none); `period_ms`: of the ticks.
    """

    first: int = 3
    longest: int = 9
    cap: int = 11
    calm: int = 3
    doubt: int = 6
    bounces: int = 3
    absence: int = 40
    margin_ms: int = 1000
    hold_ms: int = 2000
    hold_margin_ms: int = 1500
    retry_ms: int = 2000
    idle_ms: int = 3000
    hang_ms: int = 1500
    hung: int = 2
    lockouts: tuple = (0, 0, 2, 4)
    add: int = 5
    set: int = 7
    tests: int = 0
    test_ms: int = 1500
    clock: str = None
    away: tuple = (0, 2, 12)
    steps: tuple = (500,)
    write_ms: int = 0
    late: bool = False
    entries: tuple = ("add", "set", "set 0", "unlock", "used", "wrong", "clear")
    writes: tuple = WRITES
    entry_writes: tuple = ENTRY_WRITES
    readings: tuple = READINGS
    entry_readings: tuple = READINGS
    faults: int = 0
    period_ms: int = 1 << 30

    def constants(self):
        """Return the values of the device's constants, by name."""
        return {
            "FIRST": self.first,
            "LONGEST": self.longest,
            "CAP": self.cap,
            "CALM": self.calm,
            "DOUBT": self.doubt,
            "BOUNCES": self.bounces,
            "ABSENCE": self.absence,
            "MARGIN_MS": self.margin_ms,
            "HOLD_MS": self.hold_ms,
            "HOLD_MARGIN_MS": self.hold_margin_ms,
            "RETRY_MS": self.retry_ms,
            "IDLE_MS": self.idle_ms,
            "TEST_MS": self.test_ms,
            "TESTS": self.tests,
            "lockout": lambda mistakes: self.lockouts[min(mistakes, len(self.lockouts) - 1)],
        }


# The non-volatile state. record: packed account of the newest record, or None; ahead: kind of a
# token known to this record but not to the RAM; count: 1 once a token was accepted, if there is a
# test code; begun: uses of the test code; hidden: 1 if the chip lost time without power, 2 if the
# fault is also counted in RAM; stopped: the chip stands still; reset: by the watchdog, not by the
# plug. The search leaves out a plug pulled during a hang, or after a hang before the next record:
# such a hang is not charged.
Off = namedtuple("Off", "record ahead count begun hidden stopped reset")

# The RAM and the pins, times in ms before now, `due` after now. tested: ms left of a use of the
# test code; refused: the newest record was refused; late: the last look did not come; phase: index
# of the next step; reset: there was no record since a reset.
Powered = namedtuple(
    "Powered",
    "record ahead count begun hidden stopped account load judging covered credit power lock age"
    " bound next due based lost test tested refused late phase reset",
)

Verdict = namedtuple("Verdict", "outcome value count seconds")
Tokens = namedtuple("Tokens", "count ring")  # the token engine's state


class PowerCut(BaseException):
    """The power fails, wherever the code is."""


class World:
    """One unit and the adversary. `changes`: planted bugs, see stepper.Modules."""

    def __init__(self, scale, changes=None):
        self.scale = scale
        modules = Modules(_MODULES, changes)
        self.code = {name.rpartition(".")[2]: modules[name] for name in _MODULES}
        self._patch()
        self.account_class = self.code["account"].Account
        self._packed = {}  # to keep each account once
        self.script, self.taken, self.said = [], [], []
        self.mute = False
        self.entry = None  # generator of the entry under judgement
        self.kind = None  # kind of the entered token
        self.tried = False  # the entered token is wrong, or not judged yet
        self.slack = self.now = self.phase = self.tested = self.begun = self.hidden = 0
        self.worst = float("inf")
        self.load = _Load()
        self.clock = _Clock(self) if scale.clock else None
        self.store = _Store(self)
        self.unit = None
        self.power_on(Off(None, None, 0, 0, 0, False, False))
        self.mute = True
        self.unit.start()
        self.mute = False
        self._check_fields()

    def _patch(self):
        period, half = self.scale.period_ms, self.scale.period_ms // 2
        values = self.scale.constants()
        values["ticks_ms"] = lambda: self.now % period
        values["ticks_add"] = lambda ticks, delta: (ticks + delta) % period
        values["ticks_diff"] = lambda later, earlier: (later - earlier + half) % period - half
        values["opaygo"] = SimpleNamespace(
            TokenError=ValueError,
            Device=lambda *_: SimpleNamespace(read=lambda digits: (digits, False), longest=12),
            new_state=lambda count: Tokens(count, ()),
            judging=self._judging,
        )
        for module in self.code.values():
            for name in values.keys() & vars(module).keys():
                setattr(module, name, values[name])
        self.diff = values["ticks_diff"]

    def _check_fields(self):
        """Raise RuntimeError if the device's code has variables unknown to this search."""
        timer = "account covered powered _clock _power _credit _lock _synced _snapshot _bound"
        timer += " _next _due _known _base _lost"
        unit = "_store _clock load log _device _state _timer _copied _attempt _test_from identity"
        unit += " outcome entries capped service problem busy seal on_change"
        for thing, names in ((self.unit, unit), (self.unit._timer, timer)):
            if vars(thing).keys() != set(names.split()):
                raise RuntimeError(f"{type(thing).__name__} has other variables than are kept")

    # --- the adversary ------------------------------------------------------------------

    def choose(self, *names):
        """Return the name chosen by the script, or the first name after the script's end."""
        if len(names) == 1:
            return names[0]
        place = len(self.taken)
        index = self.script[place] if place < len(self.script) else 0
        self.taken.append((index, len(names)))
        if names[index]:
            self.said.append(names[index])
        return names[index]

    def runs(self):
        """Set `script` to each possible script in turn; yield the script's number."""
        script, number = [], 0
        while script is not None:
            self.script, self.taken, self.said = script, [], []
            yield number
            number += 1
            taken = self.taken
            while taken and taken[-1][0] == taken[-1][1] - 1:
                taken.pop()
            script = [i for i, _ in taken[:-1]] + [taken[-1][0] + 1] if taken else None

    def pass_ms(self, ms, stuck=False):
        """Let time pass in which no code runs: the load stays as before.

        `stuck`: code should have run. Nothing can open the load at the end of the credit then, so
        the load after the end is not counted.
        """
        timer = self.unit._timer
        if self.load.on and not timer.account.free:
            if not self.tested or timer.account.left and timer.covered:
                used = min(ms, self._left_ms(timer)) if stuck else ms
                self.slack -= used
                self.worst = min(self.worst, self.slack)
                if self.slack < 0:
                    over = -self.slack / 1000
                    raise Violation(f"the load was on {over:g} s longer than paid for")
        self.tested = max(0, self.tested - ms)
        self.now += ms

    def _left_ms(self, timer):
        return max(0, timer.account.left * 1000 - self.diff(self.now, timer._credit.mark))

    def take_effect(self, kind, free):
        """Count a token for the first time; `free`: the unit is free afterwards."""
        if free or kind in ("unlock", "set 0"):
            self.slack = 0
        elif kind == "add":
            self.slack += self.scale.add * 1000
        elif kind == "set":
            self.slack = self.scale.set * 1000

    def _judging(self, _device, tokens, _digits, _slice):
        yield None  # the unit works; the token's kind is chosen at the end
        scale, after = self.scale, Tokens(tokens.count + 1, ())
        verdicts = {
            "add": ("ADD_TIME", scale.add),
            "set": ("SET_TIME", scale.set),
            "set 0": ("SET_TIME", 0),
            "unlock": ("DISABLE_PAYG", 0),
            "clear": ("EXTENDED", 0),
            "used": ("ALREADY_USED", 0),
            "wrong": ("INVALID", 0),
        }
        outcome, seconds = verdicts[self.kind]
        verdict = Verdict(outcome, 2 if self.kind == "clear" else 0, after.count, seconds)
        yield verdict, tokens if self.kind in ("used", "wrong") else after

    # --- moments ------------------------------------------------------------------------

    def record(self):
        """Return the account in the newest record, or None."""
        return self.stored and self.account_class.unpack(self.stored)

    def check_record(self):
        """Check that a record just stored, unless a token's, takes nothing back."""
        record, account = self.record(), self.unit._timer.account
        if not self.ahead and (
            record.left > account.left
            or record.doubt < account.doubt
            or record.locked < account.locked
        ):
            raise Violation("a record says less than the RAM knows")

    def outlive(self, moment):
        """Restore the non-volatile state only."""
        self.now, self.reset = 0, moment.reset
        self.stored, self.ahead, self.count = moment[:3]
        self.begun, self.hidden, self.stopped = moment[3:6]
        self.store.state = Tokens(self.count, ())

    def power_on(self, off):
        """Restore a moment without power; the unit is new."""
        self.outlive(off)
        if off.ahead:
            self.store.state = Tokens(off.count + 1, ())
        self.entry, self.entering = None, False
        self.load.on = False
        self.phase = self.tested = 0
        self.refused = self.late = self.judging = False
        self.unit = self.code["unit"].Unit(self.store, self.clock, self.load)

    def bring(self, moment):
        """Restore a moment with power."""
        if self.entry:
            self.entry.close()
            self.entry = None
        self.entering = False
        self.outlive(moment)
        unit, now = self.unit, self.now
        timer = unit._timer
        self.phase, self.tested = moment.phase, moment.tested
        self.refused, self.late, self.judging = moment.refused, moment.late, moment.judging
        self.load.on = moment.load
        unit._state = self.store.state
        unit._attempt = moment.judging
        unit._test_from = None if moment.test is None else self._ticks(-moment.test)
        unit._copied = timer.powered = 0
        unit.problem = "memory" if moment.refused else None
        timer.account = self.account_class.unpack(moment.account)
        timer.covered = moment.covered
        timer._power.mark = self._ticks(-moment.power)
        timer._credit.mark = self._ticks(-moment.credit)
        timer._lock.mark = self._ticks(-moment.lock)
        timer._synced = now
        timer._snapshot = self._ticks(-moment.age)
        timer._bound = moment.bound
        timer._next = moment.next
        timer._due = self._ticks(moment.due)
        timer._known = _READING, 0
        timer._base = (_READING, 0) if moment.based else None
        timer._lost = moment.lost

    def bring_judging(self, moment):
        """Restore a moment during the judging of an entry, with the generator."""
        self.bring(moment)
        self.mute = True
        entry = self.unit.entering("token")
        next(entry)
        next(entry)
        self.mute = False
        self.bring(moment)
        self.entry, self.entering = entry, True

    def _ticks(self, ms):
        return ms % self.scale.period_ms

    def off(self, reset):
        """Return the following moment without power."""
        hidden = 1 if self.stored and (self.hidden or self.stopped) else 0
        count = min(self.scale.tests, 1, self.count)
        reset = reset or self.reset
        return Off(self.stored, self.ahead, count, self.begun, hidden, self.stopped, reset)

    def keep(self):
        """Return the present moment, with values that no longer matter made equal."""
        unit, timer = self.unit, self.unit._timer
        account, now, diff = timer.account, self.now % self.scale.period_ms, self.diff
        # With freely chosen readings, a chip's lost or uncompared time makes no difference.
        wires = self.scale.clock == "wires"
        age, bound = diff(now, timer._snapshot), timer._bound
        if account.free and not self.load.on:
            raise Violation("a free unit opened its load")
        if not timer.covered and not account.left:
            age = bound = _UNCOVERED
        powered = timer._power.mark if account.doubt else now
        credit = timer._credit.mark if account.left else now
        lock = timer._lock.mark if account.locked else now
        return Powered(
            self.stored,
            self.ahead,
            min(self.scale.tests, 1, self.count),
            self.begun,
            self.hidden,
            self.stopped,
            self.pack(account, False),
            self.load.on,
            self.judging,
            timer.covered,
            diff(now, credit),
            diff(now, powered),
            diff(now, lock),
            age,
            bound,
            timer._next,
            diff(timer._due, now),
            wires or timer._base is not None,
            not wires and timer._lost,
            None if unit._test_from is None else diff(now, unit._test_from),
            self.tested,
            self.refused,
            self.late,
            self.phase,
            self.reset,
        )

    def pack(self, account, stored):
        """Return the account as bytes, without values that no rule reads."""
        account = self.account_class.unpack(account.pack())
        account.last = 0
        account.faults = min(account.faults, self.scale.faults)
        account.mistakes = min(account.mistakes, len(self.scale.lockouts) - 1)
        account.bound = account.bound if stored else 0
        account.chip = _READING if stored and account.chip else 0
        data = account.pack()
        return self._packed.setdefault(data, data)


class _Load:
    on = False

    def set(self, on):
        self.on = on


class _Store:
    """One decisive record, with the interface of firmware.store.Store."""

    stale = False
    state = None

    def __init__(self, world):
        self._world = world
        self._identity = SimpleNamespace(
            serial="T", key=b"", starting_code=0, count=0, time_divider=1, restricted=False
        )
        self._identity.test_code = "test" if world.scale.tests else None

    def identity(self):
        return self._identity

    def load(self, count):
        account = self._world.record()
        return account and (self.state, account)

    def save(self, state, account):
        self._write(state, account)
        self.state = state

    def beat(self, account, copy=False):
        self._write(self.state, account)

    def _write(self, state, account):
        world = self._world
        if world.mute:
            return
        ways = world.scale.entry_writes if world.entering else world.scale.writes
        if world.scale.write_ms and world.choose("", "a slow write"):
            world.pass_ms(world.scale.write_ms, True)
            ways = {**dict.fromkeys(ways), "cut before": None}
        how = world.choose(*ways)
        if how in ("", "refused but stored", "stored, cut"):
            world.stored, world.reset = world.pack(account, True), False
            world.ahead = world.kind if state.count > world.count else None
            world.check_record()
            if world.hidden == 2 or world.hidden and account.faults:
                world.hidden = 0
        if how in ("cut before", "stored, cut"):
            raise PowerCut
        world.refused = how != ""
        if how:
            raise world.code["store"].StoreError


class _Clock:
    """A clock chip's driver. `away`: seconds without power, None for a clock fault."""

    away = None
    starting = False
    _silent = 0

    def __init__(self, world):
        self._world = world

    def read(self):
        """Return the chip's reading; a silent chip raises OSError three times."""
        if self._world.mute:
            return _READING
        if self._silent:
            self._silent -= 1
            raise OSError
        reading = self._at_start() if self.starting else self._at_record()
        if reading == "silent":
            self._silent = 2
            raise OSError
        return reading

    def _at_start(self):
        world, scale = self._world, self._world.scale
        self.starting = False
        record = world.record()
        before = record.chip if record else 0
        good = [f"clock says {s} s later" for s in scale.away] if before else ["clock runs"]
        readings = good
        if world.stopped:
            readings = ["clock stopped", "clock silent"]
        elif scale.clock == "cell":
            readings = [*good, "clock silent"]
        elif before:
            readings = [*good, "clock set back", "clock set forward"]
        if scale.clock == "wires":
            readings += ["clock stopped", "clock silent"]
        answer = world.choose(*readings)
        self.away = scale.away[good.index(answer)] if before and answer in good else None
        others = {"clock stopped": None, "clock silent": "silent", "clock set back": before - 1}
        others["clock set forward"] = before + scale.absence + 1
        return others[answer] if answer in others else (before or _READING) + (self.away or 0)

    def _at_record(self):
        world, timer = self._world, self._world.unit._timer
        known, at = timer._base or timer._known
        good = known + timer.powered - at
        if world.scale.clock == "cell":
            readings = ["clock stopped" if world.stopped else "", "clock silent"]
        elif world.entering:
            readings = world.scale.entry_readings
        else:
            readings = world.scale.readings
        others = {"clock stopped": None, "clock silent": "silent", "clock disagrees": good + _FAR}
        return others.get(world.choose(*readings), good)

    def set(self, seconds):
        """Set the chip, or fail, as chosen."""
        world = self._world
        if world.scale.clock == "cell" and world.choose("", "clock cannot be set"):
            raise OSError
        world.stopped = False
