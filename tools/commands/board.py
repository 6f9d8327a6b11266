"""`payg board`: judges board files."""

import sys
from pathlib import Path

import click

from tools.board_check import check, show


@click.group(name="board")
def command() -> None:
    """Judge a board file: the pins and parts of a board of your own.

    \b
    Begin with a copy of board/pico.py or board/esp32_devkit.py, change it, then:
      payg board check myboard.py
      payg sim --custom myboard.py
      payg build --board pico --custom myboard.py --out myboard
    """


@command.command(name="check")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def check_file(file: Path) -> None:
    """Name every mistake in a board file, with what would be right; exit code 1 if there is one.

    The file is read, never run. Warnings are things that may be meant, such as a strapping pin.
    """
    problems = check(file)
    show(file, problems)
    mistakes = sum(not problem.warning for problem in problems)
    click.echo(f"{file}: {mistakes or 'no'} mistake{'s' * (mistakes != 1)}")
    sys.exit(1 if mistakes else 0)
