"""The texts of four 7-segment digits, entry by entry: the panel before a unit without hardware."""

import pytest

from firmware import VERSION
from firmware.load import LoadSwitch
from firmware.panel import Panel
from firmware.store import Identity, Store
from firmware.unit import Unit
from tools.proofs.tokens.encoder import Encoder

KEY = bytes(range(16))
STEP = 100  # milliseconds between two looks


class Memory:
    """A medium that forgets with the test."""

    small = False

    def __init__(self):
        self.records = {}

    def read(self, name, slot):
        return self.records.get((name, slot))

    def write(self, name, slot, data):
        self.records[name, slot] = bytes(data)


class Glass:
    """A unit, its panel, and somebody who types and reads."""

    def __init__(self, monkeypatch, provisioned=True):
        self.now = 0
        monkeypatch.setattr("firmware.unit.ticks_ms", lambda: self.now)
        self.unit = Unit(Store([Memory()]), None, LoadSwitch(lambda level: None))
        self.unit.start()
        self.encoder = Encoder(KEY, 123456789)
        if provisioned:
            self.unit.provision(Identity("SN-42", KEY, 123456789))
        self.panel = Panel(self.unit, self._judge, lambda pattern: None)

    def _judge(self, digits):
        entries = self.unit.entries
        for _ in self.unit.entering(digits):
            pass
        outcome = self.unit.outcome if self.unit.entries > entries else None
        self.panel.judged(outcome, self.now)

    def type(self, keys):
        """Press keys; return what is shown right after."""
        for key in keys:
            self.panel.key(key, self.now)
        return self.shown()

    def token(self, value, count):
        return self.encoder.token(value, count)

    def shown(self):
        text = self.panel.segments(self.now)[0]
        assert len(text) == 4, "four digits"
        return text.strip()

    def pages(self):
        """Return the texts shown while a message stays, without repetitions."""
        shown = [self.shown()]
        for later in range(0, 4500, STEP):
            text = self.panel.segments(self.now + later)[0]
            if text.strip() != shown[-1]:
                shown.append(text.strip())
        return shown


@pytest.fixture
def glass(monkeypatch):
    return Glass(monkeypatch)


def test_the_last_four_digits_typed(glass):
    for typed, shown in (
        ("0", "0"),
        ("1", "01"),
        ("23", "0123"),
        ("4", "1234"),
        ("56789", "6789"),
    ):
        assert glass.type(typed) == shown
    assert glass.type("*") == "OFF"


def test_valid_then_the_days(glass):
    glass.type(glass.token(30, 2) + "#")
    assert glass.pages()[:2] == ["GOOd", "30"]
    glass.type("*")
    assert glass.shown() == "30"


def test_used_wrong_free_and_locked(glass):
    token = glass.token(1, 2)
    glass.type(token + "#")
    assert glass.type(token + "#") == "USEd"
    assert glass.type("123456789#") == "Err"
    assert glass.type("123456789#") == "Err"
    assert glass.type("12#") == "----"
    assert glass.type(glass.token(998, 3) + "#") == "FrEE"
    assert glass.type("*") == "FrEE"
    assert glass.type(glass.token(0, 5) + "#") == "OFF"
    assert glass.type("*") == "OFF"


def test_lockout_in_minutes(glass):
    for minutes in (2, 4, 8, 16):
        while glass.unit.locked_seconds() == 0:
            assert glass.type("123456789#") == "Err"
        assert glass.type("123456789#") == "L" + str(minutes).rjust(3)
        glass.now += minutes * 60_000


def test_the_cap_is_said(glass):
    for count in range(2, 24, 2):
        glass.type(glass.token(995, count) + "#")
    assert glass.pages()[:2] == ["FULL", "9999"]


def test_status_pages(glass):
    glass.type(glass.token(7, 2) + "#")
    glass.type("*")
    assert glass.type("#") == "7"
    glass.type("#")
    serial = glass.pages()
    assert serial[0] == "Id" and serial[1] == "SN-4" and "N-42" in serial, "longer texts scroll"
    assert glass.type("#") == "C  2"
    glass.type("#")
    version = glass.pages()
    assert version[0] == "F" and version[1].startswith(VERSION[0] + "-")
    assert glass.type("#") == "GOOd"


def test_a_blank_unit(monkeypatch):
    glass = Glass(monkeypatch, provisioned=False)
    assert glass.shown() == "nOnE"
    assert glass.type("662486790#") == "nOnE"
