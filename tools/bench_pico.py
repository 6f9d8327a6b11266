"""Benchmarks on an RP2040: runs scripts on the stock MicroPython image in an emulated Pico.

The image is named by MICROPYTHON_UF2. Without it, or without the emulator (rp2040py), a line says
that there are no figures. Times are the emulated clock's: one cycle is 8 ns, as at 125 MHz.
"""

import asyncio
import os
from pathlib import Path

from tools import ROOT
from tools.bench_tokens import TIMING, print_timings, row, timing_job

WALL_SECONDS = 600  # a busy guest runs at a fourteenth of real time
PIECE = 4096  # characters written at once
WAKE_NS = 10_000  # emulated time from typing to the guest's seeing it
GUEST_WRITE = """
import os
def write(path, text, mode):
    at = path.find("/")
    while at > 0:
        try:
            os.mkdir(path[:at])
        except OSError:
            pass
        at = path.find("/", at + 1)
    with open(path, mode) as file:
        file.write(text)
"""


class NoPicoError(Exception):
    """There is no emulated Pico to be had; the text says why."""


class GuestError(Exception):
    """The script on the Pico ended in an exception; the text is its traceback."""


class QuietHost:
    """Keeps the emulated USB host from answering each read of the guest with an empty packet.

    Stock, it does so every 10 us, which keeps the guest awake for ever. Here a read is left
    unanswered until there is something to send.
    """

    def __init__(self, cdc):
        self._cdc = cdc
        self._answer = cdc.usb.on_endpoint_read
        self._send = cdc.send_serial_byte
        self._forget = cdc.usb.on_reset
        self._waiting = None
        self._alarm = cdc.usb.rp2040.clock.create_alarm(self._wake)
        self._alarmed = False
        cdc.usb.on_endpoint_read = self._read
        cdc.usb.on_reset = self._reset
        cdc.send_serial_byte = self._type

    def _read(self, endpoint, size):
        cdc = self._cdc
        idle = cdc.tx_fifo.empty and cdc._pending_line_coding is None
        if idle and endpoint == cdc._out_endpoint:
            self._waiting = size
        else:
            self._answer(endpoint, size)

    def _type(self, byte):
        self._send(byte)
        if self._waiting is not None and not self._alarmed:
            self._alarmed = True
            self._alarm.schedule(WAKE_NS)

    def _wake(self):
        self._alarmed = False
        if self._waiting is not None and not self._cdc.tx_fifo.empty:
            size, self._waiting = self._waiting, None
            self._answer(self._cdc._out_endpoint, size)

    def _reset(self):
        self._waiting = None
        self._forget()


def make_pico():
    """Return the emulator's device for a bare Pico, not started. Raises NoPicoError."""
    image = os.environ.get("MICROPYTHON_UF2", "")
    if not image:
        raise NoPicoError("MICROPYTHON_UF2 names no MicroPython image for the Pico")
    if not Path(image).is_file():
        raise NoPicoError("MICROPYTHON_UF2 names a file that does not exist")
    try:
        from rp2040py.boards import BoardSpec
        from rp2040py.device import MicroPythonDevice
    except ImportError:
        raise NoPicoError("the emulator rp2040py is not installed") from None
    pico = MicroPythonDevice(board=BoardSpec(image=image))
    QuietHost(pico.cdc)
    return pico


async def _execute(pico, source):
    out, err = await pico.aexec(source, WALL_SECONDS)
    if err:
        raise GuestError(err.decode(errors="replace"))
    return out.decode().replace("\r\n", "\n")


async def _run(pico, script, files):
    async with pico:
        await _execute(pico, GUEST_WRITE)
        for where, text in files.items():
            for at in range(0, max(len(text), 1), PIECE):
                piece, mode = text[at : at + PIECE], "a" if at else "w"
                await _execute(pico, f"write({where!r}, {piece!r}, {mode!r})")
        return await _execute(pico, script)


def run(pico, script, files):
    """Boot a Pico of make_pico(), write files (path: text), run a script; return what it printed.

    Raises GuestError, and TimeoutError after WALL_SECONDS.
    """
    return asyncio.run(_run(pico, script, files))


def with_arguments(source, *arguments):
    """Return the source of a script that finds these in sys.argv."""
    return f"import sys\nsys.argv[:] = {['', *arguments]!r}\n{source}"


def library():
    """Return the files of lib/opaygo, as run() wants them."""
    paths = sorted((ROOT / "lib" / "opaygo").glob("*.py"))
    return {path.relative_to(ROOT).as_posix(): path.read_text() for path in paths}


def main():
    """Print the rows, or one row that says why there are none."""
    try:
        pico = make_pico()
    except NoPicoError as error:
        row(bench="token timings", runtime="rp2040", skipped=str(error))
        return
    script = with_arguments(TIMING.read_text(), "job.json")
    print_timings(run(pico, script, library() | {"job.json": timing_job()}), "rp2040")


if __name__ == "__main__":
    main()
