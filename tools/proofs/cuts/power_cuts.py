"""Cuts the power of a unit in every step of every write.

Run by MicroPython: `power_cuts.py KIND FIRST END DENSITY`. KIND is one of rig.KINDS; a round does
each operation twice; FIRST to END - 1 are the numbers of the rounds, each with other start
contents; DENSITY is the number of offsets tried inside a step, 0 for every byte. Prints one JSON
object: the number of cuts, and of cuts that lost something, credited twice or shortened a lockout.
"""

import json
import random
import struct
import sys

import tools.proofs.cuts  # noqa: F401 (the time of its rig comes before the firmware's imports)
from firmware import store
from firmware.account import FIRST, UNKNOWN, Account
from firmware.unit import COPY_S
from tools.proofs.cuts.cutter import Cutter, Faults, spend, view
from tools.proofs.cuts.rig import IDENTITY, TIME, Rig, enter, token

ACCOUNT = len(Account().pack())


class Entry:
    """Type a token. `value`: None for a wrong token; `ahead`: distance from the next
    even count.
    """

    def __init__(self, name, expect, value=None, ahead=0, extended=False):
        self.name = name
        self._expect = expect
        self._token = value, ahead, extended

    def prepare(self, unit):
        spend(unit, unit.locked_seconds())
        value, ahead, extended = self._token
        if value is None:
            return "%09d" % random.getrandbits(29)
        return token(value, unit.count() // 2 * 2 + 2 + ahead, extended)

    def do(self, unit, digits):
        outcome = enter(unit, digits)
        if outcome != self._expect:
            raise AssertionError(f"{self.name}: {outcome}")


class Beat:
    """Write a due record. `hourly`: the hourly record, for all media."""

    def __init__(self, name, hourly=False):
        self.name = name
        self._hourly = hourly

    def prepare(self, unit):
        if self._hourly:
            spend(unit, COPY_S)
        while not unit.beat_due(True):
            TIME.us += max(10, unit.due()) * 1000
            unit.tick()

    def do(self, unit, _digits):
        unit.beat()


class Provision:
    """Give the unit the identity."""

    name = "provisioning"

    def prepare(self, unit):
        pass

    def do(self, unit, _digits):
        unit.provision(IDENTITY)


WRONG = Entry("wrong token", "INVALID")
SESSIONS = (
    (
        WRONG,
        Entry("add time", "ADD_TIME", 5),
        Entry("later add time", "ADD_TIME", 6, 2),
        Entry("older add time", "ADD_TIME", 4, -4),
        Entry("used token", "ALREADY_USED", 4, -4),
        Beat("beat"),
        Beat("hourly copy", True),
    ),
    (WRONG, WRONG, WRONG),
    (
        WRONG,
        Entry("set time", "SET_TIME", 7, 1),
        Entry("disable", "DISABLE_PAYG", 998, 1),
        Entry("relock", "SET_TIME", 30, 1),
    ),
    (
        Entry("counter sync", "COUNTER_SYNC", 999, 3),
        Entry("reserved", "RESERVED", 996, 1),
        Entry("extended", "EXTENDED", 77, 0, True),
        Entry("add time", "ADD_TIME", 8),
    ),
)


def _round(cutter, unit):
    """Cut each operation of a provisioned unit."""
    for acts in SESSIONS:
        unit = cutter.session(unit, acts)
    return cutter.boot("boot")


def _birth(cutter, number):
    """Cut the provisioning of a new unit, or of a unit with noise on every medium and record."""
    noisy = number % 2
    if noisy:
        cutter.rig.garble(number)
    unit = cutter.boot("first boot", True)
    if noisy:
        for medium in unit._store._media:
            for kind in (store.BRIEF,) if medium.small else (store.FULL, store.BEAT):
                noise = bytes(random.getrandbits(8) for _ in range(26))
                medium.write(store.NAMES[kind], random.getrandbits(1), noise)
        unit = cutter.boot("boot with noise for records", True)
    return cutter.session(unit, (Provision(),))


def _rebirth(cutter, unit):
    """Lose the flash and provision again: the second medium must bring back count and credit."""
    was = view(unit)
    cutter.rig.wipe()
    unit = cutter.session(cutter.rig.boot(), (Provision(),))
    now = view(unit)
    if cutter.rig.second:
        if (now.core[0].count, now.core[1:]) != (was.core[0].count, was.core[1:]):
            raise AssertionError("the second medium did not bring the count back")
        if not 0 <= was.left - now.left <= UNKNOWN + FIRST:
            raise AssertionError("the second medium did not bring the credit back")
    return unit


def _migration(cutter, unit):
    """Convert all records to version 1 (an ESP32's own records in NVS), then cut the migration."""
    media = unit._store._media
    rig = cutter.rig
    for medium in media:
        kinds = (store.BRIEF,) if medium.small else (store.FULL, store.BEAT)
        for kind in kinds + ((store.IDENTITY,) if medium is media[0] else ()):
            key = None if kind == store.IDENTITY else IDENTITY.key
            for slot in (0, 1):
                data = medium.read(store.NAMES[kind], slot)
                record = data and store.unseal(kind, data, key)
                if record:
                    payload = record[2]
                    if kind in (store.FULL, store.BEAT):
                        payload = payload[:-ACCOUNT] + version_1(payload[-ACCOUNT:])
                    old = store.seal(kind, record[0], payload, key, 1)
                    if rig.nvs and medium is media[0]:
                        rig.partition.stored["payg", f"{store.NAMES[kind]}.{slot}"] = old
                    else:
                        medium.write(store.NAMES[kind], slot, old)
    if rig.nvs:
        rig.wipe_files()
    cutter.boot("migration")
    return cutter.boot("boot after the migration")


def version_1(data):
    """Return the packed account in the layout of version 1 records."""
    was = Account.unpack(data)
    flags = was.free | was.tests << 3
    numbers = was.left, was.chip, was.locked, was.mistakes, was.last, flags, was.faults
    return struct.pack("<IIHBBBHIIIIIIBIH", *numbers, 0, 0, 0, 0, 0, 0, 0, 0, 180)


def run(kind, numbers, density):
    """Cut everything; return the Faults."""
    faults = Faults()
    for number in numbers:
        random.seed(number)
        rig = Rig(kind)
        rig.partition.eager = not number % 2
        cutter = Cutter(rig, density, faults)
        unit = _birth(cutter, number)
        for _ in range(number):  # moves the positions of the file system's logs
            unit = rig.boot()
        unit = _round(cutter, unit)
        unit = _migration(cutter, unit)
        unit = _rebirth(cutter, unit)
        _round(cutter, unit)
    return faults


if __name__ == "__main__":
    kind, (first, end, density) = sys.argv[1], map(int, sys.argv[2:])
    found = run(kind, range(first, end), density)
    answer = {"kind": kind, "cuts": found.cuts, "lost": found.lost, "double": found.double}
    answer["shortened"] = found.shortened
    print(json.dumps(answer))
