"""Code at the guest's prompt, and scripts on a Pico with MicroPython alone."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from tools.emulator.console import GuestConsole
from tools.emulator.pico import Pico
from tools.emulator.world import EmulatedWorld
from tools.station.littlefs import add_tree

BANNER = b"raw REPL; CTRL-B to exit\r\n>"
ANSWER_US = 2_000_000
SCRIPT_US = 3_600_000_000


class PromptError(Exception):
    """There is no prompt, or the code did not end in time."""


class GuestError(Exception):
    """The script on the Pico ended with an exception; the text is the traceback."""


def execute(
    console: GuestConsole, world: EmulatedWorld, source: str, longest: int = ANSWER_US
) -> tuple[str, str]:
    """Run code at the raw prompt, reached by Ctrl-C; return (output, traceback).

    `longest`: timeout in us. Raises PromptError.
    """
    heard = bytearray()
    hear, console.hear = console.hear, heard.extend

    def until(text: bytes, patience: int) -> str:
        if not world.run_while(lambda: text not in heard and world.running, patience):
            raise PromptError(f"the unit does not answer at its prompt: {bytes(heard[-80:])!r}")
        found, _, rest = bytes(heard).partition(text)
        heard[:] = rest
        return found.decode(errors="replace").replace("\r\n", "\n")

    try:
        console.feed(b"\r\x03\x03\x01")
        until(BANNER, ANSWER_US)
        console.feed(source.encode() + b"\x04")
        until(b"OK", ANSWER_US + 10 * len(source))
        return until(b"\x04", longest), until(b"\x04>", ANSWER_US)
    finally:
        console.hear = hear


def run_script(image: str, source: str, files: Mapping[str, str]) -> str:
    """Boot a bare Pico with these files (path: text), run a script; return the output.

    `image`: path of MicroPython's UF2. Raises GuestError, PromptError.
    """
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            place = Path(folder, name)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        system, _ = add_tree(folder)
    world = EmulatedWorld()
    console = GuestConsole(lambda: world.chip)
    world.start(Pico(image, system, lambda data: console.hear(data)))
    world.run_while(lambda: not (world.chip and world.chip.cable.connected), ANSWER_US)
    world.run_until(world.now + ANSWER_US)
    out, error = execute(console, world, source, SCRIPT_US)
    if error:
        raise GuestError(error)
    return out
