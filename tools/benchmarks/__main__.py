"""Run the benchmarks: `main()` of every module beside this one, each printing JSON lines.

Results go to standard output at once, progress and failures to standard error.
"""

import importlib
import io
import sys
import time
import traceback
from pathlib import Path

import click

HERE = Path(__file__).parent


def names() -> list[str]:
    """Return the names of all benchmarks, sorted."""
    return sorted(path.stem for path in HERE.glob("*.py") if not path.stem.startswith("_"))


def run(name: str) -> bool:
    """Run one benchmark; return True unless it failed. A failure does not stop the rest."""
    say(f"{name}: running ...")
    started = time.monotonic()
    try:
        importlib.import_module(f"tools.benchmarks.{name}").main()
    except Exception:  # any error of a benchmark is reported, and the rest runs
        say(traceback.format_exc())
        say(f"{name}: FAILED")
        return False
    say(f"{name}: done in {time.monotonic() - started:.0f} s")
    return True


def say(text: str) -> None:
    """Write a line of progress to standard error."""
    print(text, file=sys.stderr, flush=True)


@click.command()
@click.option("--only", metavar="NAME", help="Run this one benchmark.")
@click.option("--list", "listing", is_flag=True, help="Show the benchmarks' names and stop.")
def main(only: str | None, listing: bool) -> None:
    """Run the benchmarks, one JSON object per line.

    \b
    All of them, the figures into a file:
      make bench > figures.jsonl
    One:
      make bench ARGS='--only NAME'
    """
    if listing:
        print("\n".join(names()))
        return
    if only is not None and only not in names():
        raise click.UsageError(f"no benchmark {only!r}; there are: {', '.join(names()) or 'none'}")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    failed = [name for name in names() if only in (None, name) and not run(name)]
    if failed:
        say(f"Failed: {', '.join(failed)}")
        sys.exit(1)


if __name__ == "__main__":
    main()
