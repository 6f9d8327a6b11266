"""Bugs planted into the engine are caught: a part here, all by tools.proofs.tokens.mutate."""

import subprocess
import sys

import pytest

from tools.paths import ROOT
from tools.proofs.tokens.mutate import MUTANTS, read_mutants

STEP, PARTS = 12, (1, 4, 7, 10)  # every third of them, in parts that may run side by side


@pytest.mark.long
@pytest.mark.parametrize("part", PARTS)
def test_planted_bugs_are_caught(part):
    module = "tools.proofs.tokens.mutate"
    command = [sys.executable, "-m", module, "--quick", "--part", f"{part}/{STEP}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    planted = len(read_mutants(MUTANTS.read_text())[part - 1 :: STEP])
    assert done.stdout.splitlines()[-1] == f"{planted} of {planted} bugs caught"


def test_every_bug_has_its_place():
    """A change of the engine that leaves a bug nowhere to go is seen without planting it."""
    for mutant in read_mutants(MUTANTS.read_text()):
        text = (ROOT / "lib" / "opaygo" / f"{mutant.module}.py").read_text()
        assert text.count(mutant.right) == 1, mutant.name
        assert mutant.wrong != mutant.right
