"""The emulated Pico's USB as a serial port of this computer, for mpremote and `payg provision`.

The emulator runs in a separate thread, never faster than real time, since the other end waits in
real time.
"""

from __future__ import annotations

import contextlib
import errno
import os
import queue
import threading
import time
import tty
from collections.abc import Callable
from functools import partial

from tools.emulator.unit import EmulatedUnit

SLICE_US = 2_000  # emulated time between two looks at the port
MOST = 256  # bytes the guest has not taken yet before the port is read again


class Port:
    """Serial port: `with Port(unit) as port:` lets the unit run; `port.path` is the device to
    open.

    An exception that ends the emulation is raised at the end of the `with` block.
    """

    def __init__(self, unit: EmulatedUnit) -> None:
        self._unit = unit
        self._world = unit.world
        self._actions: queue.Queue[Callable[[], object]] = queue.Queue()
        self._over = threading.Event()
        self._said = bytearray()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Port:
        self._mine, self._other = os.openpty()
        tty.setraw(self._other)
        os.set_blocking(self._mine, False)
        self.path = os.ttyname(self._other)
        self._hear, self._unit.console.hear = self._unit.console.hear, self._said.extend
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()
        self._unit.console.hear = self._hear
        os.close(self._mine)
        os.close(self._other)
        if self._error is not None and error[0] is None:
            raise self._error

    def do(self, action: Callable[[], object]) -> None:
        """Call `action()` in the emulator's thread, soon, between two moments of the emulated
        time.
        """
        self._actions.put(action)

    def press(self, keys: str) -> None:
        """Press keys in sequence."""
        world, keypad = self._world, self._unit.board.keypad
        assert keypad

        def start() -> None:
            for number, key in enumerate(keys):
                at = world.now + number * 120_000
                world.at(at, partial(keypad.press, key))
                world.at(at + 60_000, partial(keypad.release, key))

        self.do(start)

    def _run(self) -> None:
        try:
            emulated, real = self._world.now, time.monotonic()
            while not self._over.is_set():
                self._carry()
                self._world.run_until(self._world.now + SLICE_US)
                ahead = (self._world.now - emulated) / 1e6 - (time.monotonic() - real)
                if ahead > 0:
                    self._over.wait(ahead)
        except BaseException as error:
            self._error = error

    def _carry(self) -> None:
        """Transfer waiting bytes in both directions, and run waiting actions."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._actions.get_nowait()()
        chip = self._unit.board.chip
        if chip is not None and chip.cable.connected and chip.cable.untaken < MOST:
            chip.cable.type(self._read())
        if self._said:
            with contextlib.suppress(BlockingIOError):
                del self._said[: os.write(self._mine, self._said)]

    def _read(self) -> bytes:
        try:
            return os.read(self._mine, MOST)
        except BlockingIOError:
            return b""
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return b""  # the port is not open
