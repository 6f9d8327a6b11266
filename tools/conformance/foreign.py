"""Units without a serial port: behind an adapter program, or behind a person at a keypad."""

from __future__ import annotations

import contextlib
import os
import select
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

import click

from tools.conformance.answers import Lines, answer_in
from tools.conformance.units import (
    ANSWER_S,
    HELLO_S,
    HELLOS,
    NO_PERSON,
    NO_TIME,
    OTHERS_S,
    SilentUnitError,
    wait_in_real_time,
)
from tools.plain import hide_keys
from tools.tokens import grouped

SAID = 300  # characters of an adapter's standard error shown
ERRORS_MAX = 65_536  # bytes of standard error that are read
PIECE = 4_096  # bytes read at once
PIPE = 1 << 20  # bytes; no pipe holds more


class CommandUnit:
    """A unit behind a program that speaks the console's lines on its standard input and output.

    command: program and arguments, split as a shell would; power, wait: as for SerialUnit. The
    program and its children are killed at the end. Raises SilentUnitError.
    """

    instant = by_hand = False
    cut_s = OTHERS_S

    def __init__(
        self, command: str, power: Callable[[], None] | None = None, wait: bool = False
    ) -> None:
        self.name = f"unit behind {hide_keys(command)}"
        self.no_power = None if power else NO_PERSON
        self.no_wait = None if wait else NO_TIME
        self._power = power
        self._errors = tempfile.TemporaryFile()
        try:
            self._process = subprocess.Popen(
                shlex.split(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                bufsize=0,
                start_new_session=True,  # a process group of its own, killed at the end
            )
        except (OSError, ValueError, IndexError) as error:
            reason = getattr(error, "strerror", None) or error
            raise SilentUnitError(
                f"cannot start the adapter {hide_keys(command)!r}: {reason}"
            ) from error

    def __enter__(self) -> CommandUnit:
        return self

    def __exit__(self, *error: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._errors.close()

    now = staticmethod(time.monotonic)
    wait = staticmethod(wait_in_real_time)

    def power_cycle(self) -> None:
        """Have the power taken away and given back, then wait for the unit."""
        if self._power:
            self._power()
        self.greet()

    def greet(self) -> str:
        """Wait until the unit answers. Raises SilentUnitError."""
        for _ in range(HELLOS):
            if self._process.poll() is not None:
                break
            with contextlib.suppress(SilentUnitError):
                return self.ask("#STATUS;", HELLO_S)
        raise SilentUnitError(
            f"the adapter does not answer #STATUS;{self._why()}. Does it end each line with a"
            " newline and flush its output?"
        )

    def ask(self, line: str, seconds: float = ANSWER_S) -> str:
        """Return the answer to a line. Raises SilentUnitError when late, or at the end."""
        stdin = self._process.stdin
        assert stdin
        self._forget()
        with contextlib.suppress(OSError):  # a program that ended is told below
            stdin.write(line.encode() + b"\n")
            stdin.flush()
        lines = Lines()
        for data in self._heard(time.monotonic() + seconds):
            for text in lines.feed(data):
                answer = answer_in(text, line)
                if answer:
                    return answer
        name = line.partition(";")[0]
        raise SilentUnitError(f"the adapter gave no answer to {name}{self._why()}")

    def _heard(self, end: float) -> Iterator[bytes]:
        """Yield the program's output until a time, or to its end."""
        stdout = self._process.stdout
        assert stdout
        while (left := end - time.monotonic()) > 0:
            if select.select([stdout], [], [], left)[0]:
                data = os.read(stdout.fileno(), PIECE)
                if not data:
                    return
                yield data

    def _forget(self) -> None:
        """Drop output that is no answer to the next line: as much as a pipe holds, and no more."""
        stdout = self._process.stdout
        assert stdout
        for _ in range(PIPE // PIECE):
            if not select.select([stdout], [], [], 0)[0] or not os.read(stdout.fileno(), PIECE):
                return

    def _why(self) -> str:
        """Return exit code and last words of a program that ended, or ""."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self._process.wait(0.2)
            size = self._errors.seek(0, os.SEEK_END)
            self._errors.seek(max(0, size - ERRORS_MAX))
            said = hide_keys(self._errors.read().decode(errors="replace").strip())[-SAID:]
            return f": it ended with exit code {code}" + (f", {said!r}" if said else "")
        return ""


KEYS = {
    "v": ("accepted", "#TOKEN;VALID"),
    "f": ("accepted, and the unit is free for good", "#TOKEN;PAYG_DISABLED"),
    "u": ("refused as used", "#TOKEN;ALREADY_USED"),
    "w": ("refused as wrong", "#TOKEN;INVALID"),
    "l": ("not judged: the keypad is locked", "#TOKEN;LOCKED"),
}
AGAIN, QUIT = "t", "q"


class ManualUnit:
    """A unit with a keypad only: a person types each token and answers with one key.

    Seconds are not compared, as the person cannot see them; power, wait: as for SerialUnit.
    """

    name = "unit at a person's keypad"
    instant = False
    by_hand = True
    cut_s = OTHERS_S

    def __init__(self, power: Callable[[], None], wait: bool = False) -> None:
        self.no_power: str | None = None
        self.no_wait = None if wait else NO_TIME
        self._power = power
        self._number = 0

    def __enter__(self) -> ManualUnit:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    now = staticmethod(time.monotonic)
    wait = staticmethod(wait_in_real_time)

    def power_cycle(self) -> None:
        """Have the power taken away and given back."""
        self._power()

    def greet(self) -> str:
        """Tell the person about the keys."""
        click.echo("Type each token on the unit, then press one key here:")
        for key, (meaning, _) in KEYS.items():
            click.echo(f"  {key}  {meaning}")
        click.echo(f"  {AGAIN}  typed wrongly: show the token again")
        click.echo(f"  {QUIT}  stop here; the report has the checks so far")
        return self.ask("#STATUS;")

    def ask(self, line: str, seconds: float = ANSWER_S) -> str:
        """Show a token; return the person's answer. #STATUS and #ID have none."""
        word, _, digits = line.partition(";")
        if word != "#TOKEN":
            return f"{word};"
        self._number += 1
        while True:
            click.echo(f"{self._number:4}  {grouped(digits)}  [{'/'.join(KEYS)}] ", nl=False)
            key = getkey()
            click.echo(key)
            if key == QUIT:
                raise click.Abort
            if key in KEYS:
                return KEYS[key][1]
            if key != AGAIN:
                click.echo(f"      a key of {', '.join((*KEYS, AGAIN, QUIT))}")


def getkey() -> str:
    """Return a key in lower case; from a pipe, the next character that is no space."""
    if sys.stdin.isatty():
        return click.getchar().lower()
    while (key := sys.stdin.read(1)).isspace():
        pass
    return key.lower() or QUIT
