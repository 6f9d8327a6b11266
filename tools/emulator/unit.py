"""An emulated Pico on a board, with the controls used by the session and the tests."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tools.boards import load
from tools.emulator.board import PicoBoard
from tools.emulator.console import GuestConsole
from tools.emulator.deployed import deployed
from tools.emulator.observed import ObservedFirmware
from tools.emulator.world import EmulatedWorld
from tools.identity import Identity
from tools.sim.keep import Keep
from tools.sim.session import Session

LONG = 600  # seconds of emulated time worth a line of progress
SPEED = 5  # emulated seconds per real second while the unit idles


def say(text: str) -> None:
    """Write a line of progress to standard error."""
    print(text, file=sys.stderr, flush=True)


class Unbuffered:
    """Unbuffered files for the state's directory: a killed emulator leaves the same as a board."""

    rename = staticmethod(os.rename)

    @staticmethod
    def open(path: str, mode: str) -> Any:
        """Open a file whose writes are complete when they return."""
        return open(path, mode, buffering=0)


class EmulatedUnit:
    """A Pico on a board, with the controls used by the session and the tests. The supply is off.

    `image`: path of MicroPython's UF2; `identity`: tools.identity.Identity or None; `state`: a
    directory that keeps the memories, or None; `files`: bytes of a file system, None for the file
    system in `state` with this checkout's build added.
    """

    def __init__(
        self,
        image: str,
        identity: Identity | None = None,
        state: str | Path | None = None,
        files: bytes | None = None,
        plugged: bool = True,
    ) -> None:
        self.world = EmulatedWorld()
        self.console = GuestConsole(lambda: self.board.chip)
        self.board = PicoBoard(
            self.world, load("pico"), image, lambda data: self.console.hear(data), plugged
        )
        self.keep = Keep(str(state), self.board, host=Unbuffered) if state else None
        if files is None:
            files = deployed(self.board.flash.dump() if state else None)
        self._fill(files)
        self._erase: Callable[[], None] = self.board.flash.wipe
        self.board.flash.wipe = self._deploy_anew  # type: ignore[method-assign]
        self.firmware = ObservedFirmware(self.board, self.console, identity)
        self.board.on_restart = self.firmware.restarted

    def _fill(self, files: bytes) -> None:
        record = self.board.flash.record
        self.board.flash.load(files)
        if record is not None:
            record(0, files)

    def _deploy_anew(self) -> None:
        self._erase()
        self._fill(deployed())

    def save(self) -> None:
        """Save everything that the memories' files lack."""
        if self.keep:
            self.keep.save()

    def session(self, read: Callable[[], bytes], write: Callable[[str], None]) -> Session:
        """Return a session on this unit, to be run by `serve`."""
        return Session(self.board, self.console, self.firmware, read, write, self.save)

    def serve(self, session: Session) -> int:
        """Let the world run until the session is over; return the exit status."""
        self.board.power_on()
        for wish in session.run():
            seconds = (wish - self.world.now) // 1_000_000
            if self.board.power and seconds >= LONG:
                say(f"{seconds:,} s of an emulated Pico take about {seconds // (60 * SPEED)} min")
            self.world.run_until(wish)
        return session.status
