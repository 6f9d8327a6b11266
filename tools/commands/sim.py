"""`payg sim`: the controller in the terminal, or behind a line protocol for scripts."""

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from tools.board_check import check, show, values
from tools.boards import BOARDS
from tools.identity import (
    DEMO,
    LANGUAGES,
    Identity,
    identity_from,
    identity_options,
)
from tools.interpreter import simulator_command, simulator_options, simulator_with
from tools.paths import ROOT
from tools.state import StateFolder

PICO_OPTIONS = "PAYG_PICO_OPTIONS"  # environment variable


@click.command(name="sim")
@click.option("--headless", is_flag=True, help="Commands on standard input, JSON answers.")
@identity_options
@click.option(
    "--state",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the unit's flash, second memory and clock in this directory.",
)
@click.option(
    "--language",
    type=click.Choice(LANGUAGES),
    default=LANGUAGES[0],
    show_default=True,
    help="Language of the display.",
)
@click.option(
    "--board",
    type=click.Choice(list(BOARDS)),
    help="Simulate this board, with its chips and pins.",
)
@click.option(
    "--custom",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Simulate your own board, by its board file.",
)
@click.option(
    "--pico",
    is_flag=True,
    help="Run the build on MicroPython's own image in an emulated Pico. Slow, but the real thing.",
)
@click.option(
    "--image",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="MicroPython's UF2 for --pico; else MICROPYTHON_UF2 names it, else it is downloaded.",
)
@click.option(
    "--cable", is_flag=True, help="With --headless: its console on a port, in real time."
)
@click.option("--bare", is_flag=True, help="With --cable: a board with nothing but MicroPython.")
def command(
    headless: bool,
    state: Path | None,
    board: str | None,
    pico: bool,
    image: Path | None,
    cable: bool,
    bare: bool,
    custom: Path | None,
    **options: Any,
) -> None:
    """Run a simulated controller: the real firmware on simulated chips.

    Without --headless it is a panel in this terminal. Without --key the panel shows the unit that
    is kept in --state, else a demo unit, whose key is public; a headless one is blank.

    \b
    Try it:
      payg sim
    Your own unit, kept in a directory between runs:
      payg sim --serial A1 --key 0123456789abcdef0123456789abcdef --state a1
    From a script, one command per line, one JSON answer each:
      printf 'keys 662486790#\\nadvance 86400\\n' | payg sim --headless --serial A1 \\
        --key a29ab82edc5fbbc41ec9530f6dac86b1 --starting-code 123456789
    The same on the chip's own MicroPython:
      payg sim --pico
    A board on a cable for `payg deploy` and `payg provision`; the first line tells its port:
      payg sim --headless --cable --bare --board pico --state a1
    """
    identity = identity_from(options, DEMO.serial, count=1)
    if image and not pico:
        raise click.UsageError("--image needs --pico")
    if pico and board not in (None, "pico"):
        raise click.UsageError(f"--pico emulates a Pico, not {board}")

    if custom and (pico or cable or board):
        raise click.UsageError("--custom goes without --board, --pico and --cable")
    if state:
        board = StateFolder(state, "pico" if pico else board).board  # until this process ends
        if pico and board != "pico":
            raise click.UsageError(f"the unit in {state} is no Pico")

    def start(identity: Identity) -> list[str]:
        if pico:
            return pico_command(identity, state, image)
        if custom:
            return custom_command(identity, state, custom)
        return simulator_command(identity, state, board)

    if cable or bare:
        check_cable(headless, pico, cable)
        sys.exit(run_cable(identity, state, board, bare))
    if not headless:
        run_panel(identity, start, state)
        return
    command = start(identity)
    sys.stdout.flush()
    if custom:  # a copy of the checkout goes away afterwards
        sys.exit(subprocess.call(command, close_fds=False))
    os.execvp(command[0], command)


def pico_command(identity: Identity, state: Path | None, image: Path | None = None) -> list[str]:
    """Return the argument list that starts the emulated Pico.

    Other users see a command's arguments: the options, with the key, go through this process's
    environment, and the argument names the variable.
    """
    options = identity._asdict() | {
        "key": identity.key.hex() if identity.key else None,
        "state": str(state.absolute()) if state else None,
        "image": str(image.absolute()) if image else None,
    }
    os.environ[PICO_OPTIONS] = json.dumps(options)
    return [sys.executable, "-m", "tools.emulator.run", f"${PICO_OPTIONS}"]


def custom_command(identity: Identity, state: Path | None, custom: Path) -> list[str]:
    """Return the argument list that starts the simulator with a board file of one's own."""
    problems = check(custom)
    show(custom, problems)
    if not all(problem.warning for problem in problems):
        raise click.ClickException(f"{custom} is no board; `payg board check` says the same")
    root = tempfile.mkdtemp(prefix="payg-board-")
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    for name in ("boot.py", "main.py", "firmware", "lib"):
        Path(root, name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "board", Path(root, "board"))
    shutil.copy(custom, Path(root, "board", "custom.py"))  # wins over the built-in boards
    own = {"root": root, "chip": values(custom)["CHIP"]}
    return simulator_with(simulator_options(identity, state) | own)


def check_cable(headless: bool, pico: bool, cable: bool) -> None:
    """Refuse what does not go together with a cable."""
    if not cable:
        raise click.UsageError("--bare needs --cable")
    if pico or not headless:
        raise click.UsageError("--cable needs --headless and goes without --pico")


def run_cable(identity: Identity, state: Path | None, board: str | None, bare: bool) -> int:
    """Serve commands to a unit on a port until they end; return an exit status."""
    simulator_command(identity, state, board)  # a missing interpreter is told in plain words
    from tools.cable.unit import serve

    return serve(sys.stdin, sys.stdout, identity=identity, state=state, board=board, bare=bare)


def run_panel(
    identity: Identity, start: Callable[[Identity], list[str]], state: Path | None
) -> None:
    """Show the panel until the person quits; `start(identity)` gives the unit's command."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("the panel needs a terminal; for scripts there is --headless")
    if os.environ.get("TERM", "dumb") == "dumb":
        raise click.UsageError("this terminal cannot draw (TERM=dumb); there is --headless")
    kept = state is not None and (state / "flash.bin").exists()
    heading = f"Solar charge controller {identity.serial}"
    if identity.key is None and kept:
        heading = f"Solar charge controller in {state}"
    elif identity.key is None:
        identity = identity._replace(key=DEMO.key, starting_code=DEMO.starting_code)
        heading += " - a demo unit: its key is public"
    command = start(identity)
    from tools.panel.app import TerminalPanel

    failure = TerminalPanel(identity, command, heading).run()
    if failure:
        click.echo(f"payg sim: {failure}", err=True)  # may have the simulator's own lines below
        sys.exit(1)
