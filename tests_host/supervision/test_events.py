"""The event log: bounded, ordered, kind to the flash, and never without what is rare."""

import ast

from hypothesis import given
from hypothesis import strategies as st

from firmware import events
from firmware.events import BYPASS, LENGTH, LOW_BATTERY, NAMES, OVER_CURRENT, EventLog
from firmware.supervisor import Supervisor
from tests_host.helpers.tables import table
from tools.interpreter import run_on_micropython


class Files:
    """One file in RAM; `full` makes it refuse."""

    def __init__(self):
        self.data, self.full, self.writes = None, False, 0

    def read(self, name, slot):
        assert (name, slot) == ("events", 0)
        return self.data

    def write(self, name, slot, data):
        if self.full:
            raise OSError(28)
        self.writes += 1
        self.data = bytes(data)


class Clock:
    now = 100_000_000

    def read(self):
        if self.now < 0:
            raise OSError(5)
        return self.now or None


def test_entries_survive_a_restart_in_order():
    files, clock = Files(), Clock()
    log = EventLog(files, clock)
    log.add(LOW_BATTERY, 11_390)
    clock.now += 60
    log.add(BYPASS)
    assert log.pending and files.data is None
    log.flush()
    assert not log.pending
    assert EventLog(files, clock).entries() == [
        (100_000_000, LOW_BATTERY, 11_390),
        (100_000_060, BYPASS, 0),
    ]


def test_an_event_that_repeats_is_written_once_until_the_log_had_a_rest():
    log = EventLog(Files(), Clock())
    for _ in range(100):
        log.add(OVER_CURRENT, 9_000)
    assert len(log.entries()) == 1
    log.rest()
    log.add(OVER_CURRENT, 9_100)
    assert [entry[2] for entry in log.entries()] == [9_000, 9_100]


@given(st.lists(st.integers(1, len(NAMES) - 1), max_size=300), st.integers(-5, 70_000))
def test_the_log_stays_bounded_and_keeps_the_only_sign_of_tampering(often, number):
    files = Files()
    log = EventLog(files, Clock())
    log.add(BYPASS, number)
    for event in often:
        log.rest()
        log.add(event, number)
    log.flush()
    assert len(files.data) <= LENGTH * 8
    entries = EventLog(files, None).entries()
    assert len(entries) == min(LENGTH, 1 + len(often))
    assert any(event == BYPASS for _, event, _ in entries)
    if often:
        assert entries[-1][1:] == (often[-1], max(0, min(number, 65_535)))


def test_what_is_frequent_makes_room():
    log = EventLog(Files(), None)
    log.add(BYPASS)
    for number in range(100):
        log.rest()
        log.add(LOW_BATTERY, number)
    assert [entry[1:] for entry in log.entries()] == [
        (BYPASS, 0),
        *[(LOW_BATTERY, number) for number in range(69, 100)],
    ]


def test_a_clock_or_a_flash_that_fails_fails_nothing_else():
    files, clock = Files(), Clock()
    log = EventLog(files, clock)
    files.full, clock.now = True, -1
    log.add(BYPASS)
    log.flush()
    files.full = False
    clock.now = 0  # the chip has lost its time
    log.add(LOW_BATTERY, 1)
    log.flush()
    assert EventLog(files, clock).entries() == [(0, BYPASS, 0), (0, LOW_BATTERY, 1)]


def test_a_file_of_garbage_is_a_log_of_strange_events_not_an_exception():
    files = Files()
    files.data = bytes(range(250)) + b"\xff" * 13
    log = EventLog(files, None)
    assert len(log.entries()) == 32
    log.add(BYPASS)
    assert len(log.entries()) == 32


def test_every_event_has_a_name():
    codes = {v for k, v in vars(events).items() if k.isupper() and isinstance(v, int)} - {LENGTH}
    assert codes == set(range(1, len(NAMES)))


def test_the_page_names_each_event():
    rows = [row[:2] for row in table("load.md", "Event log")]
    assert rows == [[str(number), name] for number, name in enumerate(NAMES) if number]


def test_a_full_heap_costs_no_entry():
    event, number = ast.literal_eval(
        run_on_micropython("tests_host.supervision.full_heap", heap="256k")
    )
    assert event == events.TASK_FAILED and number // 1000 == 3 and number % 1000


def test_memory_that_is_short_never_stops_the_reset(monkeypatch):
    """The task is logged without the line, or the entry waits for the next entry."""
    files, supervisor = Files(), Supervisor()
    log = EventLog(files, None)
    supervisor.failed = 2
    monkeypatch.setattr("firmware.supervisor._line", short)
    supervisor.note(log, MemoryError())
    assert EventLog(files, None).entries() == [(0, events.TASK_FAILED, 2_000)]
    monkeypatch.setattr(files, "write", short)
    log.rest()
    log.add(BYPASS)
    log.flush()
    monkeypatch.setattr(log, "add", short)
    supervisor.note(log, MemoryError())
    assert log.entries()[-1] == (0, BYPASS, 0)


def short(*_arguments):
    raise MemoryError
