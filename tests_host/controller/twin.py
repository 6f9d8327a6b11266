"""A simulated unit and its model side by side: every command goes to both, every answer is held
against the model.

The unit counts seconds from the moments of its own events, the model from the whole seconds that
an answer tells, and a key takes up to 300 ms. So the two may differ by one second, not more; where
that second would decide (credit or lockout about to end), `settle` lets it pass first.
"""

from tests_host.controller.model import Model
from tests_host.helpers.published import KEY, STARTING_CODE
from tools.proofs.simulator import Sim
from tools.proofs.tokens.encoder import Encoder

KEY_SECONDS = 0.3  # a key takes at most this long
MESSAGE = 5  # seconds that a message stays
SLACK = (
    2  # seconds by which a start's charge may differ: chip, account and answers have whole ones
)
FIELDS = {
    "t",
    "power",
    "display",
    "load",
    "payg",
    "active",
    "seconds_left",
    "count",
    "result",
    "locked_seconds",
    "clock_faults",
    "provisioned",
    "uart",
}


class Twin:
    """Use as a context manager. The options are those of tools.proofs.simulator.Sim.

    `sim` and `model` are the two, `answer` is the last answer, `entries` counts the entries.
    """

    def __init__(self, key=KEY, starting_code=STARTING_CODE, count=1, time_divider=1, **options):
        unit = Encoder(bytes.fromhex(key), starting_code)
        self.model = Model(unit, count, time_divider, options.get("restricted", False))
        self.sim = Sim(
            serial="T1",
            key=key,
            starting_code=starting_code,
            count=count,
            time_divider=time_divider,
            **options,
        )
        self.answer = None
        self.entries = 0
        self._said = ("", 0)  # the last message, and until when it may stand there

    def __enter__(self):
        self.sim.__enter__()
        self.answer = self.sim.status()
        self._check(None)
        return self

    def __exit__(self, *exception):
        self.sim.__exit__(*exception)

    def token(self, value, count, extended=False):
        """Return the token of a value and a count as it is entered."""
        return self.model.rules.token(value, count, extended)

    def enter(self, digits):
        """Type an entry and submit it; return the outcome on which both agree."""
        before = self.answer["t"]
        self.answer = self.sim.keys(digits + "#")
        took = self.answer["t"] - before
        assert took <= (len(digits) + 1) * KEY_SECONDS + 1, "keys take at most 300 ms each"
        self.model.run(took)
        outcome = self.model.enter(digits)
        self.entries += 1
        self._check(outcome)
        self._said = self.answer["display"], self.answer["t"] + MESSAGE
        return outcome

    def advance(self, seconds):
        """Let powered time pass."""
        before = self.answer["t"]
        self.answer = self.sim.do(f"advance {seconds}")
        assert self.answer["t"] == before + seconds
        self.model.run(seconds)
        self._check(None)

    def catch_up(self):
        """Let the model have the time that passed while a test talked to `sim` alone."""
        before = self.answer["t"]
        self.answer = self.sim.status()
        self.model.run(self.answer["t"] - before)

    def settle(self):
        """Let credit or lockout end if it would within the next entry."""
        soon = [s for s in (self.model.left, self.model.locked) if 0 < s <= 10]
        if soon and self.answer["power"]:
            self.advance(int(max(soon)) + 3)

    def wait_for_lockout(self):
        """Let the lockout end."""
        if self.model.locked:
            self.advance(int(self.model.locked) + 3)

    def power_cycle(self, off, *meanwhile, fault=False):
        """Take the power away for so many seconds, and do these commands then.

        fault: the clock will not be believed.
        """
        if self.model.near_record():  # which of two it is, the model's whole seconds do not tell
            self.advance(3)
        last = self.answer
        dark = [self.sim.do("power off"), *map(self.sim.do, meanwhile)]
        dark.append(self.sim.do(f"advance {off}"))
        for answer in dark:
            assert (answer["power"], answer["load"], answer["display"]) == (False, False, "")
            assert answer["t"] == 0
            kept = ("payg", "count", "seconds_left", "locked_seconds", "provisioned")
            assert [answer[name] for name in kept] == [last[name] for name in kept]
        self.answer = self.sim.do("power on")
        assert self.answer["t"] <= 1
        self._said = ("", 0)
        self._adopt(*self.model.start(off, fault))
        self._check(None)

    def _adopt(self, left, locked):
        """Go on with the unit's numbers after a start, if they are within these bounds."""
        model, answer = self.model, self.answer
        if not model.free:
            told = model.left = answer["seconds_left"]
            assert left[0] - SLACK <= told <= left[1] + SLACK, f"{told} s left, not {left}"
        told = model.locked = answer["locked_seconds"]
        assert locked[0] - SLACK <= told <= locked[1] + SLACK, f"locked {told} s, not {locked}"
        model.record = model.record._replace(left=model.left, locked=model.locked)

    def _check(self, outcome):
        model, answer = self.model, self.answer
        assert set(answer) == FIELDS, answer
        assert answer["power"] is True and answer["provisioned"] is True
        assert answer["result"] == outcome, answer
        assert answer["count"] == model.rules.last, answer
        assert answer["payg"] is not model.free, answer
        assert answer["clock_faults"] == model.faults and answer["uart"] == [], answer
        self._check_credit(outcome)
        self._check_lockout()
        glass = self._glasses(outcome)
        if outcome is None and answer["t"] <= self._said[1]:
            glass.add(self._said[0])
        assert answer["display"] in glass, f"{answer['display']!r} is not of {glass}"

    def _check_credit(self, outcome):
        model, answer = self.model, self.answer
        left = answer["seconds_left"]
        if model.free:
            assert left is None, answer
        else:
            assert abs(left - model.left) <= 1, f"{left} seconds left, not {model.left}"
            if 0 in (left, model.left) or outcome == "SET_TIME":
                # Ended on both sides of a whole second, or replaced within one: go on from here.
                model.left = left
        active = model.free or left > 0
        assert answer["active"] is active, answer
        if not (model.patient and model.near_record()):
            assert answer["load"] is (active and not model.patient), answer

    def _check_lockout(self):
        model, locked = self.model, self.answer["locked_seconds"]
        assert abs(locked - model.locked) <= 1, f"locked {locked} s, not {model.locked}"
        if 0 in (locked, model.locked):
            model.locked = locked

    def _glasses(self, outcome):
        """Return the texts the glass may show: a page turns up to a second after its number."""
        model = self.model
        kept = model.left, model.locked
        left = self.answer["seconds_left"] or 0
        locked = self.answer["locked_seconds"]
        glasses = set()
        for more_left in (0, 1):
            for more_locked in (0, 1):
                model.left = left + more_left if left else 0
                model.locked = locked + more_locked if locked else 0
                glasses.add(model.entry_glass(outcome) if outcome else model.idle_glass())
        model.left, model.locked = kept
        return glasses
