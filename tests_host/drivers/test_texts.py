"""Every text fits the display, in every language, and so does every page of the panel."""

import importlib
import re
import string
from types import SimpleNamespace

import pytest

from firmware import outdated, pages, signals, supervisor
from firmware import panel as front
from firmware.account import CAP
from firmware.store import Identity
from firmware.texts import LANGUAGES, text
from tests_host.helpers.tables import quoted, table

WIDTH = 16
TABLES = [importlib.import_module(f"firmware.texts_{name}").TEXTS for name in LANGUAGES]
LONGEST = {  # the values that take most room
    "days": (9999,),
    "wait": (512,),
    "lengths": (15, 20),
    "clock": (999,),
    "battery": ("99.9",),
    "stuck": ("5",),
}
OUTCOMES = (
    *("ADD_TIME", "SET_TIME", "DISABLE_PAYG", "COUNTER_SYNC", "RESERVED", "EXTENDED"),
    *("ALREADY_USED", "INVALID", "LOCKED", "MALFORMED", "TEST", None),
)


class ShownUnit(SimpleNamespace):
    """A unit as the panel sees it."""

    def __init__(self, **changes):
        super().__init__(problem=None, identity=None, busy=False, capped=False, outcome=None)
        self.left = self.locked = self.faults = 0
        self.load = SimpleNamespace(faults=0, battery_mv=None, solar_mv=None, current_ma=None)
        self.always = False
        self.__dict__.update(changes)

    def seconds_left(self):
        return self.left

    def locked_seconds(self):
        return self.locked

    def fractions(self):
        return (0, 0)

    def free(self):
        return self.always

    def active(self):
        return self.always or self.left > 0

    def clock_faults(self):
        return self.faults

    def count(self):
        return 0xFFFFFF

    def lengths(self):
        return (15, 20)

    def longest(self):
        return 20


def identity(language):
    return Identity("S" * 32, bytes(16), language=language)


def units(language):
    """A unit in each condition that changes what is said."""
    for left in (0, 1, 86_400, CAP):
        for locked in (0, 60, 512 * 60):
            for changes in ({}, {"always": True}, {"capped": True}, {"faults": 0xFFFF}):
                yield ShownUnit(identity=identity(language), left=left, locked=locked, **changes)
    for bit in (0, 1, 2, 4, 8, 16, 31, 32):
        measured = {"battery_mv": 28_800, "solar_mv": 44_100, "current_ma": 15_000}
        load = SimpleNamespace(faults=bit, **measured)
        yield ShownUnit(identity=identity(language), left=CAP, locked=512 * 60, load=load)
    yield ShownUnit(identity=identity(language), problem="memory")
    yield ShownUnit(identity=identity(language), problem="newer")
    yield ShownUnit()


def test_every_language_has_every_text():
    assert all(table.keys() == TABLES[0].keys() for table in TABLES)


@pytest.mark.parametrize("name", TABLES[0])
def test_texts_fit_in_every_language(name):
    for language in LANGUAGES:
        said = text(language, name, *LONGEST.get(name, ()))
        assert len(said) <= WIDTH and said.isascii() and said.isprintable(), said


@pytest.mark.parametrize("name", TABLES[0])
def test_translations_have_the_same_values(name):
    def values(one):
        return [field for _, field, _, _ in string.Formatter().parse(one) if field is not None]

    assert {len(values(table[name])) for table in TABLES} == {len(LONGEST.get(name, ()))}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_and_message_fits(language):
    said = []
    for unit in units(language):
        glass = front.Panel(unit, lambda digits: None, lambda pattern: None)
        glass.stuck("5", 0)
        for outcome in OUTCOMES:
            unit.outcome = outcome
            glass.judged(outcome, 0)
            said.append(_seen(glass))
        for _ in range(9):
            glass.key("#", 0)
            said.append(_seen(glass))
        glass.key("*", 0)
        said.append(_seen(glass))
        glass.key("1", 0)
        said.append(_seen(glass))
    for lines, digits in said:
        assert len(lines) == 2 and all(len(line) <= WIDTH for line in lines), lines
        assert len(digits) == 4, digits


def _seen(glass):
    return glass.lines(), glass.segments(1_000)[0]


def test_each_language_speaks_its_own():
    said = {text(language, "locked") for language in LANGUAGES}
    assert len(said) == len(LANGUAGES)
    assert text("??", "locked") == text("en", "locked")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_language_is_part_of_the_identity(language):
    kept = Identity.unpack(identity(language).pack())
    assert kept.language == language and kept == identity(language)
    assert (kept == identity("en")) == (language == "en")


def test_an_unknown_language_is_refused():
    with pytest.raises(ValueError, match="language"):
        identity("??")


def test_segment_texts_are_the_same_in_all_languages():
    told = []
    for language in LANGUAGES:
        units_of_it = [unit for unit in units(language) if unit.identity]
        told.append([pages.idle(unit).segments for unit in units_of_it])
    assert told[0] == told[1] == told[2]


def test_what_is_typed_while_an_entry_is_judged_is_not_disturbed():
    entered, played = [], []
    glass = front.Panel(ShownUnit(identity=identity("en")), entered.append, played.append)
    for key in "123456789#12":
        glass.key(key, 0)
    glass.judged("INVALID", 100)
    glass.tick(10_000)
    assert entered == ["123456789"] and glass.lines() == ("Token", "12")
    assert played[-1] == signals.WRONG, "LEDs and buzzer say it"
    glass.tick(front.ENTRY_MS + 1)
    assert glass.lines()[0] == "Locked"


def _plain(said):
    """Replace numbers, but keep the number of an error."""
    return re.sub(r"(?<!Err)\d+", "N", said)


def _messages():
    """Yield all contents of the displays, in English: the lines and the parts of four digits."""
    for unit in units("en"):
        if unit.identity:
            unit.identity = Identity("SLT000000001", bytes(16))
        for unit.outcome in OUTCOMES:
            yield pages.result(unit, unit.outcome)
            yield from (page(unit) for page in pages.statuses(unit))
        for unit.count in (lambda: 5, lambda: 1234):
            yield pages._page_count(unit)
        yield pages.idle(unit)
        yield pages.stuck(unit, "5")
        glass = front.Panel(unit, None, lambda pattern: None)
        glass.key("1", 0)
        yield pages.Say(*_seen(glass), None)
    for notice in (supervisor._Notice("en"), outdated.Outdated()):
        yield pages.Say(notice.lines(), notice.segments(0)[0], None)


def test_the_page_of_messages_has_each_message_and_no_other():
    lines, digits = {"N"}, set()  # N: a stuck unit's further keys, digits of a token
    for said in _messages():
        lines |= {_plain(line) for line in said.lines if line}
        digits |= {_plain(part.replace(" ", "")) for part in said.segments.split("|")}
    cells = table("messages.md")
    assert {_plain(said) for row in cells for said in quoted(row[0])} == lines
    assert {_plain(said.replace(" ", "")) for row in cells for said in quoted(row[1])} == digits
