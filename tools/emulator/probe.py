"""Measures an emulated unit from within: free heap, and hanging tasks, both triggered by a pin.

The deployed board file adds an interrupt on unwired pins, so that a sealed unit is measured with
an unchanged `main.py`; the interrupt's code takes some 400 bytes of heap. The board's bus has the
highest speed allowed by the chips: a token costs the emulator a third less.
"""

from pathlib import Path

from tools.emulator.unit import EmulatedUnit
from tools.paths import ROOT

HEAP_PIN, HANG_PIN = 22, 19
FASTER = '"freq": 100_000', '"freq": 400_000'
SOURCE = f"""

try:
    from machine import Pin
except ImportError:
    pass  # the build looks at the data, on a computer
else:

    def _heap(pin):
        import gc

        gc.collect()
        print("#HEAP;%d" % gc.mem_free())

    def _hang(pin):
        from time import sleep

        while True:
            sleep(1)

    Pin({HEAP_PIN}, Pin.IN, Pin.PULL_UP).irq(_heap, Pin.IRQ_FALLING)
    Pin({HANG_PIN}, Pin.IN, Pin.PULL_UP).irq(_hang, Pin.IRQ_FALLING)
"""


def board_file(folder: Path) -> Path:
    """Write the Pico's board file with the probe into directory `folder`; return the path."""
    path = folder / "pico.py"
    data = (ROOT / "board" / "pico.py").read_text().replace(*FASTER)
    path.write_text(data + SOURCE)
    return path


def pull(unit: EmulatedUnit, pin: int) -> None:
    """Pull a pin of the probe low for a moment."""
    assert unit.board.chip
    gpio = unit.board.chip.mcu.gpio[pin]
    gpio.set_input_value(False)
    unit.world.run_until(unit.world.now + 1_000)
    gpio.release_input()


def free_heap(unit: EmulatedUnit) -> int:
    """Return the bytes of free heap after a collection. Raises RuntimeError."""
    pull(unit, HEAP_PIN)
    answer = unit.console.ask("#HEAP", unit.world, 2_000_000, send=False)
    if not answer:
        raise RuntimeError("the probe does not answer")
    return int(answer[0])
