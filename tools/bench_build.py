"""Benchmarks of the build: its size, and on an emulated Pico its start and what heap it leaves.

The emulated Pico has the clock module's two chips on its bus and 12.6 V at the battery's divider;
its flash holds the build beside the records of a unit with thirty days of credit. The emulator
does not model the flash cache: a real Pico needs some more time.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests_host.token.encoder import Unit
from tools import ROOT
from tools.bench_pico import NoPicoError, make_pico
from tools.bench_tokens import row
from tools.build import LIMIT, MANIFEST, TARGETS, build, size
from tools.flash_image import add_tree
from tools.sim.at24c32 import At24c32
from tools.sim.ds3231 import Ds3231
from tools.sim.parts import Steps
from tools.wiring import load

KEY = "a29ab82edc5fbbc41ec9530f6dac86b1"  # the protocol's published example
STARTING_CODE = 123_456_789
FILE_SYSTEM = 0xA0000  # where the Pico's image begins its file system
LATEST_NS = 10_000_000_000  # emulated time after which the start has failed
SETTLED_MS = 2_000  # after the start of the tasks, when the heap is looked at
RUN = "asyncio.run(app.run("
PROBE = f"""
    async def probe():
        import gc
        await asyncio.sleep_ms({SETTLED_MS})
        gc.collect()
        print("heap", gc.mem_free())
"""


class I2cPort:
    """Chip models (tools/sim) on a controller of the emulated RP2040."""

    def __init__(self, port, chips):
        from rp2040py.peripherals.i2c import I2CMode

        self._port = port
        self._chips = {chip.address: chip for chip in chips}
        self._read = I2CMode.READ
        self._chip = None
        port.on_connect = self._connect
        port.on_write_byte = self._write
        port.on_read_byte = self._send
        port.on_stop = self._stop

    def _connect(self, address, mode):
        self._chip = self._chips.get(address)
        answers = self._chip is not None and self._chip.start(mode == self._read)
        self._port.complete_connect(bool(answers))

    def _write(self, byte):
        self._port.complete_write(bool(self._chip.write(byte)))

    def _send(self, acknowledged):
        self._port.complete_read(self._chip.read() & 0xFF)

    def _stop(self):
        if self._chip is not None:
            self._chip.stop()
        self._chip = None
        self._port.complete_stop()


def sizes():
    """Print the size of each board's build."""
    for board in TARGETS:
        with tempfile.TemporaryDirectory() as folder:
            tree = Path(folder, board)
            manifest = build(board, tree)
            total = size(manifest) + (tree / MANIFEST).stat().st_size
            _, sectors = add_tree(tree)
        row(bench="build_bytes", board=board, value=total, limit=LIMIT)
        row(bench="build_files", board=board, value=len(manifest["files"]))
        row(bench="build_flash_bytes", board=board, value=sectors * 4096)


def credited(folder):
    """Make, in the simulator, the memories of a Pico's unit with credit, in directory `folder`."""
    token = Unit(bytes.fromhex(KEY), STARTING_CODE).token(30, 2)
    identity = ["--serial", "BENCH00001", "--key", KEY, "--starting-code", str(STARTING_CODE)]
    command = [sys.executable, "-m", "tools.cli", "sim", "--headless", "--board", "pico"]
    done = subprocess.run(
        [*command, *identity, "--state", str(folder)],
        input=f"keys {token}#\nadvance 10\nquit\n",
        capture_output=True,
        check=True,
        cwd=ROOT,
        text=True,
    )
    if not json.loads(done.stdout.splitlines()[-1])["load"]:
        raise RuntimeError(f"the simulator did not switch the load on: {done.stdout}")


def probed(tree):
    """Let main.py of a built tree report the heap once its tasks run."""
    path = tree / "main.py"
    source = path.read_text()
    if source.count(RUN) != 1:
        raise RuntimeError("main.py starts its tasks in another way than this bench expects")
    begin = source.index("    trouble = None")
    source = source[:begin] + "    import asyncio\n" + PROBE + source[begin:]
    path.write_text(source.replace("console.run()", "console.run(), probe()"))


def prepare(folder, with_probe):
    """Return an emulated Pico, not started, whose flash and chips are a credited unit's."""
    pico = make_pico()
    state, tree = Path(folder, "state"), Path(folder, "probed" if with_probe else "tree")
    if not state.is_dir():
        credited(state)
    build("pico", tree)
    if with_probe:
        probed(tree)
    image, _ = add_tree(tree, (state / "flash.bin").read_bytes())
    mcu = pico.mcu
    mcu.flash[FILE_SYSTEM : FILE_SYSTEM + len(image)] = image

    def microseconds():
        return int(mcu.clock.nanos) // 1000

    clock, memory = Ds3231(microseconds), At24c32(microseconds, Steps())
    clock.load((state / "clock.bin").read_bytes())
    memory.load((state / "eeprom.bin").read_bytes())
    for chip in (clock, memory):
        chip.power_on()
    I2cPort(mcu.i2c[0], (clock, memory))
    data = load("pico")
    for source, millivolts in ((data.BATTERY, 12_600), (data.PANEL, 18_000)):
        top, bottom = source["divider"]
        at_pin = millivolts * bottom / (top + bottom)
        mcu.adc.channel_values[source["adc"] - 26] = int(at_pin / 3300 * 4095)
    return pico, data


async def run(pico, done):
    """Let it run until `done()`; return False when that takes too long."""
    pico.simulator.bind_loop()
    await pico.astart(60)
    while not done() and pico.mcu.clock.nanos < LATEST_NS:
        await asyncio.sleep(0.02)
    pico.stop()
    return done()


def decision(folder):
    """Return milliseconds from reset until the load is switched on."""
    pico, data = prepare(folder, False)
    seen = []
    pin = pico.mcu.gpio[data.LOAD["pin"]]
    pin.add_listener(
        lambda value, _: value.name == "HIGH" and seen.append(pico.mcu.clock.nanos / 1e6)
    )
    if not asyncio.run(run(pico, lambda: seen)):
        raise RuntimeError("the load was never switched on")
    return round(seen[0])


def heap(folder):
    """Return the bytes of heap that are free when all tasks run."""
    pico, _ = prepare(folder, True)
    said = bytearray()
    pico.cdc.on_serial_data = said.extend
    if not asyncio.run(run(pico, lambda: b"heap" in said and said.endswith(b"\n"))):
        raise RuntimeError(f"the heap was never reported: {bytes(said)!r}")
    return int(said.split(b"heap")[1].split()[0])


def main():
    """Print the rows."""
    sizes()
    try:
        with tempfile.TemporaryDirectory() as folder:
            row(bench="load_decision_ms", runtime="rp2040", value=decision(folder), limit=500)
            row(bench="heap_free_bytes", runtime="rp2040", value=heap(folder), least=180 * 1024)
    except NoPicoError as error:
        row(bench="start on a Pico", runtime="rp2040", skipped=str(error))


if __name__ == "__main__":
    main()
