"""Plants bugs into the token engine, one at a time, and shows that the tests catch each.

The bugs are in mutants.txt beside this file. Prints a line for each; the exit status is 1 if any
bug was not caught.
"""

import contextlib
import io
import os
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import click

from tools.paths import ROOT

TESTS = "tests_host/token"
MUTANTS = Path(__file__).with_name("mutants.txt")
COPIED = ("lib", "tools", "board", "tests_host/shim", "tests_host/helpers", TESTS)
COPIED_FILES = ("tests_host/conftest.py", "pyproject.toml")
LEFT_OUT = ("__pycache__", "test_mutants.py")
QUICK = ("scenarios", "state", "chain", "exhaustive", "vectors", "costs")
BROKEN = "could not run:"
OPTIONS = ("-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--override-ini", "addopts=")
OPTIONS += ("--import-mode=importlib",)


@dataclass(frozen=True)
class Mutant:
    """A bug: in this module of lib/opaygo, `right`, found exactly once, is replaced by `wrong`."""

    name: str
    module: str
    right: str
    wrong: str


def read_mutants(text):
    """Return the Mutants in the text of mutants.txt."""
    mutants = []
    for part in re.split(r"^== ", text, flags=re.MULTILINE)[1:]:
        title, *lines = part.strip("\n").split("\n")
        name, module = title.rsplit(": ", 1)
        right, wrong = (
            "\n".join(line[2:] for line in lines if line.startswith(sign)) for sign in "-+"
        )
        mutants.append(Mutant(name, module, right, wrong))
    return mutants


def plant(mutant, where):
    """Copy the files needed by the tests to `where`, with the bug planted (None: without)."""
    for name in COPIED:
        shutil.copytree(ROOT / name, where / name, ignore=shutil.ignore_patterns(*LEFT_OUT))
    for name in COPIED_FILES:
        shutil.copy(ROOT / name, where / name)
    if mutant is None:
        return
    path = where / "lib" / "opaygo" / f"{mutant.module}.py"
    text = path.read_text()
    found = text.count(mutant.right)
    if found != 1:
        raise click.ClickException(f"{mutant.name}: the text to change is there {found} times")
    path.write_text(text.replace(mutant.right, mutant.wrong))


def first_failure(where, files):
    """Run tests in the copy; return the name of the first failing test, or "".

    Raises ClickException if a test could not run at all, which would show nothing. Runs in a
    forked process: pytest and its imports are loaded only once, in this process, but the engine
    and the engine's tests only in the fork.
    """
    inlet, outlet = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(inlet)
        with os.fdopen(outlet, "w") as pipe:
            pipe.write(_run_pytest(where, files))
        os._exit(0)
    os.close(outlet)
    with os.fdopen(inlet) as pipe:
        failed = pipe.read()
    _, status = os.waitpid(child, 0)
    if status or failed.startswith(BROKEN):
        raise click.ClickException(failed or "pytest itself failed")
    return failed


class _Watch:
    failed = broken = ""

    def pytest_runtest_logreport(self, report):
        if report.failed and report.when == "call":
            self.failed = self.failed or report.nodeid.removeprefix(f"{TESTS}/")
        elif report.failed:
            self.broken = report.nodeid

    def pytest_collectreport(self, report):
        if report.failed:
            self.broken = report.nodeid


def _run_pytest(where, files):
    import pytest

    os.chdir(where)
    for name in [name for name in sys.modules if name.split(".")[0] == "tools"]:
        del sys.modules[name]
    watch = _Watch()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        status = pytest.main([*OPTIONS, *files], plugins=[watch])
    if watch.broken or status not in (0, 1):
        return f"{BROKEN} {watch.broken or status}"
    return watch.failed


@click.command()
@click.option("--quick", is_flag=True, help="Run only the fast ones of the engine's tests.")
@click.option("--only", metavar="TEXT", default="", help="Plant the bugs with this in their name.")
@click.option(
    "--part", metavar="K/N", default="1/1", help="Plant every N-th bug from the K-th on."
)
def main(quick, only, part):
    """Plant bugs into the token engine and see whether its tests catch them.

    \b
    All bugs, all tests of the engine (minutes):
      python -m tools.proofs.tokens.mutate
    """
    import hypothesis  # noqa: F401 (imported before the first fork, see first_failure)
    import pytest  # noqa: F401

    files = [f"{TESTS}/test_{name}.py" for name in QUICK] if quick else [TESTS]
    first, step = map(int, part.split("/"))
    mutants = [m for m in read_mutants(MUTANTS.read_text())[first - 1 :: step] if only in m.name]
    if not quick:
        _check_without_bug(files)
    survivors = [mutant.name for mutant in mutants if not _is_caught(mutant, files)]
    print(f"{len(mutants) - len(survivors)} of {len(mutants)} bugs caught")
    sys.exit(bool(survivors))


def _check_without_bug(files):
    with tempfile.TemporaryDirectory() as folder:
        plant(None, Path(folder))
        failed = first_failure(Path(folder), files)
    if failed:
        raise click.ClickException(f"without any bug this test fails: {failed}")


def _is_caught(mutant, files):
    with tempfile.TemporaryDirectory() as folder:
        plant(mutant, Path(folder))
        failed = first_failure(Path(folder), files)
    print(f"{mutant.name}: {'caught by ' + failed if failed else 'NOT CAUGHT'}", flush=True)
    return bool(failed)


if __name__ == "__main__":
    main()
