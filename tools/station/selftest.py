"""The station's half of `firmware/factory.py`: one unit, from blank to tested and sealed.

Faults are worded for the person who holds the unit: the fault, and what to do next. The key goes
to the unit once and into no message.
"""

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from opaygo import siphash24
from tools import room
from tools.batches.lists import ListedUnit
from tools.seconds import DAY, duration
from tools.station.console import AtPromptError, ConsoleError, LineConsole, knock
from tools.station.deploy import FREE, DeployError, FileDigests, check_micropython, look
from tools.station.prompt import PortError, Prompt, RefusedError, strange
from tools.station.versions import engine_fault
from tools.tokens import make_token

CHECK_LABEL = b"PAYG key check value"
TRIAL = 10  # seconds
ARMED = "a watchdog is armed"  # firmware/factory.py says so
RESTART = 15  # seconds until a unit is back at the prompt
KNOCK = 1.2  # seconds: a sealed unit answers at once
BACK = 20  # seconds until a unit is back after its restart
EPOCH = 1_577_836_800  # Unix time of 2020-01-01
FAULTS = {
    1: "the battery's voltage is too low",
    2: "the battery's voltage is too high",
    4: "there is too much current or a short circuit at the load",
    8: "a voltage or current is out of range; is the station's supply connected",
    16: "there is voltage behind the load switch though it is off",
}
BEGIN = "from firmware.factory import SelfTest\nbench = SelfTest(controller)"
BOARD_ID = "import binascii, machine\nprint(binascii.hexlify(machine.unique_id()).decode())"
_VALUE = 1  # time units of the test token


class Say(Protocol):
    """Takes the result of a step, or a request to the person. `passing`: soon out of date."""

    def __call__(self, step: str, text: str, passing: bool = False) -> None: ...


class ProvisionError(Exception):
    """The unit is not provisioned; the text says why and what to do next."""


class RestartedError(Exception):
    """The unit restarts: the watchdog of a broken trial would have interrupted the self-test."""


class UnsureError(ProvisionError):
    """The unit may have the identity, or has it: no other unit may get this serial number."""


class Job(NamedTuple):
    """The goal for a unit: `unit`, a row of the list; `language` of the display.

    `seconds`: for pressing all keys. `robot(keys)` is called when the unit waits for keys;
    None: a person presses the keys. `trial`: seconds for which the firmware must run as a sealed
    unit does before the identity is written; insisted: an untested MicroPython will do.
    `claim(board_id)` is called before the unit gets the key, and again before the identity is
    written; it raises if another board has the serial number.
    """

    unit: ListedUnit
    language: str = "en"
    seconds: int = 60
    robot: Callable[[str], None] | None = None
    trial: int = TRIAL
    insisted: bool = False
    claim: Callable[[str], None] | None = None


class Made(NamedTuple):
    """A unit that was provisioned.

    firmware: SHA-256 in hex of the unit's files as read by the unit, None for a simulated unit
    without files of its own; told: sentences about
    records left from an earlier identity, believed or not.
    """

    firmware: str | None
    told: tuple[str, ...]


def key_check(key: bytes) -> str:
    """Key check value of a 16-byte key, as a unit gives it in `#ID`: eight hex digits."""
    value: bytes = siphash24(key, CHECK_LABEL)
    return value[:4].hex()


def provision(port: str, job: Job, say: Say) -> Made | None:
    """Test the unit on `port`, give the unit the identity of `job`, and seal the unit.

    `say(step, text, passing=False)` takes results and progress. Returns Made, or None when the
    unit had this identity already and nothing was changed. Raises ProvisionError, of which
    UnsureError.
    """
    try:
        if is_already(port, job.unit):
            return None
        try:
            made = _made(port, job, say)
        except PortError:
            if is_already(port, job.unit):  # the unit was just starting at the first question
                return None
            raise
        _confirm(port, job.unit)
        say("sealed", f"answers as {job.unit.serial}, Ctrl-C stops nothing")
        return made
    except (PortError, ConsoleError) as error:
        raise ProvisionError(str(error)) from None
    except ValueError:  # the answer cannot be read
        raise ProvisionError(strange(port)) from None
    except RefusedError as error:
        what = "Its flash is full or worn. " if "StoreError" in str(error) else ""
        raise ProvisionError(
            f"the unit reports {error}. {what}Delete files on it that are not the firmware's,"
            " repeat `payg deploy`, then try again; if it happens again, take another board"
        ) from None


def _made(port: str, job: Job, say: Say) -> Made | None:
    """Do `_at_prompt`, once more after the restart of a unit whose trial was broken off."""
    try:
        with Prompt(port) as prompt:
            return _at_prompt(prompt, job, say)
    except RestartedError:
        pass
    end = time.monotonic() + RESTART
    while True:
        time.sleep(1)  # the port goes, and comes back
        try:
            with Prompt(port) as prompt:
                return _at_prompt(prompt, job, say)
        except (PortError, RestartedError):
            if time.monotonic() > end:
                raise PortError(
                    f"the unit on {port} did not come back after its restart. Plug the cable in"
                    " again and repeat the same command"
                ) from None


def is_already(port: str, unit: ListedUnit) -> bool:
    """Is the unit on `port` sealed as `unit`? Raises ProvisionError for another identity."""
    try:
        fields = knock(port, KNOCK)
    except ConsoleError:
        return False  # `provision` tries the prompt next
    if fields[0]:
        _compare(port, fields, unit)
    return bool(fields[0])


def _compare(port: str, fields: list[str], unit: ListedUnit) -> None:
    """Raise ProvisionError unless the answer to `#ID` is that of `unit`."""
    if len(fields) != 4:
        raise ProvisionError(strange(port))
    serial, check = fields[:2]
    if serial != unit.serial:
        raise ProvisionError(
            f"the unit is {serial} already, and a unit keeps its identity. Nothing was changed."
            " Is it the right unit, was the right label scanned?"
        )
    if check != key_check(unit.key):
        raise ProvisionError(
            f"the unit is {serial} already, but with another key than the list has. Nothing was"
            " changed. Find the list that it was made with"
        )


def enter(prompt: Prompt, job: Job) -> None:
    """Make the global `bench` at `prompt`. Raises ProvisionError, RestartedError."""
    try:
        check_micropython(prompt, job.insisted)
    except DeployError as error:
        prompt.restart()
        raise ProvisionError(str(error)) from None
    try:
        prompt.run(BEGIN)
    except RefusedError as error:
        if ARMED in str(error):
            prompt.restart()
            raise RestartedError from None
        raise ProvisionError(
            f"no firmware of this version runs on the unit ({error}). `payg deploy` puts it there;"
            " if it was stopped, plug the unit out and in again"
        ) from None


def hold(prompt: Prompt, job: Job) -> list[str]:
    """Give the unit the identity of `job`, in its RAM; return the words of its answer."""
    return prompt.run(f"bench.hold({_fields(job)})").split()


def seal(prompt: Prompt, job: Job, port: str) -> str:
    """Begin, give the identity, have it tried and written; check it after the restart.

    Returns the result of the trial. Raises ProvisionError, PortError.
    """
    enter(prompt, job)
    try:
        hold(prompt, job)
        text = _trial(prompt, job)
        _finish(prompt, job.unit)
    except Exception:
        with contextlib.suppress(PortError):
            prompt.restart()
        raise
    _confirm(port, job.unit)
    return text


def _at_prompt(prompt: Prompt, job: Job, say: Say) -> Made | None:
    """Test, write the identity, restart; returns and raises as `provision` does."""
    enter(prompt, job)
    try:
        board_id = prompt.run(BOARD_ID).strip()
        if job.claim:
            job.claim(board_id)
        state, *other = hold(prompt, job)
        if state == "other":
            raise ProvisionError(
                f"the unit is {other[0]} already, or has other settings. Nothing was changed. Is"
                " it the right unit, was the right label scanned?"
            )
        if state == "blank":
            SelfTestJudge(prompt, job, say).run()
            firmware = _digest(look(prompt))
            say("trial", _trial(prompt, job))
        if job.claim and state == "blank":
            job.claim(board_id)
        told = _finish(prompt, job.unit)
        return Made(firmware, told) if state == "blank" else None
    except Exception:
        with contextlib.suppress(PortError):
            prompt.restart()  # still blank; the key in RAM is gone
        raise


def _trial(prompt: Prompt, job: Job) -> str:
    """Have the firmware run as a sealed unit does, identity in RAM. Raises ProvisionError."""
    expected = f"#ID;{job.unit.serial};{key_check(job.unit.key)};"
    advice = "Check the board file (`payg board check`) and the wiring, then try again"
    try:
        said = prompt.ask_while(f"bench.trial({job.trial})", "#ID", job.trial)
    except PortError:
        raise ProvisionError(
            "trial: the cable was pulled, or the firmware was stopped by a reset or hangs within"
            f" {job.trial} s; the unit restarts blank. Plug the cable in again and repeat the same"
            f" command. If the trial ends like this again: {advice[0].lower()}{advice[1:]}"
        ) from None
    except RefusedError as error:
        raise ProvisionError(f"trial: the firmware fails: {error}. {advice}") from None
    if expected not in said or not said.rstrip().endswith("over"):
        raise ProvisionError(f"trial: the firmware runs, but does not answer. {advice}")
    return f"ran {job.trial} s as a sealed unit does"


def _finish(prompt: Prompt, unit: ListedUnit) -> tuple[str, ...]:
    """Have the identity written; return sentences about records left from an earlier identity.

    Raises RefusedError: not written; UnsureError: perhaps written.
    """
    try:
        answer = prompt.last("bench.finish()").split()
    except PortError as error:
        raise UnsureError(f"{error}") from None
    except RefusedError as error:
        if str(error).startswith(("StoreError", "ValueError")):
            raise
        raise UnsureError(f"the unit reports {error}. Repeat the same command") from None
    if answer[:2] != [unit.serial, key_check(unit.key)] or len(answer) != 5:
        raise UnsureError("the unit answers with another key check value. Take it aside")
    try:
        return tuple(_former_life(unit.count, *answer[2:]))
    except ValueError:
        raise UnsureError(strange(prompt.port)) from None


def _former_life(given: int, count: str, left: str, stale: str) -> Iterator[str]:
    """Yield sentences about memory found beside the unit's own flash, which was empty."""
    if left != "0" or int(count) > given:
        paid = "free use"
        if left != "free":
            paid = f"{duration(int(left))} of credit, an hour less than was stored there"
        yield f"The second medium was believed: the unit goes on with count {count} and {paid}"
    if stale == "True":
        yield (
            f"The second medium was not believed: it knows less than count {given}, which was"
            " issued. What it held is not credited. If the customer is owed time, the provider"
            " gives it by a token"
        )


def _digest(files: FileDigests) -> str | None:
    """Return the SHA-256 of names and digests, None without files."""
    if not files:
        return None
    lines = [f"{name} {files[name][0]}\n" for name in sorted(files)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _fields(job: Job) -> str:
    """Return the arguments of `hold` in firmware/factory.py."""
    unit = job.unit
    fields = (
        unit.serial,
        unit.key.hex(),
        unit.starting_code,
        unit.count,
        unit.time_divider,
        unit.restricted,
        job.language,
        unit.test_code,
    )
    return ",".join(repr(field) for field in fields)


def _confirm(port: str, unit: ListedUnit) -> None:
    """Check after the restart: the identity is right, and sealed. Raises UnsureError."""
    end = time.monotonic() + BACK
    while True:
        try:
            with LineConsole(port) as console:
                console.ask("ID")  # it is up: a Ctrl-C any sooner might stop its start
            _compare(port, knock(port), unit)
            return
        except AtPromptError:
            raise UnsureError(
                "the unit is written, but gives a prompt after its restart: it is not sealed."
                " Take it aside"
            ) from None
        except ProvisionError as error:
            raise UnsureError(f"after its restart {error}") from None
        except ConsoleError as error:
            if time.monotonic() > end:
                raise UnsureError(
                    f"the unit was written, but is not heard after its restart: {error}. Plug the"
                    " cable in again and repeat the same command: it tells whether all is well"
                ) from None
            time.sleep(0.2)  # the port is away during the restart


class SelfTestJudge:
    """One unit's test at `prompt`, with the identity held in the unit's RAM already.

    `say` gets each result at once.
    """

    def __init__(self, prompt: Prompt, job: Job, say: Say) -> None:
        self._prompt = prompt
        self._job = job
        self._say = say
        self._has_clock = True
        self._missing: list[str] = []

    STEPS = ("clock set", "load", "clock", "memory", "flash", "engine", "token", "display", "keys")

    def run(self) -> None:
        """Run all steps. Raises ProvisionError, tools.station.prompt.PortError."""
        for step in self.STEPS:
            self._say(step, self.step(step))

    def step(self, name: str) -> str:
        """Run one of STEPS; return its result in words. Raises as `run` does."""
        try:
            text: str = getattr(self, "_" + name.replace(" ", "_"))()
            return text
        except RefusedError as error:
            raise ProvisionError(
                f"{name}: the unit reports {error}. Check this part's plug and solder joints,"
                " then try again"
            ) from None

    def _ask(self, call: str) -> list[str]:
        return self._prompt.run(f"bench.{call}").split()

    def _clock_set(self) -> str:
        now = int(time.time()) - EPOCH
        (before,) = self._ask(f"clock({now})")
        self._has_clock = before != "-"
        if not self._has_clock:
            return "not fitted"
        if before == "None":
            return "set to UTC; a new clock has no time"
        off = abs(int(before) - now)
        return "right" if off <= 60 else f"set to UTC, from {off:,} s off"

    def _clock(self) -> str:
        if not self._has_clock:
            return "not fitted"
        passed, milliseconds = self._ask("ticking()")
        if passed == "None" or not 1 <= int(passed) <= int(milliseconds) // 1000 + 1:
            raise ProvisionError(
                "clock: it does not run. Check its crystal and battery, or take another clock chip"
            )
        return "valid and running"

    def _load(self) -> str:
        on, faults, millivolts, milliamperes, before, live, after = self._ask("load()")
        fault_bits = int(faults) | (8 if "None" in (millivolts, milliamperes) else 0)
        if on != "True" or fault_bits:
            reasons = [words for bit, words in FAULTS.items() if fault_bits & bit]
            raise ProvisionError(
                f"load: it does not switch on: {' and '.join(reasons) or 'no reason given'}."
                " Correct that, plug the unit out and in, then try again"
            )
        if "1" in (before, after):
            raise ProvisionError(
                "load: there is voltage behind the switch though it is off. The switch is bridged"
                " or broken: take another board"
            )
        if live == "0":
            raise ProvisionError(
                "load: there is no voltage behind the switch though it is on. Check the fuse, the"
                " switch and the wire that measures it"
            )
        volts = "not measured" if millivolts == "-" else f"{int(millivolts) / 1000:.2f} V"
        amperes = "not measured" if milliamperes == "-" else f"{int(milliamperes)} mA"
        return f"on for a second; voltage {volts}, current {amperes}"

    def _memory(self) -> str:
        (answer,) = self._ask("memory()")
        if answer == "-":
            return "no second medium fitted"
        if answer != "True":
            raise ProvisionError(
                "memory: the second medium does not keep what is written. Check whether it is"
                " write-protected, or take another one"
            )
        return "second medium written and read back"

    def _flash(self) -> str:
        free = int(self._prompt.run(FREE)) // room.SECTOR
        why = room.too_little(free)
        if why:
            raise ProvisionError(
                f"flash: {why}. Delete files on it that are not the firmware's,"
                f" {room.LEAST - free} sectors in all, then try again"
            )
        return f"{free} sectors free for the records"

    def _engine(self) -> str:
        fault = engine_fault(self._prompt)
        if fault:
            raise ProvisionError(f"engine: {fault}")
        return "computes two published examples right"

    def _token(self) -> str:
        count, digits = make_token(self._job.unit.identity(), "add", _VALUE)
        seconds = _VALUE * DAY // self._job.unit.time_divider
        expected = ["ADD_TIME", str(_VALUE), str(count), str(seconds)]
        if self._ask(f"token({digits!r})") != expected:
            raise ProvisionError(
                "token: the unit judges a good token wrong. Repeat `payg deploy`, then try again"
            )
        return "a token of this unit is understood"

    def _display(self) -> str:
        found, silent = (int(number) for number in self._ask("display()"))
        if silent:
            raise ProvisionError("display: it does not answer. Check its plug")
        return "every segment must be lit now" if found else "not fitted"

    def _keys(self) -> str:
        self._prompt.run(f"bench.keys({self._job.seconds})", self._heard)
        if self._missing:
            raise ProvisionError(
                f"keys: {' '.join(self._missing)} not pressed within {self._job.seconds} s. If"
                " they were, check the keypad's plug; if you waited because a segment of the"
                " display is dark, check the display"
            )
        return "each was pressed"

    def _heard(self, line: str) -> None:
        word, _, keys = line.partition(" ")
        if word == "ready":
            self._missing = list(keys)
            self._say("keys", f"press each key once: {' '.join(keys)}")
            self._press()
        elif word == "key":
            self._missing.remove(keys)
            if self._missing:
                self._say("keys", f"still missing: {' '.join(self._missing)}", passing=True)
        elif word == "wait":
            self._say("keys", f"still missing: {' '.join(self._missing)}")
            self._press()
        elif word == "both":
            self._say("keys", f"{' and '.join(keys)} at once: press one at a time")
        elif word == "stuck" and keys:
            self._say("keys", f"{' and '.join(keys)} stuck: let go")

    def _press(self) -> None:
        if self._job.robot:
            self._job.robot("".join(self._missing))
