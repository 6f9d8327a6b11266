"""Paid time cannot be stolen: every reachable moment of a unit, with the least slack.

Slack is paid time not yet used: seconds bought less seconds of load. The search keeps the least
slack with which each moment (see tools.proofs.time.world) was reached, and continues from there
until nothing new appears, so that sequences of any length are covered. Slack must never be
negative; the other promises are the lines that raise Violation.
"""

import heapq
from collections import namedtuple
from itertools import count
from sys import intern

from tools.proofs.stepper import Violation
from tools.proofs.time.world import Off, PowerCut, World

# states: number of moments, slack aside; moves: number tried; worst: least slack, s; added:
# longest time added to a lockout by a power cut, s; seen: words of all moves; broken: the
# violation, "" if there was none; path: moves that led to the violation.
Result = namedtuple("Result", "states moves worst added seen broken path")

_FRESH = Off(None, None, 0, 0, 0, False, False)


class Moves:
    """Moves possible at each moment of a world, and the promises checked after each move."""

    def __init__(self, world):
        self.world = world
        self.scale = world.scale
        self.tried = 0
        self.added = 0
        self.seen = set()

    def of(self, moment, slack):
        """Yield (words, next moment, slack) for every possible move. Raises Violation."""
        for words, act in self._acts(moment):
            yield from self._outcomes(words, act, moment, slack)

    def with_long_waits(self, moment, slack, waited):
        """Like `of`, but a single move lets time pass until the adversary has a choice.

        The fourth value yielded is True for a long wait without a choice at its end. `waited`: the
        moment was reached by such a wait.
        """
        for words, act in self._acts(moment):
            if act != self._wait:
                for outcome in self._outcomes(words, act, moment, slack):
                    yield *outcome, False
            elif not waited:
                yield from self._long_wait(moment, slack)

    def _long_wait(self, moment, slack):
        passed, chosen = 0, False
        while not chosen and passed < self.scale.idle_ms + self.scale.longest * 1000:
            passed += self.scale.steps[moment.phase]
            for outcome in self._outcomes(f"{passed / 1000:g} s", self._wait, moment, slack):
                chosen = chosen or bool(self.world.taken)
                yield *outcome, not chosen
            _, moment, slack = outcome

    def _outcomes(self, words, act, moment, slack):
        world = self.world
        for _ in world.runs():
            world.slack = slack
            world.tried = getattr(moment, "judging", False)
            try:
                after = self._do(act, moment)
            except Violation as broken:
                broken.words = self._tell(words)
                raise
            yield self._tell(words), after, world.slack

    def _do(self, act, moment):
        try:
            return act(moment)
        except PowerCut:
            return self._go_off(moment, False)

    def _tell(self, words):
        self.tried += 1
        self.seen.update(self.world.said)
        return intern(", ".join([words, *self.world.said]))

    def _acts(self, moment):
        scale = self.scale
        if isinstance(moment, Off):
            acts = [("start", self._start)]
            if scale.clock == "cell" and not moment.stopped:
                acts.append(("the cell dies", self._lose_off))
            return acts
        passed = f"{scale.steps[moment.phase] / 1000:g} s"
        acts = [(passed, self._wait), ("power cut", self._cut)]
        if scale.hang_ms:
            acts.append(("hang, watchdog", self._hang))
        if moment.judging:
            acts += [(f"judged: {kind}", self._judged(kind)) for kind in scale.entries]
        elif scale.entries:
            acts.append(("entry", self._enter("token")))
        if scale.tests and not moment.judging and not moment.count:
            acts.append(("test code", self._enter("test")))
        if scale.clock == "cell" and not moment.stopped:
            acts.append(("the cell dies", self._lose))
        return acts

    # --- without power ------------------------------------------------------------------

    def _start(self, off):
        world = self.world
        world.power_on(off)
        record = world.record()
        if off.ahead:
            world.take_effect(off.ahead, record.free)
            world.count, world.ahead = off.count + 1, None
        if world.clock:
            world.clock.starting, world.clock.away = True, 0
        hung = self.scale.hung if off.reset else 0
        world.unit.start(hung)
        if record:
            self._check_start(record, hung)
        self._look(False)
        return world.keep()

    def _check_start(self, record, hung):
        world = self.world
        account, elapsed = world.unit._timer.account, world.now // 1000
        away = world.clock.away if world.clock else 0
        if record.left - account.left > max(record.bound + hung, away or 0) + elapsed:
            raise Violation("a start charged more than the bound and the time without power")
        if account.locked < record.locked - elapsed:
            raise Violation("a start shortened a lockout")
        doubt = record.doubt
        if away is None:
            doubt = self.scale.calm + (self.scale.doubt if doubt else 0)
        if account.doubt < doubt - elapsed:
            raise Violation("a fault of the clock left less doubt than the rule says")
        if world.hidden and not account.faults:
            raise Violation("a clock that lost time without power was believed")
        world.hidden *= 2
        if account.starts == self.scale.bounces and not account.free:
            self.seen.add("patient start")
            if world.load.on:
                raise Violation("a patient start closed the load")

    def _lose_off(self, off):
        return off._replace(stopped=True, hidden=1 if off.record else 0)

    # --- with power ---------------------------------------------------------------------

    def _cut(self, moment):
        self.world.outlive(moment)
        return self._go_off(moment, False)

    def _hang(self, moment):
        self.world.bring(moment)
        self.world.pass_ms(self.scale.hang_ms, True)
        return self._go_off(moment, True)

    def _lose(self, moment):
        self.world.bring(moment)
        self.world.stopped = True
        return self.world.keep()

    def _go_off(self, moment, reset):
        """Return the following moment without power; `moment` is the moment before the cut."""
        world = self.world
        if not isinstance(moment, Off) and not world.ahead:
            self._check_outlived(moment, self.scale.hang_ms if reset else 0)
        return world.off(reset)

    def _check_outlived(self, moment, hung_ms):
        """Check that no attempt and no lockout got lost, and that no lockout got much longer."""
        world, record = self.world, self.world.record()
        account = world.account_class.unpack(moment.account)
        most = len(self.scale.lockouts) - 1  # more mistakes in a row count as this many
        mistakes = min(account.mistakes + world.tried, most)
        if mistakes and (record is None or record.mistakes < mistakes):
            raise Violation("a power cut undid an attempt")
        if not account.locked:
            return
        running = account.locked * 1000 - moment.lock - world.now
        added = record.locked * 1000 - max(0, running)
        if added < 0:
            raise Violation("a power cut shortened a lockout")
        if moment.refused:
            return
        self.added = max(self.added, added / 1000)
        if added > max(record.bound, self.scale.first) * 1000 + hung_ms:
            raise Violation("a power cut lengthened a lockout by more than the bound")

    def _wait(self, moment):
        """Let time pass to the next look of the account's task (App._keep_account)."""
        world, scale = self.world, self.scale
        world.bring(moment)
        step = scale.steps[world.phase]
        due = 0 if moment.late else world.unit.due()  # ms until the task wakes
        if 0 < due < step:
            raise Violation(f"something is due {due} ms after a look, within a step")
        world.pass_ms(step, moment.late)
        world.phase = (world.phase + 1) % len(scale.steps)
        if scale.late and not moment.late and world.choose("", "the look is late"):
            world.late = True
            return world.keep()
        world.late = False
        world.unit.tick()
        self._check_passed(moment, step)
        if due > step and moment.load and not world.load.on:
            raise Violation("the load opens before the account's task wakes")
        self._look(due > step)
        return world.keep()

    def _check_passed(self, moment, ms):
        """Check the change of credit, lockout and doubt against the powered time."""
        before = self.world.account_class.unpack(moment.account)
        account = self.world.unit._timer.account
        gone = (moment.power + ms) // 1000
        if account.doubt != max(0, before.doubt - gone):
            raise Violation("doubt does not run with the ticks")
        passed = range(before.doubt, before.doubt - gone, -1)
        more = sum(doubt > self.scale.calm and doubt % 3 == 0 for doubt in passed)
        left = before.left - (moment.credit + ms) // 1000 - more
        if account.left != max(0, left):
            raise Violation("credit does not run with the ticks")
        if account.locked != max(0, before.locked - (moment.lock + ms) // 1000):
            raise Violation("a lockout does not run with the ticks")

    def _look(self, early):
        """Run the account's task once. `early`: nothing should be due."""
        world, unit = self.world, self.world.unit
        unit.tick()
        if unit.beat_due(True):
            if early:
                raise Violation("a record is due before the account's task wakes")
            if not unit.beat_due(False) and world.choose("", "key held"):
                return
            unit.beat()
        if unit.due() <= 0:
            raise Violation("the account's task never sleeps")
        left = unit._timer.account.left
        if left and not world.refused and not world.load.on and world.record().bound:
            raise Violation("the load is open though all is well")

    # --- entries ------------------------------------------------------------------------

    def _enter(self, digits):
        """Return the act of entering, up to the judging, or to the end of an entry not judged."""

        def enter(moment):
            world = self.world
            world.bring(moment)
            unit, world.entering = world.unit, True
            locked, tests = unit.locked_seconds(), unit._timer.account.tests
            entry = world.entry = unit.entering(digits)
            if "over" not in (next(entry, "over"), next(entry, "over")):
                world.judging = True
                if locked:
                    raise Violation("a token is judged during a lockout")
            elif unit._timer.account.tests > tests:
                world.begun += 1
                world.tested = self.scale.test_ms
                if world.begun > self.scale.tests:
                    raise Violation("the test code works once more")
            world.entering = False
            if world.now:  # the account's task may have waited for the end of a slow write
                self._look(False)
            return world.keep()

        return enter

    def _judged(self, kind):
        """Return the act that ends the judging of a token of this kind."""

        def judged(moment):
            world = self.world
            world.kind, world.tried = kind, kind == "wrong"
            world.bring_judging(moment)
            mistakes = world.unit._timer.account.mistakes
            for _ in world.entry:
                pass
            world.judging = world.entering = False
            account = world.unit._timer.account
            if world.unit._state.count > world.count:
                world.take_effect(kind, account.free)
                world.count, world.ahead = world.unit._state.count, None
                world.tested = 0
            if kind == "wrong" and account.mistakes != mistakes + 1:
                raise Violation("a wrong token was not counted")
            self._look(False)
            return world.keep()

        return judged


def explore(scale, changes=None):
    """Search until nothing new appears; return a Result.

    `changes`: planted bugs, see tools.proofs.stepper. Continues from the moment where credit
    exceeds slack most, so that few moments are visited twice.
    """
    world = World(scale, changes)
    moves, least, order = Moves(world), {_FRESH: 0}, count()
    heap = [(0, 0, _FRESH, 0, None)]
    while heap:
        _, _, moment, slack, path = heapq.heappop(heap)
        if least[moment] < slack:
            continue
        try:
            for words, after, rest in moves.of(moment, slack):
                if rest < least.get(after, rest + 1):
                    least[after] = rest
                    rank = rest - _credit_ms(world, after)
                    heapq.heappush(heap, (rank, next(order), after, rest, (path, words)))
        except Violation as broken:
            return _result(moves, least, broken, path)
    return _result(moves, least)


def _credit_ms(world, moment):
    """Return the load time allowed by the account."""
    if not isinstance(moment, Off):
        left = world.account_class.unpack(moment.account).left
        return left * 1000 - moment.credit if left else 0
    record = moment.record and world.account_class.unpack(moment.record)
    return max(0, record.left - record.bound) * 1000 if record else 0


def shortest(scale, changes=None):
    """Search by the number of moves; return the Result for the first violation."""
    world = World(scale, changes)
    moves, least = Moves(world), {_FRESH: 0}
    layer = {_FRESH: (0, False, None)}
    while layer:
        following = {}
        for moment, (slack, waited, path) in layer.items():
            try:
                for words, after, rest, waits in moves.with_long_waits(moment, slack, waited):
                    if rest < least.get(after, rest + 1):
                        least[after] = rest
                        following[after] = rest, waits, (path, words)
            except Violation as broken:
                return _result(moves, least, broken, path)
        layer = following
    return _result(moves, least)


def _result(moves, least, broken=None, path=None):
    words = [broken.words] if broken else []
    while path:
        path, word = path
        words.append(word)
    worst = moves.world.worst / 1000
    return Result(
        len(least),
        moves.tried,
        worst,
        moves.added,
        frozenset(moves.seen),
        str(broken or ""),
        tuple(reversed(words)),
    )
