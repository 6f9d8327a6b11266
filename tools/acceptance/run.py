"""The steps of `payg board test`, and what each step judges.

The board is tested blank, then with the protocol's published identity, whose key is no secret, and
is left blank. `Hands` stands for the person at the desk.
"""

from __future__ import annotations

import random
import string
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from tools import room
from tools.acceptance import code
from tools.batches.lists import ListedUnit
from tools.identity import PUBLISHED_CODE, PUBLISHED_KEY
from tools.seconds import DAY
from tools.station.build import BuildError
from tools.station.console import AtPromptError, ConsoleError, LineConsole, knock
from tools.station.deploy import FREE, DeployError, check_board, onto
from tools.station.prompt import PortError, Prompt, RefusedError
from tools.station.selftest import (
    BOARD_ID,
    TRIAL,
    Job,
    ProvisionError,
    SelfTestJudge,
    enter,
    hold,
    key_check,
    seal,
)
from tools.station.verify import VerifyError, verify
from tools.station.wipe import WipeError, erase, who
from tools.tokens import make_token

SERIAL = "BOARDTEST"
PASSED, FAILED, NOT_DONE = "passed", "FAILED", "not done"
LEAST_HEAP = 40 * 1024  # bytes free at the prompt
MOST_PPM = 1_000  # between clock chip and MCU; reading the clock's second takes some of that
CLOCK_SECONDS = 10
PAID_DAYS = 30
CHARGE = 180  # seconds of credit that a restart may cost (docs/threat-model.md)
KNOCK = 2  # seconds: a sealed unit answers at once
TOKEN = 12  # seconds until a token is judged
UP = 30  # seconds until a board is back after a restart
LINE_CHECKS, LINE_LENGTH = 40, 96
HASHES = 500
CELLS = {12: (10_500, 15_600), 24: (21_000, 31_200)}  # battery -> mV of a supply that fits
SEED = 2020
LEFT = (
    "If the board shows days left, it still has the test's identity, whose key is published: plug"
    " the cable in and repeat the same command, which removes that identity first"
)


class FaultError(Exception):
    """A step found a fault; the text says which, and the likely cause."""


class Step(NamedTuple):
    """A step that was done, or not. figures: {name: number}."""

    name: str
    outcome: str
    text: str
    figures: dict[str, float]


class Hands(Protocol):
    """The person at the desk, or None where nobody helps."""

    def act(self, name: str, instruction: str) -> None:
        """Have something done."""

    def confirm(self, name: str, question: str) -> bool:
        """Ask about something to be seen."""

    def press(self, keys: str) -> None:
        """Have the keys pressed in this sequence, soon."""


class Options(NamedTuple):
    """board, custom: as of payg deploy; volts: of the supply at the battery's terminals, or None.

    resets, lines: how many; trial: seconds, as of tools.station.selftest.Job; hands: None for the
    cable alone.
    """

    board: str | None = None
    custom: Path | None = None
    volts: float | None = None
    resets: int = 100
    lines: int = 1_000
    clock_seconds: int = CLOCK_SECONDS
    insisted: bool = False
    trial: int = TRIAL
    hands: Hands | None = None


Done = tuple[str, dict[str, float]]


class BoardTest:
    """One run. `say(step)` gets each Step; `doing(name)` the name of a step that begins."""

    def __init__(
        self,
        port: str,
        options: Options,
        say: Callable[[Step], None],
        doing: Callable[[str], None],
    ) -> None:
        self._port, self._options = port, options
        self._say, self._doing = say, doing
        self._unit = ListedUnit(
            SERIAL, PUBLISHED_CODE, PUBLISHED_KEY, 1, 1, False, "board test", "0", None
        )
        self._count = 1
        self.steps: list[Step] = []
        self._noise = random.Random(SEED)

    # -- before and after --------------------------------------------------------------------

    def refuse_identity(self) -> None:
        """Raise FaultError for a board that has an identity; free a board of a broken-off run."""
        try:
            serial, check, said, _ = knock(self._port, KNOCK)
            count = int(said)
        except AtPromptError:  # blank, bare, or in service mode
            with Prompt(self._port) as prompt:
                found = _identity(prompt)
                if found and found[:2] == (SERIAL, key_check(PUBLISHED_KEY)):
                    erase(prompt)
                    found = None
            serial, check, count = found or ("", "", 0)
        except ConsoleError:
            return  # bare MicroPython, or no answer at all: the first step tells
        if (serial, check) == (SERIAL, key_check(PUBLISHED_KEY)):
            self._count = count
            self._leave_blank()
        elif serial:
            raise FaultError(
                f"the unit on {self._port} is {serial}. A test would end its identity, so"
                " nothing was changed. Take another board, or `payg wipe` first"
            )

    def run(self) -> bool:
        """Do all steps; return whether none failed."""
        try:
            for part in (self._blank, self._sealed):
                part()
                if any(step.outcome == FAILED for step in self.steps):
                    break
        finally:
            self._step("blank again", self._blank_again)
        return all(step.outcome != FAILED for step in self.steps)

    def _step(self, name: str, function: Callable[[], Done]) -> bool:
        """Do a step and tell its outcome; return whether it passed."""
        self._doing(name)
        try:
            text, figures = function()
            step = Step(name, PASSED, text, figures)
        except (
            FaultError,
            ProvisionError,
            DeployError,
            BuildError,
            VerifyError,
            WipeError,
        ) as error:
            step = Step(name, FAILED, str(error).removeprefix(f"{name}: "), {})
        except (PortError, ConsoleError) as error:
            step = Step(name, FAILED, str(error), {})
        except (RefusedError, ValueError) as error:
            text = f"the board answers {error}: perhaps this line changes characters"
            step = Step(name, FAILED, text, {})
        self.steps.append(step)
        self._say(step)
        return step.outcome == PASSED

    def _left_out(self, name: str, why: str) -> None:
        step = Step(name, NOT_DONE, why, {})
        self.steps.append(step)
        self._say(step)

    # -- blank -------------------------------------------------------------------------------

    def _blank(self) -> None:
        for name, function in (("version", self._version), ("line", self._line)):
            if not self._step(name, function):
                return
        if not self._step("deploy", self._deploy) or not self._step("files", self._files):
            return
        self._step("loading", self._loading)
        if self._step("self-test", self._bench):
            self._step("watchdog", self._watchdog)

    def _version(self) -> Done:
        with Prompt(self._port) as prompt:
            _, text = check_board(prompt, self._options.board, self._options.insisted)
            board_id = prompt.run(BOARD_ID).strip()
        custom = f", board file {self._options.custom.name}" if self._options.custom else ""
        return f"{text}, board {board_id}{custom}", {}

    def _line(self) -> Done:
        """Send lines there and back: a noisy line changes or loses characters."""
        letters = string.ascii_letters + string.digits
        wrong = 0
        with Prompt(self._port) as prompt:
            begin = time.monotonic()
            for _ in range(LINE_CHECKS):
                sent = "".join(self._noise.choices(letters, k=LINE_LENGTH))
                try:
                    wrong += prompt.run(f"print({sent!r})").strip() != sent
                except (RefusedError, PortError):
                    wrong += 1
                    break
            seconds = time.monotonic() - begin
        if wrong:
            raise FaultError(
                "the line changes or loses characters. Take a shorter cable and another port; look"
                " for an unconnected ground or a device that talks on the same pins"
            )
        return f"{LINE_CHECKS * LINE_LENGTH} characters came back right", {"seconds": seconds}

    def _deploy(self) -> Done:
        said: list[str] = []
        options = self._options
        onto(self._port, options.board, options.custom, said.append, options.insisted)
        return said[-1], {}

    def _files(self) -> Done:
        self._await_firmware()
        said: list[str] = []
        options = self._options
        verify(self._port, options.board, options.custom, None, said.append, options.insisted)
        self._await_firmware()
        return said[1], {}

    def _loading(self) -> Done:
        """Time the import in an interpreter that runs no firmware."""
        with Prompt(self._port) as prompt:
            prompt.soft_reset()
            loading = int(prompt.run(code.LOADING))
            hashing = int(prompt.run(code.HASH.format(times=HASHES))) / HASHES
            prompt.restart()
        self._await_firmware()
        figures = {"milliseconds": loading, "microseconds_per_hash": hashing}
        return f"modules in {loading} ms, {hashing:.0f} us per hash, by the board's clock", figures

    def _bench(self) -> Done:
        with Prompt(self._port) as prompt:
            enter(prompt, self._job())
            hold(prompt, self._job())
            self._at_bench(prompt)
        return "runs on the board", {}

    def _job(self) -> Job:
        unit = self._unit._replace(count=self._count)
        return Job(unit, insisted=self._options.insisted, trial=self._options.trial)

    def _at_bench(self, prompt: Prompt) -> None:
        self._step("heap", lambda: self._heap(prompt))
        self._step("sectors", lambda: self._sectors(prompt))
        self._step("I2C", lambda: self._i2c(prompt))
        judge = SelfTestJudge(prompt, self._job(), lambda *told, **options: None)
        for name in ("clock set", "load", "clock", "memory", "engine", "token"):
            self._step(name, lambda name=name: (judge.step(name), {}))  # type: ignore[misc]
        self._step("clock rate", lambda: self._clock_rate(prompt))
        self._step("inputs", lambda: self._inputs(prompt))
        if self._options.hands:
            self._step("display", lambda: self._display(prompt))
            self._step("keys", lambda: self._keys(prompt))
            self._step("lamp", lambda: self._lamp(prompt))
        else:
            for name in ("display", "keys", "lamp"):
                self._left_out(name, "needs hands (without --cable-only)")
        prompt.restart()
        self._await_firmware()

    def _heap(self, prompt: Prompt) -> Done:
        free, used = (int(number) for number in prompt.run(code.HEAP).split())
        if free < LEAST_HEAP:
            raise FaultError(
                f"only {free:,} bytes of the heap are free, {LEAST_HEAP:,} are needed"
            )
        return f"{free:,} bytes free, {used:,} in use", {"free": free, "used": used}

    def _sectors(self, prompt: Prompt) -> Done:
        free = int(prompt.run(FREE)) // room.SECTOR
        text = room.too_little(free)
        if text:
            raise FaultError(f"{text}: delete files, or take an image with a larger file system")
        return f"{free} sectors free for the records", {"free": free}

    def _i2c(self, prompt: Prompt) -> Done:
        wanted, _, found = prompt.run(code.I2C).replace("\r", "").partition("\n")
        there = {int(address) for address in found.split()}
        parts = {name: int(at) for name, at in (one.split("=") for one in wanted.split())}
        missing = [f"{name} at {at:#04x}" for name, at in parts.items() if at not in there]
        seen = ", ".join(f"{at:#04x}" for at in sorted(there)) or "no address"
        if missing:
            raise FaultError(
                f"{' and '.join(missing)} does not answer; the bus has {seen}. Compare the board"
                " file's address, then plug, pull-ups and solder joints"
            )
        return f"{seen} answer" if parts else "no chip expected", {}

    def _clock_rate(self, prompt: Prompt) -> Done:
        if prompt.run("print(controller.clock is None)").strip() == "True":
            return "no clock chip fitted", {}
        said = prompt.run(code.CLOCK_RATE.format(seconds=self._options.clock_seconds))
        seconds, microseconds = (int(number) for number in said.splitlines()[-1].split())
        ppm = (seconds * 1e6 - microseconds) / seconds
        if abs(ppm) > MOST_PPM:
            raise FaultError(
                f"{seconds} s of the clock chip are {microseconds / 1e6:.3f} s of the MCU,"
                f" {ppm:+,.0f} ppm apart. Check the clock chip's crystal and its load capacitors"
            )
        return f"clock chip and MCU agree to {ppm:+,.0f} ppm in {seconds} s", {"ppm": ppm}

    def _inputs(self, prompt: Prompt) -> Done:
        *found, volts = prompt.run(code.INPUTS).split()
        names = ("battery", "solar", "current")
        figures = {name: float(n) for name, n in zip(names, found) if n not in ("-", "None")}
        out = [name for name, number in zip(names, found) if number == "None"]
        if out:
            raise FaultError(f"{' and '.join(out)} cannot be read. Check the divider and its wire")
        if "battery" in figures:
            told = self._options.volts
            low, high = (told * 950, told * 1050) if told else CELLS[int(volts)]
            if not low <= figures["battery"] <= high:
                raise FaultError(
                    f"the battery reads {figures['battery'] / 1000:.2f} V, and"
                    f" {low / 1000:.1f} to {high / 1000:.1f} V are right here. Compare the"
                    " divider's resistors with BATTERY in the board file, and the supply with a"
                    " meter (--volts names its voltage)"
                )
        units = {"battery": "mV", "solar": "mV", "current": "mA"}
        said = ", ".join(f"{name} {number:.0f} {units[name]}" for name, number in figures.items())
        return said or "nothing is measured", figures

    def _display(self, prompt: Prompt) -> Done:
        number, silent = (int(part) for part in prompt.run("bench.display()").split())
        if silent:
            raise FaultError("a display does not answer. Check its plug and its address")
        if not number:
            return "no display fitted", {}
        hands = self._options.hands
        assert hands
        if not hands.confirm("display", "Are all dots or segments of the display lit?"):
            raise FaultError("the display stays dark in part. Check its plug, contrast and supply")
        return "all lit, as seen by a person", {}

    def _keys(self, prompt: Prompt) -> Done:
        hands, seen, wanted = self._options.hands, [], ""
        assert hands

        def heard(line: str) -> None:
            nonlocal wanted
            word, _, rest = line.partition(" ")
            if word == "ready":
                wanted = rest
                hands.press(rest)
            elif word == "key":
                seen.append(rest)

        prompt.run("bench.keys(60)", heard)
        pressed = "".join(seen)
        missing = [key for key in wanted if key not in pressed]
        if missing:
            raise FaultError(
                f"{' '.join(missing)} not seen. Check the keypad's plug and its wires"
            )
        if pressed != wanted:
            raise FaultError(
                f"pressed as {wanted}, seen as {pressed}: rows or columns are swapped, or the keys"
                " were pressed in another sequence. Compare KEYPAD in the board file"
            )
        return f"{wanted} seen in this sequence", {}

    def _lamp(self, prompt: Prompt) -> Done:
        hands = self._options.hands
        assert hands
        hands.act("lamp", "Connect a lamp to the load port and look at it")
        prompt.run("bench.load()")
        if not hands.confirm("lamp", "Was the lamp on for a second, and is it off again?"):
            raise FaultError(
                "the load does not follow its pin. Check the switch and its pull-down"
            )
        return "on for a second, then off, as seen by a person", {}

    def _watchdog(self) -> Done:
        with Prompt(self._port) as prompt:
            prompt.leave(code.WATCHDOG)
            begin = time.monotonic()
        self._await_firmware()
        seconds = time.monotonic() - begin
        with Prompt(self._port) as prompt:
            bitten = prompt.run(code.CAUSE).strip()
            prompt.restart()
        self._await_firmware()
        if bitten != "True":
            raise FaultError("the watchdog did not reset the MCU within 20 s")
        return "a program that hangs is reset", {"seconds_until_back": seconds}

    # -- sealed ------------------------------------------------------------------------------

    def _sealed(self) -> None:
        if not self._step("seal", self._seal) or not self._step("credit", self._credit):
            return
        self._step("console", self._fuzz)
        self._step("resets", self._resets)
        for name, function in (("plug", self._plug), ("coin cell", self._cell)):
            if self._options.hands:
                self._step(name, function)
            else:
                self._left_out(name, "needs hands (without --cable-only)")

    def _seal(self) -> Done:
        with Prompt(self._port) as prompt:
            text = seal(prompt, self._job(), self._port)
        return f"{text}; then sealed: Ctrl-C stops nothing", {}

    def _ask(self, question: str) -> list[str]:
        with LineConsole(self._port) as console:
            return console.ask(question)

    def _token(self, kind: str, value: int) -> list[str]:
        """Enter the next token over the console; return the answer's fields."""
        count, digits = make_token(self._unit._replace(count=self._count).identity(), kind, value)
        with LineConsole(self._port) as console:
            console.ask("ID")
            answer = console.enter(digits, TOKEN)
        self._count = count
        return answer

    def _credit(self) -> Done:
        answer = self._token("add", PAID_DAYS)
        if answer[:1] != ["VALID"]:
            raise FaultError(f"a good token gets the answer {' '.join(answer)}")
        state, *left = self._ask("STATUS")
        if state != "ACTIVE" or not PAID_DAYS * DAY - 60 <= int(left[0]) <= PAID_DAYS * DAY:
            raise FaultError(f"after {PAID_DAYS} paid days the status is {state} {' '.join(left)}")
        return f"{PAID_DAYS} days credited", {}

    def _fuzz(self) -> Done:
        before = self._ask("ID")
        with LineConsole(self._port) as console:
            heard = console.flood(self._lines())
        if self._ask("ID") != before:
            raise FaultError("identity or count changed under random lines")
        knock(self._port)  # raises AtPromptError
        if PUBLISHED_KEY.hex().encode() in heard.lower():
            raise FaultError("the console gave the key away")
        return f"{self._options.lines:,} random lines: no prompt, nothing changed", {}

    def _lines(self) -> Iterator[bytes]:
        """Yield lines of garbage and half-right questions. No token: three wrong ones lock."""
        words = ("ID", "STATUS", "LOG", "SETUP", "COUNTERS", "TOKEN", "import os", "KEY")
        controls = "\x01\x02\x03\x04\x05\x1a\x1b\x7f"
        for _ in range(self._options.lines):
            kind = self._noise.randrange(3)
            if kind == 0:
                line = "".join(self._noise.choices(string.printable[:95] + controls, k=40))
            elif kind == 1:
                line = f"#{self._noise.choice(words)};{self._noise.choice(controls)}"
            else:
                line = "".join(self._noise.choices(controls, k=6))
            yield line.replace("#TOKEN", "#T").encode("ascii", "replace") + b"\r"

    def _resets(self) -> Done:
        """Restart by a service token, and from the prompt of service mode; compare each time."""
        done, lowest = 0, PAID_DAYS * DAY
        while done < self._options.resets:
            self._serve()
            with Prompt(self._port) as prompt:
                found, records = who(prompt), prompt.run(code.RECORDS).split()
                prompt.restart()
            done += 2
            if found is None or (found.serial, found.count) != (SERIAL, self._count):
                raise FaultError(f"after {done} resets the board is {found}")
            if found.left is None or not lowest - 3 * CHARGE <= found.left <= lowest:
                raise FaultError(f"after {done} resets {found.left} s are left of {lowest} s")
            if len(records) < 8:  # two copies of the identity, two full records, each with its CRC
                raise FaultError(f"after {done} resets a record is missing: {records[::2]}")
            lowest = found.left
            self._await_firmware()
        return f"{done} resets: identity, count and credit kept", {"seconds_left": lowest}

    def _serve(self) -> None:
        """Bring the sealed board into service mode, at its console."""
        answer = self._token("extended", 1)
        if answer[:1] != ["VALID"]:
            raise FaultError(f"the service token gets the answer {' '.join(answer)}")
        time.sleep(3)  # the unit shows the answer for two seconds
        end = time.monotonic() + UP
        while True:
            try:
                with Prompt(self._port):
                    return
            except PortError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.5)

    def _state(self) -> tuple[int, int, int]:
        """Return (count, clock faults, seconds left)."""
        counters, status = self._ask("COUNTERS"), self._ask("STATUS")
        return int(counters[0]), int(counters[3]), int(status[1]) if status[1:] else 0

    def _plug(self) -> Done:
        count, faults, left = self._state()
        begin = time.monotonic()
        self._act(
            "plug", "Pull the board's plugs, USB and battery, wait ten seconds, plug in again"
        )
        away = time.monotonic() - begin
        after = self._state()
        if after[0] != count or not left - away - CHARGE <= after[2] <= left:
            raise FaultError(f"count {count} and {left} s became count {after[0]}, {after[2]} s")
        if after[1] != faults:
            raise FaultError(
                "the clock chip lost its time without power. Is there a cell in its holder, is the"
                " cell good (3.0 V), is the chip's battery pin connected?"
            )
        return f"count {count} and credit kept, the clock ran on", {
            "seconds_charged": left - after[2]
        }

    def _cell(self) -> Done:
        count, _, left = self._state()
        self._act(
            "coin cell",
            "Pull the board's plugs, take the coin cell out, wait ten seconds, put the cell back,"
            " plug in again",
        )
        after = self._state()
        if after[0] != count or not 0 < after[2] <= left:
            raise FaultError(f"count {count} and {left} s became count {after[0]}, {after[2]} s")
        return f"count {count} kept, {left - after[2]} s charged", {"clock_faults": after[1]}

    def _act(self, name: str, instruction: str) -> None:
        assert self._options.hands
        self._options.hands.act(name, instruction)
        self._await_firmware()

    # -- the end -----------------------------------------------------------------------------

    def _blank_again(self) -> Done:
        done: Done = "the test's identity was removed", {}
        try:
            serial, check, count, _ = knock(self._port, UP)
        except AtPromptError:
            with Prompt(self._port) as prompt:
                found = _identity(prompt)
                if found and found[:2] == (SERIAL, key_check(PUBLISHED_KEY)):
                    erase(prompt)
                    return done
                prompt.restart()
            return "no identity is on the board", {}
        except ConsoleError as error:
            raise FaultError(f"{error}. {LEFT}") from None
        if (serial, check) == (SERIAL, key_check(PUBLISHED_KEY)):
            self._count = int(count)
            self._leave_blank()
            return done
        return "no identity is on the board", {}

    def _leave_blank(self) -> None:
        self._serve()
        with Prompt(self._port) as prompt:
            erase(prompt)
        self._await_firmware()

    def _await_firmware(self) -> None:
        """Wait until the firmware's console answers. Raises ConsoleError."""
        end = time.monotonic() + UP
        while True:
            try:
                self._ask("ID")
                return
            except AtPromptError:
                raise
            except ConsoleError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.3)


def _identity(prompt: Prompt) -> tuple[str, str, int] | None:
    """Return (serial number, key check value, count) of the unit at `prompt`, None if blank."""
    if prompt.run("print('controller' in globals())").strip() != "True":
        return None
    found = who(prompt)
    return found and (found.serial, found.key_check, found.count)
