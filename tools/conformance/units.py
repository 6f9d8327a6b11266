"""Units that answer lines: on a serial port, in the simulator, in the RAM of a blank board."""

from __future__ import annotations

import contextlib
import fcntl
import json
import subprocess
import tempfile
import termios
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import click
import serial

from tools.conformance.answers import Lines, answer_in, is_another
from tools.identity import Identity
from tools.station.console import SPEED
from tools.station.prompt import PortError, Prompt, RefusedError, why_closed

ANSWER_S = 15  # seconds without an answer until a unit counts as dead
HELLO_S = 2  # opening a port restarts many boards
HELLOS = 6
SIM_OFF_S = 30  # without power, for the simulator
OURS_S = 60  # of credit: the most between two records of our own unit
NO_PERSON = "nobody can pull the battery: see --power-command"
NO_TIME = "takes minutes of real time: see --wait"
OTHERS_S = 3600  # of credit: another unit may store as rarely


class SilentUnitError(Exception):
    """The unit answers no more; the text says what to do."""


class BrokenError(SilentUnitError):
    """The run cannot go on, and the unit is not to blame: a cable, another program, the ledger."""


class AnsweringUnit(Protocol):
    """A unit that answers questions. Raises SilentUnitError."""

    @property
    def name(self) -> str:
        """Name of the unit for the report."""

    @property
    def no_wait(self) -> str | None:
        """Why `wait` is impossible, for the report; None where possible."""

    @property
    def no_power(self) -> str | None:
        """Why `power_cycle` is impossible, for the report; None where possible."""

    @property
    def instant(self) -> bool:
        """Does waiting cost no real time?"""

    @property
    def by_hand(self) -> bool:
        """Does a person type and answer? Then neither seconds nor the time to judge are told."""

    @property
    def cut_s(self) -> float:
        """Seconds of credit lost, or of lockout added, by a power cut at most."""

    def now(self) -> float:
        """Return seconds."""

    def wait(self, seconds: float) -> None:
        """Let time pass."""

    def power_cycle(self) -> None:
        """Take the power away for a while. Raises SilentUnitError."""

    def greet(self) -> str:
        """Wait until the unit answers. Raises SilentUnitError."""

    def ask(self, line: str, seconds: float = ANSWER_S) -> str:
        """Return the answer to a line. Raises SilentUnitError when late."""


class CleanUnit:
    """A unit whose answers, name and errors show no key. clean: makes a text so."""

    def __init__(self, unit: AnsweringUnit, clean: Callable[[str], str]) -> None:
        self._unit = unit
        self._clean = clean
        self.name = clean(unit.name)
        self.no_wait, self.no_power = unit.no_wait, unit.no_power
        self.instant, self.by_hand, self.cut_s = unit.instant, unit.by_hand, unit.cut_s
        self.now, self.wait = unit.now, unit.wait

    @contextlib.contextmanager
    def _cleanly(self) -> Iterator[None]:
        try:
            yield
        except SilentUnitError as error:
            raise type(error)(self._clean(str(error))) from None

    def power_cycle(self) -> None:
        """Have the power taken away for a while. Raises SilentUnitError."""
        with self._cleanly():
            self._unit.power_cycle()

    def greet(self) -> str:
        """Wait until the unit answers. Raises SilentUnitError."""
        with self._cleanly():
            return self._clean(self._unit.greet())

    def ask(self, line: str, seconds: float | None = None) -> str:
        """Return the answer to a line. Raises SilentUnitError."""
        more = () if seconds is None else (seconds,)
        with self._cleanly():
            return self._clean(self._unit.ask(line, *more))


def wait_in_real_time(seconds: float) -> None:
    """Spend real time, with a bar for the rest."""
    end = time.monotonic() + seconds
    with click.progressbar(length=int(seconds), label="Waiting", show_eta=True) as bar:
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(1, left))
            bar.update(1)


class SerialUnit:
    """A unit whose firmware answers on a serial port.

    power: function that takes the unit's power away and gives power back, or None; wait: may real
    time be spent on waiting? Lines that are no answer (an echo, a debug print) are skipped.
    """

    instant = by_hand = False
    cut_s = OTHERS_S

    def __init__(
        self, port: str, power: Callable[[], None] | None = None, wait: bool = False
    ) -> None:
        self.name = f"unit on {port}"
        self.no_power = None if power else NO_PERSON
        self.no_wait = None if wait else NO_TIME
        self._port = port
        self._power = power
        self._open()

    def __enter__(self) -> SerialUnit:
        return self

    def __exit__(self, *error: object) -> None:
        self._close()

    now = staticmethod(time.monotonic)
    wait = staticmethod(wait_in_real_time)

    def power_cycle(self) -> None:
        """Have the power taken away and given back, then wait for the unit."""
        self._close()  # an adapter fed by the unit goes off with the unit
        if self._power:
            self._power()
        for last in (False,) * (HELLOS - 1) + (True,):
            try:
                self._open()
                break
            except SilentUnitError:
                if last:
                    raise
                time.sleep(HELLO_S / 2)
        self.greet()

    def greet(self) -> str:
        """Wait until the unit answers. Raises SilentUnitError."""
        for _ in range(HELLOS):
            with contextlib.suppress(SilentUnitError):
                return self.ask("#STATUS;", HELLO_S)
        raise SilentUnitError(
            f"the unit on {self._port} does not answer #STATUS;. Is it this port, is it"
            f" {SPEED} baud, has the unit power and an identity?"
        )

    def ask(self, line: str, seconds: float = ANSWER_S) -> str:
        """Return the answer to a line. Raises SilentUnitError when late."""
        try:
            self._serial.reset_input_buffer()
            self._serial.write(line.encode() + b"\r\n")
            return self._answer(line, time.monotonic() + seconds)
        except (OSError, TypeError) as error:  # pyserial's TypeError: closed in the meantime
            raise BrokenError(
                f"the connection to {self._port} broke ({error}). Does another program use the"
                " port?"
            ) from error

    def _open(self) -> None:
        try:
            self._serial = serial.serial_for_url(
                self._port, SPEED, timeout=0.05, write_timeout=HELLO_S, exclusive=True
            )
            self._refuse_others(True)
        except (OSError, ValueError) as error:
            raise SilentUnitError(why_closed(self._port)) from error

    def _close(self) -> None:
        with contextlib.suppress(OSError):
            self._refuse_others(False)
        self._serial.close()

    def _refuse_others(self, refuse: bool) -> None:
        """Have the system refuse programs that do not ask for a lock (all but root's)."""
        handle = getattr(self._serial, "fd", None)
        if handle is not None:  # not a port of another machine
            fcntl.ioctl(handle, termios.TIOCEXCL if refuse else termios.TIOCNXCL)

    def _answer(self, line: str, end: float) -> str:
        lines, mixed = Lines(), False
        while time.monotonic() < end:
            for heard in lines.feed(self._serial.read(max(1, self._serial.in_waiting))):
                answer = answer_in(heard, line)
                if answer:
                    return answer
                mixed = mixed or is_another(heard, line)
        if mixed:
            raise BrokenError(
                f"the answers on {self._port} are mixed up. Does another program use the port?"
            )
        raise SilentUnitError(
            f"the unit on {self._port} gave no answer to {line.partition(';')[0]}"
        )


class SimUnit:
    """A simulated unit. command: starts `payg sim --headless` with an identity."""

    name = "simulated unit"
    no_power = no_wait = None
    instant = True
    by_hand = False
    cut_s = OURS_S

    def __init__(self, command: list[str]) -> None:
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True
        )
        self._lived = self._t = 0  # seconds before the last switch-on, and since

    def __enter__(self) -> SimUnit:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def now(self) -> float:
        """Seconds of the unit's own time, power cuts included."""
        return self._lived + self._t

    def wait(self, seconds: float) -> None:
        """Let simulated time pass."""
        self._do(f"advance {int(seconds)}")

    def power_cycle(self) -> None:
        """Take the unit's power away for half a minute."""
        self._lived += self._t + SIM_OFF_S
        self._t = 0
        for line in ("power off", f"advance {SIM_OFF_S}", "power on"):
            self._do(line)

    def greet(self) -> str:
        """Wait until the unit answers."""
        return self.ask("#STATUS;")

    def ask(self, line: str, seconds: float = ANSWER_S) -> str:
        """Return the answer to a line. Raises SilentUnitError."""
        answer = self._do("uart " + line)
        for _ in range(int(seconds)):
            if answer["uart"]:
                return str(answer["uart"][-1])
            answer = self._do("run 1000")
        raise SilentUnitError(f"the simulated unit does not answer {line.partition(';')[0]}")

    def _do(self, line: str) -> dict[str, Any]:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin and stdout
        with contextlib.suppress(BrokenPipeError):
            stdin.write(line + "\n")
            stdin.flush()
        try:
            answer: dict[str, Any] = json.loads(stdout.readline())
        except ValueError:
            self._errors.seek(0)
            said = self._errors.read().decode(errors="replace").strip()
            raise SilentUnitError(f"the simulator ended. {said}") from None
        if "error" in answer:
            raise SilentUnitError(f"the simulator refuses {line.split()[0]}: {answer['error']}")
        self._t = answer["t"]
        return answer


# Runs on the unit: the unit's firmware on records in RAM. The flash is not written.
IN_RAM = """
import asyncio
from binascii import unhexlify
from firmware import console
from firmware.store import Identity, Store
from firmware.unit import Unit
if globals().get("controller") and controller.unit and controller.unit.identity:
    raise RuntimeError("the unit has an identity")
class Ram:
    small = False
    def __init__(self):
        self.slots = {}
    def read(self, name, slot):
        return self.slots.get((name, slot))
    def write(self, name, slot, data):
        self.slots[name, slot] = bytes(data)
class NoLoad:
    def set(self, on):
        pass
conform = Unit(Store([Ram()]), None, NoLoad())
conform.start()
conform.provision(Identity(SERIAL, unhexlify(KEY), CODE))
async def conform_enter(digits):
    for _ in conform.entering(digits):
        pass
    return conform.outcome
if console._TYPING_MS:
    console._TYPING_MS = 0  # the pause spares the flash, which is not written here
conform_console = console.Console(conform, conform_enter, None, None, None)
def conform_ask(line):
    asyncio.new_event_loop()  # what ran before Ctrl-C must not run on
    print(asyncio.run(conform_console.answer(line)))
"""


class RamUnit:
    """The firmware of a blank board, made a unit in RAM through MicroPython's prompt.

    Identity and counts are gone with the power; nothing is written into the board's flash, and the
    load stays off.
    """

    instant = by_hand = False
    cut_s = OTHERS_S
    no_power = "this identity lies in RAM only; see --setup, or --sim"

    def __init__(self, port: str, identity: Identity, wait: bool = False) -> None:
        self.name = f"blank unit on {port}, identity in RAM"
        self.no_wait = None if wait else NO_TIME
        assert identity.key is not None
        start = f"SERIAL = {identity.serial!r}\nKEY = {identity.key.hex()!r}\n"
        try:
            self._prompt = Prompt(port).__enter__()
            self._prompt.run(f"{start}CODE = {identity.starting_code!r}\n{IN_RAM}")
        except PortError as error:
            raise SilentUnitError(str(error)) from error
        except RefusedError as error:
            raise SilentUnitError(
                f"the unit on {port} cannot be made one in RAM: {error}. It must have this"
                " firmware (`payg deploy`) and be blank"
            ) from error

    def __enter__(self) -> RamUnit:
        return self

    def __exit__(self, *error: object) -> None:
        with contextlib.suppress(PortError):
            self._prompt.restart()
        self._prompt.close()

    now = staticmethod(time.monotonic)
    wait = staticmethod(wait_in_real_time)

    def power_cycle(self) -> None:
        """Refuse: the identity would be gone."""
        raise SilentUnitError(self.no_power)

    def greet(self) -> str:
        """Ask the unit once."""
        return self.ask("#STATUS;")

    def ask(self, line: str, seconds: float = ANSWER_S) -> str:
        """Return the answer to a line. Raises SilentUnitError."""
        try:
            return self._prompt.run(f"conform_ask({line!r})").strip()
        except PortError as error:
            raise BrokenError(str(error)) from error
        except RefusedError as error:
            raise SilentUnitError(str(error)) from error
