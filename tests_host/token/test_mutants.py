"""Bugs planted into the engine are caught: some of them here, all by `python -m tools.mutate`."""

import subprocess
import sys

from tools import ROOT
from tools.mutate import MUTANTS, read_mutants

SHARE = 3  # every third of them


def test_planted_bugs_are_caught():
    command = [sys.executable, "-m", "tools.mutate", "--quick", "--part", f"1/{SHARE}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    planted = len(read_mutants(MUTANTS.read_text())[::SHARE])
    assert done.stdout.splitlines()[-1] == f"{planted} of {planted} bugs caught"
    assert planted >= 12


def test_every_bug_has_its_place():
    """A change of the engine that leaves a bug nowhere to go is seen without planting it."""
    for mutant in read_mutants(MUTANTS.read_text()):
        text = (ROOT / "lib" / "opaygo" / f"{mutant.module}.py").read_text()
        assert text.count(mutant.right) == 1, mutant.name
        assert mutant.wrong != mutant.right
