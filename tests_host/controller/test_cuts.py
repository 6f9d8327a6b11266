"""The power fails in each step that one entry writes: before, after, or one more mistake."""

import pytest

from tests_host.controller.twin import Twin
from tests_host.helpers.published import KEY, STARTING_CODE
from tools.proofs.simulator import Sim
from tools.proofs.tokens.encoder import Encoder
from tools.seconds import DAY

MOST = 150  # steps; an entry that writes more than this is a fault of its own
BOUND = 60  # seconds that a start charges at most
KEYS = 8  # and what an entry's keys and its power cycle take
WRONG = "123456789"
GOOD = {
    # value, parity, extended, outcome
    "add": (7, 0, False, "ADD_TIME"),
    "set": (7, 1, False, "SET_TIME"),
    "disable": (998, 1, False, "DISABLE_PAYG"),
    "sync": (999, 1, False, "COUNTER_SYNC"),
    "reserved": (996, 0, False, "RESERVED"),
    "extended": (5, 0, True, "EXTENDED"),
}


class Victim:
    """A simulated unit that goes from cut to cut; its count says which token comes next."""

    def __init__(self):
        self.unit = Encoder(bytes.fromhex(KEY), STARTING_CODE)
        self.sim = Sim(serial="V1", key=KEY, starting_code=STARTING_CODE)

    def __enter__(self):
        self.sim.__enter__()
        return self

    def __exit__(self, *exception):
        self.sim.__exit__(*exception)

    def next(self, value, parity, extended=False):
        """Return the next token of this kind."""
        count = self.sim.status()["count"] + 1
        return self.unit.token(value, count + (count + parity) % 2, extended)

    def fresh(self):
        """Two days left, no mistake on record; return the status."""
        self.sim.do("cut 0")
        self.unlock()
        assert self.sim.keys(self.next(2, 1) + "#")["result"] == "SET_TIME"
        return self.sim.status()

    def unlock(self):
        """Let a lockout end."""
        locked = self.sim.status()["locked_seconds"]
        if locked:
            self.sim.do(f"advance {locked + 1}")

    def mistakes(self, number):
        """Make mistakes, as fast as the unit allows."""
        for _ in range(number):
            assert self.sim.keys(WRONG + "#")["result"] == "INVALID"
            self.unlock()

    def cut(self, step, entry):
        """Cut the power in the `step`-th write of an entry; return the answer after power on.

        None when there was no such step.
        """
        self.sim.do(f"cut {step}")
        answer = self.sim.keys(entry + "#")
        if answer["power"]:
            return None
        assert not answer["load"] and answer["display"] == ""
        answer = self.sim.do("power on")
        assert answer["power"] and answer["provisioned"], "the identity is never lost"
        return answer


def sweep(prepare, entry_of, check):
    """Cut an entry at every step of its writing; return how many there were."""
    with Victim() as victim:
        for step in range(1, MOST):
            before = victim.fresh()
            prepare(victim)
            entry = entry_of(victim)
            after = victim.cut(step, entry)
            if after is None:
                return step - 1
            check(victim, entry, before, after)
    raise AssertionError("it never ends")


def spent(before, after):
    """Was the token accepted, as far as the unit says?"""
    return after["count"] != before["count"]


@pytest.mark.parametrize("name", GOOD)
def test_a_token_is_spent_and_credited_or_still_spendable(name):
    value, parity, extended, outcome = GOOD[name]
    left = {"add": 9 * DAY, "set": 7 * DAY}.get(name, 2 * DAY)
    seen = set()

    def check(victim, entry, before, after):
        was_spent = spent(before, after)
        assert after["load"], "two days were paid for"
        full = left if was_spent else 2 * DAY
        if name == "disable" and was_spent:
            assert after["payg"] is False
        else:
            assert full - BOUND - KEYS <= after["seconds_left"] <= full
        answer = victim.sim.keys(entry + "#")
        assert answer["result"] == ("ALREADY_USED" if was_spent else outcome)
        if name != "disable":
            low = left - BOUND - 2 * KEYS
            assert low <= answer["seconds_left"] <= left, "credited once, never twice"
        seen.add(was_spent)

    cuts = sweep(lambda victim: None, lambda victim: victim.next(value, parity, extended), check)
    assert cuts >= 4 and seen == {True, False}, f"{cuts} cuts saw {seen}"


def test_a_used_token_is_never_credited_again():
    used = []

    def prepare(victim):
        used.append(victim.next(1, 0))
        assert victim.sim.keys(used[-1] + "#")["result"] == "ADD_TIME"

    def check(victim, entry, before, after):
        assert after["seconds_left"] <= 3 * DAY
        for _ in range(2):
            answer = victim.sim.keys(entry + "#")
            assert answer["result"] == "ALREADY_USED" and answer["seconds_left"] <= 3 * DAY

    assert sweep(prepare, lambda victim: used[-1], check) >= 2


@pytest.mark.parametrize("mistakes", (2, 3, 5))
def test_a_wrong_token_counts_before_it_is_judged(mistakes):
    """Cut before the attempt is on record: it was not judged. After: it counts, in full."""
    earned = 60 * 2 ** (mistakes - 1)
    seen = set()

    def check(victim, entry, before, after):
        locked = after["locked_seconds"]
        recorded = locked >= earned - 1
        assert recorded or locked <= earned // 2, "what was left of the last one, at most"
        victim.unlock()
        again = victim.sim.keys(entry + "#")["locked_seconds"]
        assert again in ((2 * earned, 2 * earned - 1) if recorded else (earned, earned - 1))
        seen.add(recorded)

    cuts = sweep(lambda victim: victim.mistakes(mistakes), lambda victim: WRONG, check)
    assert cuts >= 2 and True in seen


def test_pulling_the_plug_in_a_valid_entry_never_helps_a_guesser():
    """The row of mistakes never gets shorter, but by an accepted token."""

    def check(victim, entry, before, after):
        victim.unlock()
        locked = victim.sim.keys(WRONG + "#")["locked_seconds"]
        assert locked == 0 if spent(before, after) else locked >= 239

    cuts = sweep(lambda victim: victim.mistakes(3), lambda victim: victim.next(1, 0), check)
    assert cuts >= 4


def test_a_cut_in_the_boot_after_a_cut():
    """Each write of a start may fail as well; two more starts cost a bound each."""
    with Victim() as victim:
        for step in range(1, 40, 3):
            for second in range(1, 12, 2):
                before = victim.fresh()
                entry = victim.next(7, 0)
                victim.sim.do(f"cut {step}")
                if victim.sim.keys(entry + "#")["power"]:
                    continue
                victim.sim.do(f"cut {second}")
                victim.sim.do("power on")
                victim.sim.do("cut 0")
                after = victim.sim.do("power on")
                full = 9 * DAY if spent(before, after) else 2 * DAY
                assert after["clock_faults"] == 0
                assert full - 2 * BOUND - KEYS <= after["seconds_left"] <= full and after["load"]
                result = victim.sim.keys(entry + "#")["result"]
                assert result == ("ALREADY_USED" if spent(before, after) else "ADD_TIME")


def test_cut_zero_disarms_and_a_cut_waits_for_its_step():
    with Twin() as twin:
        twin.sim.do("cut 1")
        twin.sim.do("cut 0")
        assert twin.enter(twin.token(1, 2)) == "ADD_TIME"
        assert twin.sim.do("cut 2")["power"], "nothing is written now"
        assert not twin.sim.do("advance 7200")["power"], "but by the next record"
        answer = twin.sim.do("power on")
        assert answer["load"] and answer["count"] == 2
