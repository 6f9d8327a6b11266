"""SipHash-2-4 and the OpenPAYGO hash chain: one viper function, run unchanged by plain Python.

A chain starts at a code; each next code is the hash of the code before, folded to 9 digits (12 if
extended). 64-bit words are kept as 32-bit halves. docs/token-engine.md has reasons and costs.
"""

from array import array

try:
    import micropython
    from micropython import const
except ImportError:  # plain Python

    class _Micropython:
        viper = staticmethod(lambda function: function)

    micropython = _Micropython
    const = int

# Viper knows these two by itself; plain Python needs the names to exist.
uint = int
ptr32 = object

_MASK = 0xFFFFFFFF
_START = b"uespemosmodnarodarenegylsetybdet"  # SipHash's four start words, bytes of each reversed

# Words of the work buffer; 0 to 7 are the keyed start words (each low half, high half).
_LEFT = const(8)  # hashes still to be made
_CODE = const(9)  # low, high: the chain's current code
_FROM = const(11)  # low, high: stop at a code in FROM ..< FROM + SPAN
_SPAN = const(13)
_KIND = const(14)
_BLOCKS = const(15)  # 64-bit blocks in a message
_MESSAGE = const(16)  # low, high of each block; a chain's first block is made from the code
_PLAIN = const(0)
_EXTENDED = const(1)
_HASH = const(2)  # no chain: one hash of the message into CODE


@micropython.viper
def _sip(x: uint, y: uint, m: uint, buf: ptr32) -> int:
    # Makes LEFT hashes, or up to a code in FROM ..< FROM + SPAN: then it returns 1.
    #
    # x, y and m are parameters because viper keeps the first three locals in registers, the others
    # in memory: x and y are the word at work (v1 or v3), m the 32-bit mask, needed on a 64-bit
    # machine. Sums need masking only before a compare or a right shift. Expressions begin with
    # operands in memory and go on with registers, else viper spills; a literal above 2^30 would be
    # boxed, a cast of a comparison is free.
    found = 0
    left = m & buf[_LEFT]
    lo = m & buf[_CODE]
    hi = m & buf[_CODE + 1]
    kind = buf[_KIND]
    while left:
        left -= 1
        if kind == _HASH:
            ml = m & buf[_MESSAGE]
            mh = m & buf[_MESSAGE + 1]
        else:  # the code as big-endian bytes, twice if four hold it
            mh = (lo << 24 | (lo & 65280) << 8 | lo >> 8 & 65280 | lo >> 24) & m
            ml = mh
            if kind:
                ml = hi << 24
        al = m & buf[0]
        ah = m & buf[1]
        x = m & buf[2]
        y = m & buf[3]
        cl = m & buf[4]
        ch = m & buf[5]
        dl = m & buf[6] ^ ml
        dh = m & buf[7] ^ mh
        at = _MESSAGE + 2
        rest = buf[_BLOCKS] + 2
        while rest:
            # Two rounds; x, y hold v1. Rotation by 32 bits exchanges the names of two halves.
            al = (al + x) & m
            ah = uint(al < x) + y + ah
            bl = ((x << 13 | y >> 19) ^ al) & m
            bh = ((y << 13 | x >> 19) ^ ah) & m
            x = dl
            y = dh
            cl = (cl + x) & m
            ch = uint(cl < x) + y + ch
            t = ((x << 16 | y >> 16) ^ cl) & m
            y = ((y << 16 | x >> 16) ^ ch) & m
            x = t
            ah = (ah + x) & m
            al = uint(ah < x) + y + al
            dl = ((x << 21 | y >> 11) ^ ah) & m
            dh = ((y << 21 | x >> 11) ^ al) & m
            x = bl
            y = bh
            cl = (cl + x) & m
            ch = uint(cl < x) + y + ch
            t = ((x << 17 | y >> 15) ^ cl) & m
            y = ((y << 17 | x >> 15) ^ ch) & m
            x = t
            # The second round, v0 and v2 with exchanged names.
            ah = (ah + x) & m
            al = uint(ah < x) + y + al
            bl = ((x << 13 | y >> 19) ^ ah) & m
            bh = ((y << 13 | x >> 19) ^ al) & m
            x = dl
            y = dh
            ch = (ch + x) & m
            cl = uint(ch < x) + y + cl
            t = ((x << 16 | y >> 16) ^ ch) & m
            y = ((y << 16 | x >> 16) ^ cl) & m
            x = t
            al = (al + x) & m
            ah = uint(al < x) + y + ah
            dl = ((x << 21 | y >> 11) ^ al) & m
            dh = ((y << 21 | x >> 11) ^ ah) & m
            x = bl
            y = bh
            ch = (ch + x) & m
            cl = uint(ch < x) + y + cl
            t = ((x << 17 | y >> 15) ^ ch) & m
            y = ((y << 17 | x >> 15) ^ cl) & m
            x = t
            rest -= 1
            if rest > 1:  # rounds of a block, not the final rounds
                al ^= ml
                ah ^= mh
                if rest > 2:
                    ml = m & buf[at]
                    mh = m & buf[at + 1]
                    at += 2
                    dl ^= ml
                    dh ^= mh
                else:
                    cl ^= 255
        lo = (x ^ al ^ cl ^ dl) & m
        hi = (y ^ ah ^ ch ^ dh) & m
        if kind == _PLAIN:
            lo = (lo ^ hi) >> 2
            hi ^= hi
            if lo > uint(999999999):
                lo -= 73741825
        elif kind == _EXTENDED:
            lo = (lo >> 24 | hi << 8) & m
            hi >>= 24
            if hi >= uint(lo < (m ^ 727379967)) + 232:  # 10**12 = 232 * 2**32 + 3567587328
                hi -= uint(lo < uint(727379969)) + 23  # 99511627777 = 23 * 2**32 + 727379969
                lo = (lo - 727379969) & m
        x = m & buf[_FROM]
        if (lo - x) & m < m & buf[_SPAN] and hi == uint(lo < x) + buf[_FROM + 1]:
            found = 1
            break
    buf[_LEFT] = left
    buf[_CODE] = lo
    buf[_CODE + 1] = hi
    return found


def schedule(key):
    """Return the work buffer with a 16-byte key worked in, to be copied for each use."""
    words = bytes(a ^ b for a, b in zip(_START, key + key))
    return array("I", words + bytes(28) + b"\2" + bytes(18) + b"\x08")


def siphash24(key, data):
    """Return SipHash-2-4 of data (any length) under a 16-byte key: 8 bytes, little-endian."""
    blocks = len(data) // 8 + 1
    buf = array("I", data + bytes(8 * blocks - 1 - len(data)) + bytes((len(data) & 255,)))
    buf = schedule(key)[:_MESSAGE] + buf
    buf[_LEFT] = 1
    buf[_KIND] = _HASH
    buf[_BLOCKS] = blocks
    _sip(0, 0, _MASK, buf)
    return bytes(buf[_CODE : _CODE + 2])


class Chain:
    """A position on the chain of a token value, and the codes searched for on the chain.

    `schedule`: of schedule(); `extended`: bool, 12 digits instead of 9; `low`, `span`: next()
    stops at a code in low ..< low + span; `count`: hashes from the chain's start to the position.
    """

    def __init__(self, schedule, extended, low, span):
        self._buf = buf = schedule[:]
        buf[_KIND] = extended
        buf[_FROM] = low & _MASK
        buf[_FROM + 1] = low >> 32
        buf[_SPAN] = span

    def seek(self, count, code):
        """Go to the position where count hashes have led to code."""
        self.count = count
        self._buf[_CODE] = code & _MASK
        self._buf[_CODE + 1] = code >> 32

    @property
    def code(self):
        """The code at the position."""
        return self._buf[_CODE + 1] << 32 | self._buf[_CODE]

    def next(self, hashes):
        """Advance by up to `hashes` (>= 1); return 1 as soon as a wanted code is
        reached, else 0.
        """
        self._buf[_LEFT] = hashes
        found = _sip(0, 0, _MASK, self._buf)
        self.count += hashes - self._buf[_LEFT]
        return found
