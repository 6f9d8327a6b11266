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
from tools.sim.chips.tm1637 import patterns
from tools.tokens import grouped

WIDTH, HEIGHT = 80, 24  # characters that the panel needs
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
    if answer["display"] and "\n" not in answer["display"]:
        return digits(answer["display"])
    style = "black on #9bc53d" if "backlight" in lit else "black on #5d7a22"
    if not answer["power"]:
        style = "on #2b331f"
    lines = answer["display"].split("\n") + [""] * SHOWN_LINES
    shown = [f" {line[:SHOWN_WIDTH]:<{SHOWN_WIDTH}} " for line in lines[:SHOWN_LINES]]
    return Text("\n".join(shown), style)


def digits(shown: str) -> Text:
    """Draw 7-segment digits as they look on the glass, three lines high."""
    rows = ["", "", ""]
    for on in patterns(shown):
        lit = ["_" if on & 1 << bit else " " for bit in (0, 6, 3)]  # segments a, g, d
        left = [" ", "|" if on & 0x20 else " ", "|" if on & 0x10 else " "]  # f, e
        right = [" ", "|" if on & 0x02 else " ", "|" if on & 0x04 else " "]  # b, c
        rows = [row + left[n] + lit[n] + right[n] + " " for n, row in enumerate(rows)]
    return Text("\n".join(f" {row} " for row in rows), "bold bright_red on #200808")


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
    #glass { height: auto; width: 20; border: outer $primary; }
    #lamps { height: 5; margin: 1 0 0 0; }
    #figures { height: 3; }
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

    def on_resize(self, event: events.Resize) -> None:
        """Say in the first line that the window is too small to show everything."""
        if event.size.width < WIDTH or event.size.height < HEIGHT:
            size = f"{event.size.width}x{event.size.height}"
            self._draw(
                "title", Text(f"Window too small ({size}): make it {WIDTH}x{HEIGHT}", "bold")
            )
        else:
            self._draw("title", Text(self._heading))

    def on_key(self, event: events.Key) -> None:
        """Hand a key of the computer to the session; ? shows the keys."""
        if event.character == "?":
            self.say("Keys: " + " ".join(Text.from_markup(HELP).plain.split()))
            return
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
