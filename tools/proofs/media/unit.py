"""A unit on two media, as a state that can be loaded, changed and saved.

The unit's own code (unit, store, timer, account, token engine) runs with real records. Times are
scaled down, and SipHash is replaced by a cheap tag. Two states are equal when they will behave
alike: of the time, only elapsed times matter; of the records, the newest of each kind; of the
records' numbers, the order, and the lead (1, 2, 3 or FAR) of a medium that the unit does not see.
A copy of the second medium holds the newest record of each kind.
"""

import struct
from typing import NamedTuple
from zlib import crc32

from tools.identity import Identity as Issued
from tools.proofs.stepper import Modules
from tools.tokens import make_token

KEY, CODE = bytes(range(16)), 123456789
TOKEN_S = 6  # value of a token
BOUND_S, UNKNOWN_S = 2, 4  # a record is due after BOUND_S; every second record is a copy
FAR = 50
FRESH = "fresh"  # up to date
AWAY = "away"  # up to date as soon as the unit has stored a record
REPLACED = "replaced"  # up to date after the next start
SOON = {"soon refuses": "refuses", "soon lies": "lies"}  # after one more write
OK, OUT, REFUSES, LIES = "in order", "out", "refuses", "lies"
SCALE = {
    "firmware.account": [
        ("FIRST = 10 ", f"FIRST = {BOUND_S} "),
        ("LONGEST = 60 ", f"LONGEST = {BOUND_S} "),
        ("UNKNOWN = 3600 ", f"UNKNOWN = {UNKNOWN_S} "),
        # Patient starts, lockouts and outcomes are left out: more states, no concern of media.
        ("min(self.starts + 1, BOUNCES) if self.left and self.bound <= FIRST else 0", "0"),
        ("min(self.mistakes + 1, 255)", "0"),
        ("            self.last,\n            _FREE", "            0,\n            _FREE"),
    ],
    "firmware.timer": [
        ("MARGIN_MS = 2_000 ", "MARGIN_MS = 0 "),
        ("* 5000 // 6 - 1000", "* 1000"),
    ],
    "firmware.unit": [("COPY_S = 3500 ", f"COPY_S = {UNKNOWN_S - 1} ")],
    "opaygo.decoder": [("value * 86400 // device.time_divider", f"value * {TOKEN_S}")],
}
_NAMES = ("unit", "store", "timer", "account")
_TICKS = ("mark", "_synced", "_snapshot", "_due")  # attributes of the timer and its parts
_PLACES = [(name, slot) for name in ("identity", "full", "beat", "brief") for slot in (0, 1)]
_OWN, _WHOLE, _SMALL = _PLACES[:6], _PLACES[2:6], _PLACES[6:]
_PLAIN = 10**12  # marks tokens of 9 digits in the ring


class Record(NamedTuple):
    """Contents of a valid record. `base`: number of the full record belonging to a beat, or 0."""

    kind: int
    number: int
    base: int
    payload: bytes


class Knowledge(NamedTuple):
    """Contents of the newest record on a medium. `left`: seconds of credit."""

    count: int
    left: int


class Medium:
    """Slots of records; a torn record counts as empty, for no part of it is believed.

    `mode`: OK, OUT (no answer), REFUSES (to write), LIES (writes, but reports an error), or one of
    SOON; `on_write(medium, place)`: called when an effective write begins.
    """

    def __init__(self, places, small, on_write):
        self.places, self.small = places, small
        self._on_write = on_write
        self.slots, self.mode = {}, OK

    def read(self, name, slot):
        if self.mode == OUT:
            raise OSError(5)
        return self.slots[name, slot]

    def write(self, name, slot, data):
        if self.mode in (OUT, REFUSES):
            raise OSError(5)
        self._on_write(self, (name, slot))
        self.slots[name, slot] = data
        if self.mode == LIES:
            raise OSError(5)
        self.mode = SOON.get(self.mode, self.mode)

    def take(self, contents):
        """Fill the places with these records."""
        self.slots = dict(zip(self.places, contents))

    def contents(self):
        """Return the records, in the order of `places`."""
        return tuple(self.slots.values())


class Load:
    """The load switch. `on_ms`: on-time since `begin`."""

    def __init__(self, tasks):
        self._tasks = tasks
        self.begin(False)

    def begin(self, on):
        """Start counting now."""
        self.on, self.on_ms, self._since = on, 0, self._tasks.now

    def set(self, on):
        """Switch the load: called by the unit."""
        self.count()
        self.on = on

    def count(self):
        """Count up to now; return `on_ms`."""
        if self.on:
            self.on_ms += self._tasks.now - self._since
        self._since = self._tasks.now
        return self.on_ms


class State(NamedTuple):
    """State between two actions.

    `ram`: None while the power is off; `kept`: a thief's copy of the second medium; `issued`:
    number of existing tokens; `credited`: bits of the tokens already credited; `trust`: expected
    knowledge of the second medium.
    """

    ram: object
    own: tuple
    second: tuple
    kept: tuple
    own_mode: str = OK
    second_mode: str = OK
    issued: int = 0
    credited: int = 0
    trust: str = REPLACED


class Cut(NamedTuple):
    """Result of a possible power cut: the state, and the load's on-time so far."""

    told: str
    state: State
    on_ms: int


class TwoMedia:
    """The firmware, with a planted bug if wanted, on two media.

    `tokens`: most tokens, each adding TOKEN_S; `small`: the second medium takes briefs only;
    `bug`: {module: [(old text, new text), …]}.
    """

    def __init__(self, tokens, small, bug=None):
        changes = {name: list(found) for name, found in SCALE.items()}
        for name, found in (bug or {}).items():
            changes.setdefault(name, []).extend(found)
        modules = Modules((*[f"firmware.{name}" for name in _NAMES], "opaygo"), changes)
        self.unit_module, self.store, self.timer, self.account = [
            modules[f"firmware.{name}"] for name in _NAMES
        ]
        self.engine, self.tasks = modules["opaygo"], modules.tasks
        self._cheap()
        self.load = Load(self.tasks)
        self.own = Medium(_OWN, False, self._on_write)
        self.second = Medium(_SMALL if small else _WHOLE, small, self._on_write)
        self._kinds = {name: kind for kind, name in self.store.NAMES.items()}
        self._device = self.engine.Device(KEY, CODE)
        self._records, self._sealed = {b"": None}, {}
        self.unit = self.here = None
        self.cuts = []
        self.tokens = []  # (count, digits)
        for _ in range(tokens):
            count = self.tokens[-1][0] if self.tokens else 1
            self.tokens.append(make_token(Issued("M1", KEY, CODE, count=count), "add", 1))
        self.identities = {
            count: self.store.Identity("M1", KEY, CODE, count)
            for count in (1, *[count for count, _ in self.tokens])
        }

    def _cheap(self):
        """Replace SipHash by a cheap tag, and judge each token in each state once."""
        engine = self.engine
        engine.siphash24 = lambda key, data: struct.pack("<II", crc32(data, 1), crc32(data, 2))
        judge, known = engine.judge, {}

        def judging(device, state, digits, _slice):
            if (state, digits) not in known:
                known[state, digits] = judge(device, state, digits)
            yield known[state, digits]

        engine.judging = judging

    def blank(self):
        """Return the state of a unit never provisioned."""
        empty = (b"",) * len(self.second.places)
        return State(None, (b"",) * 6, empty, empty)

    def remembers(self, digits):
        """Does the unit know the token as accepted?"""
        code = int(digits) + _PLAIN
        return code.to_bytes(5, "big") in self.unit._state.ring

    def known(self, contents):
        """Return the Knowledge of a medium, read without the store; None without a record."""
        found = [record for record in map(self.record, contents) if record]
        if not found:
            return None
        kind, _, _, payload = max(found, key=lambda record: record.number)
        if kind == self.store.BRIEF:
            count, left = struct.unpack_from("<II", payload)
            return Knowledge(count & 0xFFFFFF, left)
        left = struct.unpack_from("<I", payload[-21:])[0]
        if kind == self.store.BEAT:
            return Knowledge(struct.unpack_from("<I", payload)[0], left)
        return Knowledge(struct.unpack_from(">I", payload, 3)[0], left)

    # --- loading and saving a state --------------------------------------------------------

    def take(self, state):
        """Continue from a state: `here` is set, and `cuts` collects the results of power cuts."""
        self.here, self.cuts = state, []
        self.own.take(state.own)
        self.second.take(state.second)
        self.own.mode, self.second.mode = state.own_mode, state.second_mode
        self.tasks.now = 0
        self.unit = None
        if state.ram:
            self._wake(state.ram)
        self.load.begin(bool(state.ram) and state.ram[-1])

    def lay_down(self):
        """Return the present state."""
        self._tidy(0, self.own)
        self._tidy(1, self.second)
        ram = self._asleep() if self.unit else None
        changed = self.here._replace(
            ram=ram,
            own=self.own.contents(),
            second=self.second.contents(),
            own_mode=self.own.mode,
            second_mode=self.second.mode,
        )
        return self.renumbered(changed)

    def copied(self, state):
        """Return a copy of the second medium: the newest record of each kind."""
        self.unit = None
        self.second.take(state.second)
        self._tidy(1, self.second)
        return self.second.contents()

    def new_unit(self):
        """Turn the power on: the new unit knows only the media's contents."""
        store = self.store.Store([self.own, self.second])
        self.unit = self.unit_module.Unit(store, None, self.load)

    def _on_write(self, medium, place):
        on_ms = self.load.count()
        for told, torn in (("before", False), ("in", True)):
            kept = self.own.slots, self.second.slots, self.unit
            self.own.slots, self.second.slots = dict(kept[0]), dict(kept[1])
            if torn:
                medium.slots[place] = b""
            self.unit = None
            told = f"cut {told} write {len(self.cuts) // 2 + 1}"
            self.cuts.append(Cut(told, self.lay_down(), on_ms))
            self.own.slots, self.second.slots, self.unit = kept

    def _parts(self):
        unit = self.unit
        timer = unit._timer
        return unit, unit._store, timer, timer.account, timer._power, timer._credit, timer._lock

    def _asleep(self):
        """Return the contents of the RAM, with times relative to now."""
        unit, timer = self.unit, self.unit._timer
        timer.powered, unit._copied = timer.powered - unit._copied, 0
        timer._known = (1, 0)  # no clock chip here
        unit.entries, unit.outcome, unit._store.stale, timer.account.last = 0, None, False, 0
        if not timer.covered:  # then the duration does not matter
            timer._snapshot = self.tasks.now - timer._bound * 1000
        found = [unit.identity.count]
        for part in self._parts():
            values = []
            for name, value in vars(part).items():
                if name in _TICKS:
                    value -= self.tasks.now
                values.append((name, *_frozen(value)))
            found.append(tuple(values))
        return (*found, self.load.on)

    def _wake(self, ram):
        count, *values, _ = ram
        self.new_unit()
        unit, store, seconds = self.unit, self.unit._store, self.timer._Seconds
        kinds = (self.timer.ActivationTimer, self.account.Account, seconds, seconds, seconds)
        timer, account, power, credit, lock = [object.__new__(kind) for kind in kinds]
        objects = {"_store": store, "load": self.load, "identity": self.identities[count]}
        objects.update(_device=self._device, _timer=timer, account=account, _power=power)
        objects.update(_credit=credit, _lock=lock, _media=[self.own, self.second])
        for part, found in zip((unit, store, timer, account, power, credit, lock), values):
            for name, kind, value in found:
                if kind is ...:
                    value = objects[name]
                elif kind:
                    value = kind(value)
                part.__dict__[name] = value

    # --- removing differences without effect -----------------------------------------------

    def record(self, data):
        """Return the Record in these bytes, or None."""
        if data not in self._records:
            self._records[data] = self._read(data)
        return self._records[data]

    def _read(self, data):
        kind = data[2] if data[:2] == b"PG" else self.store.BRIEF
        if kind == self.store.IDENTITY:
            return None
        number, _, payload = self.store.unseal(kind, data, KEY)
        if kind != self.store.BEAT:
            return Record(kind, number, 0, payload)
        return Record(kind, number, struct.unpack_from("<I", payload)[0], payload[4:])

    def _tidy(self, index, medium):
        """Drop records that will not be read any more, and put the newest of each kind first.

        Records older than the newest of their kind are not read again if the next write goes
        there; nor is a beat older than the full record.
        """
        store = self.unit._store if self.unit else None
        following = store._next if store and index not in store._unread else {}
        slots, numbers = medium.slots, {}
        for name in {name for name, _ in medium.places} - {"identity"}:
            found = [self.record(slots[name, slot]) for slot in (0, 1)]
            numbers[name] = pair = [record.number if record else 0 for record in found]
            newest = pair.index(max(pair))
            if pair[0] == pair[1]:
                if pair[0]:
                    return
            elif self.unit and following.get((index, self._kinds[name]), 0) == newest:
                return
        for name, pair in numbers.items():
            newest = pair.index(max(pair))
            slots[name, 0], slots[name, 1] = slots[name, newest], b""
            if store:
                store._next[index, self._kinds[name]] = 1 if max(pair) else 0
        if "full" in numbers and max(numbers["beat"]) < max(numbers["full"]):
            slots["beat", 0] = b""
            if store:
                store._next[index, self.store.BEAT] = 0

    def _numbers(self, *contents):
        found = {0}
        for data in contents:
            for record in data:
                record = self.record(record)
                if record:
                    found.update((record.number, record.base))
        return found

    def _seen(self, state):
        """Return record numbers known to the unit: (highest, _used, _bases)."""
        used, bases = 0, (0, 0)
        if state.ram:
            store = {name: value for name, _, value in state.ram[2]}
            used, bases = store["_used"], store["_bases"]
        return max(used, max(self._numbers(state.own))), used, bases

    def near(self, state):
        """Return the state with a lead of FAR reduced to a small lead, or None."""
        seen = self._seen(state)[0]
        above = [old for old in self._numbers(state.second, state.kept) if old > seen]
        if not above or min(above) - seen <= 3:
            return None
        return self.renumbered(state, 3)

    def renumbered(self, state, gap=None):
        """Return the state with canonical record numbers, equal for all states that behave alike.

        `gap`: wanted lead of the lowest number not known to the unit.
        """
        seen, used, bases = self._seen(state)
        own = self._numbers(state.own) | {bases[0]}
        second = self._numbers(state.second) | {bases[1]}
        kept = self._numbers(state.kept)
        top, here, there, away = 0, {0: 0}, {0: 0}, {0: 0}
        if bases[1] in kept:  # the records of the copy must stay distinct
            second, away = second | kept, there
            kept = {0}
        for group, new in ((kept, away), (second, there), (own, here)):
            for old in sorted(old for old in group if old <= seen and old not in new):
                top += 2
                new[old] = top
        if used > max(own):
            top += 2
        above = sorted(old for old in second | kept if old > seen)
        if above:
            ahead = gap or above[0] - seen
            start = top + (FAR if ahead > 3 else ahead)
            later = {old: start + 2 * rank for rank, old in enumerate(above)}
            there.update(later)
            away.update(later)
        ram = state.ram
        if ram:
            changed = {"_used": top, "_bases": (here[bases[0]], there[bases[1]])}
            store = [(name, kind, changed.get(name, value)) for name, kind, value in ram[2]]
            ram = (*ram[:2], tuple(store), *ram[3:])
        return state._replace(
            ram=ram,
            own=tuple([self._with(data, here) for data in state.own]),
            second=tuple([self._with(data, there) for data in state.second]),
            kept=tuple([self._with(data, away) for data in state.kept]),
        )

    def _with(self, data, numbers):
        """Return the record with new numbers."""
        record = self.record(data)
        if not record:
            return data
        number, base = numbers[record.number], numbers[record.base]
        if (data, number, base) not in self._sealed:
            payload = record.payload
            if record.kind == self.store.BEAT:
                payload = struct.pack("<I", base) + payload
            made = self.store.seal(record.kind, number, payload, KEY)
            self._sealed[data, number, base] = made
        return self._sealed[data, number, base]


def _frozen(value):
    """Return (kind, value), hashable; (..., None) for an object known to `_wake`."""
    if isinstance(value, dict):
        return dict, tuple(sorted(value.items()))
    if isinstance(value, set):
        return set, tuple(sorted(value))
    if isinstance(value, list) and not (value and isinstance(value[0], Medium)):
        return list, tuple(value)
    if value is None or isinstance(value, (int, str, bytes, tuple)):
        return None, value
    return ..., None
