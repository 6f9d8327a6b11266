"""A unit's MicroPython prompt on a serial port, reached through mpremote's own transport.

Errors are worded for the person who holds the cable: the event, and what to do next.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shlex
import struct
import time
from collections.abc import Callable

from mpremote import transport_serial
from mpremote.transport import TransportError, TransportExecError
from mpremote.transport_serial import SerialTransport
from serial.tools import list_ports

from tools.plain import visible

MACHINES = {"pico": " RP2040", "esp32": " ESP32"}
"""Board -> how `sys.implementation._machine` ends on it."""
BACK = 10  # seconds after which a unit that hangs was reset by its watchdog
QUIET = 2  # seconds to wait for a byte
ATTEMPTS = 3  # opening the port resets many ESP32 boards: the first words get lost
BROKEN = (TransportError, OSError, struct.error)
BOOT = re.compile(
    rb"rst:0x|MPY: soft reboot|MicroPython v|Traceback \(most"
)  # once for each start
LOOP = 3  # seconds in which a unit that restarts for ever starts at least twice
AGAIN_AND_AGAIN = (
    "Repeat the same command: a blank unit with this version's boot.py and main.py ends at the"
    " prompt by itself. If the restarts go on, erase the board: `payg flash` erases an ESP32; a"
    " Pico needs Raspberry Pi's flash_nuke.uf2 first"
)
RESTART = """
import machine
try:
    controller.restarts.forget()
except (NameError, AttributeError):
    pass
machine.reset()
"""
transport_serial.print = lambda *words: None  # mpremote prints the unit's words


def readable(said: bytes | str) -> str:
    """Return text from a serial port; a control character appears as \\x1b.

    An escape code of a unit, or of a stranger on the port, must not reach terminal or ledger. Line
    ends are kept, as \\n.
    """
    text = said if isinstance(said, str) else said.decode("ascii", "replace")
    text = re.sub(r"\r+\n", "\n", text)
    return visible(text)


def unseal(serial: str) -> str:
    """Return the command that gives the service token of the unit `serial`."""
    return f"payg token --batch FILE --serial {shlex.quote(serial)} --extended 1"


def strange(port: str) -> str:
    """Return the sentence about a unit whose answer cannot be understood."""
    return (
        f"the unit on {port} answers in another way than this version expects. Is it this port? A"
        " unit with another version's firmware needs `payg deploy`"
    )


class PortError(Exception):
    """The unit cannot be reached, or no longer; the text says what to do."""


class RefusedError(Exception):
    """The unit answered with an exception. `number`: the errno of an OSError, else None."""

    def __init__(self, text: str) -> None:
        lines = readable(text).strip().splitlines() or ["an exception without a text"]
        super().__init__(lines[-1])
        found = re.match(r"OSError: (?:\[Errno )?(\d+)", lines[-1])
        self.number = int(found[1]) if found else None


class Prompt:
    """Raw prompt of the unit on `port`. A context manager; raises PortError."""

    def __init__(self, port: str) -> None:
        self.port = port
        self._transport = _open(port)

    def __enter__(self) -> Prompt:
        try:
            self._interrupt()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the port, even if the port is gone."""
        with contextlib.suppress(*BROKEN):
            self._transport.close()
        with contextlib.suppress(*BROKEN):
            self._transport.serial.close()

    def _interrupt(self) -> None:
        for attempt in range(ATTEMPTS):
            try:
                self._transport.enter_raw_repl(soft_reset=False, timeout_overall=QUIET)
                return
            except TransportError:
                serial_number = self._sealed_as()
            except BROKEN as error:
                raise PortError(
                    f"{self._gone()}. If the port comes and goes by itself, the unit restarts"
                    f" again and again. {AGAIN_AND_AGAIN}"
                ) from error
            if serial_number and attempt:  # answered twice: not just starting
                raise PortError(
                    f"the unit on {self.port} is {serial_number} and sealed: it gives no prompt. A"
                    f" token of `{unseal(serial_number)}` (FILE: the unit's list), typed on the"
                    " keypad, puts the unit into service mode for ten minutes; then repeat the"
                    " same command"
                )
        if self._restarts():
            raise PortError(f"the unit on {self.port} restarts again and again. {AGAIN_AND_AGAIN}")
        raise PortError(
            f"the unit on {self.port} does not answer. Is it this port, has it power, is"
            " MicroPython on the board (`payg flash`)?"
        )

    def _restarts(self) -> bool:
        """Does the text of a start come twice?"""
        end, heard = time.monotonic() + LOOP, b""
        try:
            while time.monotonic() < end and len(BOOT.findall(heard)) < 2:
                heard += self._transport.serial.read(max(1, self._transport.serial.in_waiting))
        except BROKEN as error:
            raise self._gone() from error
        return len(BOOT.findall(heard)) > 1

    def _sealed_as(self) -> str | None:
        """Return the serial number of a unit whose firmware runs in spite of Ctrl-C, or None."""
        try:
            self._transport.serial.write(b"\r#ID\r")
            if not self._transport.serial.read_until(b"#ID;").endswith(b"#ID;"):
                return None
            found: bytes = self._transport.serial.read_until(b";")
            return " ".join(readable(found[:-1]).split())
        except BROKEN as error:
            raise self._gone() from error

    def _gone(self) -> PortError:
        return PortError(
            f"the connection to {self.port} broke. Plug the cable in again and repeat the same"
            " command: it brings the unit from wherever it is to where it should be"
        )

    def run(self, code: str, heard: Callable[[str], None] | None = None) -> str:
        """Run `code` on the unit; return the output, or give it to `heard` line by line.

        Raises PortError, RefusedError.
        """
        lines = heard and _Lines(heard)
        try:
            said: bytes = self._transport.exec(code, lines)
            return readable(said)
        except TransportExecError as error:
            raise RefusedError(error.error_output) from None
        except UnicodeDecodeError as error:  # in mpremote: an exception's text that is no UTF-8
            raise RefusedError(readable(error.object)) from None
        except BROKEN as error:
            raise self._gone() from error

    def ask_while(self, code: str, line: str, seconds: float) -> str:
        """Run `code`, which reads lines for `seconds`; send `line` at once; return the output.

        Raises PortError, RefusedError.
        """
        try:
            self._transport.exec_raw_no_follow(code)
            self._transport.serial.write(f"\r{line}\r".encode())
            said, error = self._transport.follow(timeout=seconds + BACK)
        except BROKEN as trouble:
            raise self._gone() from trouble
        if error:
            raise RefusedError(readable(error))
        return readable(said)

    def last(self, code: str) -> str:
        """Run `code`, which prints one line and resets the unit; return the line.

        Raises PortError, RefusedError: an exception came instead of the reset.
        """
        try:
            self._transport.exec_raw_no_follow(code)
            said: bytes = self._transport.serial.read_until(b"\n")
            if said.startswith(b"\x04"):
                said += self._transport.serial.read_until(b"\x04")
                raise RefusedError(readable(said.strip(b"\x04")))
        except BROKEN as error:
            raise self._gone() from error
        if not said.endswith(b"\n"):
            raise self._gone()
        return readable(said).strip()

    def restart(self) -> None:
        """Reset the unit, which gives no answer. Raises PortError."""
        self.leave(RESTART)

    def leave(self, code: str) -> None:
        """Run `code`, which ends in a reset, without an answer. Raises PortError."""
        try:
            self._transport.exec_raw_no_follow(code)
        except BROKEN as error:
            raise self._gone() from error

    def soft_reset(self) -> None:
        """Start the interpreter anew without main.py, at the raw prompt. Raises PortError."""
        try:
            self._transport.exit_raw_repl()
            self._transport.enter_raw_repl(soft_reset=True)
        except BROKEN as error:
            raise self._gone() from error


class _Lines:
    """Calls `heard` with each line, from mpremote's single bytes."""

    def __init__(self, heard: Callable[[str], None]) -> None:
        self._heard = heard
        self._line = b""

    def __call__(self, data: bytes) -> None:
        self._line += data
        if data == b"\n":
            line, self._line = self._line, b""
            self._heard(readable(line).strip())


def _open(port: str) -> SerialTransport:
    try:
        transport = SerialTransport(port, baudrate=115200, timeout=QUIET)
        transport.serial.write_timeout = QUIET
        return transport
    except (*BROKEN, ValueError) as error:
        raise PortError(why_closed(port)) from error


def why_closed(port: str) -> str:
    """Return why a port cannot be opened, and what to do."""
    if not os.path.exists(port):
        present = ", ".join(sorted(found.device for found in list_ports.comports()))
        name = port if port.strip() else repr(port)
        return f"there is no port {name}; present: {present or 'none. Is the cable plugged in?'}"
    if not os.access(port, os.R_OK | os.W_OK):
        return f"no permission for {port}; on Linux: sudo usermod -aG dialout $USER, log in again"
    if not _is_terminal(port):
        return f"{port} is not a serial port"
    return f"{port} cannot be opened; does another program (a terminal, an editor) hold it?"


def check_port(port: str) -> None:
    """Raise PortError unless `port` is there, may be used, and is a serial port."""
    if "://" in port:  # pyserial's, such as rfc2217://host:port
        return
    usable = os.path.exists(port) and os.access(port, os.R_OK | os.W_OK)
    if not usable or not _is_terminal(port):
        raise PortError(why_closed(port))


def _is_terminal(port: str) -> bool:
    """Is this an existing terminal device, as every serial port is? A busy one counts."""
    try:
        handle = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError as error:
        return error.errno == errno.EBUSY
    try:
        return os.isatty(handle)
    finally:
        os.close(handle)


def board_of(machine: str) -> str | None:
    """Return the board, one of MACHINES, with this `sys.implementation._machine`, or None."""
    for board, mark in MACHINES.items():
        if machine.endswith(mark):
            return board
    return None
