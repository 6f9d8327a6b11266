"""Fixtures for all tests, and MicroPython's ticks in CPython's `time`."""

import os
import signal
import time

import pytest

TICKS_PERIOD = 1 << 30  # as on a 32-bit port, so that wrapping is met in tests
TICKS_HALF = TICKS_PERIOD >> 1


def _ticks_ms():
    return (time.monotonic_ns() // 1_000_000) % TICKS_PERIOD


def _ticks_us():
    return (time.monotonic_ns() // 1_000) % TICKS_PERIOD


def _ticks_add(ticks, delta):
    if not -TICKS_HALF < delta < TICKS_HALF:
        raise OverflowError("ticks interval overflow")
    return (ticks + delta) % TICKS_PERIOD


def _ticks_diff(later, earlier):
    return (later - earlier + TICKS_HALF) % TICKS_PERIOD - TICKS_HALF


def _add_ticks():
    time.ticks_ms = _ticks_ms
    time.ticks_us = _ticks_us
    time.ticks_add = _ticks_add
    time.ticks_diff = _ticks_diff
    time.sleep_ms = lambda ms: time.sleep(ms / 1_000)
    time.sleep_us = lambda us: time.sleep(us / 1_000_000)


_add_ticks()
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # started in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)  # Ctrl-C counts in tests, too


def pytest_collection_modifyitems(items):
    """Begin each process's part of the tests with its share of the long ones.

    At the end of the run all processes have short tests to share.
    """
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
    long = [item for item in items if item.get_closest_marker("long")]
    short = [item for item in items if not item.get_closest_marker("long")]
    ends = [len(short) * part // processes for part in range(processes + 1)]
    items[:] = [
        item
        for part in range(processes)
        for item in (*long[part::processes], *short[ends[part] : ends[part + 1]])
    ]


@pytest.fixture(scope="session")
def micropython_exe():
    """Path of the MicroPython interpreter; a test that needs it fails, plainly, without it."""
    from tools.interpreter import MissingInterpreterError, find_micropython

    try:
        return find_micropython()
    except MissingInterpreterError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def payg(capsys):
    """Run `payg` in this process: (exit code, standard output, standard error)."""

    from tools.cli import main

    def run(*arguments):
        with pytest.raises(SystemExit) as exit_info:
            main([str(argument) for argument in arguments])
        output = capsys.readouterr()
        return exit_info.value.code, output.out, output.err

    return run


@pytest.fixture
def plug_in(micropython_exe, tmp_path):
    """Function that plugs a board with MicroPython in; see helpers/board_on_cable.py.

    Cables and power are taken away in the end.
    """
    from tests_host.helpers.board_on_cable import BoardOnCable

    boards = []

    def make(name="unit", **options):
        boards.append(BoardOnCable(micropython_exe, tmp_path / name, **options))
        return boards[-1]

    yield make
    for board in boards:
        board.pull()
        board.power_off()


@pytest.fixture(scope="session")
def pico_build(tmp_path_factory):
    """(directory, manifest) of the build for the Pico."""
    from tools.station.build import build

    tree = tmp_path_factory.mktemp("build") / "pico"
    return tree, build("pico", tree)
