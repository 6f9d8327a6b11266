"""`payg sim` in the terminal: the controller drawn, and tokens ready to be typed."""

import asyncio
import os
import sys
from collections.abc import Mapping, Set

from rich.text import Text
from textual import events
from textual.app import App, ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Static
from textual.worker import Worker

from tools.identity import Identity
from tools.panel.session import Answer, PanelSession, SimulatorEndedError
from tools.seconds import duration
from tools.tokens import grouped

SHOWN_WIDTH = 16  # characters on a line of the glass
SHOWN_LINES = 2
KEYPAD = ("123", "456", "789", "*0#")
HELP = (
    "[b]0-9 * #[/b] keypad (# enters, * clears)    [b]letters[/b] type a token    [b]q[/b] quit\n"
    "[b]h[/b] an hour later    [b]d[/b] a day later    [b]p[/b] pull the plug or return it"
)

NO_TOKENS = (
    "Its key is not known here.\n\nTokens come from whoever has\nits list:\n\n"
    "payg token --batch FILE\n  --serial SERIAL --add 30"
)


def glass(answer: Answer, lit: Set[str]) -> Text:
    """Draw the display: bright with its backlight, dim without, dark without power."""
    style = "black on #9bc53d" if "backlight" in lit else "black on #5d7a22"
    if not answer["power"]:
        style = "on #2b331f"
    lines = answer["display"].split("\n") + [""] * SHOWN_LINES
    text = Text()
    for line in lines[:SHOWN_LINES]:
        text.append(f" {line[:SHOWN_WIDTH]:<{SHOWN_WIDTH}} \n", style)
    return text


def lamps(answer: Answer, lit: Set[str]) -> Text:
    """Draw the two lamps, the buzzer, the load and the plug."""
    text = Text()
    for name, colour in (("green", "bright_green"), ("red", "bright_red")):
        on = f"led_{name}" in lit
        text.append("● " if on else "○ ", colour if on else "dim")
        text.append(f"{name}   ")
    text.append("♪ beep" if "buzzer" in lit else "", "bright_yellow")
    text.append("\n\nLoad    ")
    if answer["load"]:
        text.append("  ON  ", "bold black on bright_yellow")
    else:
        text.append(" off ", "on grey30")
    text.append("\nPlug    ")
    text.append("in" if answer["power"] else "pulled", "" if answer["power"] else "bold red")
    return text


def figures(answer: Answer) -> str:
    """Write the unit's figures: time left, count, lockout."""
    left = answer["seconds_left"]
    paid = "free for good" if left is None else duration(left)
    lines = [f"Paid    {paid}", f"Count   {answer['count']}"]
    if answer["locked_seconds"]:
        lines.append(f"Locked  {answer['locked_seconds']} s more")
    return "\n".join(lines)


def keypad(pressed: str | None) -> Text:
    """Draw the keypad with the pressed key."""
    text = Text()
    for row in KEYPAD:
        for key in row:
            text.append(
                f" {key} ", "bold black on bright_white" if key == pressed else "on grey23"
            )
            text.append(" ")
        text.append("\n")
    return text


def token_list(ready: Mapping[str, tuple[str, str]]) -> Text:
    """Write the tokens that can be typed with a letter, two lines each."""
    text = Text()
    for letter, (what, digits) in ready.items():
        text.append(f"{letter}  ", "bold")
        text.append(f"{what}\n   ")
        text.append(f"{grouped(digits)}\n", "dim")
    return text


class TerminalPanel(App[str]):
    """The whole screen, for 80x24 characters. `run()` returns None, or the error in words.

    identity: tools.identity.Identity, without a key for a unit that has an identity already;
    command: argument list of the simulator; heading: the first line; pace: tick and key_pace of a
    PanelSession.
    """

    ENABLE_COMMAND_PALETTE = False
    BINDINGS = [("ctrl+c", "quit"), ("q", "quit")]
    CSS = """
    #title, #said { height: 1; width: 100%; padding: 0 1; background: $primary-darken-2; }
    #unit, #choice { border: round $primary; padding: 0 1; height: 20; }
    #unit { width: 38; }
    #choice { width: 1fr; }
    #glass { height: 4; width: 20; border: outer $primary; }
    #lamps { height: 5; margin: 1 0 0 0; }
    #figures { height: 4; }
    #keypad { height: 4; }
    #help { height: 2; padding: 0 1; }
    """

    def __init__(
        self, identity: Identity, command: list[str], heading: str, **pace: float
    ) -> None:
        super().__init__()
        self.session = PanelSession(identity, command, self, **pace)
        self._heading = heading
        self._following: Worker[None] | None = None

    def compose(self) -> ComposeResult:
        """Lay out the screen."""
        yield Static(Text(self._heading), id="title")
        with Horizontal():
            with Vertical(id="unit"):
                yield Static(id="glass")
                yield Static(id="lamps")
                yield Static(id="figures")
                yield Static(keypad(None), id="keypad")
            yield Static(NO_TOKENS, id="choice")
        yield Static("Starting ...", id="said")
        yield Static(HELP, id="help")

    def on_mount(self) -> None:
        """Start the simulator and follow the unit."""
        self.query_one("#unit").border_title = "Unit"
        self.query_one("#choice").border_title = "Tokens: press a letter"
        self._following = self.run_worker(self._follow())
        if not self.is_headless:
            self.set_interval(1, self._leave_a_closed_terminal)

    def on_key(self, event: events.Key) -> None:
        """Hand a key of the computer to the session."""
        self.session.enter(event.character)

    async def on_unmount(self) -> None:
        """Let the simulator store its state and end, however the panel ends."""
        if self._following:
            self._following.cancel()
            await asyncio.gather(self._following.wait(), return_exceptions=True)
        await self.session.stop()

    def show(self, answer: Answer, lit: Set[str]) -> None:
        """Draw the unit's present state; `lit` names the lamps that are on."""
        self._draw("glass", glass(answer, lit))
        self._draw("lamps", lamps(answer, lit))
        self._draw("figures", figures(answer))

    def tokens(self, ready: Mapping[str, tuple[str, str]]) -> None:
        """Draw the tokens that can be typed with a letter."""
        self._draw("choice", token_list(ready))

    def key(self, pressed: str | None) -> None:
        """Draw the keypad with the pressed key, or None."""
        self._draw("keypad", keypad(pressed))

    def say(self, text: str) -> None:
        """Show one line to the person."""
        self._draw("said", Text(text))

    def _draw(self, place: str, content: str | Text) -> None:
        for widget in self.query(f"#{place}").results(
            Static
        ):  # none while the screen is taken down
            widget.update(content)

    def _leave_a_closed_terminal(self) -> None:
        """End when the window is gone: `make` as its first process swallows the hang-up."""
        if sys.__stdin__ and not os.isatty(sys.__stdin__.fileno()):
            self.exit()

    async def _follow(self) -> None:
        try:
            await self.session.follow()
        except (SimulatorEndedError, OSError) as error:
            self.exit(str(error))
