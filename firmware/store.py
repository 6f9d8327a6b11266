"""Persistent identity and state of a unit, as records on one or more media.

A record is magic, kind, version, length, sequence, payload, CRC-32. All kinds but the identity end
in the SipHash-2-4 of these bytes under the device key, so that foreign or forged records are never
believed. Each kind has two slots on each medium, written in turn. A *full* record holds the token
engine's state and the account: a token is spent and credited in a single write. A *beat* holds the
account and names the full record, on the same medium, to which the account belongs. A small medium
gets *briefs* instead: count, credit and lockout in 26 bytes.

The chip's own flash decides: a record counts as stored only when the own flash took it, and while
the own flash holds a valid record, no other medium is believed. See docs/storage.md.
"""

import struct
from binascii import crc32

import opaygo
from firmware.account import UNKNOWN, Account, from_version_1
from firmware.texts import LANGUAGES

VERSION = 2
IDENTITY, FULL, BEAT, BRIEF = 1, 2, 3, 4
NAMES = {IDENTITY: "identity", FULL: "full", BEAT: "beat", BRIEF: "brief"}
_MAGIC = b"PG"
_HEAD = "<2sBBHI"
_HEAD_SIZE = 10
_CRC_SIZE = 4
_TAG_SIZE = 8
_BRIEF_MARK = 0xB0  # upper half of a brief's first byte; the lower half is the version
_BRIEF_SIZE = 14
_BRIEF = "<IIH"  # mistakes << 24 | count, free << 31 | credit, lockout
_BRIEF_FREE = 1 << 31
_IDENTITY = "<33s16sIIBBI"
_NONE = 0xFFFFFFFF
_LINK = "<II"  # a beat's first two words: sequence of the full record, token count
_LINK_SIZE = 8
_ACCOUNT_1 = 46  # bytes of an account in version 1, at the end of a full record and of a beat


class StoreError(Exception):
    """The own flash did not take the record: the change is not stored."""


class NewerRecordError(Exception):
    """A valid record has a later version than this firmware knows and must not be overwritten."""


class Identity:
    """Identity of a unit, written once, to the chip's own flash only.

    `serial`: 1 to 32 printable ASCII characters without spaces or `;`; `key`: 16 bytes;
    `starting_code`: 0..999,999,999, None to derive the code from the key; `count`: first count,
    0..16,777,215, with every token count up to this already used; `time_divider`: 1..255 units a
    day; `restricted`: tokens use the digits 1 to 4 only; `language`: member of
    firmware.texts.LANGUAGES; `test_code`: 0..999,999,999 or None, see firmware.unit.

    Raises ValueError, without the key in the message.
    """

    def __init__(
        self,
        serial,
        key,
        starting_code=None,
        count=1,
        time_divider=1,
        restricted=False,
        language="en",
        test_code=None,
    ):
        if not 1 <= len(serial) <= 32 or not all(32 < ord(c) < 127 and c != ";" for c in serial):
            raise ValueError("serial must be 1 to 32 printable characters without spaces or ;")
        if len(key) != 16:
            raise ValueError("key must be 16 bytes")
        for code in (starting_code, test_code):
            if code is not None and not 0 <= code <= 999_999_999:
                raise ValueError("a code must be 0 to 999999999")
        if not 0 <= count <= 0xFFFFFF:
            raise ValueError("count must be 0 to 16777215")
        if not 1 <= time_divider <= 255:
            raise ValueError("time divider must be 1 to 255")
        if language not in LANGUAGES:
            raise ValueError("language must be one of " + " ".join(LANGUAGES))
        self.serial = serial
        self.key = bytes(key)
        self.starting_code = starting_code
        self.count = count
        self.time_divider = time_divider
        self.restricted = bool(restricted)
        self.language = language
        self.test_code = test_code

    def __eq__(self, other):
        return isinstance(other, Identity) and self.pack() == other.pack()

    def __hash__(self):
        return hash(self.serial)

    def pack(self):
        code = _NONE if self.starting_code is None else self.starting_code
        test = _NONE if self.test_code is None else self.test_code
        flags = LANGUAGES.index(self.language) << 1 | self.restricted
        rest = code, self.count, self.time_divider, flags, test
        return struct.pack(_IDENTITY, self.serial.encode(), self.key, *rest)

    @classmethod
    def unpack(cls, data):
        data += b"\xff" * (struct.calcsize(_IDENTITY) - len(data))  # once without test code
        serial, key, code, count, divider, flags, test = struct.unpack(_IDENTITY, data)
        serial = serial[: serial.find(b"\0")].decode()
        code = None if code == _NONE else code
        test = None if test == _NONE else test
        language = LANGUAGES[(flags >> 1) % len(LANGUAGES)]
        return cls(serial, key, code, count, divider, flags & 1, language, test)


class Store:
    """Reads and writes records on media (see firmware.media).

    `media[0]`: the chip's own flash, written first and the only medium with the identity; `stale`:
    `load` rejected a medium whose token count is below the identity's.
    """

    def __init__(self, media):
        self.stale = False
        self._media = media
        self._key = None
        self._state = None
        self._used = 0  # highest sequence given to a record or seen
        self._bases = [0] * len(media)  # sequence of the full record for beats; 0: full one due
        self._unread = set()  # media that did not answer at the start
        self._next = {}  # (medium, kind) -> slot to write next

    def identity(self):
        """Return the unit's identity, None for a blank unit; rewrite a lost copy.

        Call this first: the key in the identity opens the other records. Raises NewerRecordError.
        """
        found = [self._slot(0, IDENTITY, slot) for slot in (0, 1)]
        payload = found[0] or found[1]
        if payload is None:
            return None
        identity = Identity.unpack(payload[2])
        self._key = identity.key
        if None in found:
            try:
                self._put(0, IDENTITY, found.index(None), identity.pack(), 1)
            except OSError:
                pass  # next time
        return identity

    def write_identity(self, identity):
        """Give a blank unit this identity, in both slots, never to be written again.

        Raises StoreError when the flash took neither slot.
        """
        copies = 0
        for slot in (0, 1):
            try:
                self._put(0, IDENTITY, slot, identity.pack(), 1)
                copies += 1
            except OSError:
                pass
        if not copies:
            raise StoreError("the identity was not stored")
        self._key = identity.key

    def load(self, count):
        """Return the newest believed (token engine's state, account), None if there is none.

        `count`: the identity's; all counts up to here are used in any case. Other media are
        believed only when the own flash holds no record, and only if their count is no lower.
        Raises NewerRecordError, and OSError when the own flash cannot be read.
        """
        found = [self._look(index) for index in range(len(self._media))]
        best = found[0]
        if not best:
            known = [record for record in found[1:] if record]
            fresh = [record for record in known if record[2].count >= count]
            self.stale = len(fresh) < len(known)
            if fresh:
                sequence, whole, state, account = max(fresh, key=lambda record: record[:2])
                account.bound = UNKNOWN
                best = sequence, whole, opaygo.closed(state, count), account
        self._state = best and best[2]
        for index, record in enumerate(found):
            if not record or record[2] != self._state:
                self._bases[index] = 0
        return best and best[2:]

    def _look(self, index):
        # Result of `_restore` at the start, None if the medium has no records or no answer.
        try:
            found = self._restore(index)
        except OSError:
            if index == 0:
                raise  # no other medium may decide instead
            self._unread.add(index)
            return None
        if found:
            self._used = max(self._used, found[0])
        return found

    def save(self, state, account):
        """Store the token engine's state and the account on all media, atomically on each.

        Raises StoreError if the own flash does not take the record.
        """
        if self._state is None:
            self._state = state
        self._record(state, account, True, True)
        self._state = state

    def beat(self, account, copy=False):
        """Store the account. Raises StoreError.

        `copy`: write to all media, not only to the own flash and media that missed the state.
        """
        self._record(self._state, account, False, copy)

    def _record(self, state, account, full, copy):
        self._used += 1  # a write that failed may have been stored all the same
        try:
            self._write(0, state, account, full)
        except OSError:
            if copy:
                self._bases[1:] = [0] * (len(self._media) - 1)  # missed the copy, too
            raise StoreError("the own flash did not take the record") from None
        for index in range(1, len(self._media)):
            if copy or not self._bases[index]:
                try:
                    self._write(index, state, account, full)
                except (OSError, NewerRecordError):
                    self._bases[index] = 0  # tried again with the next record

    def _write(self, index, state, account, full):
        if index in self._unread:
            self._look_again(index)
        if self._media[index].small:
            self._put_next(index, BRIEF, _brief(state.count, account))
            self._bases[index] = self._used
            return
        if not full and self._bases[index]:
            link = struct.pack(_LINK, self._bases[index], state.count)
            self._put_next(index, BEAT, link + account.pack())
            return
        self._bases[index] = 0  # until the record is known to be stored
        engine = opaygo.pack(state)
        self._put_next(index, FULL, struct.pack("<H", len(engine)) + engine + account.pack())
        self._bases[index] = self._used

    def _look_again(self, index):
        """Read a medium that did not answer at the start: no record there may look newer.

        Raises OSError until the medium answers and the next record is newer than the newest there.
        """
        found = self._restore(index)
        self._bases[index] = 0
        self._unread.discard(index)
        if found and found[0] >= self._used:
            self._used = found[0]
            raise OSError

    def _put_next(self, index, kind, payload):
        slot = self._next.get((index, kind), 0)
        self._put(index, kind, slot, payload, self._used)
        self._next[(index, kind)] = 1 - slot

    def _put(self, index, kind, slot, payload, sequence):
        key = None if kind == IDENTITY else self._key
        self._media[index].write(NAMES[kind], slot, seal(kind, sequence, payload, key))

    def _restore(self, index):
        """Return a medium's newest (sequence, 1 if complete, state, account), or None.

        Incomplete (0): a brief, or a beat whose full record is damaged.
        """
        if self._media[index].small:
            brief = self._newest(index, BRIEF)
            return brief and (brief[0], 0) + _from_brief(brief[2])
        full, beat = self._newest(index, FULL), self._newest(index, BEAT)
        if full:
            size = 2 + (full[2][0] | full[2][1] << 8)
            account, state = Account.unpack(full[2][size:]), _engine(full[2][2:size])
            self._bases[index] = full[0] if full[1] == VERSION else 0
            if not beat or beat[0] <= full[0]:
                return full[0], 1, state, account
        if not beat:
            return None
        base, count = struct.unpack_from(_LINK, beat[2])
        account = Account.unpack(beat[2][_LINK_SIZE:])
        if full and base == full[0]:
            return beat[0], 1, state, account
        self._bases[index] = 0  # the full record that the beat continues is damaged
        return beat[0], 0, opaygo.new_state(count), account

    def _newest(self, index, kind):
        """Return the newest valid (sequence, version, payload) of a kind on a medium, or None.

        Directs the next write to the other slot. Raises OSError when the medium does not answer.
        """
        best = None
        for slot in (0, 1):
            found = self._slot(index, kind, slot)
            if found and (best is None or found[:2] > best[:2]):
                best = found
                self._next[(index, kind)] = 1 - slot
        return best

    def _slot(self, index, kind, slot):
        data = self._media[index].read(NAMES[kind], slot)
        if not data:
            return None
        return unseal(kind, data, None if kind == IDENTITY else self._key)


def seal(kind, sequence, payload, key, version=VERSION):
    """Return a record. `key`: 16 bytes, or None for an identity, stored without a tag."""
    if kind == BRIEF:
        head = struct.pack("<I", (sequence & 0xFFFFFF) << 8 | _BRIEF_MARK | version)
        record = head + payload
    else:
        record = struct.pack(_HEAD, _MAGIC, kind, version, len(payload), sequence) + payload
    record += struct.pack("<I", crc32(record))
    return record + _tag(key, record) if key else record


def unseal(kind, data, key):
    """Return (sequence, version as stored, payload as of VERSION) of a record, None if invalid.

    Raises NewerRecordError for a valid record of a later version.
    """
    if len(data) < _HEAD_SIZE:
        return None
    if kind == BRIEF:
        start, end = 4, _BRIEF_SIZE
        valid = data[0] & 0xF0 == _BRIEF_MARK
        version, sequence = data[0] & 15, int.from_bytes(data[1:start], "little")
    else:
        magic, its_kind, version, length, sequence = struct.unpack_from(_HEAD, data)
        start, end = _HEAD_SIZE, _HEAD_SIZE + length
        valid = magic == _MAGIC and its_kind == kind
    if not valid or not _intact(data, end, key):
        return None
    if version > VERSION:
        raise NewerRecordError("a {} record is of version {}".format(NAMES[kind], version))
    if version == 0:
        return None
    payload = data[start:end]
    if version == 1 and kind in (FULL, BEAT):
        payload = payload[:-_ACCOUNT_1] + from_version_1(payload[-_ACCOUNT_1:])
    return sequence, version, payload


def _intact(data, end, key):
    """Is `data[:end]` followed by a valid CRC and, under a key, a valid tag?"""
    tag = end + _CRC_SIZE
    if len(data) < tag + (_TAG_SIZE if key else 0):
        return False
    if struct.unpack_from("<I", data, end)[0] != crc32(data[:end]):
        return False
    return not key or data[tag : tag + _TAG_SIZE] == _tag(key, data[:tag])


def _tag(key, data):
    return opaygo.siphash24(key, data)


def _engine(data):
    try:
        return opaygo.unpack(data)
    except opaygo.StateError as error:  # the record is intact: a later layout
        raise NewerRecordError("token state: {}".format(error)) from None


def _brief(count, account):
    left = account.left | (_BRIEF_FREE if account.free else 0)
    return struct.pack(_BRIEF, count | account.mistakes << 24, left, account.locked)


def _from_brief(payload):
    """Return (state, account): every count up to the last is used, the rest of the
    account is new.
    """
    count, left, locked = struct.unpack(_BRIEF, payload)
    account = Account()
    account.mistakes, account.locked = count >> 24, locked
    account.left, account.free = left & ~_BRIEF_FREE, bool(left & _BRIEF_FREE)
    return opaygo.new_state(count & 0xFFFFFF), account
