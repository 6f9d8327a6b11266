"""One life of a simulated unit on a cable: the process of the unit's MCU, seen from outside.

Output is watched for MicroPython's prompt, input for Ctrl-C. While the prompt waits, nothing runs
in the unit. Now and then a line is therefore typed at the prompt, to make the unit serve commands,
and the echo is held back.
"""

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from tools.interpreter import find_micropython
from tools.paths import ROOT

HEAP = "16m"
PROMPT = b"\x1e>>> "  # see tools/sim/cable.py
AFTER = b"\x1f"
RAW = b"raw REPL; CTRL-B to exit\r\n>"
SERVE = b"simulator.life.serve()"
TO_RAW, TO_FRIENDLY, END, CTRL_C = b"\x01", b"\x02", b"\x04", 3
LISTENS = 0.5  # seconds after main.py's start when a USB port is there at the latest
HARDER = 0.3  # seconds after which a program that never waits is interrupted from outside
FAR = float("inf")
SOON = 0.005  # seconds of an idle prompt until a command is served
SETTLED = 0.05  # seconds of an idle prompt until the unit is asked for due times


class UnitProcess:
    """`options`: as tools/sim/cable.py takes them.

    `usb`: input is held back until main.py has run its first line, as a host is slow to find a
    port that has just come up.
    """

    def __init__(self, options: dict[str, Any], usb: bool) -> None:
        self.raw: bool = options["raw"]
        self.commands = 0  # waiting for an answer
        self.due: float | None = None
        self._usb = usb
        self._open = False
        self._opens_at: float | None = None
        self._entering_raw = self.raw
        self._hidden = b""  # output held back
        self._hiding = False
        self._serving = False
        self._asked = False
        self._idle_since: float | None = None
        self._recent = b""
        self._return = b""  # the last byte of output, if a return
        self._typed = bytearray()
        self._interrupted_at: float | None = None
        self._lines = b""
        self.console, inner = socket.socketpair()
        self.control, other = socket.socketpair()
        self._process = subprocess.Popen(
            [
                *(find_micropython(), "-X", f"heapsize={HEAP}", "-i", "-c"),
                f"import sys; sys.path.insert(0, {str(ROOT)!r}); "
                "from tools.sim import cable as simulator; "
                f"simulator.start({other.fileno()}, globals())",
            ],
            stdin=inner.fileno(),
            stdout=inner.fileno(),
            pass_fds=[other.fileno()],
            start_new_session=True,
        )
        inner.close()
        other.close()
        self._tell(json.dumps(options))
        self.console.setblocking(False)

    def kill(self) -> int:
        """Take the power away."""
        self._process.kill()
        status = self._process.wait()
        self.console.close()
        self.control.close()
        return status

    # --- the console ---------------------------------------------------------------------

    def hear(self) -> bytes:
        """Return the unit's output for the other end of the cable."""
        said = b""
        with suppress(BlockingIOError, ConnectionError):
            while data := self.console.recv(65536):
                said += self._watch(data)
        said = said.replace(PROMPT[:1], b"").replace(AFTER, b"")
        start, said = len(self._return), self._return + said
        self._return = said[-1:] if said.endswith(b"\r") else b""
        return re.sub(rb"(?<!\r)\n", b"\r\n", said)[start:]  # as boards end their lines

    def type(self, data: bytes) -> None:
        """Take bytes from the cable."""
        self._typed += data

    @property
    def typed(self) -> bytes:
        """Input that the unit has not taken yet."""
        return bytes(self._typed)

    @property
    def full(self) -> bool:
        """Is more input waiting than the unit can take?"""
        return len(self._typed) > 4096

    def _watch(self, data: bytes) -> bytes:
        """Follow the prompt; return the output without the part to be held back."""
        self._recent = (self._recent + data)[-64:]
        raw, friendly = self._recent.rfind(RAW), self._recent.rfind(PROMPT)
        if raw != friendly:
            self.raw = raw > friendly
        if self._entering_raw:
            return self._enter_raw(data)
        if self._serving:
            self._hidden += data
            ended = self._hidden.endswith(END + b">") and self._hidden.count(END) == 2
            if ended if self._hiding else self._hidden.endswith(PROMPT):
                self._serving = False
                self._hidden = b""
                self._rest()
            return b""
        if self._at_prompt():
            self._rest()
        return data

    def _at_prompt(self) -> bool:
        ends = self._recent.endswith
        return ends(PROMPT) or (self.raw and (ends(END + b">") or ends(RAW)))

    def _rest(self) -> None:
        """Note that the prompt waits."""
        self._idle_since = time.monotonic()
        self._open = True
        if self._interrupted_at is not None:
            self._interrupted_at = None
            self._tell("-")

    def _enter_raw(self, data: bytes) -> bytes:
        """Hold back the friendly prompt's output, after a soft reset from the raw prompt."""
        if not self._hiding and AFTER in data:
            data, _, self._hidden = data.partition(AFTER)
            self._hiding = True
        elif self._hiding:
            self._hidden, data = self._hidden + data, b""
        if self._hidden.endswith(PROMPT):
            self._entering_raw = self._hiding = False
            self._hidden = b""
            self._write(TO_RAW)
        return data

    # --- work ----------------------------------------------------------------------------

    def work(self) -> float:
        """Do all that can be done now; return the seconds until the next work."""
        now = time.monotonic()
        if self._opens_at is not None and now >= self._opens_at:
            self._open = True
        self._pass_on()
        if self._interrupted_at is not None and now >= self._interrupted_at + HARDER:
            self._interrupt()
        if not self._serving and self._wanted() <= now:
            self._serve()
        times = [FAR]
        if self._opens_at is not None and not self._open:
            times.append(self._opens_at)
        if self._interrupted_at is not None:
            times.append(self._interrupted_at + HARDER)
        if not self._serving:
            times.append(self._wanted())
        return max(min(times) - now, 0)

    def _wanted(self) -> float:
        """Return when the idle prompt is to serve; never while no prompt is idle."""
        if self._idle_since is None:
            return FAR
        if self.commands:
            return self._idle_since + SOON
        if not self._asked:
            return self._idle_since + SETTLED
        return self.due if self.due is not None else FAR

    def _serve(self) -> None:
        self._serving = True
        self._hiding = self.raw
        self._hidden = b""
        self._asked = True
        self.due = None
        text = SERVE + END if self.raw else TO_RAW + SERVE + END + TO_FRIENDLY
        self._write(text)

    def _write(self, data: bytes | bytearray) -> int:
        self._idle_since = None
        self._recent = b""
        return self.console.send(data)

    def _pass_on(self) -> None:
        """Give the unit as much input as possible now."""
        with suppress(BlockingIOError, ConnectionError):
            while self._typed and self._takes():
                at = self._typed.find(CTRL_C)
                if at == 0 and self._listens():
                    self._interrupted_at = time.monotonic()
                    self._tell("!")
                    del self._typed[0]
                    continue
                self._asked = False
                end = len(self._typed) if at < 0 else max(at, 1)
                del self._typed[: self._write(self._typed[:end])]

    def _takes(self) -> bool:
        """Does the unit take input now? Not during an interrupt, which takes no time."""
        busy = self._serving or self._entering_raw or self._interrupted_at is not None
        return self._open and not busy

    # --- Ctrl-C --------------------------------------------------------------------------

    def _listens(self) -> bool:
        """Is Ctrl-C on in the interpreter? Only then the interpreter catches SIGINT."""
        try:
            with open(f"/proc/{self._process.pid}/status") as file:
                caught = next(line for line in file if line.startswith("SigCgt"))
        except OSError:
            return False  # the process is dead
        return bool(int(caught.split()[1], 16) >> signal.SIGINT - 1 & 1)

    def _interrupt(self) -> None:
        """Interrupt a program that computes. In the instant between, Ctrl-C must not go off."""
        self._interrupted_at = None
        self._tell("-")
        pid = self._process.pid
        os.kill(pid, signal.SIGSTOP)
        os.waitid(os.P_PID, pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        if self._listens():
            os.kill(pid, signal.SIGINT)
        os.kill(pid, signal.SIGCONT)

    # --- the socket ----------------------------------------------------------------------

    def command(self, line: str) -> None:
        """Give the unit a command of `payg sim --headless`."""
        self.commands += 1
        self._tell(line)

    def news(self) -> Sequence[dict[str, Any] | None]:
        """Return the objects told by the unit; a last element None marks the unit's end."""
        try:
            data = self.control.recv(65536)
        except ConnectionError:
            data = b""
        *lines, self._lines = (self._lines + data).split(b"\n")
        news = [json.loads(line) for line in lines]
        for told in news:
            self._note(told)
        return news if data else [*news, None]

    def _note(self, told: dict[str, Any]) -> None:
        if "answer" in told:
            self.commands -= 1
        elif "taken" in told:
            self._interrupted_at = None
        elif "due" in told and told["due"] is not None:
            self.due = time.monotonic() + told["due"] / 1000
        elif told.get("runs") == "main.py":
            self._opens_at = time.monotonic() + LISTENS
        if not self._usb or "intr" in told and self._opens_at is not None:
            self._open = True

    def _tell(self, line: str) -> None:
        with suppress(ConnectionError):
            self.control.sendall(line.encode() + b"\n")
