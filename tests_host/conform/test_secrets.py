"""No key of a unit is in a list of processes, in a report, or in the output."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests_host.conform.wrong_units import Line, RightUnit
from tools.commands.conform import command
from tools.conformance.chains import Chains
from tools.conformance.units import SimUnit
from tools.conformance.words import Cleaner
from tools.identity import Identity
from tools.interpreter import simulator_command
from tools.paths import ROOT
from tools.proofs.simulator import Sim

KEY = "00112233445566778899aabbccddeeff"
OTHER_KEY = "ffeeddccbbaa99887766554433221100"
UNIT = Identity("S1", bytes.fromhex(KEY), 123456789)
LINUX = pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")


def children(process):
    """Return the ids of a process's children, and of theirs."""
    found = []
    for path in Path("/proc").glob(f"{process}/task/*/children"):
        for child in path.read_text().split():
            found += [child, *children(child)]
    return found


def arguments(processes):
    """Return the command lines of processes, as every user sees them."""
    return [Path(f"/proc/{process}/cmdline").read_bytes().decode() for process in processes]


@LINUX
class TestProcesses:
    """The simulator of each command."""

    def test_the_unit_of_conform(self):
        with SimUnit(simulator_command(UNIT, None)) as unit:
            assert unit.greet() == "#STATUS;INACTIVE"
            lines = arguments([unit._process.pid])
        assert "sim/run.py" in lines[0] and KEY not in lines[0]

    def test_a_whole_run_of_conform(self, tmp_path):
        key_file = tmp_path / "k.key"
        key_file.write_text(KEY)
        line = [sys.executable, "-m", "tools.cli", "conform", "--sim", "--key-file", str(key_file)]
        with subprocess.Popen(line, cwd=ROOT, stderr=subprocess.PIPE) as process:
            process.stderr.readline()  # the first check is done
            lines = arguments([process.pid, *children(process.pid)])
            process.kill()
        assert any("sim/run.py" in line for line in lines), lines
        assert not any(KEY in line for line in lines)

    def test_payg_sim(self):
        payg = [sys.executable, "-m", "tools.cli", "sim", "--headless"]
        with Sim(command=payg, serial="S1", key=KEY, starting_code=123456789) as sim:
            assert sim.do("status")["provisioned"]
            lines = arguments([sim._process.pid, *children(sim._process.pid)])
        assert "sim/run.py" in lines[0] and not any(KEY in line for line in lines)

    def test_a_unit_on_a_cable(self):
        payg = [sys.executable, "-m", "tools.cli", "sim", "--headless", "--cable"]
        with Sim(command=payg, serial="S1", key=KEY, starting_code=123456789) as sim:
            assert json.loads(sim.read_line())["port"]
            sim.do("status")
            lines = arguments(children(sim._process.pid))
        assert lines and not any(KEY in line for line in lines)


def test_two_simulators_keep_their_own_keys():
    first = simulator_command(UNIT, None)
    second = simulator_command(UNIT._replace(key=bytes.fromhex(OTHER_KEY)), None)
    again = simulator_command(UNIT, None)
    assert first == again != second
    for line, key in ((second, OTHER_KEY), (first, KEY)):
        token = Chains(bytes.fromhex(key), 123456789).token(1, 2)
        with SimUnit(line) as unit:
            assert unit.ask(f"#TOKEN;{token}") == "#TOKEN;VALID;86400"


EXAMPLE = ("--key", KEY, "--starting-code", "123456789", "--yes", "--entries", "0", "--seed", "1")
REPORTS = ("json", "html", "junit")


class Betrays(RightUnit):
    """Puts its key into answers. `error`: also into an answer to a token."""

    def __init__(self, said, error):
        super().__init__(bytes.fromhex(KEY), 123456789)
        self.said, self.error = said, error

    def answer(self, line):
        if line == "#ID":
            return f"#ID;S1;1.0;KEY;{self.said}"
        if self.error and line.startswith("#TOKEN") and self.state.count > 4:
            return f"#TOKEN;ERROR;key={self.said}"
        return super().answer(line)


@pytest.mark.parametrize("said", [KEY, KEY.upper(), f"xx{KEY[5:21]}"], ids=["whole", "case", "16"])
@pytest.mark.parametrize("error", [False, True], ids=["ID", "ERROR"])
def test_a_unit_that_tells_its_key(tmp_path, said, error):
    paths = [tmp_path / f"report.{name}" for name in REPORTS]
    options = [word for name, path in zip(REPORTS, paths) for word in (f"--{name}", str(path))]
    with Line(Betrays(said, error)) as cable:
        done = CliRunner().invoke(command, ["--port", cable.port, *EXAMPLE, *options])
    assert done.exit_code == int(error), done.output
    for text in (done.output, *[path.read_text() for path in paths]):
        flat = "".join(text.split()).lower()
        assert not any(KEY[at : at + 16] in flat for at in range(17))
    assert all("(hidden)" in path.read_text() for path in paths)


def test_an_adapter_that_ends_with_its_key():
    line = f"'{sys.executable}' -c 'raise SystemExit(\"key {KEY[:20].upper()}\")'"
    done = CliRunner().invoke(command, ["--command", line, *EXAMPLE])
    assert done.exit_code == 3 and "(hidden)" in done.output
    assert KEY[:16] not in done.output.lower()


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (f"a {KEY} b {KEY.upper()}", "a (hidden) b (hidden)"),
        (KEY[3:19], "(hidden)"),
        (KEY[3:18], KEY[3:18]),
        ("f" + KEY[3:] + "0", "f(hidden)0"),
        ("", ""),
        ("\u0130" + KEY, None),
    ],
)
def test_keys_in_a_text(text, clean):
    found = Cleaner(bytes.fromhex(KEY))(text)
    assert found == clean or clean is None and found.endswith("(hidden)")
