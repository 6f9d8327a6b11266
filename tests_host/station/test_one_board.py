"""A serial number goes to one board, whatever stations do at the same time or are killed at."""

import itertools
import threading

import pytest

from tests_host.station.line import BLANK, FIRST, Worker, identity_of
from tools.batches.ledger import Ledger, TakenError
from tools.cable.unit import SimulatedUnit
from tools.station import provision
from tools.station.provision import Report, Station
from tools.station.selftest import Job

CHECK = "c0ffee00"
STEPS = ("reserve", "claim", "write", "finish")
ENDS = ("done", *[f"dies before {step}" for step in STEPS], "fails early", "fails late")
"""Ends of a run of `payg provision`. `fails early`: before the claim; `late`: after the claim."""


class Run:
    """One run of `payg provision`: a station with a board, as far as the ledger is concerned."""

    def __init__(self, ledger, serial, station, board, end, wrote):
        self._ledger, self._serial, self._station = ledger, serial, station
        self._board, self._end, self._wrote = board, end, wrote
        self._over = False

    def _fail(self, board):
        self._ledger.failed(self._serial, self._station, "keys: 5 not pressed", board)
        self._over = True

    def do(self, step):
        """Do a step, unless the run is over or was refused."""
        if self._over or self._end == f"dies before {step}":
            self._over = True
            return
        if self._board in self._wrote and step == "claim":  # the station sees a sealed unit
            self._over = True
            return
        try:
            if step == "reserve":
                self._ledger.reserve(self._serial, self._station)
            elif step == "claim" and self._end == "fails early":
                self._fail(None)
            elif step == "claim":
                self._ledger.claim(self._serial, self._station, self._board, FIRST.key)
            elif step == "write" and self._end == "fails late":
                self._fail(self._board)
            elif step == "write":
                self._wrote.add(self._board)
            else:
                self._ledger.provisioned(self._serial, self._station, "f1", CHECK)
        except TakenError:
            self._over = True


@pytest.mark.long
@pytest.mark.parametrize("stations", [("one", "one"), ("one", "two")], ids=["same", "two"])
def test_every_order_of_two_runs_writes_one_board(tmp_path, stations):
    """All orders of the steps, all ends of each run, and afterwards both boards tried again."""
    numbers = itertools.count(1)
    orders = list(_orders())
    with Ledger(str(tmp_path / "ledger.db")) as ledger:
        _hurry(ledger)
        for ends in itertools.product(ENDS, ENDS):
            for order in orders:
                serial, wrote = f"A{next(numbers)}", set()
                runs = [
                    Run(ledger, serial, station, board, end, wrote)
                    for station, board, end in zip(stations, ("0a", "0b"), ends)
                ]
                left = [iter(STEPS), iter(STEPS)]
                for which in order:
                    runs[which].do(next(left[which]))
                assert len(wrote) <= 1, (ends, order)
                for station, board in ((stations[0], "0b"), (stations[1], "0a")):
                    again = Run(ledger, serial, station, board, "done", wrote)
                    for step in STEPS:
                        again.do(step)
                    assert len(wrote) <= 1, (ends, order, station, board)


def _orders():
    """All orders in which two runs can do their four steps each, as tuples of 0 and 1."""
    for places in itertools.combinations(range(8), 4):
        yield tuple(0 if at in places else 1 for at in range(8))


def _hurry(ledger):
    """Nothing is waited for on the disk: no power fails here."""
    with ledger._engine.connect() as database:
        database.exec_driver_sql("PRAGMA journal_mode = MEMORY")
    ledger._engine.dispose()


def make(unit, ledger, station="one", again=False):
    """Provision a SimulatedUnit as FIRST; return whether that was done, and the lines."""
    said = []
    report = Report()
    report.line = said.append
    done = Station(station, ledger, report, again).make(unit.port, Job(FIRST, trial=1, seconds=20))
    return done, " ".join(said)


def test_two_boards_at_once_and_one_gets_it(tmp_path):
    results = {}
    with (
        SimulatedUnit(tmp_path / "a", "pico") as first,
        SimulatedUnit(tmp_path / "b", "pico") as second,
        Ledger(str(tmp_path / "ledger.db")) as ledger,
        Worker(first),
        Worker(second),
    ):
        boards = {"a": first, "b": second}
        threads = [
            threading.Thread(
                target=lambda name=name: results.update({name: make(boards[name], ledger)})
            )
            for name in boards
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(done for done, _ in results.values()) == [False, True], results
        refused = next(name for name, (done, _) in results.items() if not done)
        assert "was begun on another board at one" in results[refused][1]
        boards[refused].wait_restart(1)
        assert identity_of(boards[refused]) == BLANK


def test_after_a_station_was_killed_the_board_that_may_have_it_finishes(tmp_path, monkeypatch):
    with (
        SimulatedUnit(tmp_path / "a", "pico") as first,
        SimulatedUnit(tmp_path / "b", "pico") as second,
        Ledger(str(tmp_path / "ledger.db")) as ledger,
    ):

        def killed(*arguments):
            raise SystemExit

        with monkeypatch.context() as patch, Worker(first), pytest.raises(SystemExit):
            patch.setattr(provision.Ledger, "provisioned", killed)
            make(first, ledger)
        with Worker(second):
            done, said = make(second, ledger)
            assert not done and "Its identity may be there" in said, said
            second.wait_restart(1)
        done, said = make(first, ledger)
        assert done and "is this unit already" in said
        with Worker(second):
            done, said = make(second, ledger)
        assert not done and "was provisioned at one" in said
