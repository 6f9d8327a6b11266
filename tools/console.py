"""`payg console`: what a unit says of itself on its console, sealed or not. It changes nothing."""

import time

import click
import serial

from tools.ports import QUIET, why_closed

TRIES = 3  # opening the port restarts many ESP32 boards: the first question gets lost
SPEED = 115200
DAY, HOUR, MINUTE = 86400, 3600, 60


class ConsoleError(Exception):
    """The unit does not tell; the text says what to do."""


class Console:
    """The firmware's line protocol on `port`. It is a context manager; raises ConsoleError."""

    def __init__(self, port):
        self.port = port
        try:
            self._serial = serial.serial_for_url(port, SPEED, timeout=0.1, write_timeout=QUIET)
        except (OSError, ValueError) as error:
            raise ConsoleError(why_closed(port)) from error

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._serial.close()

    def ask(self, question):
        """Return the fields that follow `question` ("STATUS", "ID") in its answer."""
        prompt = False
        try:
            for _ in range(TRIES):
                self._serial.write(f"\r#{question}\r".encode())
                for line in self._lines():
                    if line.startswith(f"#{question};"):
                        return line.split(";")[1:]
                    prompt = prompt or line.startswith(">>>")
        except OSError as error:
            raise ConsoleError(
                f"the connection to {self.port} broke. Plug the cable in again and repeat the same"
                " command"
            ) from error
        if prompt:
            raise ConsoleError(
                f"on {self.port} there is MicroPython's prompt, not the firmware. `payg deploy`"
                " puts the firmware on the board"
            )
        raise ConsoleError(
            f"the unit on {self.port} does not answer. Is it this port, has the unit power?"
        )

    def _lines(self):
        """Yield what comes, line by line, until nothing came for a while."""
        waiting, last = b"", time.monotonic()
        while time.monotonic() < last + QUIET:
            data = self._serial.read(max(1, self._serial.in_waiting))
            if data:
                last = time.monotonic()
            *lines, waiting = (waiting + data).replace(b"\r", b"\n").split(b"\n")
            for line in lines:
                yield line.decode("ascii", "replace")


def duration(seconds):
    """Return seconds in words, such as "3 d 04:05:06"."""
    days, rest = divmod(seconds, DAY)
    return f"{days} d {rest // HOUR:02}:{rest // MINUTE % 60:02}:{rest % MINUTE:02}"


def described(identity, status):
    """Return lines about a unit from the fields of its answers. Raises ConsoleError."""
    try:
        serial_number, check, count, version = identity
        state, *left = status
        left = int(left[0]) if left else 0
    except ValueError as error:
        raise ConsoleError("the unit answers in another way than this version expects") from error
    if not serial_number:
        return [f"A blank unit, firmware {version}: it has no identity yet"]
    states = {
        "ACTIVE": f"active, {duration(left)} left",
        "INACTIVE": "inactive: nothing is paid",
        "PAYG_DISABLED": "free: unlocked for good",
    }
    return [
        f"Serial     {serial_number}",
        f"Status     {states.get(state, state)}",
        f"Count      {count}",
        f"Key check  {check}",
        f"Firmware   {version}",
    ]


@click.command(name="console")
@click.option("--port", required=True, metavar="PORT", help="Serial port of the unit.")
def command(port):
    """Ask a unit who it is and what is paid. It works sealed too, and changes nothing.

    \b
    Serial, status, count, key check value and firmware version:
      payg console --port /dev/ttyACM0
    """
    try:
        with Console(port) as console:
            for line in described(console.ask("ID"), console.ask("STATUS")):
                click.echo(line)
    except ConsoleError as error:
        raise click.ClickException(str(error)) from error
