"""What is checked: the published scenario, the certification scenario, and each rule by itself.

A check's docstring is what the report says about it. Each begins with `Bench.fresh`, but for those
that need a unit as it left the factory or as the check before left it.
"""

from typing import NamedTuple

from tools.conformance.bench import FRESH
from tools.conformance.model import DAY
from tools.conformance.random_entries import random_entries
from tools.conformance.rules import AHEAD, DISABLE, OLDER, SYNC, SYNC_AHEAD, SYNC_BACK

PUBLISHED_KEY = bytes.fromhex("a29ab82edc5fbbc41ec9530f6dac86b1")
PUBLISHED_CODE = 123_456_789
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
EDGE_S = 15  # before a lockout's end it must still hold


class Check(NamedTuple):
    """`needs`: what it cannot do without; `state`: what it begins with."""

    name: str
    title: str
    run: object
    needs: tuple = ()
    state: str = "fresh"  # "new": as from the factory; "next": as the check before left it


def count_zero(bench):
    """The starting code with other last digits (count 0) is no token, on a new unit either."""
    bench.expect(bench.ledger.token(1, 0), "INVALID")


def published(bench):
    """The protocol's published example, entry by entry."""
    for entry, outcome in PUBLISHED:
        bench.expect(entry, outcome)


def count_zero_again(bench):
    """Count 0 neither unlocks a unit nor sets its counter back."""
    for value in (DISABLE, SYNC, 0):
        bench.expect(bench.ledger.token(value, 0), "INVALID")
        bench.add()


def once(bench):
    """Every token is credited once, in whatever order they come."""
    for order in ((0, 2, 4, 6), (6, 2, 4, 0)):
        first = bench.ahead(0)
        tokens = [bench.token(3, first + further) for further in order]
        for token in tokens:
            bench.expect(token, "ADD_TIME")
        for token in sorted(tokens) + tokens:
            bench.expect(token, "ALREADY_USED")


def large(bench):
    """30, 90, 365 and 995 time units, added and set."""
    for value in (30, 90, 365, 995):
        bench.set(0)
        bench.add(value)
        bench.set(value)


def final(bench):
    """After a SET_TIME, DISABLE_PAYG or COUNTER_SYNC older tokens are used."""
    for value, outcome in ((3, "SET_TIME"), (DISABLE, "DISABLE_PAYG"), (SYNC, "COUNTER_SYNC")):
        first = bench.ahead(0)
        older = [bench.token(7, first + further) for further in (0, 2, 6)]
        bench.expect(bench.token(value, first + 7), outcome)
        for token in older:
            bench.expect(token, "ALREADY_USED")
        bench.set(FRESH)


def ahead(bench):
    """21 SET_TIME tokens in a row, each 30 counts ahead, each judged within 5 s."""
    for value in range(1, 22):
        bench.expect(bench.token(value, 30), "SET_TIME")  # an odd count, as the last one


def unlock(bench):
    """998 unlocks, with odd and even counts; ADD_TIME does not lock again, SET_TIME does."""
    for parity in (1, 0):
        bench.expect(bench.token(DISABLE, bench.ahead(parity)), "DISABLE_PAYG")
        bench.add(5)
        bench.set(0)
    bench.expect(bench.token(DISABLE, bench.ahead(1)), "DISABLE_PAYG")
    bench.set(2)


def late(bench):
    """Credit runs out in time; a token entered 48 hours later counts in full: no debt is kept."""
    bench.set(1)
    bench.device.wait(DAY // bench.model.time_divider + 10)
    bench.check_status("when the credit has run out: ")
    bench.device.wait(2 * DAY)
    bench.add(1)


def windows(bench):
    """64 counts ahead are accepted, 65 are not; of older ADD_TIME tokens those 15 counts back."""
    bench.expect(bench.token(1, AHEAD + 1), "INVALID")
    bench.expect(bench.token(1, AHEAD), bench.ledger.kind(1, bench.ledger.last + AHEAD))
    bench.set(1)
    bench.add(1, 38)
    late_one = bench.token(1, 2 - OLDER)
    bench.expect(bench.token(1, -OLDER), "ALREADY_USED")
    bench.expect(late_one, "ADD_TIME")
    bench.expect(late_one, "ALREADY_USED")


def sync(bench):
    """COUNTER_SYNC: 100 ahead to 63 back; each once; nothing is credited again after it."""
    tokens = [bench.token(1, bench.ahead(0) + further) for further in range(0, 40, 2)]
    for token in tokens:
        bench.expect(token, "ADD_TIME")
    back = bench.token(SYNC, -37)
    bench.expect(back, "COUNTER_SYNC")
    for token in tokens:
        bench.expect(token, "ALREADY_USED")
    bench.expect(back, "ALREADY_USED")
    bench.expect(bench.token(SYNC, SYNC_AHEAD + 1), "INVALID")
    forth = bench.token(SYNC, SYNC_AHEAD)
    bench.expect(forth, "COUNTER_SYNC")
    bench.expect(forth, "ALREADY_USED")
    bench.expect(bench.token(SYNC, -SYNC_BACK - 1), "ALREADY_USED")
    bench.expect(bench.token(SYNC, -SYNC_BACK), "COUNTER_SYNC")
    bench.expect(back, "ALREADY_USED")
    bench.expect(forth, "ALREADY_USED")
    bench.add()


def zeros(bench):
    """A leading zero is a digit: the token counts with it, and not without."""
    ledger, first = bench.ledger, bench.ahead(0)
    token = next(
        token
        for value in range(1, 900)
        for further in range(0, AHEAD - 2, 2)
        if (token := bench.token(value, first + further)).startswith("0")
        and ledger.matches(token) == [ledger.last + first + further]
    )
    bench.expect(token.lstrip("0"), "MALFORMED")
    bench.expect(token, "ADD_TIME")
    bench.expect(token, "ALREADY_USED")


def malformed(bench):
    """Too few digits, or a number between the two lengths: refused, and no harm done."""
    for length in (1, bench.ledger.lengths()[0] - 1, bench.ledger.lengths()[1] - 1):
        bench.expect("2" * length, "MALFORMED")
        bench.add()


def restricted(bench):
    """Digits 1 to 4 that make more than 999,999,999: refused, and no harm done."""
    for entry in ("4" * 15, "5" + bench.token(1, bench.ahead(0))[1:], "4" * 20):
        bench.expect(entry, "MALFORMED")
        bench.add()


def extended(bench):
    """Extended tokens: accepted once, credit untouched, older ADD_TIME tokens stay good."""
    value = bench.limits.extended
    older = bench.token(1, bench.ahead(0))
    token = bench.token(value, 6, True)
    bench.expect(token, "EXTENDED")
    bench.expect(token, "ALREADY_USED")
    bench.expect(older, "ADD_TIME")
    bench.expect(bench.token(value, AHEAD + 1, True), "INVALID")
    bench.expect(bench.token(value, AHEAD, True), "EXTENDED")


def power(bench):
    """A power cut leaves credit, used tokens and counter as they were."""
    first = bench.ahead(0)
    older, token = bench.token(5, first), bench.token(2, first + 4)
    bench.expect(token, "ADD_TIME")
    bench.power_cycle()
    bench.expect(token, "ALREADY_USED")
    bench.expect(older, "ADD_TIME")
    bench.expect(bench.token(DISABLE, bench.ahead(1)), "DISABLE_PAYG")
    bench.power_cycle()
    bench.expect(older, "ALREADY_USED")
    bench.set(0)


def locks(bench):
    """Two mistakes are forgiven, the third locks for two minutes; a valid token forgives all."""
    bench.add()
    used = bench.ledger.accepted[-1][1]
    for _ in range(2):
        mistakes(bench, 2)
        bench.expect(used, "ALREADY_USED")
        bench.add()
    mistakes(bench, 2)
    bench.expect(used, "ALREADY_USED")
    mistakes(bench, 1)
    for entry in (bench.token(1, bench.ahead(0)), bench.wrong(), used):
        bench.expect(entry, "LOCKED")


def locks_without_power(bench):
    """The lockout is not forgotten at power-off."""
    bench.power_cycle()
    bench.expect(bench.token(1, bench.ahead(0)), "LOCKED")


def lasts(bench):
    """2, 4, 8 ... 512 minutes (4 in real time): refused to the end of each, judged after it."""
    longest = LONGEST_SIM if bench.device.instant else LONGEST_REAL
    edge = EDGE_S + bench.limits.tolerance
    while True:
        wait = bench.model.locked
        bench.device.wait(max(0, wait - edge))
        bench.expect(bench.token(1, bench.ahead(0)), "LOCKED")
        bench.device.wait(edge + bench.limits.tolerance + 2)
        if bench.model.mistakes == longest:
            break
        mistakes(bench, 1)
    bench.add()
    mistakes(bench, 2)
    bench.add()


def mistakes(bench, number):
    """Enter so many wrong tokens."""
    for at in range(number):
        bench.expect(bench.wrong(at), "INVALID")


CHECKS = (
    Check("count-0", "Count 0 on a new unit", count_zero, ("new",), "new"),
    Check("published", "Published scenario", published, ("new", "published"), "new"),
    Check("count-0-again", "Count 0 as unlock and as sync", count_zero_again),
    Check("once", "Credited once, in any order", once),
    Check("values", "Certification: values up to 995", large),
    Check("sets", "Certification: 21 SET_TIME, 30 counts apart", ahead),
    Check("unlock", "Certification: unlock and lock again", unlock),
    Check("late", "Certification: entered 48 hours late", late, ("instant",)),
    Check("final", "Older tokens after a SET_TIME", final),
    Check("windows", "How far ahead, how far back", windows),
    Check("sync", "Counter sync", sync),
    Check("zeros", "Leading zeros", zeros, ("plain",)),
    Check("malformed", "Entries that are no tokens", malformed),
    Check("restricted", "Digits 1 to 4", restricted, ("restricted",)),
    Check("extended", "Extended tokens", extended, ("extended",)),
    Check("random", "Random entries against the model", random_entries, ("entries",)),
    Check("power", "Power cut", power, ("power",)),
    Check("lockout", "Lockout", locks),
    Check("lockout-power", "Lockout and power cut", locks_without_power, ("power",), "next"),
    Check("lockout-lasts", "Length of the lockouts", lasts, ("wait",), "next"),
)
