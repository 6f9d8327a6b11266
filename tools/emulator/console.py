"""The guest's console as a person at a terminal sees it: lines in, lines out."""

_LIMIT = 4096  # lines kept until somebody takes them


class GuestConsole:
    """`chip()` returns the Pico, or None without power. `hear` is what its cable calls.

    `on_token(digits, answer)`, when set, is told of the answer to each `#TOKEN`.
    """

    def __init__(self, chip):
        self._chip = chip
        self._line = bytearray()
        self._lines = []
        self._asked = self._answer = None
        self._tokens = []
        self.on_token = None

    def hear(self, data):
        """The guest says something."""
        for byte in data:
            if byte == 10:
                self._end_line()
            else:
                self._line.append(byte)

    def feed(self, data):
        """Type bytes."""
        chip = self._chip()
        if chip is not None:
            if data.startswith(b"#TOKEN;"):
                self._tokens.append(data.decode("ascii", "replace").strip().split(";")[1])
            chip.cable.type(data)

    @property
    def unread(self):
        """How many bytes the guest has not fetched."""
        chip = self._chip()
        return chip.cable.untaken if chip is not None else 0

    def take(self):
        """Return the complete lines that came since the last time."""
        lines, self._lines = self._lines, []
        return lines

    def reset(self):
        """The guest restarts: an unfinished line ends."""
        if self._line:
            self._end_line()

    def ask(self, question, world, longest, send=True):
        """Return the answer to a line, without the names of both; None if none comes.

        `longest`: us to wait; without `send` something else asks. What the guest says meanwhile
        and is no answer to it is kept.
        """
        self._asked = question.split(";")[0] + ";"
        self._answer = None
        if send:
            self.feed(question.encode() + b"\n")
        world.run_while(lambda: self._answer is None and self._chip(), longest)
        self._asked = None
        return self._answer

    def _end_line(self):
        text = self._line.rstrip().decode("ascii", "replace")
        self._line = bytearray()
        if self._asked and self._answer is None and self._is_answer(text):
            self._answer = text.split(";")[1:]
            return
        if text.startswith("#TOKEN;") and self._tokens and self.on_token is not None:
            self.on_token(self._tokens.pop(0), text.split(";")[1])
        if len(self._lines) < _LIMIT:
            self._lines.append(text)

    def _is_answer(self, text):
        return text.startswith(self._asked) or text == "#INVALID"
