"""The README's commands, run as a newcomer would copy them."""

import csv
import json
import os
import re
import subprocess
import sys

import pytest

from tools.paths import ROOT
from tools.seconds import DAY

SECTION = "## Twenty units, from list to credit"
SERIALS = [f"SLT{number:09}" for number in range(1, 21)]
DAYS_30 = 30 * DAY


def shop(folder):
    """Run the commands of the section in an empty folder; return their output."""
    _, _, rest = (ROOT / "README.md").read_text().partition(SECTION)
    return run(re.search(r"```sh\n(.*?)```", rest, re.DOTALL)[1], folder)


def run(script, folder):
    """Run a script in a folder, with `payg` in the path; return the output."""
    place = folder / "bin"
    place.mkdir(exist_ok=True)
    command = place / "payg"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tools.cli "$@"\n')
    command.chmod(0o755)
    environment = dict(os.environ, PYTHONPATH=str(ROOT), PATH=f"{place}:{os.environ['PATH']}")
    done = subprocess.run(
        ["sh", "-eu", "-c", script],
        capture_output=True,
        cwd=folder,
        env=environment,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rows(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_the_commands_of_try_it_without_a_terminal(tmp_path):
    _, _, rest = (ROOT / "README.md").read_text().partition("## Try it")
    blocks = re.findall(r"```\n(.*?)```", rest.partition("\n## ")[0], re.DOTALL)
    make = next(line for block in blocks for line in block.splitlines() if " token " in line)
    drive = next(block for block in blocks if "--headless" in block)
    assert "count 2" in run(make.replace(".venv/bin/", ""), tmp_path)
    answers = run(drive.replace(".venv/bin/", ""), tmp_path).splitlines()
    assert [json.loads(line)["load"] for line in answers] == [True, False, False]


@pytest.mark.long
def test_from_nothing_to_twenty_credited_units(tmp_path):
    said = shop(tmp_path)
    assert sorted(path.name for path in (tmp_path / "units").iterdir()) == SERIALS
    assert "20 of 20 units are provisioned and sealed" in said
    states = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert len(states) == 20
    for state in states:
        assert state["load"] and state["count"] == 2
        assert DAYS_30 - 60 < state["seconds_left"] <= DAYS_30
    before, after = rows(tmp_path / "batch.csv"), rows(tmp_path / "moved.csv")
    for row in before:
        assert row["Key"].lower() not in said.lower()
    assert [row["Serial Number"] for row in after] == SERIALS
    assert {row.pop("Count") for row in before} == {"1"}
    assert {row.pop("Count") for row in after} == {"2"}
    assert before == after  # keys and all else as they were
