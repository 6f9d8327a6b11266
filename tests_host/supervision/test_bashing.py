"""Half an hour of random key bashing and bus faults: no accepted token is lost, nothing hangs, and
the load is never wrong for more than a second.

Keys bounce, are held until they count as stuck, and come in threes that make ghosts. Display,
EEPROM and clock fall silent, each alone or together, or somebody holds the clock line low. In
between a customer types tokens of some minutes each, so that the load goes on and off many times.
"""

import random

import pytest

from firmware import events
from tests_host.supervision.conftest import MEASURED, WATCHED
from tools.identity import PUBLISHED_CODE, PUBLISHED_KEY
from tools.proofs.tokens.encoder import Encoder
from tools.seconds import DAY

SESSION_MS = 30 * 60_000
DIVIDER = 255
CHIPS = ("0x27", "0x57", "0x68", "all", "scl")
QUIET = {events.PROVISIONED, events.STUCK_KEY, events.STORE_FAILED, events.CLOCK_FAULT}
WRONG_MS = 1_000  # no longer than this may the load be wrong


class Basher:
    """Somebody at the keypad and the wires, and what they know of the unit.

    `now`: ms since the start. `off_at`: when the load is to go off, None while it is off.
    """

    def __init__(self, sim, seed):
        self.random = random.Random(seed)
        self.sim = sim
        self.encoder = Encoder(PUBLISHED_KEY, PUBLISHED_CODE)
        self.now = 0
        self.count = 1
        self.accepted = []
        self.off_at = None
        self.healthy_since = 0
        self._dead = None
        sim.do("levels")

    def bash(self, steps):
        """Press keys at random, and let chips fall silent."""
        for _ in range(steps):
            self.sim.do_all(self._chord())
            self._look()
            if self.random.random() < 0.08:
                self._break_or_mend()

    def _chord(self):
        pick = self.random
        keys = pick.sample("0123456789*#", pick.choice((1, 1, 1, 2, 3, 4)))
        hold = 35_000 if pick.random() < 0.005 else pick.choice((1, 6, 20, 60, 250, 900))
        lines = [f"bounce {pick.choice((0, 2, 5, 8))}"]
        for key in keys:
            lines += [f"press {key}", f"run {pick.choice((0, 0, 3, 15, 40))}"]
        lines.append(f"run {hold}")
        for key in pick.sample(keys, len(keys)):
            lines += [f"release {key}", f"run {pick.choice((0, 0, 3, 15, 40))}"]
        return [*lines, f"run {pick.choice((1, 8, 30, 120, 700, 2_500))}"]

    def _break_or_mend(self):
        if self._dead:
            self.sim.do(f"bus {self._dead} alive")
            self._dead, self.healthy_since = None, self.now
        else:
            self._dead = self.random.choice(CHIPS)
            self.sim.do(f"bus {self._dead} dead")

    def customer(self):
        """Type the next token; keep what the unit accepted."""
        self.sim.do("run 200")
        self._look()
        value = self.random.randint(1, 2)
        count = self.count + 2 - self.count % 2
        token = self.encoder.token(value, count)
        answer = self.sim.do(f"keys *{token}#")
        if answer["result"] is None:  # a dead bus takes its time
            answer = self.sim.do("run 5000")
        if self._dead is None and self.now - self.healthy_since > 5_000:
            assert answer["result"] in ("ADD_TIME", "LOCKED"), answer
        accepted = answer["count"] == count
        if accepted:
            self.count = count
            self.accepted.append(token)
        assert answer["count"] == self.count
        self._look(accepted * (value * DAY // DIVIDER * 1_000))
        return accepted

    def _look(self, paid=0):
        """Hold what the load did against what was paid."""
        levels = self.sim.do("levels")
        start, self.now = self.now, self.now + levels["ms"]
        if paid and self.off_at:
            self.off_at += paid
        for at, name, on in levels["changes"]:
            if name != "load":
                continue
            if on:
                assert paid and self.off_at is None
                self.off_at = start + at + paid
            else:
                assert abs(start + at - self.off_at) <= WRONG_MS
                self.off_at = None
        assert levels["on"]["load"] == (self.off_at is not None)
        assert self.off_at is None or self.now <= self.off_at + WRONG_MS


@pytest.mark.long
@pytest.mark.parametrize("board", ["plain", "measuring"])
def test_half_an_hour_of_bashing_and_bus_faults(launch, board):
    extra = MEASURED if board == "measuring" else ""
    sim = launch(extra + WATCHED, time_divider=DIVIDER)
    basher = Basher(sim, board)
    assert basher.customer()
    while basher.now < SESSION_MS:
        basher.bash(basher.random.randint(5, 60))
        basher.customer()
    assert len(basher.accepted) >= 5
    sim.do("bus all alive")
    sim.do("bus scl alive")
    sim.do("advance 30")
    status = sim.status()
    assert status["display"].split("\n")[0] in ("Locked", "1 day left")
    assert {event for _, event, _ in sim.do("events")["events"]} <= QUIET, sim.stderr()
    # What was accepted stays accepted, and is spent.
    sim.do("power off")
    assert sim.do("power on")["count"] == basher.count
    sim.do("advance 31000")  # the longest lockout
    assert sim.keys(basher.accepted[0] + "#")["result"] == "ALREADY_USED"
    assert sim.keys(basher.accepted[-1] + "#")["result"] == "ALREADY_USED"
