"""The firmware in an emulated Pico as observed from outside: display, load, console.

The session of `payg sim --headless` asks a `firmware` with a `unit`. In the fast simulator, these
are the firmware's own objects; here the objects observe the display and ask over the console.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from openpaygo.token_shared import OpenPAYGOTokenShared

from tools.emulator.board import PicoBoard
from tools.emulator.console import GuestConsole
from tools.emulator.prompt import PromptError, execute
from tools.identity import Identity
from tools.sim.chips.keypad import Keypad
from tools.sim.words import Refused

REST_US = 15_000  # a guest that sleeps this long has done its work
SURE_US = 100_000  # the same with certainty, where the glass does not tell
BRIEF_US = 4_000  # longest regular look of the guest at clock and load
CHATTER_US = 30_000  # a contact that closes again within this time bounces
ANSWER_US = 3_000_000
START_US = 10_000_000
FRESH_US = 1_000_000  # lifetime of a status, unless the unit was touched
SHOWN = {"Err": "INVALID", "USEd": "ALREADY_USED", "----": "MALFORMED"}
ACCEPTED = ("GOOd", "FULL")
EITHER = {"FrEE", "OFF"}  # result of an entry, or the text from before
GIVE = """
from firmware.store import Identity
controller.unit.provision(Identity({serial!r}, {key!r}, {starting_code!r}, {count!r},
    {time_divider!r}, {restricted!r}, {language!r}))
controller.log.flush()
controller.restarts.forget()
"""
RESTART = b"import machine\r\nmachine.reset()\r\n\x04"


class ObservedFirmware:
    """The firmware of a board.

    `board`: a PicoBoard; `console`: the GuestConsole; `identity`: of the options, or None.
    """

    def __init__(self, board: PicoBoard, console: GuestConsole, identity: Identity | None) -> None:
        self.failure = None
        self.identity = identity
        self.console = console
        self._board = board
        self._seen = ObservedUnit(board, console, identity)
        self.restarted = self._seen.restarted

    @property
    def unit(self) -> ObservedUnit | None:
        """The unit, None without power."""
        return self._seen if self._board.power else None

    def is_same(self, identity: Identity) -> bool:
        """Does the unit have this identity, as far as the serial number shows?"""
        return bool(self._seen.serial() == identity.serial)


class ObservedUnit:
    """The unit behind keys, glass and console. `outcome` and `entries` are for the session."""

    def __init__(self, board: PicoBoard, console: GuestConsole, identity: Identity | None) -> None:
        self._board = board
        self._world = board.world
        self._console = console
        self._identity = identity
        self.outcome: str | None = None
        self.entries = 0
        self._entry = ""
        self._pressed = ("", 0)  # the last key, and the time of the press
        self._judged: str | None = None  # digits that wait for an outcome
        # digits sent over the console, and the answer
        self._answered: tuple[str, str] | None = None
        self._rest_at = self._entered_at = 0
        self._looked = (0, 0)
        self._working = 0  # time at which the guest woke
        self._status: dict[str, Any] | None = None
        self._status_at = 0
        self._count = 0
        self.log = Log(self._ask)
        console.on_token = self._told
        assert board.keypad
        self._wrap(board.keypad)

    def restarted(self) -> None:
        """Forget the current entry, as the guest restarted."""
        self._entry, self._judged, self._status = "", None, None
        self._console.reset()

    # --- keys and glass ------------------------------------------------------------------

    def _wrap(self, keypad: Keypad) -> None:
        press = keypad.press

        def pressed(key: str) -> None:
            now = self._world.now
            glass = self._board.glass().strip()  # up to two keys behind
            press(key)
            if key == self._pressed[0] and now - self._pressed[1] < CHATTER_US:
                return
            self._pressed = (key, now)
            self._status = None
            if key == "#" and self._entry and glass and glass in self._entry:
                self._judged, self._entered_at = self._entry, now
            self._entry = self._entry + key if key.isdigit() else ""

        keypad.press = pressed  # type: ignore[method-assign]

    @property
    def busy(self) -> bool:
        """Was the guest awake a moment ago, or does an entry wait for an outcome?"""
        assert self._board.chip
        now, awake = self._world.now, self._board.chip.busy
        before, awake_before = self._looked
        if now - before >= 1_000 or awake < awake_before:
            self._looked = (now, awake)
            if 0 <= awake - awake_before < (now - before) * 500:
                self._working = now
            elif now - self._working > BRIEF_US:
                self._rest_at = now + REST_US
        if now < self._rest_at or not self._board.painted:
            return True
        if self._answered is not None:
            answered, self._answered = self._answered, None
            self._hear(*answered)
        return self._judged is not None and not self._see(self._judged)

    def _see(self, digits: str) -> bool:
        """Take the entry's outcome from the glass of the resting guest; return False if not shown
        yet.
        """
        text = self._board.glass().strip()
        locked = text[:1] == "L" and text[1:].strip().isdigit()
        clear = locked or text in SHOWN or text in ACCEPTED
        if not clear and self._world.now < max(self._rest_at, self._entered_at) + SURE_US:
            return False
        self._judged = None
        outcome = "LOCKED" if locked else SHOWN.get(text)
        if text in ACCEPTED or text in EITHER:
            outcome = self._kind(digits)
        if outcome is not None:
            self.entries += 1
            self.outcome = outcome
        return True

    def _kind(self, digits: str) -> str:
        """Return the outcome of an accepted token: the last digits give the value, the count the
        type.
        """
        identity = self._identity
        longest = 20 if identity and identity.restricted else 12
        if identity is None or len(digits) == longest:
            return "EXTENDED" if identity else "ADD_TIME"
        if identity.restricted:
            digits = _plain(digits)
        code = identity.starting_code
        if code is None:
            code = OpenPAYGOTokenShared.generate_starting_code(identity.key)
        value = (int(digits) - code) % 1000
        special = {998: "DISABLE_PAYG", 999: "COUNTER_SYNC", 996: "RESERVED", 997: "RESERVED"}
        before = self._count
        after = self.status()["count"]
        odd = after % 2 and after != before
        return special.get(value) or ("SET_TIME" if odd else "ADD_TIME")

    # --- the console ---------------------------------------------------------------------

    def _ask(self, question: str) -> list[str] | None:
        # Input during MicroPython's start may get lost.
        self._world.run_while(lambda: self._board.power and not self._board.painted, START_US)
        answer: list[str] | None = self._console.ask(question, self._world, ANSWER_US)
        return answer

    def serial(self) -> str:
        """Return the serial number, "" for a blank unit."""
        answer = self._ask("#ID")
        if not answer:
            raise Refused("the firmware does not answer on its console")
        return answer[0]

    def status(self) -> dict[str, Any]:
        """Return the same as firmware.unit.Unit.status(), asked over the console at most once a
        second.
        """
        now = self._world.now
        if self._status is None or not 0 <= now - self._status_at < FRESH_US:
            self._status = self._asked()
            self._status_at = self._world.now
        status = self._status
        self._count = status["count"]
        return status

    def _asked(self) -> dict[str, Any]:
        named = self._ask("#ID")
        if not named:
            raise Refused("the firmware does not answer on its console")
        paid = self._ask("#STATUS") or ["INACTIVE"]
        counters = self._ask("#COUNTERS") or ["0"] * 5
        free = paid[0] == "PAYG_DISABLED"
        _, _, locked, faults, _ = [int(number) for number in counters]
        return {
            "payg": not free,
            "active": paid[0] != "INACTIVE",
            "seconds_left": None if free else int(paid[1]) if paid[1:] else 0,
            "count": int(named[2]),
            "locked_seconds": locked,
            "clock_faults": faults,
            "provisioned": bool(named[0]),
        }

    def _told(self, digits: str, answer: str) -> None:
        """Note a token judged over the console; called while time passes."""
        self._status = None
        self._answered = (digits, answer)

    def _hear(self, digits: str, answer: str) -> None:
        """Take the outcome of a token sent over the console."""
        accepted = answer in ("VALID", "PAYG_DISABLED")
        self.outcome = self._kind(digits) if accepted else answer
        self.entries += 1

    def provision(self, identity: Identity) -> None:
        """Give a blank unit this identity at the prompt, then restart the unit.
        Raises ValueError.
        """
        try:
            _, trouble = execute(self._console, self._world, GIVE.format(**identity._asdict()))
        except PromptError as error:
            raise ValueError(str(error)) from None
        if trouble:
            raise ValueError(trouble.strip().splitlines()[-1])
        self._console.feed(RESTART)
        self._status = None
        resets = self._board.chip and self._board.chip.resets
        self._world.run_while(
            lambda: self._board.chip and self._board.chip.resets == resets, ANSWER_US
        )
        self._console.take()  # the prompt's output


class Log:
    """The event log, asked for over the console."""

    def __init__(self, ask: Callable[[str], list[str] | None]) -> None:
        self._ask = ask

    def entries(self) -> list[list[int]]:
        """Return all entries, oldest first: [seconds since 2020, event, number]."""
        found: list[list[int]] = []
        while True:
            answer = self._ask("#LOG;%d" % len(found))
            if not answer or answer[0] == "END":
                return found
            found.append([int(number) for number in answer[1:4]])


def _plain(digits: str) -> str:
    """Return the 9 digits of a token entered as 15 digits from 1 to 4."""
    code = 0
    for digit in digits:
        code = code << 2 | int(digit) - 1
    return str(code)
