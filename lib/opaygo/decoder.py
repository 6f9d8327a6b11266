"""Judging a token: from (device, counter state, digits) to (verdict, new counter state).

The rules are OpenPAYGO Token v2.3's; docs/token-engine.md lists our rules where the references
err.
"""

from collections import namedtuple

from . import state as counts
from .chain import Chain, schedule, siphash24
from .state import DeviceError, TokenError

JUMP = 64  # a token may be this many counts ahead
SYNC_AHEAD = 100  # a counter sync may be this many counts ahead
SYNC_BACK = 64  # a counter sync must be less than this many counts behind
MARGIN = 63  # a mark lies this far below the window, for use after a sync backwards, too

# outcome: "ADD_TIME", "SET_TIME", "DISABLE_PAYG", "COUNTER_SYNC", "RESERVED", "EXTENDED",
# "ALREADY_USED" or "INVALID"; value: the token's value; count: the token's count (value and count
# are 0 if INVALID); seconds: credit of ADD_TIME and SET_TIME, else 0.
Verdict = namedtuple("Verdict", ("outcome", "value", "count", "seconds"))


class Device:
    """Token settings of one unit, not to be changed once made.

    `key`: 16 bytes; `starting_code`: 0..999,999,999, None to derive the code from the key;
    `time_divider`: 1..255, a token's value is in days / time_divider; `restricted`: tokens are
    entered in the digits 1 to 4. Raises DeviceError.
    """

    def __init__(self, key, starting_code=None, time_divider=1, restricted=False):
        if not isinstance(key, (bytes, bytearray)) or len(key) != 16:
            raise DeviceError("key: 16 bytes expected")
        if starting_code is None:
            digest = siphash24(key, key)
            starting_code = 0
            for at in range(4):
                starting_code |= (digest[at] ^ digest[at + 4]) << 8 * at
            starting_code >>= 2
            if starting_code > 999999999:
                starting_code -= 73741825
        _check("starting code", starting_code, 0, 999999999)
        _check("time divider", time_divider, 1, 255)
        self.schedule = schedule(key)
        self.starting_code = starting_code
        self.time_divider = time_divider
        self.restricted = bool(restricted)
        self.longest = 20 if restricted else 12

    def read(self, digits):
        """Return (code, extended) of an entry. Raises TokenError if the entry lacks a token's
        form.
        """
        if not isinstance(digits, str):
            raise TokenError("token: a string of digits expected")
        short = self.longest * 3 // 4
        if len(digits) not in (short, self.longest):
            wanted = short, self.longest, len(digits)
            raise TokenError("token: %d or %d digits expected, not %d" % wanted)
        valid = "1234" if self.restricted else "0123456789"
        if digits.strip(valid):
            at = [digit in valid for digit in digits].index(False) + 1
            raise TokenError("token: digit %d is not one of %s" % (at, valid))
        if self.restricted:  # two bits each
            code = 0
            for digit in digits:
                code = code << 2 | ord(digit) - ord("1")
        else:
            code = int(digits)
        extended = len(digits) == self.longest
        most = 999999999999 if extended else 999999999
        if code > most:
            raise TokenError("token: decodes above %d" % most)
        return code, extended


def _check(name, number, low, high):
    if not isinstance(number, int) or isinstance(number, bool) or not low <= number <= high:
        raise DeviceError("%s: not in %d..%d" % (name, low, high))


def _window(value, extended, last):
    # Kind of a token of this value (None: the count decides), lowest and highest count allowed.
    if extended:
        return "EXTENDED", last + 1, last + JUMP
    if value == 999:
        return "COUNTER_SYNC", last - SYNC_BACK + 1, last + SYNC_AHEAD
    if value == 998:
        return "DISABLE_PAYG", last + 1, last + JUMP
    if value > 995:
        return "RESERVED", last + 1, last + JUMP
    return None, last - counts.OLDER + 1, last + JUMP


def _acceptable(state, kind, low, count):
    # Is this count still acceptable for a token of this kind?
    if count < low or count <= state.floor:
        return False
    if count > state.count or kind:
        return True
    return count % 2 == 0 and not state.used >> state.count - count & 1


def _search(chain, end, hashes):
    # Walks the chain to count `end`; yields a match's count, or 0 after at most `hashes` hashes.
    while chain.count < end:
        yield chain.count if chain.next(min(hashes, end - chain.count)) else 0


def judging(device, state, digits, hashes=256):
    """Judge in slices: yield None after at most `hashes` hashes each, at last (verdict, state).

    `device`: a Device; `state`: of new_state(), unpack() or an earlier verdict, never changed, and
    returned itself when the token is refused (ALREADY_USED, INVALID); `digits`: str, as entered;
    `hashes`: >= 1. Raises TokenError, before the first hash, if the digits lack a token's form.
    """
    code, extended = device.read(digits)
    bases = 1000000 if extended else 1000
    base = code % bases
    value = (base - device.starting_code) % bases
    memo = value + bases if extended else value
    name = code if extended else code + 1000000000000
    used = counts.remembered(state, name)
    if used:
        yield Verdict("ALREADY_USED", value, used, 0), state
        return
    kind, low, top = _window(value, extended, state.count)
    low = max(low, 1)
    start = device.starting_code // bases * bases + base
    chain = Chain(device.schedule, extended, code - base, bases)
    begin, place = counts.mark(state, memo)
    if not 0 < begin < low:
        begin, place = 0, start
    chain.seek(begin, place)
    for found in _search(chain, low - 1 - MARGIN, hashes):
        used = found or used
        yield None
    marks = counts.marked(state, memo, chain.count, chain.code)
    for found in _search(chain, min(top, counts.COUNT_MAX), hashes):
        if found and _acceptable(state, kind, low, found):
            outcome = kind or ("SET_TIME" if found % 2 else "ADD_TIME")
            final = outcome in ("SET_TIME", "DISABLE_PAYG", "COUNTER_SYNC")
            seconds = 0 if kind else value * 86400 // device.time_divider
            verdict = Verdict(outcome, value, found, seconds)
            yield verdict, counts.spend(state, name, found, final, marks)
            return
        used = found or used
        yield None
    if not used:
        chain.seek(0, start)
        for found in _search(chain, begin, hashes):
            used = found or used
            yield None
    yield (Verdict("ALREADY_USED", value, used, 0) if used else Verdict("INVALID", 0, 0, 0)), state


def judge(device, state, digits):
    """Judge a token in one go; return (verdict, new state) as judging() yields last."""
    *_, answer = judging(device, state, digits)
    return answer
