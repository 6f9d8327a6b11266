"""Benchmarks on an RP2040: the build on MicroPython's own image in an emulated Pico.

Without an image (see tools/emulator/image.py) a line says that there are no figures. Times are the
emulated clock's: one cycle is 8 ns, as at 125 MHz; docs/emulator.md names the omissions. A run
takes half an hour, most of the time for a thousand tokens.
"""

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tools.benchmarks.tokens import TIMING, print_timings, row, timing_job
from tools.emulator.image import NoPicoError, find_image
from tools.emulator.probe import board_file, free_heap
from tools.emulator.prompt import run_script
from tools.paths import ROOT
from tools.proofs.emulated import SECOND, Rig, add, memories
from tools.room import SECTOR
from tools.station.build import build
from tools.station.littlefs import add_tree

CREDIT = 30  # days
SETTLE_US = 12 * SECOND  # until messages are gone and nothing is left to be done
WATCHED_US = 20 * SECOND
TOKENS = 1_000


def make_pico() -> str:
    """Return the first argument of `run` for a bare Pico. Raises NoPicoError."""
    return find_image(say=_say)


def run(pico: str, script: str, files: Mapping[str, str]) -> str:
    """Boot a Pico of make_pico(), write files (path: text), run a script; return the output.

    Raises tools.emulator.prompt.GuestError and PromptError.
    """
    return run_script(pico, script, files)


def with_arguments(source: str, *arguments: str) -> str:
    """Return the source of a script that finds `arguments` in sys.argv."""
    return f"import sys\nsys.argv[:] = {['', *arguments]!r}\n{source}"


def library() -> dict[str, str]:
    """Return the files of lib/opaygo, for `run`."""
    paths = sorted((ROOT / "lib" / "opaygo").glob("*.py"))
    return {path.relative_to(ROOT).as_posix(): path.read_text() for path in paths}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _row(bench: str, value: object, **more: object) -> None:
    row(bench=bench, runtime="rp2040", value=value, **more)


def start(rig: Rig, **more: object) -> None:
    """Print how long after reset the load is switched on."""
    rig.until(lambda: rig.board.load)
    ((decided, _),) = rig.board.watches["load"].changes
    _row("load_decision_ms", round(decided / 1_000), limit=500, **more)


def echo(rig: Rig) -> None:
    """Print how long after a key press the buzzer clicks, and the digits show the key."""
    rig.wait(SETTLE_US)
    clicks: list[int] = []
    shown: list[float] = []
    assert rig.board.keypad
    for key in "1234567":
        rig.do("levels")
        pressed = rig.world.now
        rig.board.keypad.press(key)
        rig.until(lambda: rig.board.glass().endswith(key), SECOND)  # noqa: B023
        shown.append((rig.world.now - pressed) / 1_000)
        changes = rig.board.watches["buzzer"].take()
        clicks.append(min(at for at, on in changes if on) - pressed)
        rig.board.keypad.release(key)
        rig.wait(SECOND // 10)
    _row("key_click_ms", round(max(clicks) / 1_000, 1))
    _row("key_echo_ms", round(max(shown)), limit=100)


def idle(rig: Rig, load: str) -> None:
    """Print how much of the time an untouched unit is awake, without USB."""
    rig.wait(SETTLE_US)
    chip = rig.board.chip
    assert chip
    begin = chip.nanos
    wakes = chip.wakes_until(begin + WATCHED_US * 1_000)
    took = chip.nanos - begin
    awake = sum(time for _, time in wakes)
    _row("idle_awake_percent", round(awake / took * 100, 2), load=load, limit=2)
    _row("idle_wakes_per_s", round(len(wakes) * 1e9 / took, 1), load=load)


def heap(rig: Rig) -> None:
    """Print the free heap after the start, and after many tokens."""
    rig.until(lambda: rig.board.glass() == " OFF")
    rig.wait(2 * SECOND)
    _row("heap_free_bytes", free_heap(rig), tokens=0)
    for number in range(1, TOKENS + 1):
        answer = rig.ask("#TOKEN;" + add(1, 2 * number))
        if not answer or answer[0] != "VALID":
            raise RuntimeError(f"token {number} was answered {answer}")
        if not number % 100:
            _say(f"pico: {number} of {TOKENS} tokens")
    _row("heap_free_bytes", free_heap(rig), tokens=TOKENS)


def unit(image: str) -> None:
    """Print the figures of the whole firmware."""
    with tempfile.TemporaryDirectory() as folder:
        tree, probed = Path(folder, "tree"), Path(folder, "probed")
        build("pico", tree)
        build("pico", probed, board_file(Path(folder)), trusted=True)
        _row("build_flash_bytes", add_tree(tree)[1] * SECTOR)
        paid = memories(tree, f"keys {add(CREDIT, 2)}#", "advance 10")
        rig = Rig(image, paid)
        start(rig)
        echo(rig)
        idle(Rig(image, paid, plugged=False), "on")
        idle(Rig(image, memories(tree), plugged=False), "off")
        heap(Rig(image, memories(probed)))


def frozen() -> None:
    """Print the start of an image that has the firmware inside, if FROZEN_UF2 names one."""
    image = os.environ.get("FROZEN_UF2")
    if not image:
        reason = "FROZEN_UF2 names no image with the firmware inside (docs/vendor-image.md)"
        row(bench="load_decision_ms", runtime="rp2040", image="frozen", skipped=reason)
        return
    with tempfile.TemporaryDirectory() as folder:
        paid = memories(folder, f"keys {add(CREDIT, 2)}#", "advance 10")
        start(Rig(image, paid), image="frozen")


def main() -> None:
    """Print the rows, or a row with the reason why there are none."""
    try:
        pico = make_pico()
    except NoPicoError as error:
        row(bench="everything on a Pico", runtime="rp2040", skipped=str(error))
        return
    script = with_arguments(TIMING.read_text(), "job.json")
    print_timings(run(pico, script, library() | {"job.json": timing_job()}), "rp2040")
    frozen()
    unit(pico)


if __name__ == "__main__":
    main()
