"""Finds the running board.

`find()` returns the board's data module; `board/custom.py`, if present, wins over the built-in
files. A built-in board without a line in `_BY_MACHINE` is installed as `board/custom.py`; only a
board that the interpreter's machine name tells from all others gets a line (CONTRIBUTING.md, "Add
a board").
"""

import sys

# Start or end of `sys.implementation._machine`. An ESP32-S3 must not match: other pins.
_BY_MACHINE = (
    (" RP2040", "pico"),
    (" ESP32", "esp32_devkit"),
    ("linux", "sim"),
    ("darwin", "sim"),
)


def find():
    """Return the data module of the running board.

    Raises ImportError for an unknown interpreter.
    """
    try:
        return __import__("board.custom", None, None, ("*",))
    except ImportError:
        pass
    machine = sys.implementation._machine
    for mark, name in _BY_MACHINE:
        if machine.startswith(mark) or machine.endswith(mark):
            return __import__("board." + name, None, None, ("*",))
    raise ImportError("no board file for " + machine)
