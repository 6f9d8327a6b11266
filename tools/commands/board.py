"""`payg board`: judges board files, and tests boards."""

import os
import sys
from datetime import datetime, timezone
from pathlib import Path

import click

from tools.board_check import check, show
from tools.boards import BOARDS
from tools.station.console import ConsoleError
from tools.station.prompt import PortError, check_port
from tools.station.versions import untested_option
from tools.station.wipe import WipeError


@click.group(name="board")
def command() -> None:
    """Judge a board file of your own, and test a board on a desk.

    \b
    Begin with a copy of board/pico.py or board/esp32_devkit.py, change it, then:
      payg board check myboard.py
      payg sim --custom myboard.py
      payg build --board pico --custom myboard.py --out myboard
      payg board test --port /dev/ttyACM0 --custom myboard.py
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


class _Person:
    """tools.acceptance.run.Hands: asks whoever sits at the desk."""

    def act(self, name: str, instruction: str) -> None:
        click.echo(f"\n  {instruction}.")
        click.prompt("  Done? Press Enter", default="", show_default=False, prompt_suffix=" ")

    def confirm(self, name: str, question: str) -> bool:
        return click.confirm(f"\n  {question}")

    def press(self, keys: str) -> None:
        click.echo(f"\n  Press within a minute, in this sequence: {' '.join(keys)}")


@command.command(name="test")
@click.option("--port", required=True, metavar="PORT", help="Serial port of the board.")
@click.option("--board", type=click.Choice(list(BOARDS)), help="Refuse every other board.")
@click.option(
    "--custom",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Your own board file.",
)
@click.option("--volts", type=float, metavar="V", help="Of the supply, by your meter: within 5 %.")
@click.option("--cable-only", is_flag=True, help="Leave out all that needs hands and eyes.")
@click.option("--resets", type=click.IntRange(2), default=100, show_default=True)
@click.option(
    "--report",
    metavar="NAME",
    default="board-test",
    show_default=True,
    help="Write NAME.json and NAME.html.",
)
@click.option("--yes", is_flag=True, help="Do not ask before the board's files are replaced.")
@untested_option
def test_board(
    port: str,
    board: str | None,
    custom: Path | None,
    volts: float | None,
    cable_only: bool,
    resets: int,
    report: str,
    yes: bool,
    untested_version: bool,
) -> None:
    """Test a real board on a desk, such as the first of its kind.

    The firmware is deployed; then line, chips, clock, inputs, watchdog, console and 100 resets are
    tested over the cable, and keypad, display, load, plug and coin cell with your hands. The board
    needs MicroPython (`payg flash`) and a supply at its battery's terminals. It gets the published
    demo identity meanwhile, and is left blank. A board with an identity is refused. The report has
    no key in it, and may be sent to anybody. A unit that lost its memory: first `payg provision
    --again`, for this test overwrites the second medium, which may still know the credit.

    \b
    With hands, about a quarter of an hour:
      payg board test --port /dev/ttyACM0
    The cable alone, and a board file of your own:
      payg board test --port /dev/ttyACM0 --cable-only --custom myboard.py
    """
    from tools.acceptance.report import as_html, as_json, outcome
    from tools.acceptance.run import BoardTest, FaultError, Options, Step

    def say(step: Step) -> None:
        click.echo(f"{step.outcome:9} {step.name:12} {step.text}")

    def doing(name: str) -> None:
        if sys.stdout.isatty():
            click.echo(f"          {name} ...\r", nl=False)

    places = [Path(f"{report}.{kind}") for kind in ("json", "html")]
    for place in places:
        if not place.parent.is_dir() or not os.access(place.parent, os.W_OK):
            raise click.UsageError(f"{place} cannot be written: name another place by --report")
    hands = None if cable_only else _Person()
    options = Options(board, custom, volts, resets, insisted=untested_version, hands=hands)
    begun = datetime.now(timezone.utc)
    try:
        check_port(port)
        test = BoardTest(port, options, say, doing)
        test.refuse_identity()
        if not yes:
            click.confirm(
                f"The firmware on {port} is replaced, and the board is blank afterwards. Begin?",
                abort=True,
            )
        try:
            good = test.run()
        finally:
            for place, text in zip(places, (as_json, as_html)):
                place.write_text(text(test.steps, begun))
    except (PortError, ConsoleError, FaultError, WipeError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"The board: {outcome(test.steps)}. Report: {places[1]}")
    sys.exit(0 if good else 1)
