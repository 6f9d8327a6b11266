"""`payg console`: a unit's state as told on the unit's console, sealed or not. Changes nothing."""

from __future__ import annotations

import contextlib
import datetime
import runpy
import time
from collections.abc import Iterable, Iterator

import serial

from tools.paths import ROOT
from tools.seconds import duration
from tools.station.prompt import QUIET, readable, strange, why_closed

AGAIN = 0.3  # seconds: opening the port restarts many ESP32 boards, the first question gets lost
PATIENCE = 6  # seconds until a silent unit is given up
SPEED = 115200
BUFFER = 256  # bytes that an ESP32's UART keeps for the firmware
LONGEST = 64  # bytes of a line of `flood`
DIGITS = 10  # of the largest number in an answer
STATES = {"INACTIVE": "inactive: nothing is paid", "PAYG_DISABLED": "free: unlocked for good"}
INTERRUPT = b"\x02\r\x03"  # leaves a raw prompt, then interrupts
RESET_CAUSES = {  # of `machine.reset_cause`; an RP2040 tells watchdog and reset not apart
    1: "power-on",
    2: "reset, or its reset pin",
    3: "watchdog or reset",
    4: "deep sleep",
    5: "soft reset",
}


class ConsoleError(Exception):
    """The unit gives no answer; the text says what to do."""


class AtPromptError(ConsoleError):
    """MicroPython's prompt answers, not the firmware."""


class LineConsole:
    """The firmware's line protocol on `port`. A context manager; raises ConsoleError."""

    def __init__(self, port: str) -> None:
        self.port = port
        self._waiting = b""
        try:
            self._serial = serial.serial_for_url(port, SPEED, timeout=0.1, write_timeout=QUIET)
        except (OSError, ValueError) as error:
            raise ConsoleError(why_closed(port)) from error

    def __enter__(self) -> LineConsole:
        return self

    def __exit__(self, *error: object) -> None:
        with contextlib.suppress(OSError):
            self._serial.close()

    def ask(
        self, question: str, patience: float | None = None, before: bytes = b"\r"
    ) -> list[str]:
        """Return the fields after `question` ("STATUS", "LOG;3") in the unit's answer.

        `before` is sent first; `patience`: seconds, PATIENCE if left out. Raises AtPromptError.
        """
        word = question.partition(";")[0]
        end = time.monotonic() + (PATIENCE if patience is None else patience)
        try:
            while time.monotonic() < end:
                self._serial.write(before + f"#{question}\r".encode())
                for line in self._lines(min(time.monotonic() + AGAIN, end)):
                    if line.startswith(f"#{question};") or line == f"#{word};END":
                        return line.split(";")[1:]
                    if line.startswith(">>>"):
                        raise AtPromptError(
                            f"on {self.port} there is MicroPython's prompt: the firmware is"
                            " not there (`payg deploy` puts it on the board) or was stopped"
                            " (plug the unit out and in again)"
                        )
        except OSError as error:
            raise ConsoleError(
                f"the connection to {self.port} broke. Plug the cable in again and repeat the same"
                " command"
            ) from error
        raise ConsoleError(
            f"the unit on {self.port} does not answer. Is it this port, has the unit power? One"
            " whose set-up broke off midway starts again when it is plugged out and in"
        )

    def enter(self, digits: str, patience: float = 2 * PATIENCE) -> list[str]:
        """Enter a token once; return the fields after `#TOKEN;`. Raises ConsoleError."""
        end = time.monotonic() + patience
        try:
            self._serial.write(f"#TOKEN;{digits}\r".encode())
            for line in self._lines(end):
                if line.startswith("#TOKEN;"):
                    return line.split(";")[1:]
        except OSError as error:
            raise ConsoleError(f"the connection to {self.port} broke: {error}") from error
        raise ConsoleError(f"the unit on {self.port} gives no answer to a token")

    def flood(self, lines: Iterable[bytes]) -> bytes:
        """Send `lines` whatever the unit answers; return its answers. Raises ConsoleError."""
        heard, sent = b"", 0
        try:
            for line in (*lines, b"\r"):
                self._serial.write(line)
                sent += len(line)
                if sent > BUFFER - LONGEST or line == b"\r":
                    sent = 0
                    while part := self._serial.read(max(1, self._serial.in_waiting)):
                        heard += part
            return heard
        except OSError as error:
            raise ConsoleError(f"the connection to {self.port} broke: {error}") from error

    def _lines(self, end: float) -> Iterator[str]:
        """Yield the lines that arrive until `end`."""
        while time.monotonic() < end:
            self._waiting += self._serial.read(max(1, self._serial.in_waiting))
            *lines, self._waiting = self._waiting.replace(b"\r", b"\n").split(b"\n")
            for line in lines:
                yield readable(line)


def knock(port: str, patience: float | None = None) -> list[str]:
    """Try Ctrl-C on a unit; a sealed unit runs on: return the fields of `#ID`.

    A blank unit or a unit in service mode stops; then, as at any prompt, raises AtPromptError.
    Raises ConsoleError.
    """
    with LineConsole(port) as console:
        fields = console.ask("ID", patience, INTERRUPT + b"\r")
        console.ask("STATUS", None, INTERRUPT + b"\r")  # the first Ctrl-C may have come too early
        return fields


def moment(seconds: int) -> str:
    """Return seconds since 2020 as a date, or "at an unknown time" for 0."""
    if not seconds:
        return "at an unknown time "
    then = datetime.datetime(2020, 1, 1) + datetime.timedelta(seconds=seconds)
    return then.isoformat(" ")


def whole(text: str) -> int:
    """Return a whole number from an answer. Raises ValueError for anything else."""
    if not (text.isascii() and text.isdigit() and len(text) <= DIGITS):
        raise ValueError("no whole number of an answer")
    return int(text)


def described(port: str, identity: list[str], status: list[str], counters: list[str]) -> list[str]:
    """Return lines about the unit on `port` from the fields of answers. Raises ConsoleError."""
    try:
        serial_number, check, count, version = identity
        state, *left = status
        paid = STATES.get(state) or f"active, {duration(whole(left[0]))} left"
        mistakes, locked, faults, restarts = (whole(number) for number in counters[1:])
    except (ValueError, IndexError):
        raise ConsoleError(strange(port)) from None
    if not serial_number:
        return [f"A blank unit, firmware {version}: it has no identity yet, and is not sealed"]
    return [
        f"Serial     {serial_number}",
        f"Status     {paid}",
        f"Count      {count}",
        f"Key check  {check}",
        f"Firmware   {version}",
        f"Keypad     {f'locked for {duration(locked)}' if locked else 'not locked'},"
        f" {mistakes} wrong tokens in a row",
        f"Clock      {faults} faults so far",
        f"Restarts   {restarts} in a row",
    ]


def events(console: LineConsole) -> Iterator[str]:
    """Yield a line for each entry of the unit's event log, oldest first. Raises ConsoleError."""
    names = runpy.run_path(str(ROOT / "firmware" / "events.py"))["NAMES"]
    for number in range(256):
        entry = console.ask(f"LOG;{number}")
        if entry == ["END"]:
            return
        try:
            _, at, event, detail = (whole(field) for field in entry)
        except ValueError:
            raise ConsoleError(strange(console.port)) from None
        name = names[event] if 0 < event < len(names) else f"event {event}"
        told = restart(detail) if name == "restart" else detail or ""
        yield f"{moment(at)}  {name:14} {told}".rstrip()


def restart(detail: int) -> str:
    """Return the number of a restart event (10 * reset cause + restarts in a row) in words."""
    cause = RESET_CAUSES.get(detail // 10, f"cause {detail // 10}")
    return f"by {cause}, {detail % 10} in a row"
