"""A unit and the model of the rules side by side: every entry goes to both."""

from collections.abc import Callable
from typing import NamedTuple

from tools.conformance.answers import fields
from tools.conformance.model import VALID, Model
from tools.conformance.rules import SYNC, SYNC_AHEAD, SYNC_BACK
from tools.conformance.units import AnsweringUnit

JUDGED_S = 5  # certification: a token is judged within
FIRST_ANSWERS = 8  # kept for a hint
RESERVED = 30  # counts; with SYNC_BACK below SYNC_AHEAD: a unit synced back still takes a sync
STATES = ("ACTIVE", "INACTIVE", "PAYG_DISABLED")
BEYOND = 10  # counts beyond all windows at which a token may be tried
FRESH = 10  # time units that a check begins with
REACH = (0, 30, 60)  # counts further on, when a unit's count is in doubt after a failed check


class DeviationError(Exception):
    """The unit breaks a rule; the text says what the unit did, and the right answer."""


class CollisionError(Exception):
    """By chance an entry is the token of two counts: the unit may take either count."""


class LockedError(Exception):
    """The unit is locked before the first entry: earlier mistakes are not the kit's."""


class TooLateError(Exception):
    """A lockout ended while a person typed: nothing can be said about the lockout."""


class Entry(NamedTuple):
    """An entry. kind: of the token, or "no token"; value, count: of the token, None if unknown.

    expected: outcome by the model; answer: the unit's.
    """

    digits: str
    kind: str
    value: int | None
    count: int | None  # type: ignore[assignment]  # tuple.count
    expected: str
    answer: str

    def __str__(self) -> str:
        known = self.kind
        if self.value is not None:
            known += f" value {self.value}"
        if self.count is not None:
            known += f" count {self.count}"
        return f"{self.digits} ({known}): {self.expected} expected, got {self.answer}"


class Limits(NamedTuple):
    """Bounds of the checks.

    tolerance: seconds between a unit's seconds and the model's; extended: value of the extended
    tokens that may be tried, or None; entries: number of random entries; seed: for these, an
    integer; sync: may COUNTER_SYNC tokens be tried?
    """

    tolerance: float = 3
    extended: int | None = None
    entries: int = 0
    seed: int = 0
    sync: bool = True


class Trial:
    """A unit under test, `unit`, and the `model` of the rules.

    `entries`: number of entries so far; `log`: Entries of the present check; `slowest`: the
    longest time for a token, in seconds; `accepted`: has the unit accepted any token; `answers`:
    words of the first answers, for a hint; `before`: the unit's count before the run; `highest`:
    the highest count of an accepted token; `progress`: called after each random entry; `reserve`:
    called with (count, may counts above it be reserved, too?) before an entry that may bring the
    unit to this count.
    """

    def __init__(self, unit: AnsweringUnit, model: Model, limits: Limits | None = None) -> None:
        self.unit = unit
        self.model = model
        self.rules = model.rules
        self.limits = limits or Limits()
        self.doubt = False  # whether unit and model may have different counts
        self.entries = 0
        self.slowest: float = 0
        self.accepted = False
        self.log: list[Entry] = []
        self.answers: list[str] = []
        self.before = self.highest = model.rules.last
        # called after each random entry
        self.progress: Callable[[int, int], None] = lambda done, of: None
        self.reserve: Callable[[int, bool], None] = lambda count, further: None
        self._last = unit.now()

    # --- one entry -----------------------------------------------------------------------

    def token(self, value: int, ahead: int, extended: bool = False) -> str:
        """Return the token of a value and a count `ahead` of the last count."""
        return self.rules.token(value, max(0, self.rules.last + ahead), extended)

    def enter(self, entry: str) -> str:
        """Enter `entry` on both, compare answer and status with the model; return the outcome.

        Raises DeviationError, SilentUnitError, CollisionError; LockedError for the first entry.
        """
        if self.rules.read(entry) and self._ambiguous(entry):
            raise CollisionError(entry)
        known = self._reserved(entry)
        self.entries += 1
        self._pass_time()
        outcome = self.model.enter(entry)
        begin = self.unit.now()
        answer = self.unit.ask(f"#TOKEN;{entry}")
        took = self.unit.now() - begin
        self.slowest = max(self.slowest, took)
        self._pass_time()
        self.log.append(Entry(entry, *known, outcome, answer))
        self._note(outcome, answer)
        if outcome == "INVALID":
            self._reserve_beyond(entry, answer)
        self._judge(entry, outcome, answer)
        if took > JUDGED_S and not self.unit.by_hand:
            raise DeviationError(f"{entry} was judged in {took:.1f} s; {JUDGED_S} s are allowed")
        self.check_status(f"after {entry}: ")
        return outcome

    def expect(self, entry: str, outcome: str) -> None:
        """Enter an entry with this outcome by the model, too: else the kit itself is wrong."""
        self._pass_time()
        if outcome == "LOCKED" and not self.model.locked:
            raise TooLateError
        if outcome == "INVALID" and self.rules.matches(entry):
            raise CollisionError(entry)
        if outcome not in ("ALREADY_USED", "LOCKED") and entry in self._spent():
            raise CollisionError(entry)  # after a sync backwards
        found = self.enter(entry)
        if found != outcome:
            raise RuntimeError(f"the model calls {entry} {found}, the check {outcome}")

    def check_status(self, when: str = "") -> None:
        """Ask for the status and compare it with the model. Raises DeviationError."""
        if self.unit.by_hand:
            return
        answer = self.unit.ask("#STATUS;")
        self._pass_time()
        kind, seconds = fields(answer)
        model = self.model
        wrong = kind not in STATES or (kind == "PAYG_DISABLED") != model.free
        if wrong or not (model.free or self._near(seconds or 0, model.left)):
            state = f"ACTIVE;{model.left:.0f}" if model.left else "INACTIVE"
            state = "PAYG_DISABLED" if model.free else state
            raise DeviationError(f"{when}expected #STATUS;{state}, got {answer}")

    def _known(self, entry: str) -> tuple[str, int | None, int | None]:
        """Return (kind, value, count) of an entry."""
        read = self.rules.read(entry)
        if read is None:
            return "malformed", None, None
        value = self.rules.value(entry)
        spent = self._spent().get(entry)
        matches = [spent] if spent is not None else self.rules.matches(entry)
        if not matches:
            zero = self.rules.token(value, 0, read[1]) == entry
            return "no token", value, 0 if zero else None
        return self.rules.kind(value, matches[-1], read[1]), value, matches[-1]

    def _reserved(self, entry: str) -> tuple[str, int | None, int | None]:
        """Reserve the count of an entry about to be made; return (kind, value, count)."""
        known = self._known(entry)
        if known[2]:
            # A unit that takes no token must not be left behind: no counts in store for this unit.
            self.reserve(known[2], self.accepted)
        return known

    def _reserve_beyond(self, entry: str, answer: str) -> None:
        """Reserve the count of a token out of reach that the unit accepted wrongly."""
        read = self.rules.read(entry)
        if read is None or fields(answer)[0] not in ("VALID", "PAYG_DISABLED"):
            return
        value, last = self.rules.value(entry), self.rules.last
        for count in range(last + 1, last + SYNC_AHEAD + BEYOND):
            if self.rules.token(value, count, read[1]) == entry:
                self.reserve(count, False)

    def _note(self, outcome: str, answer: str) -> None:
        word = fields(answer)[0]
        if outcome in VALID:
            self.highest = max(self.highest, self.rules.accepted[-1][0])
            self.accepted = self.accepted or word in ("VALID", "PAYG_DISABLED")
        if len(self.answers) < FIRST_ANSWERS:
            self.answers.append(word)
        if self.entries == 1 and word == "LOCKED":
            raise LockedError(f"the keypad is locked before the first entry: {answer}")

    def _ambiguous(self, entry: str) -> bool:
        rules = self.rules
        near = [count for count in rules.matches(entry) if count > rules.last - SYNC_BACK]
        known = self._spent().get(entry)
        return len(near) > 1 or bool(known and near and near != [known])

    def _spent(self) -> dict[str, int]:
        return {entry: count for count, entry in self.rules.accepted}

    def _judge(self, entry: str, outcome: str, answer: str) -> None:
        model = self.model
        kind, seconds = fields(answer)
        right = {"MALFORMED": "INVALID"}.get(outcome, outcome)
        if outcome == "LOCKED" != kind and self.unit.by_hand and not model.locked:
            raise TooLateError
        due: float | None = None
        if right == "LOCKED":
            due = model.locked
        elif right not in ("INVALID", "ALREADY_USED"):
            right, due = "VALID", model.left
        if right == "VALID" and model.free:
            # After anything but the unlocking itself a unit may say either; STATUS is exact.
            right = kind if kind == "VALID" and outcome != "DISABLE_PAYG" else "PAYG_DISABLED"
            due = None
        missing = seconds is None and kind == "VALID" and not self.unit.by_hand
        if self.unit.by_hand and right == "PAYG_DISABLED" and kind == "VALID":
            right = kind  # many displays show "accepted" and no more
        off = due is not None and seconds is not None and not self._near(seconds, due)
        if kind != right or missing or off:
            wanted = right if due is None else f"{right};{due:.0f}"
            raise DeviationError(f"{entry}: expected #TOKEN;{wanted}, got {answer}")

    def _near(self, told: float, due: float) -> bool:
        return abs(told - due) <= self.limits.tolerance

    def _pass_time(self) -> None:
        now = self.unit.now()
        self.model.run(now - self._last)
        self._last = now

    # --- around checks -------------------------------------------------------------------

    def adopt(self) -> None:
        """Begin with the unit's present credit."""
        kind, seconds = fields(self.unit.ask("#STATUS;"))
        self._pass_time()
        self.model.free = kind == "PAYG_DISABLED"
        self.model.left = 0 if self.model.free else seconds or 0

    def fresh(self, reach: tuple[int, ...] = REACH) -> None:
        """Set some time: mistakes are forgiven, older counts used.

        reach: counts further on, tried in this order. Raises DeviationError, CollisionError.
        """
        reach = self._find_count() if self.doubt else reach
        self.doubt = False
        failure: Exception | None = None
        for distance in reach:
            try:
                self.set(FRESH, distance)
                return
            except (DeviationError, CollisionError) as error:
                failure = error
            if not self.accepted and self.answers[-1:] == ["INVALID"]:
                break  # a unit that knows no token within reach knows none further on
        assert failure
        raise failure

    def _find_count(self) -> tuple[int, ...]:
        # After a failed check the unit's count may be a hundred behind or sixty ahead, in reach of
        # a sync. Tokens beyond all entries of the check are fresh.
        try:
            count = max(1, self.rules.last + self.ahead(1) - 4)  # count 0 is no token
            self.enter(self.rules.token(SYNC, count))
        except (DeviationError, CollisionError):
            return REACH
        return REACH[::-1]

    def add(self, value: int = 1, further: int = 0) -> None:
        """Enter an ADD_TIME token with the next even count, or `further` counts on."""
        self.expect(self.token(value, self.ahead(0) + further), "ADD_TIME")

    def set(self, value: int, further: int = 0) -> None:
        """Enter a SET_TIME token with the next odd count, or `further` counts on."""
        self.expect(self.token(value, self.ahead(1) + further), "SET_TIME")

    def ahead(self, parity: int) -> int:
        """Return how far the next count of a parity is ahead."""
        return 2 - (self.rules.last + parity) % 2

    def wrong(self, number: int = 0) -> str:
        """Return an entry in a token's form, given by no count within reach."""
        far = self.rules.last + 400 + 2 * number
        entries = (self.rules.token(value, far) for value in range(1, 996))
        # After some ten thousand counts a chain may run in a circle: the first may be wrong.
        return next(entry for entry in entries if not self.rules.matches(entry))

    def power_cycle(self) -> None:
        """Switch off and on; check the loss of credit, then take the unit's figures over."""
        model = self.model
        self._pass_time()
        before, locked = model.left, model.locked
        self.unit.power_cycle()
        self._pass_time()
        if self.unit.by_hand:
            model.locked = locked
            if locked:
                self._lockout_after_cut(locked)
            return
        kind, seconds = fields(self.unit.ask("#STATUS;"))
        left, tolerance = seconds or 0, self.limits.tolerance
        if kind not in STATES:
            raise DeviationError(f"no state after a power cut: {kind}")
        if (kind == "PAYG_DISABLED") != model.free:
            raise DeviationError(f"free and locked changed places by a power cut: {kind}")
        if not model.left - self.unit.cut_s - tolerance <= left <= before + tolerance:
            raise DeviationError(f"{before:.0f} s of credit became {left} s by a power cut")
        model.left, model.locked = left, locked
        if locked:
            self._lockout_after_cut(locked)

    def _lockout_after_cut(self, locked: float) -> None:
        # A unit may count the time without power, or not: both ends are allowed.
        entry = self.token(1, self.ahead(0))
        known = self._reserved(entry)
        answer = self.unit.ask(f"#TOKEN;{entry}")
        self.log.append(Entry(entry, *known, "LOCKED", answer))
        self.entries += 1
        self._pass_time()
        kind, seconds = fields(answer)
        if kind != "LOCKED" and not self.model.locked:
            raise TooLateError
        if kind != "LOCKED":
            raise DeviationError(f"locked for {locked:.0f} s; after a power cut: {answer}")
        if seconds is not None:
            self.model.locked = min(seconds, locked + self.unit.cut_s)
