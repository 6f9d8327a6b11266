"""Drivers at the wire: one long-lived child of each interpreter runs scenarios on chip models."""

import json
import os
import subprocess
import sys

from tools.interpreter import device_libraries, micropython_command
from tools.paths import ROOT

CHILD = "tests_host.drivers.child"
INTERPRETERS = ("cpython", "micropython")
MATRIX = {
    "4x3": {
        "rows": [2, 3, 4, 5],
        "columns": [6, 7, 8],
        "keys": ["123", "456", "789", "*0#"],
    },
    "4x4": {
        "rows": [2, 3, 4, 5],
        "columns": [6, 7, 8, 9],
        "keys": ["123A", "456B", "789C", "*0#D"],
    },
    "1x5": {"rows": [], "columns": [2, 3, 4, 5, 6], "keys": ["1234#"]},
}


class Drivers:
    """`run(name, **scenario)` returns the answer; a refusal of a chip is an AssertionError."""

    def __init__(self, interpreter):
        command = [sys.executable, "-m", CHILD]
        if interpreter == "micropython":
            command = micropython_command(CHILD, heap="16m")
        path = [ROOT, ROOT / "lib", ROOT / "tests_host" / "shim"]
        self._process = subprocess.Popen(
            [*command, device_libraries()[0]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, path))},
        )

    def run(self, name, **scenario):
        """Run one scenario of child.py."""
        answer = self.ask(name, **scenario)
        assert "refused" not in answer, answer
        return answer

    def ask(self, name, **scenario):
        """The same, and return what a chip refused as {"refused": why}."""
        self._process.stdin.write(json.dumps(dict(scenario, run=name)) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the child died; its standard error says why"
        return json.loads(line)

    def close(self):
        """End the child."""
        self._process.stdin.close()
        assert self._process.wait(30) == 0


def chatter(at, key, closes, bounce=0):
    """Events of a contact that closes (or opens) at `at` and bounces for `bounce` us first."""
    events = [[at, key, closes]]
    steps = 6
    if bounce:
        for step in range(1, steps + 1):
            events.append([at + bounce * step // (steps + 1), key, closes ^ (step & 1)])
        events.append([at + bounce, key, closes])
    return events


def stroke(key, at, hold, bounce=0):
    """Events of a key that is pressed at `at` and held for `hold` us."""
    return chatter(at, key, True, bounce) + chatter(at + hold, key, False, bounce)
