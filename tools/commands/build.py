"""`payg build`: options and what is printed."""

from pathlib import Path

import click

from tools.board_check import check, show
from tools.boards import BOARDS as TARGETS
from tools.paths import ROOT
from tools.station.build import LIMIT, MANIFEST, BuildError, build, check_room, size


@click.command(name="build")
@click.option(
    "--board", required=True, type=click.Choice(list(TARGETS)), help="The board to build for."
)
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to put it; build/BOARD in the checkout if left out.",
)
@click.option(
    "--custom",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Your own board file, in place of the board's.",
)
def command(board: str, out: Path | None, custom: Path | None) -> None:
    """Make the tree of files that goes onto a board.

    \b
    For a Raspberry Pi Pico, into build/pico in the checkout:
      payg build --board pico
    For an ESP32 with pins of your own:
      payg build --board esp32 --custom myboard.py --out myboard
    """
    out = out or ROOT / "build" / board
    if custom:
        problems = check(custom, TARGETS[board].chip)
        show(custom, [problem for problem in problems if problem.warning or problems[1:]])
    try:
        manifest = build(board, out, custom)
        taken, there = check_room(board, manifest)
    except BuildError as error:
        raise click.ClickException(str(error)) from error
    total = size(manifest)
    click.echo(f"{out}: {len(manifest['files'])} files, {total:,} bytes, {MANIFEST}")
    click.echo(f"It takes {taken} of the {there} sectors that the board has for files")
    if total > LIMIT:
        raise click.ClickException(f"that is more than the {LIMIT:,} bytes there is room for")
