"""Blocking times of the firmware's tasks: the longest step between two awaits, in simulated time.

The simulator knows the times of flash (45 ms an erase, 0.4 ms a page: typical for a W25Q16JV),
EEPROM (5 ms a page), I2C at 100 kHz, and a bus held low (50 ms a transfer, the timeout of the
RP2040's port; on an ESP32 0.1 s for the address and for each byte). Python's own time is not
simulated; an emulated Pico shows this part.
"""

import shutil

from tools.identity import DEMO
from tools.paths import ROOT
from tools.proofs.checkout import plant, planted_sim
from tools.tokens import make_token

# Probes: the console prints the duration of each task's step, and the kinds of record stored.
_PROBES = {
    ("firmware/supervisor.py", "                step = coroutine.send(None)\n"): (
        "                began = ticks_ms()\n"
        "                step = coroutine.send(None)\n"
        "                took = ticks_diff(ticks_ms(), began)\n"
        "                if took:\n"
        '                    print("step", number, took)\n'
    ),
    ("firmware/store.py", "        self._used += 1  #"): (
        '        print("token" if full else "copy" if copy else "record")\n'
        "        self._used += 1  #"
    ),
}
_BOARD = 'WATCHDOG = {"timeout_ms": 8000}\n'
HOURS = 4
TOKENS = 70  # fills the ring of used tokens: in a full ring, a token changes fewer pages
_KINDS = ("token", "copy", "record")
FAULTS = {
    "all well": (),
    "clock line held low": ("bus scl dead",),
    "EEPROM silent": ("bus 0x57 dead",),
    "clock chip silent": ("bus 0x68 dead",),
    "display silent": ("bus 0x27 dead",),
}


class Steps:
    """Longest step of each kind so far, in ms.

    Steps that store a record are of the kind "record", "copy" or "token", all others are "other".
    """

    def __init__(self):
        self.longest = dict.fromkeys((*_KINDS, "other"), 0)
        self.seen = dict.fromkeys((*_KINDS, "other"), 0)
        self._stored = "other"

    def hear(self, answer):
        """Take the console's output, in order."""
        for line in answer["uart"]:
            word, *rest = line.split()
            if word in _KINDS:
                self._stored = word
                self.seen[word] += 1  # its step may take less than a tick
            elif word == "step":
                kind, self._stored = self._stored, "other"
                self.seen["other"] += kind == "other"
                self.longest[kind] = max(self.longest[kind], int(rest[1]))


def measure(folder, fault, hours=HOURS, tokens=TOKENS, chip=None):
    """Return the Steps of a unit with the load on while a fault of FAULTS comes and goes.

    `folder`: a new folder; `chip`: "esp32" for its board file in place of the simulator's.
    """
    steps = Steps()
    options = {"serial": DEMO.serial, "key": DEMO.key.hex(), "starting_code": DEMO.starting_code}
    root = plant(folder, _PROBES, _BOARD)
    if chip:
        shutil.copy(ROOT / "board" / f"{chip}_devkit.py", root / "board")
    with planted_sim(root, **options, chip=chip) as sim:
        sim.do("power off")
        sim.do("power on")
        identity = _pay(sim, DEMO)
        sim.do("advance 120")
        for line in FAULTS[fault]:
            sim.do(line)
        for _ in range(tokens):
            identity = _pay(sim, identity, steps)
        for _ in range(hours * 60):
            steps.hear(sim.do("advance 60"))
        for line in ("bus all alive", "bus scl alive", "advance 120"):
            steps.hear(sim.do(line))
        assert sim.status()["load"]
    return steps


def _pay(sim, identity, steps=None):
    count, digits = make_token(identity, "add", 1)
    answers = sim.do_all([f"keys *{digits}#", "run 6000"])
    for answer in answers if steps else ():
        steps.hear(answer)
    return identity._replace(count=count)
