"""The counter state of a unit: what it must remember of the tokens it was given. And the errors.

Immutable, packs into a fixed record; knows nothing of keys and hashes. docs/token-engine.md gives
the rules, and the record byte by byte.
"""

import struct
from collections import namedtuple

OLDER = 16  # for this many counts, the newest included, it is known which are used
RING = 64  # so many accepted tokens are remembered by their digits
MARKS = 8  # on so many chains a place is remembered
COUNT_MAX = 0xFFFFFF

_VERSION = 1
_HEAD = ">BIIH"  # version, count, floor, used
_RING_AT = struct.calcsize(_HEAD)
_ENTRY = 8  # ring: count (3 bytes), code (5), big-endian, in order of count
_MARK = 11  # marks: chain (3 bytes), count (3), code (5), big-endian, the latest first
_MARKS_AT = _RING_AT + RING * _ENTRY
PACKED_SIZE = _MARKS_AT + MARKS * _MARK

# count: the newest used one. floor: nothing at or below is accepted any more. used: bit i says
# that count - i is used, for the OLDER newest. ring, marks: bytes, entries as above.
State = namedtuple("State", ("count", "floor", "used", "ring", "marks"))


class OpaygoError(ValueError):
    """What this package refuses to work with. No message carries a key."""


class TokenError(OpaygoError):
    """The entry has not the form of a token: length, digits, range. It was not judged."""


class DeviceError(OpaygoError):
    """A key, starting code or time divider that no device can have."""


class StateError(OpaygoError):
    """No counter state, packed or not."""


def new_state(count=1):
    """Return the state of a unit with no token yet: every count <= count (0..16,777,215) is used.

    Raises StateError for a count out of range.
    """
    if not isinstance(count, int) or not 0 <= count <= COUNT_MAX:
        raise StateError("count: not in 0..%d" % COUNT_MAX)
    return State(count, count, (1 << OLDER) - 1, b"", b"")


def pack(state):
    """Return the state as PACKED_SIZE bytes; the first is the version of the layout."""
    head = struct.pack(_HEAD, _VERSION, state.count, state.floor, state.used)
    gap = bytes(RING * _ENTRY - len(state.ring))
    return head + state.ring + gap + state.marks + bytes(MARKS * _MARK - len(state.marks))


def unpack(data):
    """Return the state that pack() made data of.

    Raises StateError for another size or version, or numbers that contradict each other.
    """
    data = bytes(data)
    if len(data) != PACKED_SIZE or data[0] != _VERSION:
        raise StateError("state: not %d bytes of version %d" % (PACKED_SIZE, _VERSION))
    _, count, floor, used = struct.unpack(_HEAD, data[:_RING_AT])
    if not floor <= count <= COUNT_MAX:
        raise StateError("state: floor above count or count above %d" % COUNT_MAX)
    ring = _entries(data[_RING_AT:_MARKS_AT], _ENTRY, 0)
    return State(count, floor, used, ring, _entries(data[_MARKS_AT:], _MARK, 3))


def _entries(data, size, at):
    # The data without its empty entries, which have count 0 at this place. Others never have.
    end = 0
    while end < len(data) and any(data[end + at : end + at + 3]):
        end += size
    return data[:end]


def remembered(state, code):
    """Return the count under which the ring has this code, 0 if it has not."""
    at = -1
    while True:
        at = state.ring.find(_bytes(code, 5), at + 1)
        if at < 0:
            return 0
        if at % _ENTRY == 3:
            return int.from_bytes(state.ring[at - 3 : at], "big")


def spend(state, code, count, final, marks):
    """Return the state after a token was accepted.

    code: what the ring is to know it by, below 2^40. count: the one it was issued with. final: all
    counts up to this one are used now, and it becomes the state's count even if that is lower.
    """
    last, floor, used, ring, _ = state
    if final:
        last, used = count, (1 << OLDER) - 1
    elif count > last:
        last, used = count, (used << count - last | 1) & (1 << OLDER) - 1
    else:
        used |= 1 << last - count
    entry = _bytes(count, 3) + _bytes(code, 5)
    ring += entry
    if len(ring) > RING * _ENTRY:
        # The lowest count leaves and the newcomer takes its place, so that few bytes of the
        # record change: a medium may write only the pages that did.
        low = min(range(0, len(ring), _ENTRY), key=lambda at: ring[at : at + 3])
        floor = max(floor, int.from_bytes(ring[low : low + 3], "big"))
        ring = (ring[:low] + entry + ring[low + _ENTRY :])[: RING * _ENTRY]
    return State(last, floor, used, ring, marks)


def mark(state, chain):
    """Return the place (count, code) remembered on a chain (a number below 2^24), or (0, 0)."""
    for at in range(0, len(state.marks), _MARK):
        entry = state.marks[at : at + _MARK]
        if entry[:3] == _bytes(chain, 3):
            return int.from_bytes(entry[3:6], "big"), int.from_bytes(entry[6:], "big")
    return 0, 0


def marked(state, chain, count, code):
    """Return the state's marks with this one in front and no other on this chain."""
    if not count:
        return state.marks
    marks = _bytes(chain, 3) + _bytes(count, 3) + _bytes(code, 5)
    for at in range(0, len(state.marks), _MARK):
        if state.marks[at : at + 3] != marks[:3]:
            marks += state.marks[at : at + _MARK]
    return marks[: MARKS * _MARK]


def _bytes(number, size):
    return number.to_bytes(size, "big")
