"""An emulated Pico for tests: the commands of `payg sim --headless`, and functions
beneath them.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.emulator.unit import EmulatedUnit
from tools.identity import PUBLISHED_CODE as STARTING_CODE
from tools.identity import PUBLISHED_KEY as KEY
from tools.identity import Identity
from tools.paths import ROOT
from tools.proofs.tokens.encoder import Encoder
from tools.sim.world import NEVER
from tools.station.littlefs import add_tree

IDENTITY = Identity("AC07", KEY, STARTING_CODE)
TOKENS = Encoder(KEY, STARTING_CODE)
SECOND = 1_000_000  # us


def add(days, count):
    """Return the token that adds days, at an even count."""
    return TOKENS.token(days, count)


def memories(tree, *lines):
    """Return a unit's memories after these commands: flash with the build, EEPROM, clock.

    The commands run in the fast simulator, without real time.
    """
    with tempfile.TemporaryDirectory() as state:
        command = [sys.executable, "-m", "tools.cli", "sim", "--headless", "--board", "pico"]
        options = ["--serial", IDENTITY.serial, "--key", KEY.hex()]
        options += ["--starting-code", str(STARTING_CODE), "--state", state]
        done = subprocess.run(
            [*command, *options],
            input="\n".join([*lines, "quit\n"]),
            capture_output=True,
            check=True,
            cwd=ROOT,
            text=True,
        )
        assert "error" not in done.stdout, done.stdout
        flash, eeprom, clock = (
            Path(state, name).read_bytes() for name in ("flash.bin", "eeprom.bin", "clock.bin")
        )
    return add_tree(tree, flash)[0], eeprom, clock


class Rig(EmulatedUnit):
    """An EmulatedUnit with the supply on. The first `do` gives a blank unit IDENTITY.

    `kept`: (flash, EEPROM, clock), or the flash alone; `heard`: all bytes ever received over USB.
    """

    def __init__(self, image, kept, plugged=True):
        flash, *others = kept if isinstance(kept, tuple) else (kept,)
        super().__init__(image, IDENTITY, files=flash, plugged=plugged)
        if others:
            self.board.eeprom.load(others[0])
            self.board.clock.load(others[1])
        self.heard = bytearray()
        hear = self.console.hear
        self.console.hear = lambda data: (self.heard.extend(data), hear(data))
        self._lines, self._answers = [], []
        session = self.session(lambda: self._lines.pop(0), self._answers.append)
        session._ready = lambda: bool(self._lines)
        self._script = session.run()
        self.board.power_on()

    def do(self, line):
        """Run a command of the line protocol; return the answer."""
        self._lines.append(line.encode())
        while not self._answers:
            wish = next(self._script)
            if wish < NEVER:
                self.world.run_until(wish)
        answer = json.loads(self._answers.pop(0))
        assert "error" not in answer, answer
        return answer

    def keys(self, digits):
        """Type an entry; return the answer."""
        return self.do(f"keys {digits}#")

    def wait(self, microseconds):
        """Let time pass."""
        self.world.run_until(self.world.now + microseconds)

    def until(self, condition, longest=10 * SECOND):
        """Let time pass until `condition()` holds; fail if still false after `longest` us."""
        assert self.world.run_while(lambda: not condition(), longest), self.board.glass()

    def ask(self, question):
        """Return the fields of the answer to a line on the console."""
        return self.console.ask(question, self.world, 3 * SECOND)
