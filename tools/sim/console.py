"""The serial console of the simulated board, behind the firmware's `sys.stdin` and
`sys.stdout`.
"""

import io
import sys

from tools.sim.mcu.pins import _Port

_POLL = 3  # MP_STREAM_POLL
_READ, _WRITE = 1, 4
_LIMIT = 4096  # bytes that wait for the other end; further bytes are lost, as on a board


class Console:
    """Both directions: the other end sends with `feed` and receives with `take`."""

    def __init__(self, world):
        self.world = world
        self._waiting = bytearray()
        self._line = bytearray()
        self._lines = []
        self.stdin = _Input(self)
        self.stdout = _Output(self)

    def feed(self, data):
        """Take bytes from the other end."""
        room = _Port.chip.console_room - len(self._waiting)
        self._waiting.extend(data[: max(room, 0)])

    @property
    def unread(self):
        """Number of bytes that the firmware has not fetched."""
        return len(self._waiting)

    def take(self):
        """Return the complete lines since the last call."""
        lines, self._lines = self._lines, []
        return lines

    def reset(self):
        """Restart with the MCU: incoming bytes are lost, an unfinished line ends."""
        self._waiting = bytearray()
        if self._line:
            self._end_line()

    def get(self, count):
        """Return up to `count` waiting bytes."""
        data = bytes(self._waiting[:count])
        self._waiting = self._waiting[count:]
        return data

    def wait(self):
        """Block the firmware until there is input."""
        while not self._waiting:
            self.world.check()
            self.world.sleep(1_000)

    def put(self, data):
        """Take bytes from the firmware."""
        for byte in data:
            if byte == 10:
                self._end_line()
            elif len(self._line) < _LIMIT:
                self._line.append(byte)

    def _end_line(self):
        text = bytes(self._line)
        self._line = bytearray()
        if len(self._lines) < _LIMIT:
            self._lines.append(
                "".join([chr(byte) if byte < 128 else "?" for byte in text.rstrip()])
            )


class _Raw(io.IOBase):
    """`sys.stdin.buffer`: bytes, with only the methods that asyncio and drivers call."""

    def __init__(self, console):
        self._console = console

    def ioctl(self, request, argument):
        if request != _POLL:
            return -1
        ready = _READ if self._console.unread else 0
        return (ready | _WRITE) & argument

    def read(self, count=-1):
        console = self._console
        console.wait()
        return console.get(console.unread if count < 0 else count)

    def readinto(self, buffer):
        self._console.wait()
        data = self._console.get(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def readline(self):
        line = b""
        while not line.endswith(b"\n"):
            line += self.read(1)
        return line


class _Input(_Raw):
    """`sys.stdin`: text."""

    def __init__(self, console):
        super().__init__(console)
        self.buffer = _Raw(console)

    def read(self, count=-1):
        return super().read(count).decode()

    def readline(self):
        return self.buffer.readline().decode()


class _Output(io.IOBase):
    """`sys.stdout`: text or bytes."""

    def __init__(self, console):
        self._console = console
        self.buffer = self

    def write(self, data):
        if isinstance(data, str):
            data = data.encode()
        self._console.put(data)
        return len(data)

    def flush(self):
        pass

    def ioctl(self, request, argument):
        return _WRITE & argument if request == _POLL else 0


class Implementation:
    """`sys.implementation` on another machine, of the MicroPython that is modelled."""

    def __init__(self, machine, version=(1, 28, 0)):
        self._machine = machine
        self.version = tuple(version) + ("",)

    def __getattr__(self, name):
        return getattr(sys.implementation, name)


class Sys:
    """Stands in for the module `sys`, with the console instead of the process's own streams.

    `machine`: `implementation._machine` for the firmware, None for the truth.
    """

    def __init__(self, console, machine=None):
        self.stdin = console.stdin
        self.stdout = console.stdout
        self.stderr = console.stdout
        self.implementation = sys.implementation
        if machine:
            self.implementation = Implementation(machine)

    def __getattr__(self, name):
        return getattr(sys, name)

    def print_exception(self, error, file=None):
        """Print a traceback."""
        sys.print_exception(error, self.stdout if file is None else file)
