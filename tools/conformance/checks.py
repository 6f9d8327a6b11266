"""The checks: the published scenario, the certification scenario, and each rule by itself.

A check's docstring is printed in the report. Each check begins with `Trial.fresh`, except checks
of a unit as from the factory or as left by the check before.
"""

from collections.abc import Callable
from typing import NamedTuple

from tools.conformance.random_entries import random_entries
from tools.conformance.rules import AHEAD, DISABLE, OLDER, SYNC, SYNC_AHEAD, SYNC_BACK
from tools.conformance.trial import FRESH, Trial
from tools.seconds import DAY

PUBLISHED = (
    ("123456789", "INVALID"),
    ("662486790", "ADD_TIME"),
    ("662486790", "ALREADY_USED"),
    ("927706818", "ADD_TIME"),
    ("942433796", "SET_TIME"),
    ("650975787", "DISABLE_PAYG"),
    ("592185789", "SET_TIME"),
)
LONGEST_REAL = 4  # mistakes whose lockouts are waited for in real time: 2 and 4 minutes
LONGEST_SIM = 12  # 512 minutes, twice
EDGE_S = 15  # seconds before a lockout's end: still locked


CERTIFICATION, PROTOCOL, STRICT = "certification", "protocol", "strict"
PROFILES = {  # {profile: sources of its checks}
    CERTIFICATION: (CERTIFICATION,),
    PROTOCOL: (CERTIFICATION, PROTOCOL),
    STRICT: (CERTIFICATION, PROTOCOL, STRICT),
}
SOURCES = {
    CERTIFICATION: "the certification procedure",
    PROTOCOL: "the protocol's text",
    STRICT: "stricter than both: this project's own rule",
}


class Check(NamedTuple):
    """A check.

    `source`: of the rule, a key of SOURCES; `needs`: conditions (`lacks` in run.py); `state`: of
    the unit at the start.
    """

    name: str
    title: str
    run: Callable[[Trial], None]
    source: str
    needs: tuple[str, ...] = ()
    state: str = "fresh"  # "new": as from the factory; "next": as the check before left it


def count_zero(trial: Trial) -> None:
    """The starting code with other last digits (count 0) is no token, on a new unit either."""
    trial.expect(trial.rules.token(1, 0), "INVALID")


def published(trial: Trial) -> None:
    """The protocol's published example, entry by entry."""
    for entry, outcome in PUBLISHED:
        trial.expect(entry, outcome)


def count_zero_again(trial: Trial) -> None:
    """Count 0 neither unlocks a unit nor sets its counter back."""
    for value in (DISABLE, SYNC, 0):
        trial.expect(trial.rules.token(value, 0), "INVALID")
        trial.add()


def once(trial: Trial) -> None:
    """Every token is credited once, in whatever order they come."""
    for order in ((0, 2, 4, 6), (6, 2, 4, 0)):
        first = trial.ahead(0)
        tokens = [trial.token(3, first + further) for further in order]
        for token in tokens:
            trial.expect(token, "ADD_TIME")
        for token in sorted(tokens) + tokens:
            trial.expect(token, "ALREADY_USED")


def refused(trial: Trial) -> None:
    """A wrong token and a used token are refused."""
    trial.expect(trial.wrong(), "INVALID")
    trial.add()
    trial.expect(trial.rules.accepted[-1][1], "ALREADY_USED")


def large(trial: Trial) -> None:
    """30, 90, 365 and 995 time units, added and set."""
    for value in (30, 90, 365, 995):
        trial.set(0)
        trial.add(value)
        trial.set(value)


def final(trial: Trial) -> None:
    """After a SET_TIME, DISABLE_PAYG or COUNTER_SYNC older tokens are used."""
    for value, outcome in ((3, "SET_TIME"), (DISABLE, "DISABLE_PAYG"), (SYNC, "COUNTER_SYNC")):
        if value == SYNC and not trial.limits.sync:
            continue
        first = trial.ahead(0)
        older = [trial.token(7, first + further) for further in (0, 2, 6)]
        trial.expect(trial.token(value, first + 7), outcome)
        for token in older:
            trial.expect(token, "ALREADY_USED")
        trial.set(FRESH)


def ahead(trial: Trial) -> None:
    """21 SET_TIME tokens in a row, each 30 counts ahead, each judged within 5 s."""
    for value in range(1, 22):
        trial.expect(trial.token(value, 30), "SET_TIME")  # an odd count, as the last one


def unlock(trial: Trial) -> None:
    """998 unlocks, with odd and even counts; ADD_TIME does not lock again, SET_TIME does."""
    for parity in (1, 0):
        trial.expect(trial.token(DISABLE, trial.ahead(parity)), "DISABLE_PAYG")
        trial.add(5)
        trial.set(0)
    trial.expect(trial.token(DISABLE, trial.ahead(1)), "DISABLE_PAYG")
    trial.set(2)


def late(trial: Trial) -> None:
    """Credit runs out in time; a token entered 48 hours later counts in full: no debt is kept."""
    trial.set(1)
    trial.unit.wait(DAY // trial.model.time_divider + 10)
    trial.check_status("when the credit has run out: ")
    trial.unit.wait(2 * DAY)
    trial.add(1)


def windows(trial: Trial) -> None:
    """64 counts ahead are accepted, 65 are not; of older ADD_TIME tokens those 15 counts back."""
    trial.expect(trial.token(1, AHEAD + 1), "INVALID")
    trial.expect(trial.token(1, AHEAD), trial.rules.kind(1, trial.rules.last + AHEAD))
    trial.set(1)
    trial.add(1, 38)
    late_one = trial.token(1, 2 - OLDER)
    trial.expect(trial.token(1, -OLDER), "ALREADY_USED")
    trial.expect(late_one, "ADD_TIME")
    trial.expect(late_one, "ALREADY_USED")


def sync(trial: Trial) -> None:
    """COUNTER_SYNC: 100 counts ahead to 63 back, and no further."""
    trial.expect(trial.token(SYNC, SYNC_AHEAD + 1), "INVALID")
    trial.expect(trial.token(SYNC, SYNC_AHEAD), "COUNTER_SYNC")
    trial.expect(trial.token(SYNC, -SYNC_BACK - 1), "ALREADY_USED")
    trial.add()  # then the token 63 counts back has an odd count, as platforms give them
    trial.expect(trial.token(SYNC, -SYNC_BACK), "COUNTER_SYNC")
    trial.add()


def sync_once(trial: Trial) -> None:
    """Each COUNTER_SYNC counts once; nothing is credited again after a COUNTER_SYNC."""
    tokens = [trial.token(1, trial.ahead(0) + further) for further in range(0, 40, 2)]
    for token in tokens:
        trial.expect(token, "ADD_TIME")
    back = trial.token(SYNC, -37)
    trial.expect(back, "COUNTER_SYNC")
    for token in tokens:
        trial.expect(token, "ALREADY_USED")
    trial.expect(back, "ALREADY_USED")
    forth = trial.token(SYNC, SYNC_AHEAD)
    trial.expect(forth, "COUNTER_SYNC")
    trial.expect(forth, "ALREADY_USED")
    trial.expect(trial.token(SYNC, -SYNC_BACK), "COUNTER_SYNC")
    trial.expect(back, "ALREADY_USED")
    trial.expect(forth, "ALREADY_USED")
    trial.add()


def zeros(trial: Trial) -> None:
    """A leading zero is a digit: the token with its zero counts, once."""
    token = with_zero(trial)
    trial.expect(token, "ADD_TIME")
    trial.expect(token, "ALREADY_USED")


def zeros_lost(trial: Trial) -> None:
    """A token without its leading zero is no token, and stays good."""
    token = with_zero(trial)
    trial.expect(token.lstrip("0"), "MALFORMED")
    trial.expect(token, "ADD_TIME")


def with_zero(trial: Trial) -> str:
    """Return an ADD_TIME token ahead that begins with a zero."""
    rules, first = trial.rules, trial.ahead(0)
    return next(
        token
        for value in range(1, 900)
        for further in range(0, AHEAD - 2, 2)
        if (token := trial.token(value, first + further)).startswith("0")
        and rules.matches(token) == [rules.last + first + further]
    )


def malformed(trial: Trial) -> None:
    """Too few digits, or a number between the two lengths: refused, and no harm done."""
    for length in (1, trial.rules.lengths()[0] - 1, trial.rules.lengths()[1] - 1):
        trial.expect("2" * length, "MALFORMED")
        trial.add()


def restricted(trial: Trial) -> None:
    """Digits 1 to 4 that make more than 999,999,999: refused, and no harm done."""
    for entry in ("4" * 15, "5" + trial.token(1, trial.ahead(0))[1:], "4" * 20):
        trial.expect(entry, "MALFORMED")
        trial.add()


def extended(trial: Trial) -> None:
    """Extended tokens: accepted once, credit untouched, older ADD_TIME tokens stay good."""
    value = trial.limits.extended or 0
    older = trial.token(1, trial.ahead(0))
    token = trial.token(value, 6, True)
    trial.expect(token, "EXTENDED")
    trial.expect(token, "ALREADY_USED")
    trial.expect(older, "ADD_TIME")
    trial.expect(trial.token(value, AHEAD + 1, True), "INVALID")
    trial.expect(trial.token(value, AHEAD, True), "EXTENDED")


def power(trial: Trial) -> None:
    """A power cut leaves credit, used tokens and counter as they were."""
    first = trial.ahead(0)
    older, token = trial.token(5, first), trial.token(2, first + 4)
    trial.expect(token, "ADD_TIME")
    trial.power_cycle()
    trial.expect(token, "ALREADY_USED")
    trial.expect(older, "ADD_TIME")
    trial.expect(trial.token(DISABLE, trial.ahead(1)), "DISABLE_PAYG")
    trial.power_cycle()
    trial.expect(older, "ALREADY_USED")
    trial.set(0)


def locks(trial: Trial) -> None:
    """Two mistakes are forgiven, the third locks for two minutes; a valid token forgives all."""
    trial.add()
    used = trial.rules.accepted[-1][1]
    for _ in range(2):
        mistakes(trial, 2)
        trial.expect(used, "ALREADY_USED")
        trial.add()
    mistakes(trial, 2)
    trial.expect(used, "ALREADY_USED")
    mistakes(trial, 1)
    for entry in (trial.token(1, trial.ahead(0)), trial.wrong(), used):
        trial.expect(entry, "LOCKED")


def locks_without_power(trial: Trial) -> None:
    """The lockout is not forgotten at power-off."""
    trial.power_cycle()
    trial.expect(trial.token(1, trial.ahead(0)), "LOCKED")


def lasts(trial: Trial) -> None:
    """2, 4, 8 ... 512 minutes (4 in real time): refused to the end of each, judged after it."""
    longest = LONGEST_SIM if trial.unit.instant else LONGEST_REAL
    edge = EDGE_S + trial.limits.tolerance
    while True:
        wait = trial.model.locked
        trial.unit.wait(max(0, wait - edge))
        trial.expect(trial.token(1, trial.ahead(0)), "LOCKED")
        trial.unit.wait(edge + trial.limits.tolerance + 2)
        if trial.model.mistakes == longest:
            break
        mistakes(trial, 1)
    trial.add()
    mistakes(trial, 2)
    trial.add()


def mistakes(trial: Trial, number: int) -> None:
    """Enter `number` wrong tokens."""
    for at in range(number):
        trial.expect(trial.wrong(at), "INVALID")


CHECKS = (
    Check("count-0", "Count 0 on a new unit", count_zero, STRICT, ("new",), "new"),
    Check("published", "Published scenario", published, PROTOCOL, ("new", "published"), "new"),
    Check("count-0-again", "Count 0 as unlock and as sync", count_zero_again, STRICT),
    Check("once", "Credited once, in any order", once, PROTOCOL),
    Check("values", "Certification: values up to 995", large, CERTIFICATION),
    Check("sets", "Certification: 21 SET_TIME, 30 counts apart", ahead, CERTIFICATION),
    Check("unlock", "Certification: unlock and lock again", unlock, CERTIFICATION),
    Check("late", "Certification: entered 48 hours late", late, CERTIFICATION, ("instant",)),
    Check("final", "Older tokens after a SET_TIME", final, PROTOCOL),
    Check("windows", "How far ahead, how far back", windows, PROTOCOL),
    Check("sync", "Counter sync", sync, PROTOCOL),
    Check("sync-once", "Nothing again after a counter sync", sync_once, STRICT),
    Check("zeros", "Leading zeros", zeros, PROTOCOL, ("plain",)),
    Check("zeros-lost", "Tokens without their leading zero", zeros_lost, STRICT, ("plain",)),
    Check("malformed", "Entries that are no tokens", malformed, PROTOCOL),
    Check("restricted", "Digits 1 to 4", restricted, PROTOCOL, ("restricted",)),
    Check("extended", "Extended tokens", extended, STRICT, ("extended",)),
    Check("random", "Random entries against the model", random_entries, STRICT, ("entries",)),
    Check("power", "Power cut", power, PROTOCOL, ("power",)),
    Check("refused", "Certification: wrong and used tokens", refused, CERTIFICATION),
    Check("lockout", "Lockout", locks, STRICT),
    Check(
        "lockout-power", "Lockout and power cut", locks_without_power, STRICT, ("power",), "next"
    ),
    Check("lockout-lasts", "Length of the lockouts", lasts, STRICT, ("wait",), "next"),
)
