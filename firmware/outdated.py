"""Runs in place of the firmware on a MicroPython below `firmware.LOWEST`.

The token engine may be wrong there, or end the interpreter. The engine also makes the tags of the
records: a wrong engine would take good records for broken ones and write over them. So no record
is read or written, and the load stays open.
"""

import sys
from time import sleep_ms, ticks_ms

from firmware.texts import text


class Outdated:
    """Text for displays, with the interface of firmware.panel.Panel."""

    def lines(self):
        return text("en", "newer"), "MicroPython"

    def segments(self, now):
        return "Err6", None


def stay(displays):
    """Tell displays and console for ever. `displays`: drivers; a driver that fails is ignored."""
    found = ".".join([str(part) for part in sys.implementation.version[:3]])
    while True:
        print("MicroPython", found, "is too old for this firmware")
        for display in displays:
            try:
                display.show(Outdated(), ticks_ms())
            except Exception:
                pass
        sleep_ms(2_000)
