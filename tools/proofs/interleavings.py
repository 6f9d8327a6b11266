"""Every order of keypad, console, heartbeat and event log, on the firmware's own coroutines.

The search runs `App._keep_account`, `App._judge_entries` with `App.enter`, and `Console.answer`,
on the real unit, store and event log. At each await the search tries every task that may run, lets
time pass up to the next record, presses and releases keys, or lets the flash refuse. A Witness
checks each write; after each step with a write, the flash is read as a start would. Power cuts at
both points are thus covered. The promises are the lines that raise Violation.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

from tools.proofs.stepper import Modules, Tasks, Violation, search
from tools.proofs.witness import Entry, Witness
from tools.seconds import DAY

START = 1_000_000  # ms, time at which each run begins
HELD_MS = 5_000  # longest step of time while a key is down
POLL_MS = 10  # a task that sleeps no longer than this is polling
SLICES = 2  # slices of judging, between which other tasks run
LATE_MS = 10  # lateness allowed due to polling
_NAMES = (
    "opaygo",
    "opaygo.chain",
    "firmware.account",
    "firmware.app",
    "firmware.console",
    "firmware.events",
    "firmware.load",
    "firmware.store",
    "firmware.supervisor",
    "firmware.unit",
    "firmware.wake",
)


@dataclass(frozen=True)
class Scenario:
    """Events of a search.

    `credit`: seconds; `mistakes`: in a row so far; `keys`: actions at the keypad: "press",
    "release" or the digits of an entry (with # held down); `lines`: sent over the console, each
    after the answer to the line before; `events`: number of log events; `flash`: actions of the
    flash: "refuse" or "accept"; `blank`: the unit has no identity; `turns`: how often time passes
    up to the next record; `watched`: with a supervisor, and all tasks run before time passes.
    """

    credit: int = 30 * DAY
    mistakes: int = 1
    keys: tuple = ()
    lines: tuple = ()
    events: int = 0
    flash: tuple = ()
    blank: bool = False
    turns: int = 1
    watched: bool = False


class Firmware:
    """The device's modules, with planted bugs if wanted (see stepper.Modules), and tokens."""

    def __init__(self, changes=None):
        modules = self.modules = Modules(_NAMES, changes)
        opaygo = modules["opaygo"]
        opaygo.siphash24 = lru_cache(None)(opaygo.siphash24)
        self.opaygo = opaygo
        self.store = modules["firmware.store"]
        self.account = modules["firmware.account"]
        self.identity = self.store.Identity("RACE-1", bytes(range(16)), 123456789)
        self.device = opaygo.Device(self.identity.key, self.identity.starting_code)
        self.judge = lru_cache(None)(
            lambda state, digits: opaygo.judge(self.device, state, digits)
        )

    def token(self, value, count, extended=False):
        """Return the digits of a token for the unit."""
        bases = 1_000_000 if extended else 1000
        code = self.device.starting_code
        start = code // bases * bases + (code + value) % bases
        chain = self.modules["opaygo.chain"].Chain(self.device.schedule, extended, 0, 0)
        chain.seek(0, start)
        chain.next(count)
        return "%0*d" % (12 if extended else 9, chain.code // bases * bases + start % bases)

    def fresh(self):
        """Return the state of a unit before the first token."""
        return self.opaygo.new_state(self.identity.count)


class Flash(dict):
    """The own flash: (name, slot) -> bytes. `told(name, data)`: called after each write."""

    small = False
    dead = False
    told = None

    def read(self, name, slot):
        return self.get((name, slot))

    def write(self, name, slot, data):
        if self.dead:
            raise OSError(5)
        self[(name, slot)] = bytes(data)
        if self.told:
            self.told(name, bytes(data))


class _Keypad:
    quiet = True


class _Panel:
    def judged(self, outcome, now):
        """Do nothing: the panel writes no records."""


class _Silent:
    count = 0

    def play(self, pattern):
        """Do nothing."""


class Races:
    """One unit with its tasks: a model for stepper.search."""

    def __init__(self, firmware, scenario):
        self._firmware = firmware
        self._scenario = scenario
        self._tasks = firmware.modules.tasks = Tasks(START)
        self._todo = {
            "keys": list(scenario.keys),
            "lines": list(scenario.lines),
            "events": [f"event {number}" for number in range(scenario.events)],
            "flash": list(scenario.flash),
        }
        self._witness = Witness(firmware, scenario, START)
        self._flash = self._before()
        self._told = []  # events, in order
        self._flushed = []  # events on flash
        self._asked = 0  # entries typed and sent
        self._answers = 0
        self._refused = False
        self._over = False
        self._turns = scenario.turns
        self._checked = 0
        self._build()

    # --- interface of stepper.search ------------------------------------------------------

    def choices(self):
        tasks = self._tasks
        idle = not any(self._todo.values()) and self._answers == self._asked
        if self._over or (idle and self._keypad.quiet and not self._unit.log.pending):
            return []
        found = tasks.ready()
        quiet = self._keypad.quiet
        account = tasks.named["account"].due
        polls = 0 < account - tasks.now <= POLL_MS
        if not found and quiet and (polls or tasks.due() < account):
            found.append("time")
        late = found if self._scenario.watched else account <= tasks.now
        if self._turns and not late and not (polls and quiet):
            found.append("turn")
        for actor, actions in self._todo.items():
            if actions and not (actor == "lines" and "console" in tasks.named):
                found.append(f"{actor}: {actions[0]}")
        return found

    def do(self, choice):
        actor, _, action = choice.partition(": ")
        if action:
            self._act(actor, self._todo[actor].pop(0))
        elif choice == "time":
            self._tasks.now = self._tasks.due()
        elif choice == "turn":
            self._turns -= 1
            self._tasks.now = self._next()
        else:
            self._run(choice)

    def check(self):
        self._check_load()
        if self._witness.sequence != self._checked:
            self._check_cut()
            self._checked = self._witness.sequence

    def key(self):
        witness, unit = self._witness, self._unit
        now = self._tasks.now
        left = max(0, witness.left_ms(now))
        return (
            self._tasks.positions(),
            tuple([len(actions) for actions in self._todo.values()]),
            (self._keypad.quiet, self._flash.dead, self._refused, self._over, self._served),
            (unit._attempt, unit.service, unit.problem, unit.load.on, unit.log.pending),
            (self._app._judging.state != 0, self._app._entry, unit.outcome),
            tuple([self._known(name, entry) for name, entry in witness.open.items()]),
            (witness.mistakes, witness.last, witness.state.count, len(witness.state.ring)),
            (max(0, witness.locked_until - now), left % 1000, left if left < 1000_000 else None),
            (self._turns, self._answers, len(self._told), len(self._flushed)),
            tuple([wake._pending for wake in self._wakes]),
            unit.identity and self._clocks(unit._timer, left // 1000),
        )

    def _clocks(self, timer, left):
        """Return everything in a timer that affects behaviour, as distances from now."""
        account, now = timer.account, self._tasks.now
        marks = timer._credit.mark, timer._lock.mark, timer._snapshot, timer._due, timer._synced
        return (
            (account.left - left, account.locked, account.mistakes, account.last, account.starts),
            tuple([now - mark for mark in marks]),
            (timer.covered, timer._bound, timer._next),
        )

    def finish(self):
        """Run on without input: every entry must be answered, every event must reach the flash."""
        self._flash.dead, self._keypad.quiet = False, True
        end = self._tasks.now + 20_000
        while not self._over and self._tasks.now < end:
            ready = self._tasks.ready()
            for name in ready:
                if not self._over:
                    self._run(name)
            if not ready:
                self._tasks.now = self._tasks.due()
            self._check_load()
        if self._over:
            return
        if self._answers != self._asked:
            raise Violation("an entry was never answered")
        if self._flushed != self._told:
            raise Violation("an event was never written")
        if self._served:
            raise Violation("a service token was spent, the unit did not restart")
        if self._unit.load.on != (self._witness.left_ms(self._tasks.now) > 0):
            raise Violation("the load does not follow the credit")
        self._check_cut()

    def close(self):
        self._tasks.close()
        for coroutine in self._own:
            coroutine.close()

    # --- the unit -------------------------------------------------------------------------

    def _before(self):
        """Return the flash as found by the start: credit and mistakes of the scenario."""
        flash = Flash()
        if self._scenario.blank:
            return flash
        firmware, scenario = self._firmware, self._scenario
        store = firmware.store.Store([flash])
        store.write_identity(firmware.identity)
        account = firmware.account.Account()
        account.left, account.mistakes = scenario.credit, scenario.mistakes
        account.last = firmware.account.OUTCOMES.index("INVALID") if scenario.mistakes else 0
        store.save(firmware.fresh(), account)
        return flash

    def _build(self):
        modules, flash = self._firmware.modules, self._flash
        log = modules["firmware.events"].EventLog(flash, None)
        load = modules["firmware.load"].LoadSwitch(lambda level: None)
        unit = modules["firmware.unit"].Unit(self._firmware.store.Store([flash]), None, load, log)
        self._unit = unit
        self._served = False
        flash.told = self._written
        unit.start()
        modules["opaygo"].judging = self._judging
        self._entering, unit.entering = unit.entering, self._enter_steps
        app = modules["firmware.app"].App(unit, (), _Silent(), lambda *_: _Keypad())
        self._app, self._keypad, app._panel = app, app._keypad, _Panel()
        self._wakes = app._entered, app._account_changed
        self._enter, app.enter = app.enter, self._spied
        self._console = modules["firmware.console"].Console(unit, app.enter, _Silent, None, None)
        wake, supervisor = (
            modules["firmware.wake"].Wake,
            modules["firmware.supervisor"].Supervisor(),
        )
        wake.longest = 3600_000
        if self._scenario.watched:
            supervisor.arm(int)  # a feed without effect
        self._own = app._keep_account(), app._judge_entries()
        self._tasks.spawn("account", supervisor.watch(self._own[0]))
        self._tasks.spawn("judging", supervisor.watch(self._own[1], app._waits))
        if self._scenario.watched:
            self._tasks.spawn("supervisor", supervisor.run())

    def _act(self, actor, action):
        if actor == "events":
            self._told.append(len(self._told))
            self._unit.log.rest()
            self._unit.log.add(7, len(self._told) - 1)
            self._app._changed()
        elif actor == "flash":
            self._flash.dead = action == "refuse"
            self._refused = True
        elif actor == "lines":
            self._asked += 1
            self._tasks.spawn("console", self._line(action))
        elif action == "release":
            self._keypad.quiet = True
        else:
            self._keypad.quiet = False
            if action != "press":
                self._asked += 1
                self._app._submit(action)

    def _run(self, name):
        try:
            self._tasks.run(name)
        except self._firmware.modules["firmware.supervisor"].ServiceRequest:
            self._over = True
            if not self._served:
                raise Violation("service mode without a stored service token") from None
            if self._flushed != self._told:
                raise Violation("the restart into service mode lost an event") from None
        except self._firmware.modules["firmware.supervisor"].StuckError as error:
            raise Violation(f"a restart without need: {error}") from None

    def _next(self):
        """Return the time of the account task's next action, also while the task
        polls for a key.
        """
        now, due = self._tasks.now, self._tasks.named["account"].due
        timer = self._unit._timer
        if due - now > POLL_MS or not self._unit.identity:
            return due
        wait = timer.due(now)
        if wait > POLL_MS or timer.record_due(now, False):
            return now + min(wait if wait > POLL_MS else HELD_MS, HELD_MS)
        low, high = 0, HELD_MS // POLL_MS
        while high - low > 1:
            middle = (low + high) // 2
            if timer.record_due(now + middle * POLL_MS, False):
                high = middle
            else:
                low = middle
        left = self._witness.left_ms(now)
        return now + min(high * POLL_MS, left if left > 0 else HELD_MS)

    # --- the outside view -----------------------------------------------------------------

    async def _line(self, line):
        answer = await self._console.answer(line)
        self._answers += 1
        if line.startswith("#SETUP") != answer.startswith("#SETUP;OK"):
            raise Violation(f"{line} was answered {answer}")

    async def _spied(self, digits):
        task = self._tasks.current.name
        provisioned = self._unit.identity
        if provisioned:
            self._witness.open[task] = Entry(digits)
        outcome = await self._enter(digits)
        self._answers += task == "judging"
        if provisioned:
            self._witness.answered(task, outcome, self._tasks.now, self._refused)
        return outcome

    def _enter_steps(self, digits):
        steps = self._entering(digits)
        entry = self._witness.open.get(self._tasks.current.name)
        if entry:
            entry.steps = steps
        return steps

    def _judging(self, device, state, digits, hashes):
        """Yield real verdicts, found at once, after SLICES slices."""
        entry = self._witness.open[self._tasks.current.name]
        self._witness.judged(entry, self._tasks.now)
        for entry.slice in range(1, SLICES + 1):
            yield None
        yield self._firmware.judge(state, digits)

    def _known(self, name, entry):
        frame = entry.steps and entry.steps.gi_frame
        return name, entry.digits, entry.stage, entry.slice, frame and frame.f_lasti

    def _written(self, name, data):
        """Check a write to flash: the power may be cut right here."""
        if self._over:
            raise Violation(f"{name} written after the reset began")
        if name == "events":
            log = self._firmware.modules["firmware.events"].EventLog(self._flash, None)
            found = [number for _, event, number in log.entries() if event == 7]
            if found[: len(self._flushed)] != self._flushed:
                raise Violation("the event log lost what was on flash")
            self._flushed = found
        elif name != "identity":
            self._check_record(name, data)

    def _check_record(self, name, data):
        store = self._firmware.store
        kind = {"full": store.FULL, "beat": store.BEAT}[name]
        sequence, _, payload = store.unseal(kind, data, self._firmware.identity.key)
        account = self._firmware.account.Account.unpack(payload[-21:])
        state = None
        if kind == store.FULL:
            state = self._firmware.opaygo.unpack(payload[2:-21])
        task = self._tasks.current and self._tasks.current.name
        self._witness.check(task, self._tasks.now, sequence, state, account)
        if self._witness.last == "EXTENDED" and state is not None:
            self._served = True

    def _check_cut(self):
        """Check a power cut now: a start must find the newest stored record."""
        flash = Flash(self._flash)
        store = self._firmware.store.Store([flash])
        identity = store.identity()
        found = identity and store.load(identity.count)
        if not found:
            raise Violation("after a cut there is nothing on flash")
        if found[0] != self._witness.state or found[1].pack() != self._witness.newest.pack():
            raise Violation("after a cut the flash holds an older record")

    def _check_load(self):
        """Check that the load is on no longer than the newest record allows, and never without
        credit.
        """
        witness, now = self._witness, self._tasks.now
        if not self._unit.load.on:
            return
        on = now - witness.stored_at
        if on > witness.newest.bound * 1000:
            raise Violation(f"the load is on {on} ms after a record of {witness.newest.bound} s")
        if witness.left_ms(now) < -LATE_MS:
            raise Violation("the load is on without credit")


_TOKENS = Firmware()
ADD, ADD_TOO = _TOKENS.token(1, 2), _TOKENS.token(2, 4)
SERVICE = _TOKENS.token(1, 6, True)
WRONG, WRONG_TOO = "111111111", "222222222"
_SETUP = f"#SETUP;RACE-1;123456789;{bytes(range(16)).hex()}"


def _sent(digits):
    return (f"#TOKEN;{digits}",)


SCENARIOS = {
    "two wrong ones": Scenario(keys=(WRONG, "release"), lines=_sent(WRONG_TOO)),
    "two wrong ones, then a lockout": Scenario(
        mistakes=2, keys=(WRONG, "release"), lines=_sent(WRONG_TOO)
    ),
    "wrong at the keypad": Scenario(keys=(WRONG, "release"), lines=_sent(ADD)),
    "wrong over the console": Scenario(keys=(ADD, "release"), lines=_sent(WRONG)),
    "two tokens": Scenario(0, keys=(ADD, "release"), lines=_sent(ADD_TOO)),
    "one token twice": Scenario(keys=(ADD, "release"), lines=_sent(ADD)),
    "token beside a held key": Scenario(keys=("press", "release"), lines=_sent(ADD), events=1),
    "wrong beside a held key": Scenario(keys=("press", "release"), lines=_sent(WRONG), events=1),
    "service": Scenario(9, keys=(WRONG, "release"), lines=_sent(SERVICE), events=1),
    "end of the credit": Scenario(9, keys=("press", "release"), lines=_sent(WRONG)),
    "wait for another entry": Scenario(
        keys=(WRONG, "release"), lines=_sent(WRONG_TOO), turns=4, watched=True
    ),
    "flash refuses": Scenario(
        keys=(ADD, "release"), lines=_sent(WRONG), flash=("refuse", "accept")
    ),
    "blank unit": Scenario(
        0, 0, keys=(ADD, "release"), lines=(_SETUP, *_sent(WRONG)), events=1, blank=True
    ),
}
# Combined scenarios, minutes each: for `make bench`.
LONG = {
    "all with a token": Scenario(
        keys=(WRONG, "release", "press", "release"), lines=_sent(ADD), events=1, turns=2
    ),
    "all with a wrong one": Scenario(
        keys=(ADD, "release", "press", "release"), lines=_sent(WRONG), events=1, turns=2
    ),
}
LONG.update({name: replace(one, turns=max(2, one.turns)) for name, one in SCENARIOS.items()})

_HELD = replace(SCENARIOS["token beside a held key"], turns=3)
_APP, _UNIT = "firmware.app", "firmware.unit"
_DUE = "if unit.beat_due(quiet):\n"
_WAITS = "await self._released()\n"
_LOCK = "async with self._judging:\n"
_BEGAN = "entries = unit.entering(digits), unit.entries\n"
_RECORD = "self._record(account, state)\n"
_REPLACE = "        self._timer.replace(account, ticks_ms())\n        self._state"
# Bugs to be planted: description -> (scenario, words of the violation, changes).
PLANTED = {
    "the waiting beat overwrites the attempt": (
        SCENARIOS["wrong beside a held key"],
        "overwritten",
        {
            _APP: [
                (_DUE, f"if unit.beat_due(True) and not unit.busy:\n{' ' * 16}{_WAITS}"),
            ],
            _UNIT: [
                ("            self._attempt = True\n", "            account = self._copy()\n"),
                (
                    "self._record(self._copy())\n            for",
                    "account.mistake()\n            self._record(account)\n            for",
                ),
            ],
        },
    ),
    "the beat is looked at before a wait only": (
        _HELD,
        "after a record of",
        {_APP: [(_DUE, f"if unit.beat_due(True):\n{' ' * 16}{_WAITS}")]},
    ),
    "the log is written after the reset began": (
        SCENARIOS["service"],
        "lost an event",
        {_APP: [("log.flush()\n                raise", "raise")]},
    ),
    "two entries at a time": (
        SCENARIOS["two tokens"],
        "not those that were accepted",
        {_APP: [(_LOCK, "if True:\n")]},
    ),
    "the lockout is looked at before the wait for another entry": (
        SCENARIOS["two wrong ones, then a lockout"],
        "during a lockout",
        {
            _APP: [
                (_LOCK, f"steps, {_BEGAN}        next(steps, 0)\n        {_LOCK}"),
                ("            entries = unit.entries\n", ""),
                ("for step in unit.entering(digits):\n", "for step in steps:\n"),
            ]
        },
    ),
    "the attempt is forgotten too early": (
        SCENARIOS["wrong beside a held key"],
        "overwritten",
        {
            _UNIT: [
                (
                    "yield WRITING\n            self._attempt = False\n",
                    "self._attempt = False\n            yield WRITING\n",
                )
            ]
        },
    ),
    "the attempt is forgotten too late": (
        SCENARIOS["token beside a held key"],
        "not those that were accepted",
        {_UNIT: [("self._attempt = False\n            verdict", "verdict")]},
    ),
    "the attempt is stored after the judging": (
        SCENARIOS["two wrong ones"],
        "before the attempt",
        {_UNIT: [("self._record(self._copy())\n            for", "for")]},
    ),
    "credit counts before it is stored": (
        SCENARIOS["flash refuses"],
        "a record says",
        {
            _UNIT: [
                (
                    _RECORD + _REPLACE,
                    _REPLACE.strip().replace("self._state", _RECORD) + "        self._state",
                )
            ]
        },
    ),
    "the next entry forgets the wish for service": (
        SCENARIOS["service"],
        "did not restart",
        {
            _UNIT: [
                (
                    "self.capped = False\n        if",
                    "self.capped = self.service = False\n        if",
                )
            ]
        },
    ),
    "a task that waits for its turn counts as stuck": (
        SCENARIOS["wait for another entry"],
        "did not check in",
        {_APP: [("self._waiting > 0", "self._judging.locked()")]},
    ),
    "nobody counts seconds before a restart": (
        SCENARIOS["service"],
        "without credit",
        {_APP: [("unit.load.serve()", "pass")]},
    ),
}


def find(scenario, changes=None, most=1_000_000):
    """Search a Scenario; return a stepper.Found. `changes`: a bug to be planted."""
    firmware = Firmware(changes) if changes else _TOKENS
    return search(lambda: Races(firmware, scenario), most)
