"""Time and memory of `payg batch new` and `check`, beside a generator without checks.

The generator writes a row of random numbers per unit as CSV, like the protocol's own helper. Both
run by turns in separate processes: each has its own peak of memory, and a busy machine slows both.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.paths import ROOT

SIZES = (10_000, 100_000, 1_000_000)
ROUNDS = {10_000: 5, 100_000: 5, 1_000_000: 1}
PREFIX = "BEN"
# Prints seconds and peak memory in KB.
MEASURED = """
import resource, sys, time
from pathlib import Path
path, quantity = Path(sys.argv[1]), int(sys.argv[2])
{prepare}
began = time.perf_counter()
{work}
print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
PLAIN = MEASURED.format(
    prepare="import csv, os, random",
    work="""
with open(path, "w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(["Serial Number"] + [""] * 8)
    for number in range(quantity):
        row = ["BEN" + str(number).zfill(9), random.randint(1, 999999999), os.urandom(16).hex()]
        writer.writerow(row + [1, 1, 0, "SHS60", "1.0", ""])
""",
)
PAYG = """
try:
    payg({arguments}, standalone_mode=False)
except SystemExit as end:
    assert not end.code
"""
NEW = f"""["batch", "new", "--prefix", "{PREFIX}", "--first", "0", "--quantity", str(quantity),
    "--model", "SHS60", "--hw-version", "1.0", "--out", str(path)]"""
AGAINST = NEW.replace('"--first", "0"', '"--first", str(quantity), "--against", sys.argv[3]')
CHECK = '["batch", "check", str(path)]'


def payg(arguments: str) -> str:
    """Return a program that runs `payg` with these arguments, a list in Python."""
    prepare = "from tools.cli import payg\nimport tools.commands.batch"
    return MEASURED.format(prepare=prepare, work=PAYG.format(arguments=arguments))


def measure(program: str, *arguments: object) -> tuple[float, int]:
    """Return (seconds, peak memory in bytes) of a program."""
    command = [sys.executable, "-c", program, *(str(argument) for argument in arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    seconds, kilobytes = done.stdout.split()[-2:]
    return float(seconds), int(kilobytes) * 1024


def compare(folder: Path, quantity: int) -> None:
    """Print a row for each of our commands, at this number of units."""
    plain_path, path = folder / "plain.csv", folder / "list.csv"
    seconds: dict[str, list[float]] = {
        name: [] for name in ("plain", "new", "new_against", "check")
    }
    peaks: dict[str, int] = {}
    for _ in range(ROUNDS[quantity]):
        for name, program, target, *more in (
            ("plain", PLAIN, plain_path),
            ("new", payg(NEW), path),
            ("new_against", payg(AGAINST), folder / "next.csv", path),
            ("check", payg(CHECK), path),
        ):
            took, peaks[name] = measure(program, target, quantity, *more)
            seconds[name].append(took)
        for made in folder.iterdir():
            made.unlink()
    for name in ("new", "new_against", "check"):
        ratios = [ours / plain for ours, plain in zip(seconds[name], seconds["plain"])]
        row = {
            "bench": f"batch_{name}",
            "units": quantity,
            "seconds": round(statistics.median(seconds[name]), 3),
            "ratio": round(statistics.median(ratios), 2),
            "peak_mb": round(peaks[name] / 1e6, 1),
            "plain_peak_mb": round(peaks["plain"] / 1e6, 1),
        }
        print(json.dumps(row), flush=True)


def main() -> None:
    """Print the rows."""
    for quantity in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            compare(Path(folder), quantity)


if __name__ == "__main__":
    main()
