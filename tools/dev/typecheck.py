"""Checks types: the device's code against MicroPython's stubs of each port, then tools/.

    python -m tools.dev.typecheck               both ports and tools/
    python -m tools.dev.typecheck --install     only fetch the stubs, with pip

The stubs of two ports have the same file names, so each port's are installed into a directory
beside the packages, not into them. Faults in the stubs themselves are not ours to report. The
device's code is checked as [tool.mypy] of pyproject.toml says, tools/ as tools/mypy.ini says.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.paths import ROOT

STUBS = {
    "rp2": "micropython-rp2-stubs==1.28.0.post4",
    "esp32": "micropython-esp32-stubs==1.28.0.post4",
}
STANDARD = "micropython-stdlib-stubs==1.28.0.post6"
CHECKED = ("boot.py", "main.py", "firmware", "board")


def home(port: str) -> Path:
    """Return the directory of a port's stubs."""
    return Path(sys.prefix) / "stubs" / STUBS[port]


def install(port: str) -> None:
    """Fetch a port's stubs, unless they are there already. Raises CalledProcessError."""
    if home(port).is_dir():
        return
    part = home(port).with_name(f"{port}.part")
    shutil.rmtree(part, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    wanted = ["--no-deps", "--target", str(part), STUBS[port], STANDARD]
    subprocess.run([*pip, *wanted], check=True, stdout=sys.stderr)
    part.rename(home(port))


def check(port: str, root: Path = ROOT, checked: Sequence[str] = CHECKED) -> list[str]:
    """Return mypy's complaints about the files below `root`, one line each."""
    stubs = home(port)
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml")]
    command += ["--custom-typeshed-dir", str(stubs), "--cache-dir", str(stubs / "cache")]
    environment = os.environ | {"MYPYPATH": f"{stubs}:{root / 'lib'}"}
    return _complaints([*command, *checked], root, tuple(checked), environment)


def check_tools(root: Path = ROOT, checked: Sequence[str] = ("tools",)) -> list[str]:
    """Return mypy's complaints about the host tools below `root`, one line each."""
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "tools" / "mypy.ini")]
    return _complaints([*command, *checked], root, tuple(checked), os.environ)


def _complaints(
    command: list[str], root: Path, prefixes: tuple[str, ...], environment: Mapping[str, str]
) -> list[str]:
    done = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 1) or done.stderr:
        return [done.stderr.strip() or done.stdout.strip()]
    lines = done.stdout.splitlines()
    return [line for line in lines if line.startswith(prefixes) and ": error:" in line]


def main(arguments: list[str]) -> int:
    """Check both ports and tools/; return the exit status."""
    for port in STUBS:
        install(port)
    if "--install" in arguments:
        return 0
    failed = 0
    for port in STUBS:
        complaints = check(port)
        failed += len(complaints)
        for line in complaints:
            print(f"{port}: {line}")
        if not complaints:
            print(f"Types against the {port} port: fine")
    complaints = check_tools()
    for line in complaints:
        print(line)
    if not complaints:
        print("Types of tools/: fine")
    return 1 if failed + len(complaints) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
