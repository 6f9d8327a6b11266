"""A batch list, and workers for simulated units: they press keys and say what is asked of them."""

import contextlib
import os
import pty
import threading
import tty

import serial

from tools.batches.ledger import Ledger
from tools.batches.lists import ListedUnit, write_list
from tools.identity import PUBLISHED_CODE, PUBLISHED_KEY
from tools.station.console import LineConsole
from tools.station.selftest import Job, key_check, provision
from tools.tokens import make_token

KEYS = {
    "SLT000000001": PUBLISHED_KEY.hex(),
    "SLT000000002": "0123456789abcdef0123456789abcdef",
    "SLT000000003": "fedcba9876543210fedcba9876543210",
    "SLT000000004": "00000000000000000000000000000001",
}
UNITS = {
    serial: ListedUnit(serial, PUBLISHED_CODE, bytes.fromhex(key), 1, 1, False, "M1", "2", None)
    for serial, key in KEYS.items()
}
FIRST = UNITS["SLT000000001"]
"""The published example's key and starting code."""
CHECK = key_check(FIRST.key)
BLANK = ["", "", "0", "0.1.0"]
"""A blank unit's answer to `#ID`."""


@contextlib.contextmanager
def stranger(answers):
    """Give the port of a unit that answers by `answers`, {line: bytes}, and else is silent."""
    host, slave = pty.openpty()
    tty.setraw(slave)

    def serve():
        heard = b""
        with contextlib.suppress(OSError):  # the end
            while True:
                heard += os.read(host, 1024)
                *lines, heard = heard.replace(b"\r", b"\n").split(b"\n")
                for line in lines:
                    os.write(host, answers.get(line.strip(b"\x02\x03").decode(), b""))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield os.ttyname(slave)
    os.close(slave)
    thread.join(5)
    os.close(host)


class Server:
    """Issues tokens to one unit, with the protocol's own encoder."""

    def __init__(self, row):
        self._row = row
        self.count = row.count

    def make(self, kind, value):
        """Return the digits of the next token."""
        row = self._row._replace(count=self.count)
        self.count, digits = make_token(row, kind, value)
        return digits


def list_file(folder):
    """Write a list of all UNITS, with an empty ledger beside the list; return the list's path."""
    path = folder / "batch.csv"
    write_list(path, UNITS.values())
    Ledger(str(folder / "ledger.db")).close()
    return path


def has_no_key(text):
    """Check that no key of the list is in `text`, in whatever form, not even half of one."""
    small = text.lower().replace(" ", "").replace("\\x", "")
    for key in KEYS.values():
        assert key[:16] not in small and key[16:] not in small
    return text


def type_line(unit, text):
    """Send a line over the port, as somebody else's tool would; return the answer."""
    with serial.Serial(unit.port, 115200, timeout=10) as port:
        port.write(f"{text}\r".encode())
        return port.read_until(b"\n").decode().strip()


def set_up(unit):
    """Make a SimulatedUnit FIRST in the old factory tools' way."""
    row = f"{FIRST.serial};{FIRST.starting_code};{KEYS[FIRST.serial]}"
    assert type_line(unit, f"#SETUP;{row}").startswith("#SETUP;OK;")


def rest(unit):
    """Let a unit that was just switched on draw its display: Ctrl-C would leave half a frame."""
    unit.do("run 200")


def make(unit, row=FIRST, keys=None, seconds=20, running=True, tell=None, **options):
    """Provision a SimulatedUnit; a robot presses `keys` (None: those that it should).

    `running`: the firmware runs on it. `tell` is told everything, too. Returns (what provision()
    returned, {step: last text}).
    """
    if running:
        rest(unit)
    said = {}

    def press(wanted):
        words = keys or [f"keys {wanted}"]
        threading.Thread(target=lambda: [unit.do(word) for word in words], daemon=True).start()

    def say(step, text, passing=False):
        said[step] = has_no_key(text)
        if tell:
            tell(step, text, passing)

    job = Job(row, seconds=seconds, robot=press, **{"trial": 1} | options)
    return provision(unit.port, job, say), said


def identity_of(unit):
    """Return the running unit's answer to `#ID`."""
    with LineConsole(unit.port) as console:
        return console.ask("ID")


class Worker:
    """Presses all keys of a unit with four digits once they are all lit, until it is set up."""

    def __init__(self, unit):
        self._unit = unit
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def _work(self):
        while not self._over.is_set():
            status = self._unit.do("status")
            if status["provisioned"]:
                return
            if status["display"] == "8888":
                self._unit.do("keys 123456789*0#")

    def __enter__(self):
        rest(self._unit)
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._over.set()
        self._thread.join()
