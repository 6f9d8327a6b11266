"""Drive the headless simulator from a test: one command in, one answer out.

with Sim(serial="T1", key=KEY, starting_code=123456789) as sim:
    assert sim.do("keys 662486790#")["result"] == "ADD_TIME"
"""

import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tools.identity import DEMO, Identity
from tools.interpreter import simulator_command
from tools.paths import ROOT

PARTS = ("boot.py", "main.py", "firmware", "lib")  # parts of a checkout, board/ aside
PAYG_SIM = [sys.executable, "-m", "tools.cli", "sim", "--headless"]
BATCH = 50  # lines sent at once: the answers must fit into a pipe's buffer
STDERR_SHOWN = 4_000  # characters of the simulator's standard error shown on failure


class SimulatorError(AssertionError):
    """The simulator ended, stayed silent, or gave an answer that cannot be parsed."""


def root_with_board(folder, board):
    """Make `folder` a checkout with lines (`board`) appended to board/sim.py; return the path."""
    root = Path(folder)
    for part in PARTS:
        (root / part).symlink_to(ROOT / part)
    (root / "board").mkdir()
    (root / "board" / "__init__.py").symlink_to(ROOT / "board" / "__init__.py")
    data = (ROOT / "board" / "sim.py").read_text()
    (root / "board" / "sim.py").write_text(data + board)
    return root


def unit_command(state=None, board=None, key=None, **options):
    """Return the simulator's command for options of `payg sim --headless`, without running `payg`.

    The start of `payg` alone takes as long as the simulator's.
    """
    given = {name: value for name, value in options.items() if value is not None}
    key = bytes.fromhex(key) if key else None
    return simulator_command(Identity(**{"serial": DEMO.serial, "key": key} | given), state, board)


def arguments(options):
    """Yield the command line arguments for a dictionary of options."""
    for name, value in options.items():
        option = "--" + name.replace("_", "-")
        if value is True:
            yield option
        elif value is not None and value is not False:
            yield from (option, str(value))


class Sim:
    """One headless simulator process; leaving the `with` block kills the process.

    `timeout`: longest wait for an answer, in seconds of wall time; `options`: options of `payg
    sim --headless` with underscores, None or False to leave an option out; `command`: program in
    place of the simulator, with the options as arguments (PAYG_SIM: by way of `payg`).
    """

    def __init__(self, timeout=60, command=None, **options):
        self.timeout = timeout
        self._command = [*command, *arguments(options)] if command else unit_command(**options)
        self._unread = b""

    def __enter__(self):
        self._stderr = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            cwd=ROOT,
        )
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._process.stdout, selectors.EVENT_READ)
        return self

    def __exit__(self, *_exception):
        self._process.kill()
        self._process.wait()
        self._selector.close()
        self._process.stdout.close()
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            pass  # died with unread lines in the pipe
        self._stderr.close()

    def do(self, line):
        """Send one command line, return the answer as a dict ({"error": …} included)."""
        return self.do_all([line])[0]

    def do_all(self, lines):
        """Send many command lines, return the answers in order."""
        answers = []
        lines = list(lines)
        for start in range(0, len(lines), BATCH):
            batch = lines[start : start + BATCH]
            self._send(batch)
            answers += [self._answer(line) for line in batch]
        return answers

    def keys(self, keys):
        """Press keys; return the answer, given when the entry is judged and on the glass."""
        return self.do(f"keys {keys}")

    def status(self):
        """Return the state without changing it."""
        return self.do("status")

    def close(self):
        """Send `quit`, wait for the end, return (answer, exit code)."""
        answer = self.do("quit")
        return answer, self.wait()

    def wait(self):
        """Close standard input, wait for the end, return the exit code."""
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            return self._process.wait(self.timeout)
        except subprocess.TimeoutExpired:
            raise SimulatorError(self._because("did not end")) from None

    def read_line(self):
        """Return the next line of output without the newline; "" at end of output."""
        return self._line("reading").decode()

    def stderr(self):
        """Return the simulator's standard error so far."""
        self._stderr.seek(0)
        return self._stderr.read().decode(errors="replace")

    def _send(self, lines):
        try:
            self._process.stdin.write("".join(f"{line}\n" for line in lines).encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            raise SimulatorError(self._because(f"ended before {lines[0]!r}")) from None

    def _answer(self, command):
        line = self._line(f"answering {command!r}")
        try:
            answer = json.loads(line)
        except ValueError:
            raise SimulatorError(self._because(f"answered {command!r} with {line!r}")) from None
        if not isinstance(answer, dict):
            raise SimulatorError(self._because(f"answered {command!r} with {line!r}"))
        return answer

    def _line(self, doing):
        deadline = time.monotonic() + self.timeout
        while b"\n" not in self._unread:
            if not self._selector.select(max(0, deadline - time.monotonic())):
                raise SimulatorError(self._because(f"was silent for {self.timeout} s {doing}"))
            piece = os.read(self._process.stdout.fileno(), 65_536)
            if not piece:
                line, self._unread = self._unread, b""
                return line
            self._unread += piece
        line, self._unread = self._unread.split(b"\n", 1)
        return line

    def _because(self, what):
        code = self._process.poll()
        state = "still running" if code is None else f"exit code {code}"
        said = self.stderr()[-STDERR_SHOWN:] or "(nothing)"
        return f"The simulator {what} ({state}). Its standard error:\n{said}"
