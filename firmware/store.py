"""What a unit must never forget: its identity and its state, as records on one or more media.

A record is magic, kind, version, length, sequence, payload, CRC-32; outside the chip's own flash
it ends in SipHash-2-4 of all that under the device key. Each kind has two slots on each medium,
written in turn; the newest valid record wins, whatever medium it is on. A *full* record holds the
token engine's state and the account, so that a token is spent and credited in one write. A *beat*
holds the account alone and names the full record that it continues; a beat that continues another
record than the newest is stale. See docs/storage.md.
"""

import struct
from binascii import crc32

from opaygo import siphash24

_MAGIC = b"PG"
_HEAD = "<2sBBHI"
_HEAD_SIZE = 10
_VERSION = 1
_TAG_SIZE = 8
IDENTITY, FULL, BEAT = 1, 2, 3
NAMES = {IDENTITY: "identity", FULL: "full", BEAT: "beat"}
_IDENTITY = "<33s16sIIBB"


class StoreError(Exception):
    """No medium took the record; what should have been stored is not."""


class NewerRecordError(Exception):
    """A valid record of a later version than this firmware knows: it must not be overwritten."""


class Identity:
    """Who a unit is: written once, in the chip's own flash only.

    serial: 1 to 32 ASCII characters without `;`. key: 16 bytes. starting_code: 0..999,999,999 or
    None to derive it from the key. count: first count, >= 0; every token count up to it is used.
    time_divider: 1..255 units a day. restricted: True when tokens use the digits 1 to 4 only.
    Raises ValueError, which never contains the key.
    """

    def __init__(self, serial, key, starting_code=None, count=1, time_divider=1, restricted=False):
        if not 1 <= len(serial) <= 32 or not all(32 < ord(c) < 127 and c != ";" for c in serial):
            raise ValueError("serial must be 1 to 32 printable characters without spaces or ;")
        if len(key) != 16:
            raise ValueError("key must be 16 bytes")
        if starting_code is not None and not 0 <= starting_code <= 999_999_999:
            raise ValueError("starting code must be 0 to 999999999")
        if not 0 <= count <= 0xFFFFFF:
            raise ValueError("count must be 0 to 16777215")
        if not 1 <= time_divider <= 255:
            raise ValueError("time divider must be 1 to 255")
        self.serial = serial
        self.key = bytes(key)
        self.starting_code = starting_code
        self.count = count
        self.time_divider = time_divider
        self.restricted = bool(restricted)

    def __eq__(self, other):
        return isinstance(other, Identity) and self.pack() == other.pack()

    def __hash__(self):
        return hash(self.serial)

    def pack(self):
        code = 0xFFFFFFFF if self.starting_code is None else self.starting_code
        serial = self.serial.encode()
        flags = 1 if self.restricted else 0
        return struct.pack(_IDENTITY, serial, self.key, code, self.count, self.time_divider, flags)

    @classmethod
    def unpack(cls, data):
        serial, key, code, count, divider, flags = struct.unpack(_IDENTITY, data)
        serial = serial[: serial.find(b"\0")].decode()
        code = None if code == 0xFFFFFFFF else code
        return cls(serial, key, code, count, divider, flags & 1)


class Store:
    """Records over media.

    `media[0]` is the chip's own flash, the only one that holds the identity.
    """

    def __init__(self, media):
        self._media = media
        self._key = None
        self._sequence = 0
        self._base = 0
        self._next = {}  # (medium index, kind) -> slot to write next
        self._behind = []  # media that miss the newest full record

    def identity(self):
        """Identity of the unit or None when it is blank.

        Raises NewerRecordError. Opens the other records.
        """
        found = self._newest(0, IDENTITY)
        if found is None:
            return None
        identity = Identity.unpack(found[1])
        self._key = identity.key
        return identity

    def write_identity(self, identity):
        """Make a blank unit this one. Both slots get a copy, for it is never written again."""
        self._write(0, IDENTITY, identity.pack(), 1)
        self._write(0, IDENTITY, identity.pack(), 2)
        self._key = identity.key

    def load(self):
        """Newest (sequence, engine bytes, account bytes), or None when no medium has any.

        Raises NewerRecordError.
        """
        full = self._best(FULL)
        if full is None:
            return None
        self._base = self._sequence = full[0]
        size = full[1][0] | full[1][1] << 8
        engine, account = full[1][2 : 2 + size], full[1][2 + size :]
        beat = self._best(BEAT)
        if beat and beat[0] > full[0] and struct.unpack_from("<I", beat[1])[0] == full[0]:
            self._sequence = beat[0]
            account = beat[1][4:]
        return self._sequence, engine, account

    def repair(self):
        """Bring media that missed the newest full record up to date.

        True when there was something to do.
        """
        behind, self._behind = self._behind, []
        for index, data in behind:
            try:
                self._write(index, FULL, data, self._base)
            except OSError:
                pass
        return bool(behind)

    def save(self, engine, account):
        """Store engine state and account in one record. Raises StoreError if no medium took it."""
        payload = struct.pack("<H", len(engine)) + engine + account
        self._base = self._write_all(FULL, payload)

    def beat(self, account):
        """Store the account alone, continuing the last full record. Raises StoreError."""
        self._write_all(BEAT, struct.pack("<I", self._base) + account)

    @property
    def sequence(self):
        """Sequence of the newest record; 0 when there is none."""
        return self._sequence

    def _write_all(self, kind, payload):
        sequence, stored = self._sequence + 1, False
        for index in range(len(self._media)):
            try:
                self._write(index, kind, payload, sequence)
                stored = True
            except OSError:
                continue  # one medium may fail; the boot brings it up to date
        if not stored:
            raise StoreError("no medium took the record")
        self._sequence = sequence
        return sequence

    def _write(self, index, kind, payload, sequence):
        head = struct.pack(_HEAD, _MAGIC, kind, _VERSION, len(payload), sequence)
        record = head + payload
        record += struct.pack("<I", crc32(record))
        if index:
            record += siphash24(self._key, record)
        slot = self._next.get((index, kind), 0)
        self._media[index].write(NAMES[kind], slot, record)
        self._next[(index, kind)] = 1 - slot

    def _best(self, kind):
        """Newest (sequence, payload) of all media; notes which media are behind."""
        found = [self._newest(index, kind) for index in range(len(self._media))]
        best = None
        for record in found:
            if record and (best is None or record[0] > best[0]):
                best = record
        if kind == FULL and best:
            self._behind = [
                (i, best[1]) for i, r in enumerate(found) if r is None or r[0] < best[0]
            ]
        return best

    def _newest(self, index, kind):
        """Newest valid (sequence, payload) of a kind on one medium.

        Aims the next write at the other slot.
        """
        best = None
        for slot in (0, 1):
            try:
                record = self._media[index].read(NAMES[kind], slot)
            except OSError:
                record = None
            found = record and self._check(record, kind, index)
            if found and (best is None or found[0] > best[0]):
                best = found
                self._next[(index, kind)] = 1 - slot
        return best

    def _check(self, record, kind, index):
        if len(record) < _HEAD_SIZE + 4:
            return None
        magic, its_kind, version, length, sequence = struct.unpack_from(_HEAD, record)
        end = _HEAD_SIZE + length
        if magic != _MAGIC or its_kind != kind or len(record) < end + 4 + (index and _TAG_SIZE):
            return None
        if struct.unpack_from("<I", record, end)[0] != crc32(record[:end]):
            return None
        if index and record[end + 4 : end + 12] != siphash24(self._key, record[: end + 4]):
            return None
        if version > _VERSION:
            raise NewerRecordError("a {} record is of version {}".format(NAMES[kind], version))
        return sequence, record[_HEAD_SIZE:end]
