"""A simulated unit on a cable: the real firmware behind a pseudo-terminal, as a board on a port.

This side is the cable, the power switch and the fingers on the keys. The unit is a process for
each life of the MCU (tools/cable/process.py): power off kills it, a reset starts another.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pty
import select
import signal
import sys
import tempfile
import threading
import time
import tty
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from pathlib import Path
from queue import SimpleQueue
from socket import socket
from typing import Any, TextIO, TypeVar

from tools.cable.process import UnitProcess
from tools.identity import DEMO, Identity
from tools.interpreter import simulator_options

PATIENCE = 60  # seconds for an answer
UP = 20  # seconds until a unit that was switched on answers
DEAF = 0.5  # seconds until a unit gives up a host that does not read
NO_POWER = {"t": 0, "power": False, "display": "", "load": False, "result": None, "uart": []}
CABLE = (["pull"], ["plug"])  # commands of the cable, not of the unit
# Commands whose effect outlasts a restart of the MCU: how many words name the object.
LASTING = {"supply": 2, "bus": 2, "bounce": 1, "press": 2}

Answer = dict[str, Any]  # to a command of `payg sim --headless`
Command = tuple[str, Future[Answer]]  # a line, and the answer to come
T = TypeVar("T")


class CableError(Exception):
    """The unit refuses a command, or does not answer; the text says why."""


class SimulatedUnit:
    """A unit with power, on a cable whose other end is `port` (None while the cable is pulled).

    state: directory for the unit's memories, as of `payg sim --state`, or None; board: one of
    tools.boards.BOARDS, or None for the simulator's own; bare: nothing but MicroPython on the
    unit, else this checkout's firmware runs where the unit has no main.py; flash_kb: room for
    files; identity: a tools.identity.Identity to give to a blank unit; micropython: the version
    that the unit's interpreter claims. Raises CableError.
    """

    def __init__(
        self,
        state: str | Path | None = None,
        board: str | None = None,
        bare: bool = False,
        flash_kb: int = 1408,
        identity: Identity | None = None,
        micropython: tuple[int, int, int] = (1, 28, 0),
    ) -> None:
        if sys.platform != "linux":
            raise CableError("a simulated unit on a cable needs Linux")
        self._folder = None if state else tempfile.TemporaryDirectory(prefix="payg-unit-")
        identity = identity or DEMO._replace(key=None, starting_code=None)
        place = state or (self._folder.name if self._folder else "")
        options = simulator_options(identity, place, board)
        self._options: dict[str, Any] = dict(
            options, bare=bare, sectors=flash_kb // 4, same=False, before={}
        )
        self._options["micropython"] = micropython
        self._options["board_id"] = hashlib.sha256(os.path.abspath(place).encode()).hexdigest()[
            :16
        ]
        self._usb = options["chip"] != "esp32"
        self.sent = self.restarts = 0
        self.port: str | None = None
        self._up = False
        self._epoch = time.monotonic()  # when the unit's time was 0
        self._powered_at = self._cut = 0
        self._again: dict[tuple[str, ...], str] = {}
        self._last: Answer = {}
        self._child: UnitProcess | None = None
        self._host: int | None = None
        self._slave: int | None = None
        self._limit: int | None = None
        self._out, self._stuck_since, self._deaf = b"", 0.0, False
        self._current: Command | None = None
        self._waiting: list[Command] = []
        self._done = False
        self._requests: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._changed = threading.Condition()
        self._wake, self._waker = os.pipe()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        try:
            self.plug()
            self.power_on()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> SimulatedUnit:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Take power and cable away for good."""
        if self._thread.is_alive():
            self._ask(self._finish)
            self._thread.join()
            os.close(self._wake)
            os.close(self._waker)
        if self._folder:
            self._folder.cleanup()

    def command(self, line: str, patience: float = PATIENCE) -> Answer:
        """Return the answer to a command of `payg sim --headless`, as a dictionary."""
        answer = self._ask(lambda: self._take(line))
        try:
            return answer.result(patience)
        except Late:
            raise CableError(f"the unit does not answer {line!r}") from None

    def do(self, line: str, patience: float = PATIENCE) -> Answer:
        """Return the answer to a command; raise CableError for a refused command."""
        answer = self.command(line, patience)
        if "error" in answer:
            raise CableError(answer["error"])
        return answer

    def power_off(self) -> Answer:
        """Take the power away at once, in the middle of any work."""
        return self.do("power off")

    def power_on(self) -> Answer | None:
        """Give power; return when the firmware is up, or the prompt, or nothing comes up."""
        try:
            return self.do("power on", UP)
        except CableError:
            if self._child is None:
                raise
            return None

    def plug(self, limit: int | None = None) -> None:
        """Plug the cable in: there is a new `port`. Pulled after `limit` bytes to the unit."""
        self._ask(lambda: self._plug(limit))

    def pull(self) -> None:
        """Pull the cable; the unit runs on."""
        self._ask(self._pull)

    def wait_restart(self, number: int, patience: float = UP) -> None:
        """Wait until the unit has restarted by itself `number` times in all, and is up again."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._up and self.restarts >= number, patience):
                raise CableError(f"the unit restarted {self.restarts} times, not {number}")

    # --- the thread that carries ---------------------------------------------------------

    def _ask(self, function: Callable[[], T]) -> T:
        """Have the thread call a function; return the result."""
        done: Future[T] = Future()

        def serve() -> None:
            try:
                done.set_result(function())
            except Exception as error:
                done.set_exception(error)

        self._requests.put(serve)
        os.write(self._waker, b"x")
        return done.result(PATIENCE)

    def _run(self) -> None:
        while not self._done:
            child = self._child
            pause = min(child.work() if child else PATIENCE, DEAF if self._out else PATIENCE)
            ends: list[int | socket] = [self._wake]
            if child:
                ends += [child.control] if self._out else [child.control, child.console]
            if self._host is not None and not (child and child.full):
                ends.append(self._host)
            writable = [self._host] if self._out and self._host is not None else []
            ready, free, _ = select.select(ends, writable, [], pause)
            if free or self._out:
                self._to_host()
            if child and child.console in ready:
                self._to_host(child.hear())
            if self._host is not None and self._host in ready:
                self._to_unit(self._host)
            if child and child.control in ready:
                self._heed(child)
            if self._wake in ready:
                os.read(self._wake, 1)
                self._requests.get()()

    def _finish(self) -> None:
        self._done = True
        self._pull()
        self._stop()
        for _, answer in [*([self._current] if self._current else []), *self._waiting]:
            answer.set_result({"error": "the simulator ends"})

    # --- the cable -----------------------------------------------------------------------

    def _plug(self, limit: int | None) -> None:
        self._pull()
        host, slave = pty.openpty()
        tty.setraw(slave)
        os.set_blocking(host, False)
        self._host, self._slave = host, slave
        self.sent, self._limit = 0, limit
        self.port = os.ttyname(slave)

    def _pull(self) -> None:
        for end in (self._slave, self._host):
            if end is not None:
                os.close(end)
        self._host = self._slave = self.port = None
        self._out = b""

    def _to_host(self, data: bytes = b"") -> None:
        """Send to the host; a host that does not read for a while loses data, as on a board."""
        if self._host is None:
            self._out = b""
            return
        self._out += data
        try:
            written = os.write(self._host, self._out) if self._out else 0
        except BlockingIOError:
            written = 0
        self._out = self._out[written:]
        now = time.monotonic()
        if written or not self._out:
            self._stuck_since, self._deaf = now, False
        elif self._deaf or now - self._stuck_since > DEAF:
            self._out, self._deaf = b"", True

    def _to_unit(self, host: int) -> None:
        data = os.read(host, 4096)
        if self._limit is not None:
            data = data[: self._limit - self.sent]
        self.sent += len(data)
        if self._child:
            self._child.type(data)
        if self._limit is not None and self.sent >= self._limit:
            self._pull()

    # --- power ---------------------------------------------------------------------------

    @property
    def _now(self) -> int:
        return int((time.monotonic() - self._epoch) * 1_000_000)

    def _start(self, cause: str, raw: bool = False) -> UnitProcess:
        if cause == "power":
            self._powered_at = self._now
        state = {
            "cause": cause,
            "raw": raw,
            "now": self._now,
            "powered_at": self._powered_at,
            "cut": self._cut,
            "again": list(self._again.values()),
        }
        child = UnitProcess(dict(self._options, **state), self._usb and cause != "soft")
        self._child = child
        self._up = False
        self.restarts += cause != "power"
        self._options["same"] = True
        return child

    def _stop(self) -> None:
        child, self._child = self._child, None
        if child:
            child.kill()

    def _heed(self, child: UnitProcess) -> None:
        """Act on the unit's messages."""
        for told in child.news():
            if told is None:
                self._to_host(child.hear())
                if child is self._child:
                    self._restart(child, {"end": "reset"}, f"the interpreter died: {child.kill()}")
                return
            if "now" in told:
                self._epoch = time.monotonic() - told["now"] / 1_000_000
            if "answer" in told:
                self._answer(told["answer"])
            elif "ready" in told:
                with self._changed:
                    self._up = True
                    self._changed.notify_all()
            elif "failed" in told:
                self._stop()
                self._answer({"error": told["failed"]})
                return
            elif "end" in told:
                self._to_host(child.hear())
                self._restart(child, told)
                return

    def _restart(self, child: UnitProcess, told: Answer, why: str | None = None) -> None:
        """End one life of the MCU and begin the next, unless the power is gone."""
        if why:
            print(f"simulator: {why}", file=sys.stderr)
        raw, typed = child.raw, child.typed
        if not why:
            self._stop()
        self._child = None
        self._cut = told.get("cut", 0)
        if told["end"] == "power":
            self._answer(self._without_power())
            return
        self._options["before"] = {name: told.get(name) for name in ("end", "cause", "watchdog")}
        soft = told["end"] == "soft"
        if soft:
            self._to_host(b"MPY: soft reboot\r\n")
        begun = self._start("soft" if soft else "reset", soft and raw)
        if soft:
            begun.type(typed)
        if self._current:  # the answer under way is lost; the status stands in
            begun.command("status")

    # --- commands ------------------------------------------------------------------------

    def _take(self, line: str) -> Future[Answer]:
        """Take a command; return the Future of its answer."""
        answer: Future[Answer] = Future()
        words = line.split()
        if words[:2] == ["power", "off"] and len(words) == 2:
            self._stop()
            answer.set_result(self._without_power())
            self._answer(self._without_power())
        elif self._child is None:
            self._take_without_power(line, words, answer)
        else:
            self._waiting.append(("status" if words == ["power", "on"] else line, answer))
            self._next()
        return answer

    def _take_without_power(self, line: str, words: list[str], answer: Future[Answer]) -> None:
        if words == ["power", "on"]:
            self._start("power")
            self._waiting.append(("status", answer))
            self._next()
        elif words == ["status"]:
            answer.set_result(self._without_power())
        elif words[:1] == ["advance"] and len(words) == 2 and words[1].isdecimal():
            self._epoch -= int(words[1])
            answer.set_result(self._without_power())
        else:
            answer.set_result({"error": "the unit has no power: power on"})

    def _next(self) -> None:
        if self._current is None and self._waiting and self._child:
            self._current = self._waiting.pop(0)
            self._child.command(self._current[0])

    def _answer(self, answer: Answer) -> None:
        """Answer the waiting command, if any."""
        if "error" not in answer:
            self._last.update(answer)
        if self._current is None:
            return
        (line, future), self._current = self._current, None
        if "error" not in answer:
            self._remember(line.split())
        future.set_result(answer)
        if self._child:
            self._next()
        while self._waiting and not self._child:
            line, future = self._waiting.pop(0)
            self._take_without_power(line, line.split(), future)

    def _remember(self, words: list[str]) -> None:
        """Note a setting that outlasts a restart of the MCU."""
        if words[0] == "release":
            self._again.pop(("press", *words[1:]), None)
        elif words[0] in LASTING:
            self._again[tuple(words[: LASTING[words[0]]])] = " ".join(words)

    def _without_power(self) -> Answer:
        return dict(self._last, **NO_POWER)


def serve(source: Iterable[str], sink: TextIO, **options: Any) -> int:
    """`payg sim --headless --cable`: commands from `source`, JSON to `sink`; an exit status."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))

    def say(answer: Answer) -> None:
        sink.write(json.dumps(answer) + "\n")
        sink.flush()

    try:
        unit = SimulatedUnit(**options)
    except CableError as error:
        say({"error": str(error)})
        return 2
    with unit, contextlib.suppress(BrokenPipeError):
        say({"port": unit.port})
        for line in source:
            words = line.split()
            if words == ["quit"]:
                break
            say(_move(unit, words) if words[:1] in CABLE else unit.command(line.rstrip("\n")))
    return 0


def _move(unit: SimulatedUnit, words: list[str]) -> Answer:
    """Pull the cable, or plug it in; return the answer."""
    if words == ["pull"]:
        unit.pull()
    elif words == ["plug"]:
        unit.plug()
    elif words[0] == "plug" and len(words) == 2 and words[1].isdecimal():
        unit.plug(int(words[1]))
    else:
        return {"error": "pull takes nothing, plug a number of bytes or nothing: plug 1500"}
    return {"port": unit.port}
