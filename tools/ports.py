"""A unit's MicroPython prompt on a serial port, reached through mpremote's own transport.

What goes wrong is told in words for whoever holds the cable: what happened, what to do next.
"""

import contextlib
import io
import os
import re
import struct

from mpremote.transport import TransportError, TransportExecError
from mpremote.transport_serial import SerialTransport
from serial.tools import list_ports

MACHINES = {"pico": " RP2040", "esp32": " ESP32"}
"""Board -> how `sys.implementation._machine` ends on it."""
QUIET = 2  # seconds without a byte from a unit that ought to speak
ATTEMPTS = 3  # opening the port resets many ESP32 boards: the first words get lost
BROKEN = (TransportError, OSError, struct.error)


class PortError(Exception):
    """The unit cannot be reached, or no longer; the text says what to do."""


class RefusedError(Exception):
    """The unit answered with an exception. `number`: its errno, or None if it is no OSError."""

    def __init__(self, text):
        lines = text.strip().splitlines() or ["an exception without a text"]
        super().__init__(lines[-1])
        found = re.match(r"OSError: (?:\[Errno )?(\d+)", lines[-1])
        self.number = int(found[1]) if found else None


class Prompt:
    """Raw prompt of the unit on `port`. It is a context manager; raises PortError."""

    def __init__(self, port):
        self.port = port
        self._transport = _open(port)

    def __enter__(self):
        try:
            self._interrupt()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        """Let go of the port, also when nothing is left of it."""
        with contextlib.suppress(*BROKEN):
            self._transport.close()
        with contextlib.suppress(*BROKEN):
            self._transport.serial.close()

    def _interrupt(self):
        for _ in range(ATTEMPTS):
            try:
                with contextlib.redirect_stdout(io.StringIO()):  # mpremote prints what it heard
                    self._transport.enter_raw_repl(soft_reset=False, timeout_overall=QUIET)
                return
            except TransportError:
                continue
            except BROKEN as error:
                raise self._gone() from error
        raise PortError(
            f"the unit on {self.port} does not answer. Is it this port, is MicroPython on the"
            " board (`payg flash`)? While the firmware runs, and when sealed, a unit has no prompt"
        )

    def _gone(self):
        return PortError(
            f"the connection to {self.port} broke. Plug the cable in again and repeat the same"
            " command: it goes on where it stopped"
        )

    def run(self, code):
        """Run `code` on the unit; return what it printed. Raises PortError, RefusedError."""
        try:
            return self._transport.exec(code).decode()
        except TransportExecError as error:
            raise RefusedError(error.error_output) from error
        except BROKEN as error:
            raise self._gone() from error

    def restart(self):
        """Reset the unit. It does not answer to that. Raises PortError."""
        try:
            self._transport.exec_raw_no_follow("import machine\nmachine.reset()")
        except BROKEN as error:
            raise self._gone() from error


def _open(port):
    try:
        transport = SerialTransport(port, baudrate=115200, timeout=QUIET)
        transport.serial.write_timeout = QUIET
        return transport
    except (*BROKEN, ValueError) as error:
        raise PortError(why_closed(port)) from error


def why_closed(port):
    """Return why a port cannot be opened, and what to do."""
    if not os.path.exists(port):
        present = ", ".join(sorted(found.device for found in list_ports.comports()))
        return f"there is no port {port}; present: {present or 'none. Is the cable plugged in?'}"
    if not os.access(port, os.R_OK | os.W_OK):
        return f"no permission for {port}; on Linux: sudo usermod -aG dialout $USER, log in again"
    return f"{port} cannot be opened; does another program (a terminal, an editor) hold it?"


def board_of(machine):
    """Return the board, one of MACHINES, that says `machine` of itself, or None."""
    for board, mark in MACHINES.items():
        if machine.endswith(mark):
            return board
    return None
