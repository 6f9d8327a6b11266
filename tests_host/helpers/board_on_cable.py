"""A unit on a cable: the real MicroPython on a pseudo-terminal, and a cable that can be pulled.

The unit's directory is its file system. It says what board it is and has a `machine` with reset(),
which the unix port lacks; all else is MicroPython's own.
"""

import os
import pty
import select
import signal
import subprocess
import termios
import threading
import tty

PICO = "Raspberry Pi Pico with RP2040"
ESP32 = "Generic ESP32 module with ESP32"
START = """
import os
import sys
from collections import namedtuple
class Named:
    def __init__(self, **names):
        self.__dict__.update(names)
class System:
    def __getattr__(self, name):
        return getattr(real, name)
class Machine:
    def reset(self):
        os.system("kill -TERM $PPID")  # at once, and no prompt after it
open(sys.argv[1]).close()  # the session's terminal: from now on Ctrl-C interrupts
real = sys
system = System()
system.implementation = namedtuple("implementation", ("version", "_machine"))((1, 28, 0), MACHINE)
real.modules["sys"] = system
real.modules["machine"] = Machine()
"""
# A littlefs of few blocks in RAM, as the whole file system of the unit.
SMALL = """
import os, vfs
class Flash:
    def __init__(self, blocks):
        self.data = bytearray(blocks * 4096)
    def readblocks(self, number, buffer, offset=0):
        at = number * 4096 + offset
        buffer[:] = memoryview(self.data)[at : at + len(buffer)]
    def writeblocks(self, number, buffer, offset=0):
        at = number * 4096 + offset
        self.data[at : at + len(buffer)] = buffer
    def ioctl(self, operation, argument):
        return {4: len(self.data) // 4096, 5: 4096}.get(operation, 0)
flash = Flash(BLOCKS)
vfs.VfsLfs2.mkfs(flash)
vfs.mount(flash, "/flash")
os.chdir("/flash")
"""


class BoardOnCable:
    """A powered board whose files lie in `folder`, on a cable whose other end is `port`.

    `machine` is what it calls itself; `blocks`: instead a littlefs of so many blocks in RAM.
    `busy` is code that runs from the start, in place of the prompt; it has to print something.
    """

    def __init__(self, executable, folder, machine=PICO, blocks=None, busy=""):
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self._script = folder.parent / f"{folder.name}-start.py"
        text = f"MACHINE = {machine!r}\n{START}"
        text += f"BLOCKS = {blocks}\n{SMALL}" if blocks else ""
        self._script.write_text(text + busy)
        self._command = [executable, "-X", "heapsize=1m", "-i", str(self._script)]
        self._process = self._thread = None
        self.sent = self._limit = 0
        self.plug()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.pull()
        self.power_off()

    @property
    def reset(self):
        """Did the unit restart by itself? Waits until its process ends."""
        return self._process.wait(10) == -signal.SIGTERM

    def power_on(self):
        """Start MicroPython on a terminal of its own."""
        self._unit, slave = pty.openpty()
        tty.setraw(slave)
        modes = termios.tcgetattr(slave)
        modes[3] |= termios.ISIG | termios.NOFLSH  # a program that runs is interrupted by Ctrl-C
        termios.tcsetattr(slave, termios.TCSANOW, modes)
        self._process = subprocess.Popen(
            [*self._command, os.ttyname(slave)],
            cwd=self.folder,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        os.read(self._unit, 4096)  # its first words: until then a Ctrl-C would end the interpreter

    def power_off(self):
        """Take the power away at once."""
        if self._process:
            self._process.kill()
            self._process.wait()
            os.close(self._unit)
            self._process = None

    def plug(self, limit=None):
        """Plug the cable in; it is pulled when `limit` bytes went to the unit."""
        if self._process is None or self._process.poll() is not None:
            self.power_off()
            self.power_on()
        self._host, slave = pty.openpty()
        tty.setraw(slave)
        self.port = os.ttyname(slave)
        self._slave, self.sent, self._limit = slave, 0, limit
        self._stop, self._stopped = os.pipe()
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def pull(self):
        """Pull the cable."""
        if self._thread:
            os.write(self._stopped, b"x")
            self._thread.join()
            self._thread = None
            os.close(self._stop)
            os.close(self._stopped)

    def _carry(self):
        ends = [self._host, self._unit, self._stop]
        while True:
            ready, _, _ = select.select(ends, [], [])
            if self._stop in ready:
                break
            if self._unit in ready and not self._to_host():
                ends.remove(self._unit)  # no power: the cable is still there
            if self._host in ready and not self._to_unit():
                break
        os.close(self._slave)
        os.close(self._host)

    def _to_host(self):
        try:
            os.write(self._host, os.read(self._unit, 4096))
        except OSError:
            return False
        return True

    def _to_unit(self):
        data = os.read(self._host, 4096)
        if self._limit is not None:
            data = data[: self._limit - self.sent]
        self.sent += len(data)
        try:
            os.write(self._unit, data)
        except OSError:
            return True
        return self._limit is None or self.sent < self._limit
