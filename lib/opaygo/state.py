"""The counter state of a unit (the memory of accepted tokens), and the package's errors.

A state is immutable, packs into a fixed record and knows no keys or hashes. docs/token-engine.md
gives the rules, and the record byte by byte.
"""

import struct
from collections import namedtuple

OLDER = 16  # counts, from the newest down, with a bit for "used"
RING = 64  # accepted tokens remembered by their digits
MARKS = 8  # chains with a remembered position
COUNT_MAX = 0xFFFFFF

_VERSION = 1
_HEAD = ">BIIHB"  # version, count, floor, used, turn
_RING_AT = struct.calcsize(_HEAD)
_ENTRY = 8  # ring: count (3 bytes), code (5), big-endian
_MARK = 11  # marks: chain (3 bytes), count (3), code (5), big-endian
_MARKS_AT = _RING_AT + RING * _ENTRY
PACKED_SIZE = _MARKS_AT + MARKS * _MARK

# count: newest used count; floor: counts up to here are no longer accepted; used: bit i set if
# count - i is used, for i < OLDER; turn: number of tokens that have left the ring, modulo RING;
# ring, marks: bytes, entries as above, the ring's in order of count, then of acceptance.
State = namedtuple("State", ("count", "floor", "used", "turn", "ring", "marks"))


class OpaygoError(ValueError):
    """An input that this package refuses. No message contains a key."""


class TokenError(OpaygoError):
    """The entry lacks the form of a token (length, digits, range) and was not judged."""


class DeviceError(OpaygoError):
    """A key, starting code or time divider that no device can have."""


class StateError(OpaygoError):
    """Not a counter state, packed or not."""


def new_state(count=1):
    """Return the state of a unit with no token yet: counts up to `count` (0..16,777,215) are used.

    Raises StateError for a count out of range.
    """
    if not isinstance(count, int) or not 0 <= count <= COUNT_MAX:
        raise StateError("count: not in 0..%d" % COUNT_MAX)
    return State(count, count, (1 << OLDER) - 1, 0, b"", b"")


def closed(state, count):
    """Return the state with all counts up to `count` used, as after provisioning at this count."""
    return State(state.count, max(state.floor, count), *state[2:])


def pack(state):
    """Return the state as PACKED_SIZE bytes; the first is the version of the layout.

    In a full ring, a token is written over the token that leaves. An ordinary token thus changes
    few bytes, and few pages of a medium with pages.
    """
    head = struct.pack(_HEAD, _VERSION, state.count, state.floor, state.used, state.turn)
    ring = state.ring + bytes(RING * _ENTRY - len(state.ring))
    cut = (RING - state.turn) * _ENTRY
    marks = state.marks + bytes(MARKS * _MARK - len(state.marks))
    return head + ring[cut:] + ring[:cut] + marks


def unpack(data):
    """Return the state packed by pack().

    Raises StateError for another size or version, or numbers that contradict each other.
    """
    data = bytes(data)
    if len(data) != PACKED_SIZE or data[0] != _VERSION:
        raise StateError("state: not %d bytes of version %d" % (PACKED_SIZE, _VERSION))
    _, count, floor, used, turn = struct.unpack(_HEAD, data[:_RING_AT])
    if not floor <= count <= COUNT_MAX or turn >= RING:
        raise StateError("state: floor above count, or a number out of range")
    cut = _RING_AT + turn * _ENTRY
    ring = _entries(data[cut:_MARKS_AT] + data[_RING_AT:cut], _ENTRY)
    return State(count, floor, used, turn, ring, _entries(data[_MARKS_AT:], _MARK))


def _entries(data, size):
    # The data without empty entries; a used entry's count is never 0.
    return data[: (len(data.rstrip(b"\0")) + size - 1) // size * size]


def _find(data, size, key, offset):
    # Start of the entry with this key at this offset, -1 if there is none.
    at = data.find(key)
    while at >= 0 and at % size != offset:
        at = data.find(key, at + 1)
    return at - offset if at >= 0 else -1


def remembered(state, code):
    """Return the count of this code in the ring, 0 if the ring lacks the code."""
    at = _find(state.ring, _ENTRY, _bytes(code, 5), 3)
    return 0 if at < 0 else int.from_bytes(state.ring[at : at + 3], "big")


def spend(state, code, count, final, marks):
    """Return the state after a token was accepted.

    `code`: stands for the token in the ring, below 2^40; `count`: the token's count; `final`: all
    counts up to this count are used now, and the state's count becomes `count` even if lower;
    `marks`: the new marks.
    """
    last, floor, used, turn, ring, _ = state
    if final:
        last, used = count, (1 << OLDER) - 1
    elif count > last:
        last, used = count, (used << count - last | 1) & (1 << OLDER) - 1
    else:
        used |= 1 << last - count
    entry = _bytes(count, 3) + _bytes(code, 5)
    at = len(ring)
    while at and ring[at - _ENTRY : at - _ENTRY + 3] > entry[:3]:
        at -= _ENTRY
    ring = ring[:at] + entry + ring[at:]
    if len(ring) > RING * _ENTRY:  # the lowest count leaves
        floor = int.from_bytes(ring[:3], "big")
        turn = (turn + 1) % RING
        ring = ring[_ENTRY:]
    return State(last, floor, used, turn, ring, marks)


def mark(state, chain):
    """Return the position (count, code) remembered on a chain (number below 2^24), or (0, 0)."""
    at = _find(state.marks, _MARK, _bytes(chain, 3), 0)
    if at < 0:
        return 0, 0
    entry = state.marks[at + 3 : at + _MARK]
    return int.from_bytes(entry[:3], "big"), int.from_bytes(entry[3:], "big")


def marked(state, chain, count, code):
    """Return the marks with this position in place of the chain's mark, or of the lowest mark.

    Count 0, the start of the chain, is not worth a mark.
    """
    marks = state.marks
    if not count:
        return marks
    key = _bytes(chain, 3)
    at = _find(marks, _MARK, key, 0)
    if at < 0:
        at = len(marks)
        if at == MARKS * _MARK:
            at = min(range(0, at, _MARK), key=lambda at: marks[at + 3 : at + 6])
    return marks[:at] + key + _bytes(count, 3) + _bytes(code, 5) + marks[at + _MARK :]


def _bytes(number, size):
    return number.to_bytes(size, "big")
