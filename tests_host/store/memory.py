"""A medium in a dictionary, and what tests of the store share."""

import struct

from firmware.account import UNKNOWN, Account
from firmware.store import Identity, Store

IDENTITY = Identity("STORE-1", bytes(range(16)), 123456789)
OTHER = Identity("STORE-2", bytes(range(1, 17)), 123456789)


class Cut(BaseException):
    """The power failed during a write."""


class Memory(dict):
    """(name, slot) -> record. `dead`: does not answer; `tear`: the next write stops there.

    `lies`: says that a write failed which did not. `log`, if given, is told of each write.
    """

    def __init__(self, small=False, log=None):
        super().__init__()
        self.small = small
        self.dead = False
        self.lies = False
        self.tear = None
        self.log = log

    def read(self, name, slot):
        if self.dead:
            raise OSError(5)
        return self.get((name, slot))

    def write(self, name, slot, data):
        if self.dead:
            raise OSError(5)
        old = self.get((name, slot), b"")
        if self.tear is not None:
            self[(name, slot)] = data[: self.tear] + old[self.tear :]
            raise Cut
        self[(name, slot)] = data
        if self.log is not None:
            self.log.append(name)
        if self.lies:
            raise OSError(5)


def account(left, locked=0, mistakes=0, free=False):
    """Return an account."""
    made = Account()
    made.left, made.locked, made.mistakes, made.free = left, locked, mistakes, free
    return made


def opened(*media):
    """Return the store of a unit that has IDENTITY, and what it loads."""
    store = Store(list(media))
    assert store.identity() == IDENTITY
    return store, store.load(IDENTITY.count)


def new_store(*media):
    """Return the store of a unit that has just got IDENTITY."""
    store = Store(list(media))
    store.write_identity(IDENTITY)
    assert store.load(IDENTITY.count) is None
    return store


def late(left, locked=0, mistakes=0, free=False):
    """Return an account that was read from a second medium: it is charged an hour."""
    made = account(left, locked, mistakes, free)
    made.bound = UNKNOWN
    return made


def version_1(account):
    """Return an account as records of version 1 held it: 46 bytes."""
    flags = account.free | account.tests << 3
    numbers = account.left, account.chip, account.locked, account.mistakes, account.last, flags
    return struct.pack("<IIHBBBHIIIIIIBIH", *numbers, account.faults, *(0,) * 8, 180)


def known(found):
    """Return the result of load() for comparisons: (state, packed account)."""
    return found and (found[0], found[1].pack())
