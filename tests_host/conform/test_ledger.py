"""`payg conform --batch`: the ledger has each count before the unit, at any end of a run."""

import json
import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner

from tests_host.conform.wrong_units import Line, RightUnit
from tools.batches.ledger import Ledger
from tools.commands.conform import command
from tools.conformance import reservation
from tools.conformance.chains import Chains
from tools.conformance.reservation import SYNC, Reservation
from tools.conformance.run import FAIL
from tools.identity import PUBLISHED_CODE, PUBLISHED_KEY
from tools.paths import ROOT

COLUMNS = (
    "Serial Number,Starting Code,Key,Count,Time Divider,Restricted Digit Mode,"
    "Hardware Model,Version,Test Code\n"
)
QUICK = ("--serial", "SLT1", "--yes", "--entries", "0", "--seed", "1")
SHORT = ("--profile", "certification", "--without", "sets")


@pytest.fixture
def listed(tmp_path):
    """A list of one unit, with a ledger that knows no count."""
    path = tmp_path / "batch.csv"
    path.write_text(f"{COLUMNS}SLT1,{PUBLISHED_CODE},{PUBLISHED_KEY.hex()},1,1,0,,,\n")
    Ledger(str(tmp_path / "ledger.db")).close()
    return path


def ledger_count(listed):
    """Return the unit's count in the ledger, or 0."""
    with Ledger(str(listed.parent / "ledger.db")) as ledger:
        return ledger.count("SLT1") or 0


class Watched(RightUnit):
    """Compares the ledger's count with its own at each token that it accepts."""

    def __init__(self, listed):
        super().__init__(PUBLISHED_KEY, PUBLISHED_CODE)
        self.listed = listed
        self.ahead = []
        self.accepted = 0

    def credit(self, outcome, seconds):
        super().credit(outcome, seconds)
        self.accepted += 1
        self.ahead.append(ledger_count(self.listed) - self.state.count)


def conform(unit, listed, *options):
    """Return click's result of a run on a unit of the list."""
    with Line(unit) as cable:
        arguments = ["--port", cable.port, "--batch", str(listed), *QUICK, *options]
        return CliRunner().invoke(command, arguments)


def test_the_ledger_is_never_behind_and_within_a_sync_of_the_unit(listed):
    unit = Watched(listed)
    done = conform(unit, listed, "--entries", "150")
    assert done.exit_code == 0, done.output
    assert min(unit.ahead) >= 0, "the ledger would issue a used count"
    assert max(unit.ahead) <= SYNC, "the unit would not take a sync"
    said = " ".join(done.output.split())
    assert f"The ledger has count {ledger_count(listed)}" in said
    assert f"count is now {unit.state.count}" in said


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_a_killed_run_loses_no_count(listed, sent):
    class Kills(Watched):
        def credit(self, outcome, seconds):
            super().credit(outcome, seconds)
            if self.accepted == 6:
                process.send_signal(sent)
                process.wait()

    unit = Kills(listed)
    with Line(unit) as cable:
        line = [sys.executable, "-m", "tools.cli", "conform", "--port", cable.port]
        process = subprocess.Popen(
            [*line, "--batch", str(listed), *QUICK, *SHORT], cwd=ROOT, stdout=subprocess.PIPE
        )
        process.communicate(timeout=60)
    assert unit.accepted == 6 and process.returncode == -sent
    assert ledger_count(listed) >= unit.state.count > 1


def test_an_output_that_breaks_loses_no_count(listed):
    unit = Watched(listed)
    with Line(unit) as cable:
        line = [sys.executable, "-m", "tools.cli", "conform", "--port", cable.port]
        arguments = [*line, "--batch", str(listed), *QUICK, *SHORT]
        process = subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE)
        process.stdout.readline()
        process.stdout.close()
        process.wait(60)
    assert ledger_count(listed) >= unit.state.count > 1


def test_a_ledger_that_refuses_stops_the_run_before_the_entry(listed, monkeypatch):
    monkeypatch.setattr("tools.batches.tables.PATIENCE", 0.1)
    monkeypatch.setattr(reservation, "RESERVED", 0)

    class Locks(Watched):
        def credit(self, outcome, seconds):
            super().credit(outcome, seconds)
            if self.accepted == 4:
                self.other = Ledger(str(listed.parent / "ledger.db"))
                self.lock = self.other._writing()
                self.lock.__enter__()

    unit = Locks(listed)
    path = listed.parent / "report.json"
    done = conform(unit, listed, *SHORT, "--json", str(path))
    unit.lock.__exit__(None, None, None)
    unit.other.close()
    assert done.exit_code == 3 and "Not finished" in done.output, done.output
    checks = json.loads(path.read_text())["checks"]
    assert FAIL not in {check["verdict"] for check in checks}, done.output
    assert any("the ledger cannot keep" in check["detail"] for check in checks)
    assert unit.accepted == 4 and ledger_count(listed) >= unit.state.count


def test_a_token_issued_during_the_run_is_told(listed):
    class Meanwhile(Watched):
        def credit(self, outcome, seconds):
            super().credit(outcome, seconds)
            if self.accepted == 5:
                with Ledger(str(listed.parent / "ledger.db")) as ledger:
                    ledger.raise_count("SLT1", ledger.count("SLT1") + 2)

    done = conform(Meanwhile(listed), listed, *SHORT)
    said = " ".join(done.output.split())
    assert done.exit_code == 0 and "were issued during the run" in said, done.output


def test_a_wrong_key_leaves_the_ledger_within_reach(listed):
    listed.write_text(f"{COLUMNS}SLT1,5,00112233445566778899aabbccddeeff,300,1,0,,,\n")
    done = conform(RightUnit(PUBLISHED_KEY, PUBLISHED_CODE), listed, *SHORT)
    assert done.exit_code == 3, done.output
    assert ledger_count(listed) <= 302


def test_a_count_wrongly_accepted_beyond_reach_is_kept(listed, monkeypatch):
    monkeypatch.setattr("opaygo.decoder.JUMP", 66)
    unit = Watched(listed)
    done = conform(unit, listed, "--profile", "protocol")
    assert done.exit_code == 1, done.output
    assert ledger_count(listed) >= unit.state.count


def test_the_words_at_the_end_follow_the_distance():
    kept = Reservation("nowhere", "SLT1", 500)
    assert "takes the next token" in kept.words(438)
    assert "payg token --sync" in kept.words(437)
    assert "payg token --sync" in kept.words(402)
    assert "payg token --resync 401" in kept.words(401)
    assert "the unit's count." in kept.words(500)


def test_a_reservation_at_those_distances_leaves_the_next_token_in_reach():
    chains = Chains(PUBLISHED_KEY, PUBLISHED_CODE)
    for ahead, value in ((reservation.NEXT, 1), (SYNC, 999)):
        for count in (100, 101):
            unit = RightUnit(PUBLISHED_KEY, PUBLISHED_CODE)
            unit.state = unit.state._replace(count=count)
            kept = count + ahead
            for parity in (0, 1) if value == 1 else (1,):
                further = kept + 2 - (kept + parity) % 2
                unit.state = unit.state._replace(count=count)
                assert unit.token(chains.token(value, further)).startswith("VALID")
