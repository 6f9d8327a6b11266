"""Which board this is.

`find()` gives its data module; `board/custom.py`, if there is one, wins over the built-in ones.

Adding a board is one file of data here and one line in the README's table.
"""

import sys

# How `sys.implementation._machine` begins or ends. An ESP32-S3 has other pins: it is not an ESP32.
_BY_MACHINE = (
    (" RP2040", "pico"),
    (" ESP32", "esp32_devkit"),
    ("linux", "sim"),
    ("darwin", "sim"),
)


def find():
    """Data module of the running board.

    Raises ImportError when the interpreter names none we know.
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
