"""A person's actions at the panel, on a simulated unit, and the results to draw.

The unit is `payg sim --headless` (tools/sim/run.py), as for any script. Two more commands are
used here: `run MS` lets simulated time pass, `levels` tells the lamps and the buzzer.
"""

import asyncio
import json
import tempfile
from collections.abc import Set
from typing import Any, Protocol

from tools.identity import DEMO, Identity
from tools.tokens import make_token, parse_days, value_of

TICK = 100  # ms of simulated time, and of the world's, while nobody does anything
KEY_PACE = 0.06  # seconds between the keys of a ready token
STDERR_SHOWN = 2_000  # characters

READY = (
    # letter, effect, kind, days
    ("a", "add 1 day", "add", "1"),
    ("b", "add 7 days", "add", "7"),
    ("c", "add 30 days", "add", "30"),
    ("s", "set to 7 days", "set", "7"),
    ("u", "unlock for good", "disable", None),
    ("l", "lock again (set to 0)", "set", "0"),
)
WRONG = ("w", "a wrong token")
AGAIN = ("r", "the last one again")

KEYS = frozenset("0123456789*#")
LETTERS = frozenset([row[0] for row in READY] + [WRONG[0], AGAIN[0]])
COMMANDS = {
    "h": ("advance 3600", "An hour later."),
    "d": ("advance 86400", "A day later."),
    "p": ("power off", "The plug is pulled: no power, not even for the controller."),
}
PLUG_BACK = ("power on", "The plug is back: the controller starts.")
NO_POWER = "There is no power: press p to return the plug."
WELCOME = "Type a token, or press one of the letters on the right."

MEANING = {
    "ADD_TIME": "Accepted: time added.",
    "SET_TIME": "Accepted: time set.",
    "DISABLE_PAYG": "Accepted: unlocked for good.",
    "COUNTER_SYNC": "Accepted: count brought up to date.",
    "RESERVED": "Accepted: a reserved value, nothing changed.",
    "EXTENDED": "Accepted: an extended token.",
    "ALREADY_USED": "Refused: used before. No penalty.",
    "INVALID": "Refused: wrong. From the third in a row on, the keypad is locked for a while.",
    "LOCKED": "Not judged: the keypad is locked for now.",
    "MALFORMED": "Not a token: wrong number of digits. No penalty.",
}


FREE = "Accepted, but the unit is unlocked for good: no time is counted."

Answer = dict[str, Any]  # of the simulator, to one command
Tokens = dict[str, tuple[str, str]]  # letter -> (effect, digits)


class PanelView(Protocol):
    """Draws a unit, for a PanelSession."""

    def show(self, answer: Answer, lit: Set[str]) -> None:
        """Draw the unit; `lit`: names of the lamps that are on."""

    def tokens(self, ready: Tokens) -> None:
        """Draw the tokens that a letter types."""

    def key(self, pressed: str | None) -> None:
        """Draw the keypad with this key down."""

    def say(self, text: str) -> None:
        """Show one line."""


class SimulatorEndedError(Exception):
    """The simulator ended or gave no answer in JSON; the text is for the person."""


class SimulatorProcess:
    """The headless simulator as a child process: `ask` one line, get one dict."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._process: asyncio.subprocess.Process | None = None
        self._stderr = tempfile.TemporaryFile()

    async def start(self) -> None:
        """Start the process. Raises OSError."""
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=self._stderr,
        )

    async def ask(self, line: str) -> Answer:
        """Send a command line, return its answer. Raises SimulatorEndedError."""
        assert self._process and self._process.stdin and self._process.stdout
        try:
            self._process.stdin.write(line.encode() + b"\n")
            await self._process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            pass  # the simulator's last words may still be there to read
        said = await self._process.stdout.readline()
        try:
            answer: Answer = json.loads(said)
            return answer
        except ValueError:
            raise SimulatorEndedError(f"the simulator ended.{self.last_words()}") from None

    async def stop(self) -> int | None:
        """Let the process end by itself and store its state; kill a process that does not end.

        Return the exit code, or None if the process never started.
        """
        if self._process is None:
            return None
        assert self._process.stdin
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.communicate(), 5)
        except asyncio.TimeoutError:
            self._process.kill()
            await self._process.wait()
        self._stderr.close()
        return self._process.returncode

    def last_words(self) -> str:
        """Return the end of the process's standard error, on separate lines."""
        self._stderr.seek(0)
        said: str = self._stderr.read().decode(errors="replace").strip()
        return said and "\n" + said[-STDERR_SHOWN:]


def lit(levels: Answer) -> Set[str]:
    """Return the names of all that was on since the last `levels`, however shortly."""
    changed = {name for _, name, on in levels["changes"] if on}
    return changed | {name for name, on in levels["on"].items() if on}


def ready_tokens(identity: Identity, count: int) -> Tokens:
    """Return {letter: (effect, digits)}: the tokens that a platform would issue at `count`."""
    tokens: Tokens = {}
    now = identity._replace(count=count)
    for letter, text, kind, days in READY:
        try:
            value = value_of(parse_days(days), identity.time_divider) if days else None
        except ValueError:
            continue  # too many days for this time divider
        tokens[letter] = (text, make_token(now, kind, value)[1])
    letter, text = WRONG
    tokens[letter] = (text, spoil(tokens["u"][1], "1234" if identity.restricted else "0123456789"))
    return tokens


def spoil(digits: str, alphabet: str) -> str:
    """Return `digits` with the middle digit replaced by the next of the alphabet."""
    middle = len(digits) // 2
    wrong = alphabet[(alphabet.index(digits[middle]) + 1) % len(alphabet)]
    return digits[:middle] + wrong + digits[middle + 1 :]


class PanelSession:
    """A unit and the person before it: actions come in by `enter`, `view` draws the results.

    Without a key in `identity` there are no tokens ready, unless the unit is the demo unit. tick:
    seconds between idle looks; key_pace: seconds between the keys of a ready token.
    """

    def __init__(
        self,
        identity: Identity,
        command: list[str],
        view: PanelView,
        tick: float = TICK / 1000,
        key_pace: float = KEY_PACE,
    ) -> None:
        self.answer: Answer | None = None
        self.exit_code: int | None = None
        self._identity = identity
        self._simulator = SimulatorProcess(command)
        self._view = view
        self._tick = tick
        self._key_pace = key_pace
        self._actions: asyncio.Queue[str] = asyncio.Queue()
        self._tokens: Tokens = {}
        self._tokens_at: int | None = None  # the count that the ready tokens follow
        self._ended = False
        self._begun = False  # digits stand on the display, not yet entered

    async def follow(self) -> None:
        """Start the unit, then do entered actions. Raises SimulatorEndedError, OSError."""
        try:
            await self._simulator.start()
            if self._identity.key is None and await self._is_demo():
                self._identity = DEMO
            await self._do("status")
            self._view.say(WELCOME)
            while True:
                await self._step()
        finally:
            self._ended = True
            while not self._actions.empty():
                self._actions.get_nowait()
                self._actions.task_done()

    async def _is_demo(self) -> bool:
        from tools.station.selftest import key_check

        said: list[str] = (await self._simulator.ask("uart #ID")).get("uart", [])
        check = key_check(DEMO.key or b"")
        return bool(said) and said[-1].startswith(f"#ID;{DEMO.serial};{check};")

    async def stop(self) -> None:
        """Let the unit store its state and end."""
        self.exit_code = await self._simulator.stop()

    def enter(self, character: str | None) -> None:
        """Queue the action of a key of the computer; keys without an action are ignored."""
        known = character in KEYS or character in LETTERS or character in COMMANDS
        if character and known and not self._ended:
            self._actions.put_nowait(character)

    async def settled(self) -> None:
        """Wait until all entered actions are done and drawn, or the unit has ended."""
        await self._actions.join()

    async def _step(self) -> None:
        try:
            action = await asyncio.wait_for(self._actions.get(), self._tick)
        except asyncio.TimeoutError:
            await self._do(f"run {TICK}")
            return
        try:
            await self._act(action)
        finally:
            self._actions.task_done()

    async def _act(self, action: str) -> None:
        powered = self.answer is not None and self.answer["power"]
        if action in COMMANDS:
            line, said = COMMANDS[action] if powered or action != "p" else PLUG_BACK
            self._begun = False  # an hour and a power cut both drop a begun entry
            self._view.say(said)
            await self._do(line)
        elif not powered:
            self._view.say(NO_POWER)
        elif action in KEYS:
            await self._press(action)
        elif action in self._tokens:
            await self._type(*self._tokens[action])

    async def _type(self, text: str, digits: str) -> None:
        """Press the keys of a ready token, after clearing an entry begun before."""
        for key in ("*" if self._begun else "") + digits:
            self._view.say(f"Typing: {text} ...")
            await self._press(key)
            await asyncio.sleep(self._key_pace)
        self._tokens[AGAIN[0]] = (AGAIN[1], digits)
        self._view.tokens(self._tokens)
        await self._press("#")

    async def _press(self, key: str) -> None:
        self._begun = key not in "*#"
        self._view.key(key)
        await self._do(f"keys {key}")
        self._view.key(None)

    async def _do(self, line: str) -> None:
        """Send a command, have the result drawn."""
        answer = await self._simulator.ask(line)
        if "error" in answer and self.answer is None:
            raise SimulatorEndedError(answer["error"] + self._simulator.last_words())
        if "error" in answer:
            self._view.say(answer["error"])
            return
        levels = await self._simulator.ask("levels")
        self.answer = answer
        result: str | None = answer["result"]
        if result:
            free = not answer["payg"] and result == "ADD_TIME"
            self._view.say(FREE if free else MEANING.get(result, result))
        self._view.show(answer, lit(levels))
        if answer["count"] != self._tokens_at:
            await self._renew_tokens(answer["count"])

    async def _renew_tokens(self, count: int) -> None:
        self._tokens_at = count
        if self._identity.key is None:
            return
        again = self._tokens.get(AGAIN[0])
        # In a thread: the encoder walks the whole chain, half a second at a count of 65,535.
        self._tokens = await asyncio.to_thread(ready_tokens, self._identity, count)
        if again:
            self._tokens[AGAIN[0]] = again
        self._view.tokens(self._tokens)
