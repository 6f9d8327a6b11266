"""The unit judges entries, keeps account and records, and decides when the load may be on.

Synchronous core. `entering` takes long and is a generator, so that the caller can keep the panel
alive between two steps. `tick` and `beat` do all that is due without an entry; `due` says when.
"""

from time import ticks_diff, ticks_ms

import opaygo
from firmware import events
from firmware.account import BOUNCES, OUTCOMES, Account
from firmware.store import NewerRecordError, StoreError
from firmware.timer import ActivationTimer

SERVICE = 1  # value of the extended token that asks for service mode
CLEAR_FAULTS = 2  # value of the extended token that clears the clock faults
TEST_MS = 30_000  # the load is on for this long after the test code
TESTS = 5  # the test code works this often
COPY_S = 3500  # powered seconds between two copies of the records to the other media
WRITING = 1  # yielded by `entering` right before a write: no key may be down then
_SLICE = 200  # hashes between two yields: below 10 ms on an RP2040


class Unit:
    """One controller, blank (`identity` is None) or provisioned.

    `store`: firmware.store.Store; `clock`: a clock chip's driver or None; `load`: a load switch;
    `log`: a firmware.events.EventLog or None.

    `identity`: firmware.store.Identity or None; `outcome`: the last entry's, None before the
    first; `entries`: number of entries judged; `capped`: did the last credit hit the cap?
    `service`: did a token ask for service mode? `busy`: is an entry being judged? `problem`: None
    when all is well, "newer" (records of a newer firmware) or "memory" (the flash refuses).
    """

    def __init__(self, store, clock, load, log=None):
        self._store = store
        self._clock = clock
        self.load = load
        self.log = log
        self._device = None
        self._state = opaygo.new_state(0)
        self._timer = None
        self._copied = 0  # powered seconds at the last copy to all media
        self._attempt = False  # an entry is being judged: each record counts one more mistake
        self._test_from = None  # ticks_ms when the test code was entered, None when it is over
        self.identity = None
        self.outcome = None
        self.entries = 0
        self.capped = False
        self.service = False
        self.problem = None
        self.busy = False
        self.seal = None  # called when a blank unit got its identity
        self.on_change = None  # called when something but an entry changed what the panel shows

    def start(self, hung=0):
        """Bring back the newest records, charge for the start, store the charge, set the load.

        Call it once, at power-on. `hung`: seconds for which the MCU may have hung before. Raises
        OSError when the own flash cannot be read.
        """
        try:
            identity = self._store.identity()
            if identity:
                self._adopt(identity, hung)
        except NewerRecordError:
            self.problem = "newer"
        if not self.identity:
            from firmware.blank import BlankTimer

            self._timer = BlankTimer()
        self._switch()

    def provision(self, identity):
        """Give a blank unit `identity`, a firmware.store.Identity.

        The same identity again changes nothing. Raises ValueError when the unit has another
        identity, StoreError when the flash refuses the record.
        """
        if self.problem == "newer":
            raise ValueError("the unit holds records of a newer firmware")
        if self.identity:
            if identity == self.identity:
                return
            raise ValueError("the unit already has an identity: " + self.identity.serial)
        self._store.write_identity(identity)
        self._report(events.PROVISIONED)
        if self.seal:
            self.seal()
        self.start()
        if self.on_change:
            self.on_change()

    def _adopt(self, identity, hung):
        device = opaygo.Device(
            identity.key, identity.starting_code, identity.time_divider, identity.restricted
        )
        found = self._store.load(identity.count)
        state, account = found or (opaygo.new_state(identity.count), Account())
        timer = ActivationTimer(account, self._clock, ticks_ms())
        starts = account.starts
        if not found:
            timer.begin()
        elif timer.resume(hung):
            self._report(events.CLOCK_FAULT, account.faults)
        if starts < account.starts == BOUNCES:  # news, once in a row of starts
            self._report(events.SUPPLY)
        if self._store.stale:
            self._report(events.STALE)
        self.identity, self._device, self._state, self._timer = identity, device, state, timer
        self.outcome = OUTCOMES[account.last] if account.last < len(OUTCOMES) else None
        try:
            if not found:  # into both slots, so that a token changes few pages of either
                self._record(account, state)
            # On all media: starts less than an hour apart would let the other media age.
            self._record(account, None if found else state, True)
        except StoreError:
            self._refused()

    def entering(self, digits):
        """Judge an entry. Yields WRITING before each write, None in between; sets `outcome`.

        From before the token is judged until the result is stored, every record counts the
        attempt as a mistake: a power cut in between does not undo the attempt.
        """
        self.capped = False
        if not self.identity:
            return
        if self.locked_seconds():
            self._finish("LOCKED")
            return
        try:
            code = self._device.read(digits)
        except opaygo.TokenError:
            self._finish("MALFORMED")
            return
        yield WRITING
        try:
            if self._is_test(code):
                self._test()
                return
            self._attempt = True
            self._record(self._copy())
            for result in opaygo.judging(self._device, self._state, digits, _SLICE):
                if result is None:
                    yield None
            yield WRITING
            self._attempt = False
            verdict, state = result
            if verdict.outcome == "INVALID":
                self._wrong()
            else:
                self._settle(verdict, state)
        except StoreError:
            self._refused()  # not stored, so not credited
            return
        finally:
            self._attempt = False
        self._switch()
        self._finish(verdict.outcome)

    def _is_test(self, code):
        """Is an entry (code, extended) the test code, and does the test code still work?

        The test code works until the unit took a token.
        """
        identity, state = self.identity, self._state
        fresh = state.count == identity.count and not state.ring
        return fresh and code == (identity.test_code, False) and self._timer.account.tests < TESTS

    def _test(self):
        account = self._copy()
        account.tests += 1
        account.last = OUTCOMES.index("TEST")
        self._record(account)
        self._timer.replace(account, ticks_ms())
        self._test_from = ticks_ms()
        self._switch()
        self._finish("TEST")

    def _wrong(self):
        """Count the mistake, stored or not; the lockout runs from now."""
        account = self._copy()
        account.mistake()
        self._timer.replace(account, ticks_ms(), True)
        self._record(self._copy())

    def _settle(self, verdict, state):
        """Store the effect of a valid or used token, then let the effect count."""
        account = self._copy()
        account.last = OUTCOMES.index(verdict.outcome)
        if verdict.outcome == "ALREADY_USED":
            self._record(account)
            self._timer.replace(account, ticks_ms())
            return
        account.forgive()
        if verdict.outcome == "ADD_TIME":
            self.capped = account.credit(verdict.seconds)
        elif verdict.outcome == "SET_TIME":
            self.capped = account.set(verdict.seconds)
        elif verdict.outcome == "DISABLE_PAYG":
            account.release()
        elif verdict[:2] == ("EXTENDED", CLEAR_FAULTS):
            account.clear_faults()
        self._record(account, state)
        self._timer.replace(account, ticks_ms())
        self._state = state
        self._test_from = None  # the test code does not work any more
        if verdict[:2] == ("EXTENDED", SERVICE):
            self.service = True  # for good: another entry may be judged before the restart

    def _finish(self, outcome):
        self.outcome = outcome
        self.entries += 1

    def _copy(self):
        """Return a copy of the account as of now, to be changed and stored before it counts."""
        self._timer.sync(ticks_ms())
        return Account.unpack(self._timer.account.pack())

    def _record(self, account, state=None, copy=False):
        """Store the account as of the last `_copy`, and the token engine's state if given.

        `copy`: to all media, as every state and the first record of an hour. Raises StoreError.
        """
        if self._attempt:
            account.mistake()
        self._timer.stamp(account)
        if self._timer.powered - self._copied >= COPY_S:
            self._copied, copy = self._timer.powered, True
            if self.log:
                self.log.rest()
        if state is None:
            self._store.beat(account, copy)
        else:
            self._store.save(state, account)
        self._timer.recorded(account)
        self.problem = None

    def _report(self, event, number=0):
        if self.log:
            self.log.add(event, number)

    def _refused(self):
        self.problem = "memory"
        self._timer.refused(ticks_ms())
        self._report(events.STORE_FAILED)
        self._switch()

    def tick(self):
        """Run the account down to now; the load follows."""
        self._switch()

    def beat_due(self, quiet):
        """Is a record to be written? `quiet`: no key is down; else the record may wait a while."""
        return self._timer.record_due(ticks_ms(), quiet)

    def beat(self):
        """Write a record; call it when `beat_due`."""
        try:
            self._record(self._copy())
        except StoreError:
            self._refused()
        self._switch()

    def due(self):
        """Milliseconds until `tick` or `beat` has something to do."""
        due = self._timer.due(ticks_ms())
        if self._test_from is not None:
            due = min(due, max(0, TEST_MS - ticks_diff(ticks_ms(), self._test_from)))
        return due

    def _switch(self):
        since = self._test_from
        if since is not None and ticks_diff(ticks_ms(), since) >= TEST_MS:
            since = self._test_from = None
        paid = self.seconds_left() > 0 and self._timer.covered
        self.load.set(paid or self.free() or since is not None)

    def active(self):
        """Is there paid time left, or is the unit free?"""
        return self.free() or self.seconds_left() > 0

    def free(self):
        """Is the unit unlocked for good?"""
        return self._timer.account.free

    def seconds_left(self):
        """Paid seconds left now."""
        self._timer.sync(ticks_ms())
        return self._timer.account.left

    def locked_seconds(self):
        """Seconds until the keypad judges tokens again; 0 without a lockout."""
        self._timer.sync(ticks_ms())
        return self._timer.account.locked

    def fractions(self):
        """Milliseconds gone of the second that `seconds_left` and `locked_seconds` count last."""
        return self._timer.fractions(ticks_ms())

    def lengths(self):
        """Digits of a plain and of an extended token."""
        longest = self._device.longest if self._device else 12
        return longest * 3 // 4, longest

    def longest(self):
        """Digits of the longest token."""
        return self.lengths()[1]

    def count(self):
        """Count of the last accepted token."""
        return self._state.count

    def mistakes(self):
        """Wrong tokens in a row."""
        return self._timer.account.mistakes

    def clock_faults(self):
        """Clock faults so far."""
        return self._timer.account.faults

    def status(self):
        """Return the figures that consoles and tests ask for, as a dictionary of plain values."""
        free = self.free()
        return {
            "payg": not free,
            "active": self.active(),
            "seconds_left": None if free else self.seconds_left(),
            "count": self.count(),
            "locked_seconds": self.locked_seconds(),
            "clock_faults": self.clock_faults(),
            "provisioned": bool(self.identity),
        }
