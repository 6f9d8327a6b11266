"""`payg deploy`: options and what is printed."""

from pathlib import Path

import click

from tools.station.build import TARGETS, BuildError
from tools.station.deploy import DeployError, onto
from tools.station.prompt import PortError, RefusedError
from tools.station.versions import untested_option


@click.command(name="deploy")
@click.option("--port", required=True, metavar="PORT", help="Serial port of the unit.")
@click.option("--board", type=click.Choice(list(TARGETS)), help="Refuse every other board.")
@click.option(
    "--custom",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Your own board file, in place of the board's.",
)
@untested_option
def command(port: str, board: str | None, custom: Path | None, untested_version: bool) -> None:
    """Put the firmware of this checkout onto a unit; identity, credit and count stay.

    \b
    Only what changed is sent, and everything is read back:
      payg deploy --port /dev/ttyACM0
    """
    try:
        onto(port, board, custom, click.echo, untested_version)
    except (BuildError, DeployError, PortError) as error:
        raise click.ClickException(str(error)) from error
    except RefusedError as error:
        raise click.ClickException(
            f"the unit on {port} refused: {error}. Repeat the same command"
        ) from error
