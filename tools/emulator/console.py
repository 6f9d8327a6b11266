"""The guest's console as seen by a person at a terminal: lines in, lines out."""

from collections.abc import Callable

from tools.emulator.pico import Pico
from tools.emulator.world import EmulatedWorld

_LIMIT = 4096  # most lines kept until `take`


class GuestConsole:
    """The console. `chip()`: returns the Pico, or None without power; `hear(data)`: called by the
    cable.

    `on_token(digits, answer)`: called with the answer to each `#TOKEN`, if set.
    """

    def __init__(self, chip: Callable[[], Pico | None]) -> None:
        self.hear: Callable[[bytes | bytearray], None] = self._collect
        self._chip = chip
        self._line = bytearray()
        self._lines: list[str] = []
        self._asked: str | None = None
        self._answer: list[str] | None = None
        self._tokens: list[str] = []
        self.on_token: Callable[[str, str], None] | None = None

    def _collect(self, data: bytes | bytearray) -> None:
        for byte in data:
            if byte == 10:
                self._end_line()
            else:
                self._line.append(byte)

    def feed(self, data: bytes) -> None:
        """Type bytes."""
        chip = self._chip()
        if chip is not None:
            if data.startswith(b"#TOKEN;"):
                self._tokens.append(data.decode("ascii", "replace").strip().split(";")[1])
            chip.cable.type(data)

    @property
    def unread(self) -> int:
        """Number of bytes that the guest has not fetched."""
        chip = self._chip()
        return chip.cable.untaken if chip is not None else 0

    def take(self) -> list[str]:
        """Return the complete lines since the last call."""
        lines, self._lines = self._lines, []
        return lines

    def reset(self) -> None:
        """Restart with the guest: an unfinished line ends."""
        if self._line:
            self._end_line()

    def ask(
        self, question: str, world: EmulatedWorld, longest: int, send: bool = True
    ) -> list[str] | None:
        """Return the answer to a line, without the names of both; None without an answer.

        `longest`: us to wait; `send`: False if the question is sent elsewhere. Other output of the
        guest meanwhile is kept for `take`.
        """
        self._asked = question.split(";")[0] + ";"
        self._answer = None
        if send:
            self.feed(question.encode() + b"\n")
        world.run_while(lambda: self._answer is None and self._chip(), longest)
        self._asked = None
        return self._answer

    def _end_line(self) -> None:
        text = self._line.rstrip().decode("ascii", "replace")
        self._line = bytearray()
        if self._asked and self._answer is None:
            if text.startswith(self._asked) or text == "#INVALID":
                self._answer = text.split(";")[1:]
                return
        if text.startswith("#TOKEN;") and self._tokens and self.on_token is not None:
            self.on_token(self._tokens.pop(0), text.split(";")[1])
        if len(self._lines) < _LIMIT:
            self._lines.append(text)
