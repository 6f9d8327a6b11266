"""Runs a module of this checkout on either interpreter, as a process that answers lines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tools.interpreter import micropython_command
from tools.paths import ROOT

INTERPRETERS = ("cpython", "micropython")
HEAP = "16m"  # bytes, of MicroPython


def module_command(
    interpreter: str, module: str, *arguments: str, path: tuple[Path, ...] = ()
) -> list[str]:
    """Return the command that runs a module on one of INTERPRETERS.

    `path`: further directories on CPython's path.
    """
    if interpreter == "micropython":
        return micropython_command(module, *arguments, heap=HEAP)
    places = os.pathsep.join(map(str, (ROOT, ROOT / "lib", *path)))
    return ["env", f"PYTHONPATH={places}", sys.executable, "-m", module, *arguments]


class Answerer:
    """A process that answers each line of JSON with a line; leaving the `with` block ends the
    process.

    Arguments: see module_command.
    """

    def __init__(
        self, interpreter: str, module: str, *arguments: str, path: tuple[Path, ...] = ()
    ) -> None:
        self._process = subprocess.Popen(
            module_command(interpreter, module, *arguments, path=path),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def __enter__(self) -> Answerer:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        status = self._process.wait(30)
        self._process.stdout.close()
        assert status == 0, f"exit status {status}"

    def ask(self, question: Any) -> str:
        """Send an object as JSON; return the line of the answer."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the process died; its standard error says why"
        return line
