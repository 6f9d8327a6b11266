"""Several processes at one ledger, in a file and on a real PostgreSQL."""

import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests_host.batch import racers
from tests_host.batch.conftest import unit
from tools.batches.ledger import Ledger
from tools.paths import ROOT

PROCESSES = 4
SERIALS = [f"SLT{number:09}" for number in range(1, 41)]


@pytest.fixture(scope="module")
def pool():
    """Processes that exist before a race begins."""
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        with ProcessPoolExecutor(PROCESSES, mp_context=context) as executor:

            def race(function, *arguments):
                """Run it in all processes at once; each one's arguments are a tuple."""
                barrier = manager.Barrier(PROCESSES)
                runs = [executor.submit(function, barrier, *given) for given in zip(*arguments)]
                return [run.result(timeout=120) for run in runs]

            yield race


def everywhere(value):
    return [value] * PROCESSES


STATIONS = [f"station {number}" for number in range(PROCESSES)]


def test_made_by_all_at_once(pool, place):
    assert pool(racers.open_it, everywhere(place), STATIONS) == STATIONS
    with Ledger(place) as ledger:
        ledger.reserve("A1", "north")


def test_next_serial_is_given_once(pool, place):
    got = pool(racers.take_all, everywhere(place), STATIONS, everywhere(SERIALS))
    assert sorted(serial for some in got for serial in some) == SERIALS
    with Ledger(place) as ledger:
        for station, some in zip(STATIONS, got):
            assert sorted(ledger.begun(station)) == sorted(some)


def test_nothing_is_provisioned_twice(pool, place):
    got = pool(racers.provision_same, everywhere(place), STATIONS, everywhere(SERIALS))
    assert sorted(serial for some in got for serial in some) == SERIALS
    with Ledger(place) as ledger:
        for station, some in zip(STATIONS, got):
            assert {ledger.unit(serial).key_check for serial in some} <= {station}


def test_a_count_is_used_once(pool, place):
    got = pool(racers.issue_some, everywhere(place), everywhere(1), everywhere(12))
    counts = sorted(issued.count for some in got for issued in some)
    assert counts == list(range(2, 2 + 2 * len(counts), 2))
    assert len(counts) == 12 * PROCESSES
    assert len({issued.digits for some in got for issued in some}) == len(counts)
    for some in got:
        assert [issued.count for issued in some] == sorted(issued.count for issued in some)


def test_several_units_in_opposite_orders(pool, place):
    numbers = list(range(1, 9))
    orders = [numbers if racer % 2 else numbers[::-1] for racer in range(PROCESSES)]
    got = pool(racers.issue_both_ways, everywhere(place), orders, everywhere(5))
    for number in numbers:
        serial = unit(number).serial
        counts = [issued.count for some in got for issued in some if issued.serial == serial]
        assert sorted(counts) == list(range(3, 3 + 2 * 5 * PROCESSES, 2))


@pytest.mark.parametrize("lines", [1, 7])
def test_killed_while_it_issues(place, lines):
    """A printed count stays used; the ledger opens again and goes on above that count."""
    command = [sys.executable, "-m", "tests_host.batch.racers", place]
    folders = os.pathsep.join(str(ROOT / part) for part in ("", "lib", "tests_host/shim"))
    environment = {**os.environ, "PYTHONPATH": folders}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    printed = [process.stdout.readline() for _ in range(lines)]
    process.kill()
    printed += process.stdout.readlines()
    process.wait()
    process.stdout.close()
    used = {int(line.split()[0]) for line in printed if line.endswith("\n")}
    assert len(used) >= lines
    with Ledger(place) as ledger:
        assert used <= {issued.count for issued in ledger.tokens("SLT000000001")}
        assert ledger.count("SLT000000001") >= max(used)
