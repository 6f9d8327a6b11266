"""A fast token encoder that shares nothing with lib/opaygo: whole 64-bit integers, cached chains.

`openpaygo`, the protocol's own encoder, walks every chain from the start at 60 us a hash, too slow
for lives of thousands of tokens. test_encoder.py compares both encoders.
"""

from functools import cache

MASK = (1 << 64) - 1
START = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
PLAIN, EXTENDED = False, True


def _round(a, b, c, d):
    a = a + b & MASK
    b = (b << 13 | b >> 51) & MASK ^ a
    a = (a << 32 | a >> 32) & MASK
    c = c + d & MASK
    d = (d << 16 | d >> 48) & MASK ^ c
    a = a + d & MASK
    d = (d << 21 | d >> 43) & MASK ^ a
    c = c + b & MASK
    b = (b << 17 | b >> 47) & MASK ^ c
    return a, b, (c << 32 | c >> 32) & MASK, d


def siphash(key, data):
    """Return SipHash-2-4 of data under the 16-byte key as a 64-bit integer."""
    k = [int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")] * 2
    a, b, c, d = (x ^ y for x, y in zip(START, k))
    padded = data + bytes(7 - len(data) % 8) + bytes([len(data) % 256])
    for at in range(0, len(padded), 8):
        word = int.from_bytes(padded[at : at + 8], "little")
        a, b, c, d = _round(*_round(a, b, c, d ^ word))
        a ^= word
    c ^= 255
    for _ in range(4):
        a, b, c, d = _round(a, b, c, d)
    return a ^ b ^ c ^ d


def next_plain(key, code):
    """Return the code after a 9-digit code."""
    whole = siphash(key, code.to_bytes(4, "big") * 2)
    code = (whole >> 32 ^ whole & 0xFFFFFFFF) >> 2
    return code - 73741825 if code > 999999999 else code


def next_extended(key, code):
    """Return the code after a 12-digit code."""
    code = siphash(key, code.to_bytes(8, "big")) >> 24
    return code - 99511627777 if code > 999999999999 else code


def derived_starting_code(key):
    """Return the starting code of a unit without a given starting code."""
    whole = siphash(key, key)
    code = (whole >> 32 ^ whole & 0xFFFFFFFF) >> 2
    return code - 73741825 if code > 999999999 else code


class Encoder:
    """The key and starting code of one unit, and all codes of the chains used so far."""

    def __init__(self, key, starting_code=None):
        self.key = key
        self.starting_code = derived_starting_code(key) if starting_code is None else starting_code
        self._chains = {}

    def base(self, value, extended=PLAIN):
        """Return the base (last 3 or 6 digits) for a value."""
        return (self.starting_code + value) % (1000000 if extended else 1000)

    def code(self, value, count, extended=PLAIN):
        """Return the token of this value and count as an integer."""
        bases = 1000000 if extended else 1000
        code = self.chain(value, count, extended)[count]
        return code - code % bases + self.base(value, extended)

    def chain(self, value, count, extended=PLAIN):
        """Return the codes of a chain from count 0 (the starting code) to count or further."""
        codes = self._chains.get((value, extended))
        if codes is None:
            bases = 1000000 if extended else 1000
            start = self.starting_code - self.starting_code % bases + self.base(value, extended)
            codes = self._chains[value, extended] = [start]
        step = next_extended if extended else next_plain
        while len(codes) <= count:
            codes.append(step(self.key, codes[-1]))
        return codes

    def token(self, value, count, extended=PLAIN, restricted=False):
        """Return the token of this value and count as entered."""
        return digits(self.code(value, count, extended), extended, restricted)


@cache
def _quad(pairs):
    return "".join(str((byte >> shift & 3) + 1) for byte in pairs for shift in (6, 4, 2, 0))


def digits(code, extended=PLAIN, restricted=False):
    """Return a code as entered: 9 or 12 digits, or 15 or 20 of the digits 1 to 4."""
    if not restricted:
        return str(code).zfill(12 if extended else 9)
    return _quad(code.to_bytes(5, "big"))[0 if extended else 5 :]
